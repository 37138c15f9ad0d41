"""How a test run ended, and what that says about the commit that was tested.

Only a command that really ran, undisturbed, says something: it passed or it failed. Whatever else
happened is told apart, since a train convicts nobody on it:

    pass      exit status 0
    fail      any other status, or it crashed by a fault of its own
    skip      exit status 125: the commit cannot be tested
    late      it took longer than it may
    broken    it could not be found or run, somebody killed it, or it had no memory or no disk left
    canceled  we were told to end it
    lost      whoever ran it is gone, and how it ended is not known
"""

from __future__ import annotations

import signal
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """What a test run says."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    SKIP = "skip"
    LATE = "late"
    BROKEN = "broken"
    CANCELED = "canceled"
    LOST = "lost"


class Ended(NamedTuple):
    """How a run ended, as its runner saw it. Who was stopped or late has no status."""

    status: int | None = None
    signal: int = 0
    """The signal that ended the command; 0 for none."""
    late: bool = False
    stopped: int = 0
    """The signal by which its runner was told to end it; 0 where it was not."""
    seconds: float = 0.0
    cpu: float = 0.0
    """Seconds of processor time, of the command and all its descendants."""
    memory: int = 0
    """Bytes that the largest of its processes had at its largest."""
    starved: bool = False
    """Whether the kernel killed some process, be it none of these, for want of memory meanwhile."""
    full: bool = False
    """Whether a disk was full afterwards."""
    trouble: str = ""
    """What kept it from being run."""
    left: int = 0
    """How many of its processes nobody here may end."""
    command: str = ""


CRASHES = frozenset(
    {
        *(signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL),
        *(signal.SIGSEGV, signal.SIGSYS, signal.SIGTRAP),
    }
)
"""Signals that a program brings on itself: it failed as surely as one that says so."""

_NOT_RUN = {126: "it could not be run", 127: "it was not found"}

SKIPPED = 125

_SHELL = 128
"""What a shell adds to the signal that ended its last command."""


def judge(ended: Ended, limit: float, canceled: bool) -> tuple[Verdict, str]:
    """The verdict, and a sentence that says why. `limit` is in seconds."""
    if ended.status == 0:
        return Verdict.PASS, "it passed"
    if ended.stopped:
        if canceled:
            return Verdict.CANCELED, "it was canceled"
        return Verdict.LOST, f"something else ended it, by signal {ended.stopped}"
    if ended.full:
        where = f": {ended.trouble}" if ended.trouble else ""
        return Verdict.BROKEN, f"there was no space left on a disk{where}"
    if ended.trouble:
        return Verdict.BROKEN, f"it could not be run: {ended.trouble}"
    if ended.late:
        return Verdict.LATE, f"it took longer than {limit:g} s"
    if ended.starved:
        return Verdict.BROKEN, "a process was killed for want of memory"
    return _by_end(ended)


def _by_end(ended: Ended) -> tuple[Verdict, str]:
    if ended.signal in CRASHES:
        return Verdict.FAIL, f"it crashed by signal {ended.signal}"
    if ended.signal:
        return Verdict.BROKEN, f"it was killed by signal {ended.signal}"
    if ended.status is None:
        return Verdict.LOST, "its runner was killed, or the machine restarted"
    if ended.status in _NOT_RUN:
        return Verdict.BROKEN, _NOT_RUN[ended.status]
    if ended.status == SKIPPED:
        return Verdict.SKIP, f"exit status {SKIPPED}: this commit cannot be tested"
    if ended.status == _SHELL + signal.SIGKILL:
        return Verdict.BROKEN, f"exit status {ended.status}: something killed it"
    return Verdict.FAIL, f"exit status {ended.status}"
