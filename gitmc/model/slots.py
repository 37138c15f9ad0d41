"""How many test runs at once the machine can bear, and what is to be expected of them. Pure.

Nothing is taken from the number of cores alone: one suite keeps all of them busy by itself, another
waits for a database. So the first runs are careful, two at once where there are two cores, which
costs a suite that keeps both busy the time of one run at most, and what they took decides about the
next:

    cores     a run needs as many as it used seconds of CPU for each second that it took, when as
              few others as ever ran beside it: where many share the cores, each seems to need less
    memory    and as much memory as the largest one had at its peak; some is left for others
    growth    at most twice as many as ever ran together: what they do to a disk, to a database or
              to one another nobody has measured yet
    slowness  fewer than ran together when a run took much longer than it does with fewer: what is
              tried ahead of time must not hold up what is next to land

Passes tell this; as long as there is none, so do runs that failed, which may have ended early. Runs
of another command tell nothing. What is old is forgotten, so that each bound is tried again,
except for the runs with the fewest beside them, which the others are measured by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf, isfinite
from statistics import median
from typing import NamedTuple

START, CORES_TO_START = 2, 2
MEMORY_TO_START = 1024**3
"""What is taken for granted of a run as long as nothing is known."""

MOST = 32
"""How many run at once at most, whatever was measured."""

MEMORY_SHARE = 0.8
SLOWER = 1.5
"""How many times longer than with fewer beside it a run may take."""

RECENT = 64
"""How many of the last runs of a command are remembered."""

ALONE = 8
"""How many with the fewest beside them are remembered, however old."""

USUAL = 9
"""Of how many of the last passes the median is what a run is expected to take."""

PRIOR_FAILED, PRIOR_PASSED = 1.0, 9.0
"""What is believed of a repository of which nothing is known: one branch in ten is red."""

MOST_BRANCHES = 1e6
"""More than age leaves of any number."""

HALF_LIFE = 64.0
"""After how many more branches an earlier one counts half."""


class Machine(NamedTuple):
    """What test runs have to share: cores, and bytes of memory, before any of them runs."""

    cores: float
    memory: float


class Measured(NamedTuple):
    """One run of `command`: seconds by the clock, seconds of CPU, bytes of memory at its peak."""

    command: str
    seconds: float
    cpu: float
    memory: float
    together: int
    """How many ran at once, with itself."""
    passed: bool


class History(NamedTuple):
    """What is known of earlier runs, the oldest first, and of earlier branches, weighted by age."""

    runs: tuple[Measured, ...] = ()
    failed: float = 0.0
    passed: float = 0.0

    def of(self, command: str) -> History:
        """The same with the runs of `command` only."""
        return self._replace(runs=tuple(run for run in self.runs if run.command == command))


def slots(machine: Machine, history: History) -> int:
    """How many runs the machine can bear at once, at least 1; `history` is of one command."""
    cores = machine.cores if isfinite(machine.cores) else 1.0
    memory = 0.0 if machine.memory != machine.memory else machine.memory
    runs = [run for run in history.runs if _sound(run)]
    fewest = _fewest(runs)
    if not fewest:
        bounds = [START if cores >= CORES_TO_START else 1, memory / MEMORY_TO_START]
    else:
        need = median(run.cpu / run.seconds for run in fewest)
        peak = max(run.memory for run in runs)
        bounds = [
            cores / need if need else inf,
            memory * MEMORY_SHARE / peak if peak else inf,
            2 * max(run.together for run in runs),
            _bearable(runs),
        ]
    return int(max(1, min(MOST, *bounds)))


def _sound(run: Measured) -> bool:
    numbers = (run.seconds, run.cpu, run.memory)
    return all(isfinite(n) and n >= 0 for n in numbers) and run.seconds > 0 and run.together > 0


def _fewest(runs: Iterable[Measured]) -> list[Measured]:
    """Those of `runs` beside which the fewest ran; passes if there are any."""
    some = [run for run in runs if run.passed] or list(runs)
    level = min((run.together for run in some), default=0)
    return [run for run in some if run.together == level]


def _bearable(runs: Iterable[Measured]) -> float:
    """One less than the fewest that, running together, held one another up."""
    took: dict[int, list[float]] = {}
    for run in runs:
        if run.passed:
            took.setdefault(run.together, []).append(run.seconds)
    if not took:
        return inf
    usual = median(took[min(took)])
    slow = [level for level, seconds in took.items() if median(seconds) > SLOWER * usual]
    return min(slow, default=inf) - 1


def expected(history: History) -> float | None:
    """How many seconds a run is to be expected to take; None where none has passed yet."""
    passes = [run.seconds for run in history.runs if run.passed and _sound(run)]
    return median(passes[-USUAL:]) if passes else None


def after_run(history: History, run: Measured) -> History:
    """What is known once `run` has come to its end."""
    same: Callable[[Measured], bool] = lambda other: other.command == run.command  # noqa: E731
    mine = [*filter(same, history.runs), run]
    old = _fewest(mine)[-ALONE:]
    recent = mine[-RECENT:]
    kept = [one for one in mine[:-RECENT] if any(one is other for other in old)] + recent
    others = [other for other in history.runs if not same(other)][-RECENT:]
    return history._replace(runs=(*others, *kept))


def after_train(history: History, failed: int, passed: int) -> History:
    """What is known once a train has ejected `failed` branches by a test, and landed `passed`."""
    fading = 0.5 ** ((failed + passed) / HALF_LIFE)
    return history._replace(
        failed=history.failed * fading + failed, passed=history.passed * fading + passed
    )


def failing(history: History) -> float:
    """How likely it is of a branch that its tests fail: above 0, below 1."""
    failed, passed = (
        min(max(0.0, n), MOST_BRANCHES) if isfinite(n) else 0.0
        for n in (history.failed, history.passed)
    )
    return (PRIOR_FAILED + failed) / (PRIOR_FAILED + PRIOR_PASSED + failed + passed)
