"""A train as it is shown: as lines, and as the object `mc.train/1`. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from gitmc.cli.render import duration, one_line
from gitmc.cli.trainpicture import LEFT_OUT
from gitmc.model.trainrecord import Out, Train, TrainRun, TrainState, sentence
from gitmc.store.codec import time_text


def train_object(train: Train, now: datetime) -> dict[str, Any]:
    """The object, less the schema key. A key that does not apply is absent."""
    runs = {run.id: run for run in train.runs}
    found: dict[str, Any] = {
        "id": train.id,
        "state": str(train.state),
        "reason": train.reason,
        "target": train.target,
        "base": train.base,
        "tip": train.tip,
        "strategy": train.strategy,
        "test": train.test,
        "slots": train.slots,
        "every": train.every,
        "plan": train.plan,
        "open": train.open,
        "queue": [_rider(rider) for rider in train.queue],
        "landed": [one._asdict() for one in train.landed],
        "ejected": [_ejected(train, out, runs) for out in train.out
                    if out.reason not in LEFT_OUT],
        "blocked": [_blocked(train, out) for out in train.out if out.reason in LEFT_OUT],
        "runs": [_run(run) for run in train.runs],
        "created_at": time_text(train.created_at),
        "ended_at": train.ended_at and time_text(train.ended_at),
        "seconds": round(((train.ended_at or now) - train.created_at).total_seconds(), 3),
    }  # fmt: skip
    return {key: value for key, value in found.items() if value is not None}


def _rider(rider: Any) -> dict[str, Any]:
    found = {"name": rider.name, "branch": rider.branch, "head": rider.head,
             "deferred_by": rider.deferred_by}  # fmt: skip
    return {key: value for key, value in found.items() if value is not None}


def _ejected(train: Train, out: Out, runs: dict[str, TrainRun]) -> dict[str, Any]:
    failed = [runs[run] for run in out.runs if run in runs]
    found: dict[str, Any] = {
        "name": out.name,
        "branch": out.branch,
        "head": out.head,
        "reason": out.reason,
        "with": out.by,
        "files": list(out.files) if out.reason == "conflict" else None,
        "witness": {"green_tree": out.green, "red_tree": out.red, "runs": len(failed)}
        if out.red
        else None,
        "log": failed[-1].log if failed else None,
        "why": sentence(train, out),
    }
    return {key: value for key, value in found.items() if value is not None}


def _blocked(train: Train, out: Out) -> dict[str, Any]:
    found = {"name": out.name, "branch": out.branch, "head": out.head, "reason": out.reason,
             "by": out.by, "why": sentence(train, out)}  # fmt: skip
    return {key: value for key, value in found.items() if value is not None}


def _run(run: TrainRun) -> dict[str, Any]:
    keys = ("id", "tree", "names", "verdict", "why", "seconds", "cached", "log")
    found = {key: getattr(run, key) for key in keys}
    return {key: value for key, value in found.items() if value is not None}


def lines(train: Train, now: datetime) -> list[str]:
    """The train, for people."""
    took = duration(((train.ended_at or now) - train.created_at).total_seconds())
    ran = sum(not run.cached and run.verdict != "canceled" for run in train.runs)
    tests = f"{ran} test runs" if train.test else "nothing tested"
    head = f"{train.id} into {train.target}: {train.state}, {took}, {tests}"
    shown = [f"{head}: {train.reason}" if train.reason else head]
    shown += [f"landed   {one.name} as {one.commit[:12]}" for one in train.landed]
    for out in train.out:
        word = "ejected" if out.reason not in LEFT_OUT else "left out"
        shown.append(f"{word:<8} {out.name}: {one_line(sentence(train, out), 200)}")
    for rider in train.queue:
        why = f", which waits for {rider.deferred_by}" if rider.deferred_by else ""
        shown.append(f"queued   {rider.name}{why}")
    if train.open and train.state is TrainState.RUNNING and not train.queue:
        whose = f" of the plan '{train.plan}'" if train.plan else ""
        shown.append(f"waits    for branches{whose} to join")
    if any(out.red for out in train.out):
        shown.append(f"hint: {show_command(train)}")
    return shown


def show_command(train: Train) -> str:
    """The command that shows why a branch was taken out, one that a test ejected if there is any.

    Raises ValueError where none was taken out.
    """
    some = [out.name for out in train.out if out.red] or [out.name for out in train.out]
    if not some:
        raise ValueError("every branch landed")
    return shlex.join(["git", "mc", "merge-train", "show", train.id, some[0]])


def events(train: Train) -> Iterator[tuple[tuple[str, str], str]]:
    """What has happened on the train, each with a key of its own, and as a line for people."""
    for run in train.runs:
        names = "+".join(run.names) or train.target
        if not run.cached:
            yield ("start", run.id), f"testing {names}"
        if run.verdict not in (None, "canceled"):
            took = f" in {duration(run.seconds)}" if run.seconds else ""
            yield ("end", run.id), f"{run.verdict} {names}{took}"
    for one in train.landed:
        yield ("landed", f"{one.name}@{one.head}"), f"landed {one.name}"
    for out in train.out:
        yield (
            ("out", f"{out.name}@{out.head}"),
            f"took out {out.name}: {one_line(sentence(train, out), 200)}",
        )
