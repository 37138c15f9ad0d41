"""Markers: small files that say one thing happened. The facts are in the file's name.

    <run>.<kind>.<source>.<value>

`run` is the nonce of the run that the marker speaks of. `kind` and what its `value` holds:

    start   <pid>-<start>-<pane>     the launcher runs, in tmux pane %<pane>
    exit    <code>[-sig<n>][-by<n>]  the agent ended (of signal n; because the launcher got n)
    died    <status>[-<signal>]      tmux saw the pane's command end
    report  <nanoseconds>-<pid>      the agent speaks; the words are in the file, as TOML
    activity <state>-<pid>           the agent's hook says what it does: working, waiting,
                                     idle, or in an error
    session <id>                     the agent's own name for its session, to resume it by
    bell    <pid>                    the agent rang its terminal's bell
    commit  <pid>                    the agent has made or rewritten a commit

Repeats are harmless: the same fact makes the same name, except for the agent's words, bells and
commits, whose names the process that left them makes its own. Those that are found together are
ordered by the time of their files; one that is found later is newer, whatever the clock says. No
order is assumed between the other kinds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_NAME = re.compile(
    r"([A-Za-z0-9]+)\.(start|exit|died|report|activity|session|bell|commit)"
    r"\.([a-z]+)\.([A-Za-z0-9_-]*)"
)
_START = re.compile(r"([0-9]+)-([0-9]*)-([0-9]*)")
_EXIT = re.compile(r"([0-9]{1,3})(?:-sig([0-9]+))?(?:-by([0-9]+))?")
_ACTIVITY = re.compile(r"(working|waiting|idle|error)-[0-9]+")
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,128}")
_PID = re.compile(r"[0-9]+")


class Marker(NamedTuple):
    """One marker, as its name tells it."""

    run: str
    kind: str
    source: str
    value: str

    @property
    def name(self) -> str:
        """The file name that says this."""
        return f"{self.run}.{self.kind}.{self.source}.{self.value}"


class Started(NamedTuple):
    """What a `start` marker says. `start` is the kernel's start time of `pid`, in clock ticks."""

    pid: int
    start: str
    pane: str


class Exited(NamedTuple):
    """What an `exit` marker says; `signal` ended the agent, `by` is what the launcher was sent."""

    code: int
    signal: int | None
    by: int | None


def parse(name: str) -> Marker | None:
    """The marker called `name`, or None where the name is not a marker's."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    marker = Marker(*match.groups())
    check = _CHECKS.get(marker.kind)
    return None if check is not None and check(marker) is None else marker


def started(marker: Marker) -> Started | None:
    """The facts of a `start` marker, or None where its value is malformed."""
    match = _START.fullmatch(marker.value)
    return Started(int(match[1]), match[2], match[3]) if match else None


def exited(marker: Marker) -> Exited | None:
    """The facts of an `exit` marker, or None where its value is malformed."""
    match = _EXIT.fullmatch(marker.value)
    if match is None or int(match[1]) > 255:
        return None
    return Exited(int(match[1]), _number(match[2]), _number(match[3]))


def signalled(marker: Marker) -> str | None:
    """The state that an `activity` marker tells, or None where its value is malformed."""
    match = _ACTIVITY.fullmatch(marker.value)
    return match[1] if match else None


def session_id(marker: Marker) -> str | None:
    """The name that a `session` marker tells, or None where its value is malformed."""
    return marker.value if _SESSION.fullmatch(marker.value) else None


def rang(marker: Marker) -> bool | None:
    """True for a `bell` or `commit` marker, or None where its value is malformed."""
    return True if _PID.fullmatch(marker.value) else None


_CHECKS: dict[str, Callable[[Marker], object]] = {
    "start": started,
    "exit": exited,
    "activity": signalled,
    "session": session_id,
    "bell": rang,
    "commit": rang,
}
"""What reads the value of each kind; None is said of one that is malformed."""


def _number(digits: str | None) -> int | None:
    return int(digits) if digits else None
