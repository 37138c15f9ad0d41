"""The lines of a test run's output that say why it failed. Pure.

There is no format that all test runners share, so lines are known by how they begin or by words
that only a failure has. These are shown first; what room is left goes to the lines around them,
nearest first, since what follows a failure often has the values. Where there are more of them than
room, the first and the last ones are shown: many runners list at their end what failed. Output in
which nothing is known tells by its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

MOST = 20
"""Lines that are shown."""

WIDEST = 200
"""Characters of a line that are shown."""

LOOKED_AT = 2000
"""Characters of a line that are looked at."""

AROUND = (1, 2, -1, 3, 4)
"""Where the lines lie that are shown besides, if there is room: after a failure, or before it."""

_MARKS = re.compile(
    r"""
    E\ {2,}\S | >\ {2,}\S               # pytest: what failed, and where
    | (FAILED|ERROR)\ \S                # pytest: the list at the end
    | (FAIL|ERROR):?\ +\S               # unittest, go, jest
    | \s*---\ FAIL                      # go
    | panic:                            # go
    | .*\ panicked\ at\                 # Rust
    | test\ .*\ \.\.\.\ FAILED$         # Rust
    | \s*not\ ok\b                      # TAP
    | \s*[✕✖✗✘●]\ \S                     # jest, mocha and others
    | \s*\d+\)\ (?!.*\bpassing\b)\S     # mocha
    | ([\w.]+\.)?\w*(Error|Exception|Exit|Interrupt|Failure)(:\ |$)   # how a traceback ends
    | \s+(\w*Error|Exception)\b.*:      # node: what was thrown
    | .*\b([Ff]atal\ )?[Ee]rror(\[\w+\])?:\ # compilers, git, and most others
    | .*\b(assert(ion)?|ASSERT\w*)\b.*\b[Ff]ailed\b
    | \s*assert\b
    | .*\ \*\*\*\ .*\b(Error|Stop)\b    # make
    | .*(Segmentation\ fault|core\ dumped|[Kk]illed|Permission\ denied|No\ such\ file)
    | .*[Cc]ommand\ not\ found
    """,
    re.VERBOSE,
)
_PASSED = re.compile(r".*(\bPASSED\b|\.\.\. ok$)|\s*(ok\b|[✓✔]|--- PASS|PASS\b)")


def telling(lines: Iterable[str]) -> list[str]:
    """The telling ones of `lines`, in their order: MOST at most, each of WIDEST at most."""
    some = [line for line in map(_clean, lines) if line.strip()]
    known = [not _PASSED.match(line) and bool(_MARKS.match(line)) for line in some]
    found = [at for at, is_known in enumerate(known) if is_known]
    if not found:
        return [_cut(line) for line in some[-MOST:]]
    if len(found) > MOST:
        half = MOST // 2
        return [_cut(some[at]) for at in (*found[:half], *found[half - MOST :])]
    return [_cut(some[at]) for at in sorted(_with_others(some, found))]


def _with_others(some: Sequence[str], found: Sequence[int]) -> set[int]:
    shown = set(found)
    last = len(some) - 1
    beside = [last, *(at + step for step in AROUND for at in found)]
    for at in beside:
        if len(shown) < MOST and 0 <= at <= last and not _PASSED.match(some[at]):
            shown.add(at)
    return shown


def _clean(line: str) -> str:
    spaced = line[:LOOKED_AT].expandtabs(4).rstrip()
    return "".join(char if char.isprintable() else " " for char in spaced)


def _cut(line: str) -> str:
    return line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"
