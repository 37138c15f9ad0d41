"""A train as it is stored: its queue, its runs, and what has become of each branch. Pure.

    running ──▶ done, stopped, canceled

`running` lasts while anything is in the queue or under test; whoever drives it is the owner, and if
that process is gone, another takes over. What is about to land is written down before the target
moves, and a run before it starts, so that nothing is repeated but what was in flight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from gitmc.model.job import Process
from gitmc.model.train import Item, Known


class TrainState(StrEnum):
    """Where a train stands."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    CANCELED = "canceled"


class Place(StrEnum):
    """What has become of a branch at one commit."""

    QUEUED = "queued"
    LANDED = "landed"
    OUT = "out"
    NOWHERE = "nowhere"
    """It never joined, or the train ended before it came to it."""


class Rider(NamedTuple):
    """A branch in the queue, at the commit that was queued. `name` is its job's, if it has one."""

    name: str
    branch: str
    head: str
    job: str | None = None
    after: tuple[str, ...] = ()
    priority: int = 0
    joined: int = 0
    deferred_by: str | None = None

    @property
    def item(self) -> Item:
        """What the train's decisions need of it. A branch that was pushed to is another."""
        return Item(self.name, self.head, self.after, self.priority, self.joined)


class Landing(NamedTuple):
    """The prefix that is landing: the target goes from `expected` to the last of `commits`."""

    expected: str
    tree: str
    names: tuple[str, ...]
    commits: tuple[str, ...]
    """By name: the commit that brings it in."""


class Arrived(NamedTuple):
    """A branch that has landed as `commit`, whose files are `tree`."""

    name: str
    branch: str
    head: str
    commit: str
    tree: str


class Out(NamedTuple):
    """A branch that was ejected, blocked or passed over, and why."""

    name: str
    branch: str
    head: str
    reason: str
    by: str | None = None
    files: tuple[str, ...] = ()
    green: str | None = None
    red: str | None = None
    runs: tuple[str, ...] = ()
    """The runs that failed on `red`."""


class TrainRun(NamedTuple):
    """One run of the test command. Without a verdict it is under way."""

    id: str
    tree: str
    commit: str
    names: tuple[str, ...]
    started_at: datetime
    alone: bool = False
    verdict: str | None = None
    why: str | None = None
    seconds: float | None = None
    cached: bool = False
    log: str | None = None
    void: bool = False
    """Whether it does not count any more: a branch in it was taken out, and is tried once more."""


class Train(NamedTuple):
    """One train, complete."""

    id: str
    state: TrainState
    target: str
    base: str
    created_at: datetime
    strategy: str = "merge"
    test: str | None = None
    """The test command; None where nothing is tested."""
    key: str = ""
    """Under which conditions a pass counts."""
    setup: tuple[str, ...] | None = None
    """What prepares a worktree for it; None for what the settings or the files ask for."""
    timeout: float = 600.0
    slots: int = 1
    measured: bool = False
    """Whether the slots are as many as the machine is seen to bear, and not as somebody asked."""
    retries: int = 1
    every: bool = False
    plan: str | None = None
    open: bool = False
    taken: tuple[str, ...] = ()
    """The latest files by which branches have joined and that are heard of, if still there."""
    """Whether it goes on with an empty queue, for those who may still join."""
    tip: str | None = None
    """The target when it was last seen."""
    reason: str | None = None
    ended_at: datetime | None = None
    owner: Process | None = None
    landing: Landing | None = None
    queue: tuple[Rider, ...] = ()
    landed: tuple[Arrived, ...] = ()
    out: tuple[Out, ...] = ()
    runs: tuple[TrainRun, ...] = ()
    unknown: Mapping[str, Any] = MappingProxyType({})

    def rider(self, name: str) -> Rider:
        """Who is in the queue by that name. Raises KeyError."""
        return {rider.name: rider for rider in self.queue}[name]


def place(train: Train, name: str, head: str) -> Place:
    """What has become of the branch called `name` at the commit `head`."""
    who = (name, head)
    if any((one.name, one.head) == who for one in train.landed):
        return Place.LANDED
    if any((one.name, one.head) == who for one in train.queue):
        return Place.QUEUED if train.state is TrainState.RUNNING else Place.NOWHERE
    return Place.OUT if any((one.name, one.head) == who for one in train.out) else Place.NOWHERE


