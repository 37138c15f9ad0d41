"""Making a train: which branches stand in its queue, what they land on, and what has to pass."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gitmc.control import capacity
from gitmc.control.gatecommand import Gate, gate_of
from gitmc.control.leftovers import commit_leftovers
from gitmc.control.mission import Mission
from gitmc.control.target import check
from gitmc.control.tested import under_which
from gitmc.errors import Refused
from gitmc.git import refs
from gitmc.model.job import Job, State
from gitmc.model.plan import Plan
from gitmc.model.slots import Machine, slots
from gitmc.model.trainrecord import Rider, Train, TrainState
from gitmc.store.trains import Trains

READY = (State.COMPLETED, State.READY_TO_MERGE)
"""The states of jobs that land where nobody names any."""


@dataclass(frozen=True)
class Request:
    """What was asked for; None means that the setting or the default decides."""

    names: tuple[str, ...] = ()
    into: str | None = None
    test: str | None = None
    untested: bool = False
    setup: tuple[str, ...] | None = None
    timeout: float | None = None
    slots: int | None = None
    every: bool | None = None
    strategy: str | None = None
    retries: int | None = None
    dry_run: bool = False


def create(mission: Mission, jobs: Sequence[Job], request: Request) -> Train:
    """A new train, stored unless it is only asked what it would be. Raises Refused."""
    riders = _riders(mission, jobs, request.names)
    if not riders:
        raise Refused(
            "nothing is ready to land",
            hint="name jobs or branches: git mc merge-train NAME...; git mc jobs lists the jobs",
        )
    target = request.into or _common_base(mission, jobs, riders)
    tip = refs.branch_tip(mission.git, target)
    if tip is None:
        raise Refused(
            f"the target '{target}' is not a branch",
            hint="name one: git mc merge-train --into BRANCH",
        )
    if any(rider.branch == target for rider in riders):
        raise Refused(f"'{target}' is the target, so it cannot be in the queue as well")
    check(mission, target)
    if not request.dry_run:
        riders = [_tidied(mission, jobs, rider) for rider in riders]
    gate = None if request.untested else gate_of(mission, tip, target, request.test)
    if gate is not None and gate.command is None:
        why = f": {gate.missing} ({gate.origin} asks for it)" if gate.missing else ""
        raise Refused(
            f"there is no test command to run{why}",
            hint="--test COMMAND, or git config mc.testCommand COMMAND; or --no-test",
        )
    return _stored(mission, request, riders, target, tip, gate)


def open_for_plan(mission: Mission, plan: Plan) -> Train:
    """A new train onto the plan's integration branch, stored, which the plan's jobs can join.

    What has to pass is the plan's test command, or else what the plan's base asks for: the gate is
    never read from what the jobs have changed. Raises Refused.
    """
    gate = None
    if plan.test != "":
        gate = gate_of(mission, plan.base_commit, plan.base, plan.test)
    if gate is not None and gate.missing:
        raise Refused(
            f"there is no test command to run: {gate.missing} ({gate.origin} asks for it)",
            hint="git config mc.testCommand COMMAND",
        )
    tested = gate if gate is not None and gate.command is not None else None
    request = Request(strategy=plan.strategy)
    return _stored(mission, request, (), plan.branch, plan.base_commit, tested, plan=plan.id)


def _stored(
    mission: Mission,
    request: Request,
    riders: Sequence[Rider],
    target: str,
    tip: str,
    gate: Gate | None,
    *,
    plan: str | None = None,
) -> Train:
    settings = gate.settings if gate else mission.settings
    asked: int = settings["train.slots"]
    train = Train(
        id="t0",
        state=TrainState.RUNNING,
        target=target,
        base=tip,
        tip=tip,
        created_at=mission.now(),
        strategy=request.strategy or settings["mergeStrategy"],
        test=gate.command if gate else None,
        key=under_which(gate).key if gate else "",
        setup=request.setup,
        timeout=request.timeout or settings["testTimeout"],
        slots=request.slots or asked or bearable(mission, capacity.machine(), gate),
        measured=not (request.slots or asked),
        retries=settings["train.retries"] if request.retries is None else request.retries,
        every=settings["train.every"] if request.every is None else request.every,
        queue=tuple(riders),
        plan=plan,
        open=plan is not None,
    )
    if request.dry_run:
        return train
    trains = Trains(mission.store.root)
    mission.store.make()
    with trains.starting() as held:
        trains.folder.mkdir(exist_ok=True)
        taken = [int(path.stem[1:]) for path in trains.folder.glob("t*.toml")
                 if path.stem[1:].isdigit()]  # fmt: skip
        train = train._replace(id=f"t{max(taken, default=0) + 1}")
        mission.store.journal.write(
            mission.now(), "action", action="StartTrain", train=train.id, target=target,
            names=[rider.name for rider in riders], test=train.test,
        )  # fmt: skip
        trains.save(held, train)
    return train


def bearable(mission: Mission, machine: Machine, gate: Gate | None) -> int:
    """How many runs at once `machine` has been seen to bear."""
    if gate is None or gate.command is None:
        return 1
    return slots(machine, capacity.history(mission).of(gate.command))


def _riders(mission: Mission, jobs: Sequence[Job], names: Iterable[str]) -> list[Rider]:
    """Who is meant: jobs by name or pattern, other branches by name; of nobody, all who are ready.

    Raises Refused for a name that is neither, and for a job that cannot land.
    """
    by_name = {job.name: job for job in jobs}
    ready = _ready(jobs)
    asked: list[Job | str] = []
    for name in names:
        hits = [job for job in ready if fnmatch.fnmatchcase(job.name, name)]
        if name in by_name:
            asked.append(by_name[name])
        elif hits and any(char in name for char in "*?["):
            asked += hits
        else:
            asked.append(name)
    meant = asked or ready
    branches = [one if isinstance(one, str) else one.branch for one in meant]
    # In one call: with twenty branches, one for each takes longer than merging them.
    tips = refs.tips(mission.git, [f"refs/heads/{branch}" for branch in branches])
    found: dict[str, Rider] = {}
    for one, branch in zip(meant, branches, strict=True):
        head = tips.get(f"refs/heads/{branch}")
        rider = _of_branch(one, head) if isinstance(one, str) else _of_job(one, head)
        found[rider.name] = rider
    heads: dict[str, str] = {}
    for rider in found.values():
        twin = heads.setdefault(rider.branch, rider.name)
        if twin != rider.name:
            raise Refused(f"'{twin}' and '{rider.name}' are one branch: {rider.branch}")
    return list(found.values())


def _ready(jobs: Iterable[Job]) -> list[Job]:
    """Jobs of no plan that have completed, and wait for nobody's review, by age."""
    return sorted(
        (
            job
            for job in jobs
            if job.state in READY
            and job.plan is None
            and job.landed is None
            and not job.live
            and not (job.report and job.report.status == "needs_review")
        ),
        key=lambda job: (job.ended_at or job.created_at, job.name),
    )


