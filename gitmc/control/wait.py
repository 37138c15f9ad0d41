"""Waiting until jobs are where they should be, woken by events."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from gitmc.control.loop import catch_up
from gitmc.control.mission import Mission
from gitmc.control.settle import live_pids
from gitmc.events.bell import Bell
from gitmc.model.job import TRANSITIONS, Job, State

GOOD = frozenset({State.COMPLETED, State.READY_TO_MERGE, State.MERGING, State.MERGED})

BAD = frozenset({State.FAILED, State.STOPPED, State.CONFLICT, State.NEEDS_REBASE, State.BLOCKED})


@dataclass(frozen=True)
class Outcome:
    """Why the wait is over: `ok` for what was asked for; `why` says what else."""

    ok: bool
    why: str | None = None


def judge(
    jobs: Sequence[Job | None], names: Sequence[str], wanted: Collection[State], *, some: bool
) -> Outcome | None:
    """Whether waiting for `wanted` is over, and how; None while it goes on. Pure."""
    reached = [job is not None and job.state in wanted for job in jobs]
    if all(reached) or (some and any(reached)):
        return Outcome(ok=True)
    lost = [_hopeless(name, job, wanted) for name, job in zip(names, jobs, strict=True)]
    hopeless = [why for why in lost if why]
    if hopeless and (not some or len(hopeless) == len(jobs)):
        return Outcome(ok=False, why="; ".join(hopeless))
    return None


def _hopeless(name: str, job: Job | None, wanted: Collection[State]) -> str | None:
    if job is None:
        return f"the job '{name}' is gone"
    if job.state in wanted:
        return None
    failed = job.state in BAD
    if failed or not reachable(job.state) & set(wanted):
        return f"the job '{name}' is {job.state}" + (f": {job.reason}" if job.reason else "")
    return None


def reachable(state: State) -> set[State]:
    """The states that some moves lead to from `state`."""
    seen: set[State] = set()
    left = [state]
    while left:
        for move in TRANSITIONS[left.pop()] - seen:
            seen.add(move)
            left.append(move)
    return seen


def wait(
    mission: Mission,
    names: Sequence[str],
    wanted: Collection[State],
    *,
    some: bool = False,
    timeout: float | None = None,
    on_look: Callable[[list[Job]], None] = lambda _: None,
) -> Outcome:
    """Wait until all of the jobs (with `some`: one) are in a state of `wanted`.

    Also over when they cannot get there, or when `timeout` seconds are up. `on_look` gets them at
    first, and whenever something has happened.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    store = mission.store
    with Bell([store.events / "new", store.jobs_dir]) as bell:
        while True:
            jobs, _ = catch_up(mission)
            found = {job.name: job for job in jobs}
            on_look([found[name] for name in names if name in found])
            outcome = judge([found.get(name) for name in names], names, wanted, some=some)
            if outcome is not None:
                return outcome
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                now = ((name, found.get(name)) for name in names)
                states = ", ".join(f"'{n}' is {job.state if job else 'gone'}" for n, job in now)
                return Outcome(ok=False, why=f"time is up: {states}")
            bell.watch(live_pids(jobs))
            tick: float = mission.settings["pollInterval"]
            bell.wait(tick if left is None else min(tick, left))
