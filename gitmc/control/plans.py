"""Plans under way: what `gitmc/model/planstep.py` says is due is stored, and then done.

Observers tend plans, and only they. A plan and its jobs are stored under one lock, from what was
read under it; what is to be done comes after that, each thing journalled before it is done. A kill
anywhere leaves something that is due again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

from gitmc.control import joins
from gitmc.control.mission import Mission
from gitmc.errors import McError, of_system
from gitmc.git import refs
from gitmc.model.job import Job, Process, State
from gitmc.model.plan import FINAL, Plan, noted
from gitmc.model.planheard import Seen
from gitmc.model.planstep import Action, Step, step
from gitmc.model.trainrecord import Train
from gitmc.store.files import BadFile
from gitmc.store.lock import Held
from gitmc.store.plans import Plans
from gitmc.store.trains import Trains
from gitmc.tmux.process import is_alive

ROUNDS = 50
"""More rounds than any plan needs to come to rest; a bound, so that a defect cannot spin."""


def tend(mission: Mission) -> list[McError]:
    """Do what is due for every plan; what went wrong on the way."""
    troubles: list[McError] = []
    plans = Plans(mission.store.root)
    for plan_id in plans.running():
        try:
            for _ in range(ROUNDS):
                if not _tend(mission, plans, plan_id):
                    break
        except McError as trouble:
            troubles.append(trouble)
    return troubles


def wind_up(mission: Mission, plan_id: str) -> None:
    """Do what is left to do for a plan that has ended: no observer needs to be there for that."""
    plans = Plans(mission.store.root)
    plan = plans.get(plan_id)
    for _ in range(ROUNDS):
        if plan is None or plan.state not in FINAL or not _tend(mission, plans, plan_id):
            break


def owners(mission: Mission) -> set[int]:
    """The processes that push plans for review, whose end is worth a look."""
    return {plan.owner.pid for plan in _open(mission) if plan.owner and _alive(plan.owner)}


def _open(mission: Mission) -> Iterator[Plan]:
    """The plans for which something is left to do; of one that cannot be read, `tend` tells."""
    plans = Plans(mission.store.root)
    for plan_id in plans.running():
        try:
            plan = plans.get(plan_id)
        except BadFile:
            continue
        if plan is not None:
            yield plan


def folders(mission: Mission) -> tuple[Path, ...]:
    """Where what happens is of interest to plans, while there are any under way."""
    if not Plans(mission.store.root).running():
        return ()
    root = mission.store.root
    found = (mission.store.jobs_dir, root / "plans", root / "trains")
    return tuple(path for path in found if path.is_dir())


def due(mission: Mission) -> bool:
    """Whether an observer would have something to do for a plan now."""
    for plan in _open(mission):
        now = step(plan, _jobs(mission), seen(mission, plan))
        if _changes(plan, now) or plan.state in FINAL or plan.untold:
            return True
    return False


def seen(mission: Mission, plan: Plan) -> Seen:
    """What is to be seen of the plan's surroundings now."""
    trains = Trains(mission.store.root)
    train = joins.look(trains, plan.train) if plan.train else _orphan(trains, plan)
    return Seen(
        now=mission.now(),
        tip=refs.branch_tip(mission.git, plan.branch),
        train=train,
        closing=train is not None and trains.close_path(train.id).exists(),
        canceling=train is not None and trains.cancel_path(train.id).exists(),
        pushing=plan.owner is not None and _alive(plan.owner),
    )


def _orphan(trains: Trains, plan: Plan) -> Train | None:
    """A train that was opened for the plan by a process that was killed before it was recorded."""
    for train_id in trains.running():
        train = joins.look(trains, train_id)
        if train is not None and train.plan == plan.id and train_id not in plan.trains:
            return train
    return None


def _alive(process: Process) -> bool:
    return is_alive(process.pid, process.start, process.boot)


def _jobs(mission: Mission) -> dict[str, Job]:
    return {job.name: job for job in mission.store.jobs()[0]}


def _changes(before: Plan, now: Step) -> bool:
    return bool(now.plan != before or now.jobs or now.actions)


def _tend(mission: Mission, plans: Plans, plan_id: str) -> bool:
    """One round for the plan: store what changes, do what is due; whether there was anything."""
    plan = plans.get(plan_id)
    if plan is None:
        _forget(mission, plans, plan_id)
        return False
    facts = seen(mission, plan)
    with mission.store.locked() as held:
        plan = plans.get(plan_id) or plan
        jobs = _jobs(mission)
        now = step(plan, jobs, facts)
        if not _changes(plan, now):
            if plan.state in FINAL and not plan.untold and not _moving(plan, jobs):
                plans.rest(held, plan_id)
            return False
        _store(mission, held, plan, jobs, now)
    _clear(mission, now.jobs)
    for action in now.actions:
        _act(mission, now.plan, action)
    return True


def _forget(mission: Mission, plans: Plans, plan_id: str) -> None:
    """Take away the mark of a plan of which there is no record.

    Under the lock it is looked for again: the mark of a plan that is being started is there first.
    """
    with mission.store.locked() as held:
        if plans.get(plan_id) is None:
            plans.rest(held, plan_id)


def _moving(plan: Plan, jobs: dict[str, Job]) -> bool:
    """Whether something of an ended plan is still to come to rest."""
    mine = [jobs[one.name] for one in plan.jobs if one.name in jobs]
    return any(job.state in (State.RUNNING, State.QUEUED) for job in mine)


def _store(mission: Mission, held: Held, before: Plan, jobs: dict[str, Job], now: Step) -> None:
    if now.plan != before:
        Plans(mission.store.root).save(held, noted(before, now.plan))
        journal(mission, before, now.plan, "settle")
    mission.save_all(held, [(jobs[job.name], job) for job in now.jobs], f"plan {now.plan.id}")


def journal(mission: Mission, before: Plan | None, now: Plan, cause: str) -> None:
    """Write down that the plan's state has changed, if it has."""
    if before is None or before.state is not now.state:
        mission.store.journal.write(
            mission.now(),
            "plan",
            plan=now.id,
            **{"from": str(before.state) if before else None},
            to=str(now.state),
            cause=cause,
            reason=now.reason,
        )


def _clear(mission: Mission, jobs: Iterable[Job]) -> None:
    """Remove what a job that was never launched would have needed."""
    for job in jobs:
        if job.state is State.CANCELED and job.run is not None:
            mission.store.clear_run(job.run.id)


def _act(mission: Mission, plan: Plan, action: Action) -> None:
    from gitmc.control.planact import act, fail

    name = type(action).__name__
    facts = dataclasses.asdict(action)
    mission.store.journal.write(mission.now(), "action", action=name, plan=plan.id, **facts)
    try:
        act(mission, plan, action)
    except (McError, OSError) as fault:
        error = fault if isinstance(fault, McError) else of_system(fault)
        mission.store.journal.write(
            mission.now(), "failed", action=name, plan=plan.id, error=error.message
        )
        fail(mission, plan, facts.get("job"), error)