def known(runs: Iterable[TrainRun]) -> dict[str, Known]:
    """By tree: what its runs have said."""
    found: dict[str, Known] = {}
    # Whoever ran it may have been killed with the train, or the machine restarted: once is no word.
    lost: set[str] = set()
    for run in runs:
        if run.void:
            continue
        now = found.get(run.tree, Known())
        match run.verdict:
            case "pass":
                now = now._replace(passes=now.passes + 1)
            case "fail":
                now = now._replace(fails=now.fails + 1)
            case "late" if run.alone:
                now = now._replace(fails=now.fails + 1)
            case "late":
                now = now._replace(late=now.late + 1)
            case "skip":
                now = now._replace(skips=now.skips + 1)
            case "lost" if run.tree not in lost:
                lost.add(run.tree)
            case "broken" | "lost":
                alone = now.broken_alone or run.alone
                now = now._replace(broken=now.broken + 1, broken_alone=alone)
        found[run.tree] = now
    return found


def started(train: Train, run: TrainRun) -> Train:
    """`train` with a run under way."""
    return train._replace(runs=(*train.runs, run))


def ended(train: Train, run_id: str, verdict: str, **said: Any) -> Train:
    """`train` with what the run of that id said; the first word counts."""
    return train._replace(
        runs=tuple(
            run._replace(verdict=verdict, **said)
            if run.id == run_id and run.verdict is None
            else run
            for run in train.runs
        )
    )


def arrived(train: Train) -> Train:
    """`train` after its landing has moved the target."""
    landing = train.landing
    assert landing is not None
    by_name = {rider.name: rider for rider in train.queue}
    new = tuple(
        Arrived(name, by_name[name].branch, by_name[name].head, commit, landing.tree)
        for name, commit in zip(landing.names, landing.commits, strict=True)
    )
    left = tuple(rider for rider in train.queue if rider.name not in landing.names)
    tip = landing.commits[-1] if landing.commits else train.tip
    return train._replace(landed=(*train.landed, *new), queue=left, tip=tip, landing=None)


def taken_out(train: Train, name: str, reason: str, **said: Any) -> Train:
    """`train` without the branch, and why."""
    rider = train.rider(name)
    gone = Out(rider.name, rider.branch, rider.head, reason, **said)
    left = tuple(other for other in train.queue if other.name != name)
    return train._replace(queue=left, out=(*train.out, gone))


def queued_again(train: Train, name: str, head: str) -> Train:
    """`train` with the branch, which was pushed to, at the end of the queue."""
    rider = train.rider(name)._replace(head=head, joined=len(train.landed), deferred_by=None)
    others = tuple(other for other in train.queue if other.name != name)
    return train._replace(queue=(*others, rider))


def joined(train: Train, rider: Rider) -> Train:
    """`train` with another rider at the end of its queue.

    One that is in it or has landed with the same head changes nothing. One that was taken out
    before is a new one: of what was tested with it, only passes count.
    """
    if any((one.name, one.head) == (rider.name, rider.head) for one in train.queue):
        return train
    if any((one.name, one.head) == (rider.name, rider.head) for one in train.landed):
        return train
    others = tuple(one for one in train.queue if one.name != rider.name)
    rider = rider._replace(joined=len(train.landed), deferred_by=None)
    train = train._replace(queue=(*others, rider))
    if all(one.name != rider.name for one in train.out):
        return train
    out = tuple(one for one in train.out if one.name != rider.name)
    runs = tuple(
        run._replace(void=True)
        if rider.name in run.names and run.verdict not in (None, "pass")
        else run
        for run in train.runs
    )
    return train._replace(out=out, runs=runs)


def deferred(train: Train, name: str, by: str) -> Train:
    """`train` with the branch waiting for `by`."""
    return train._replace(
        queue=tuple(
            rider._replace(deferred_by=by) if rider.name == name else rider for rider in train.queue
        )
    )


def sentence(train: Train, out: Out) -> str:
    """Why a branch was taken out, for people."""
    after = f" after '{out.by}'" if out.by else ""
    match out.reason:
        case "conflict":
            return f"conflict with '{out.by or train.target}': {', '.join(out.files)}"
        case "test":
            return f"the tests fail with it on '{train.target}'{after}"
        case "timeout":
            return f"the tests take longer than {train.timeout:g} s with it"
        case "blocked":
            return f"it depends on '{out.by}', which does not land"
        case "skip":
            return "the test command cannot tell (exit 125)"
        case "deleted":
            return f"the branch '{out.branch}' is gone"
        case "moved":
            return f"the branch '{out.branch}' moved while it waited"
    return "its job is at work again, or was removed"


def explained(train: Train, why: str, tree: str) -> str:
    """Why a train stops, with what the last run of `tree` said."""
    said = [run for run in train.runs if run.tree == tree and run.why]
    return f"{why}: {said[-1].why}; its output is in {said[-1].log}" if said else why