def _of_job(job: Job, head: str | None) -> Rider:
    if job.state is State.CANCELED:
        raise Refused(f"the job '{job.name}' was canceled, so there is nothing to merge")
    if job.unstarted or job.state is State.RUNNING or job.live:
        raise Refused(
            f"the job '{job.name}' is still {job.state}",
            hint=f"wait for it: git mc wait {job.name}; or end it: git mc kill {job.name}",
        )
    if job.landed is not None:
        raise Refused(
            f"the job '{job.name}' has landed on '{job.landed.target}' already",
            hint=f"git mc cleanup {job.name}",
        )
    if head is None:
        raise Refused(f"the branch '{job.branch}' is gone, so there is nothing to merge")
    return Rider(job.name, job.branch, head, job.name)


def _of_branch(name: str, head: str | None) -> Rider:
    if head is None:
        raise Refused(
            f"'{name}' is neither a job nor a branch",
            hint="git mc jobs lists the jobs, git branch the branches",
        )
    return Rider(name, name, head)


def _common_base(mission: Mission, jobs: Iterable[Job], riders: Iterable[Rider]) -> str:
    by_name = {job.name: job for job in jobs}
    bases = {by_name[rider.job].base for rider in riders if rider.job}
    if len(bases) == 1:
        return bases.pop()
    if bases:
        raise Refused(
            f"the jobs have different bases: {', '.join(sorted(bases))}",
            hint="name what they are to land on: git mc merge-train --into BRANCH",
        )
    branch = mission.repo.current_branch()
    if branch is None:
        raise Refused(
            "no branch is checked out here to land on",
            hint="name one: git mc merge-train --into BRANCH",
        )
    return branch


def _tidied(mission: Mission, jobs: Iterable[Job], rider: Rider) -> Rider:
    """The rider once its job's uncommitted work is committed."""
    job = next((job for job in jobs if job.name == rider.job), None)
    if job is None:
        return rider
    commit_leftovers(mission, job)
    return rider._replace(head=refs.branch_tip(mission.git, rider.branch) or rider.head)
