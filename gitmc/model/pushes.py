"""What a push takes along that git mc has a word in. Pure.

    integration   the branch of a plan, `mc/integration/…`, or what a train has made
    job           another branch below `mc/`: a job's work, which has not landed

The first is pushed once its files have passed their test; the second when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

INTEGRATION = "refs/heads/mc/integration/"
JOBS = "refs/heads/mc/"
TRAINS = "refs/mc/train/"


TOUCH_SET, PUSH = "touch-set", "push"
"""What MC_ALLOW can let through, by name."""

PULL_REQUEST = "pr"
"""What MC_ALLOW says while `git mc pr` pushes: the branch of a job is asked for, and no more."""


class Update(NamedTuple):
    """One line that git gives the hook: a ref here, and the ref there that is to be as it is."""

    local: str
    commit: str
    there: str
    old: str = ""

    @property
    def deletes(self) -> bool:
        """Whether the ref there is removed."""
        return not self.commit.strip("0")

    @property
    def branch(self) -> str:
        """What is pushed, by the name that people know it by."""
        ours = [ref for ref in (self.local, self.there) if ref.startswith(JOBS)]
        return (ours or [self.local])[0].removeprefix("refs/heads/")


def parse(lines: str) -> list[Update]:
    """The updates in what git gives the hook. A line that is none is left out."""
    words = (line.split(" ") for line in lines.splitlines())
    return [Update(*four) for four in words if len(four) == 4]


def integrations(updates: Iterable[Update], made: Collection[str]) -> list[Update]:
    """Those that push an integration branch, or one of `made`: the commits that trains made."""
    return [
        one
        for one in updates
        if not one.deletes
        and (
            one.local.startswith((INTEGRATION, TRAINS))
            or one.there.startswith(INTEGRATION)
            or one.commit in made
        )
    ]


def jobs(updates: Iterable[Update]) -> list[Update]:
    """Those that push the branch of a job."""
    return [
        one
        for one in updates
        if not one.deletes
        and any(
            ref.startswith(JOBS) and not ref.startswith(INTEGRATION)
            for ref in (one.local, one.there)
        )
    ]


def allows(said: str | None, rule: str) -> bool:
    """Whether MC_ALLOW, which holds `said`, lets `rule` be broken: by its name among others."""
    return rule in (said or "").replace(",", " ").split()
