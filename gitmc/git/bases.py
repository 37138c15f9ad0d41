"""Where two histories part, found without a process.

libgit2 names one merge base. It is the only one unless a commit that both sides have is not among
what it contains. Walks may stray below where clocks were wrong: that shows a second base where
there is none, and never hides one.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pygit2

MOST_KEPT = 64
"""Walks that are remembered: many branches part from a target at one commit."""


class Parting(NamedTuple):
    """The only merge base of two commits, and the commits that `theirs` has beyond it."""

    base: str
    own: frozenset[str]


class Bases:
    """Finds merge bases in one repository."""

    def __init__(self, repository: pygit2.Repository) -> None:
        self._repository = repository
        self._walks: OrderedDict[tuple[str, str], frozenset[str]] = OrderedDict()

    def parting(self, ours: str, theirs: str) -> Parting | None:
        """Where the two part; None where they have no merge base, or more than one."""
        found = self._repository.merge_base(ours, theirs)
        if found is None:
            return None
        base = str(found)
        own = self._beyond(base, theirs)
        if own and not own.isdisjoint(self._beyond(base, ours)):
            return None
        return Parting(base, own)

    def _beyond(self, base: str, tip: str) -> frozenset[str]:
        key = (base, tip)
        if key not in self._walks:
            walk = self._repository.walk(tip)
            walk.hide(base)
            self._walks[key] = frozenset(str(commit.id) for commit in walk)
        self._walks.move_to_end(key)
        while len(self._walks) > MOST_KEPT:
            self._walks.popitem(last=False)
        return self._walks[key]
