"""Trains as records, made up for tests of what is shown of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from gitmc.model.trainrecord import Arrived, Out, Rider, Train, TrainRun, TrainState

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def at(second: float) -> datetime:
    """The time so many seconds after the train was made."""
    return T0 + timedelta(seconds=second)


def a_run(number: int, names: Iterable[str], second: float, verdict: str | None = None) -> TrainRun:
    """A run of the prefix `names`, which began at that second."""
    some = tuple(names)
    return TrainRun(f"r{number}", f"tree-{'+'.join(some)}", "c", some, at(second), verdict=verdict)


def a_train(
    queue: Iterable[str] = (),
    landed: Iterable[str] = (),
    out: Iterable[tuple[str, str]] = (),
    runs: Sequence[TrainRun] = (),
) -> Train:
    """A running train; `out` are names and reasons."""
    return Train(
        id="t1",
        state=TrainState.RUNNING,
        target="main",
        base="c0",
        created_at=T0,
        test="make check",
        queue=tuple(Rider(name, name, "h") for name in queue),
        landed=tuple(Arrived(name, name, "h", "c", "t") for name in landed),
        out=tuple(Out(name, name, "h", reason) for name, reason in out),
        runs=tuple(runs),
    )
