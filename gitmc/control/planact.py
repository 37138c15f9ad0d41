"""What plans have done: each action of `gitmc/model/planstep.py`, and what it leaves in the plan.

Doing one again, because whoever did it was killed before that was stored, does no harm.
"""

from __future__ import annotations

from collections.abc import Callable

from gitmc.control import joins
from gitmc.control.apart import finish_apart
from gitmc.control.end import ask_to_end
from gitmc.control.leftovers import commit_leftovers
from gitmc.control.mission import Mission
from gitmc.control.relaunch import Request, enlist_again
from gitmc.control.trainqueue import open_for_plan
from gitmc.errors import McError, Refused
from gitmc.git import refs
from gitmc.model.job import Process, State, move
from gitmc.model.plan import FINAL, Kind, Plan, PlanJob, Trouble, noted, with_job
from gitmc.model.planstep import (
    Action,
    Again,
    CancelTrain,
    Check,
    CloseTrain,
    EndAgent,
    Finish,
    Join,
    OpenTrain,
)
from gitmc.model.touchset import breaches
from gitmc.model.trainrecord import Rider
from gitmc.store.plans import Plans
from gitmc.store.trains import Trains


def act(mission: Mission, plan: Plan, action: Action) -> None:
    """Do `action` for `plan`. Raises what keeps it from being done."""
    trains = Trains(mission.store.root)
    match action:
        case Check(name):
            _check(mission, plan, name)
        case EndAgent(name, why):
            ask_to_end(mission, name, why)
        case Again(name):
            enlist_again(mission, Request(name))
        case OpenTrain():
            train = open_for_plan(mission, plan)
            change(mission, plan.id, lambda now: now._replace(train=train.id))
        case Join(name, head):
            _join(mission, trains, plan, name, head)
        case CloseTrain():
            joins.close(trains, plan.train or "")
        case CancelTrain():
            joins.cancel(trains, plan.train or "")
        case Finish():
            _finish(mission, plan)


def change(mission: Mission, plan_id: str, how: Callable[[Plan], Plan]) -> Plan:
    """Store what `how` makes of the plan as it is now; returns it. Raises what `how` raises."""
    from gitmc.control.plans import journal

    plans = Plans(mission.store.root)
    with mission.store.locked() as held:
        now = plans.get(plan_id)
        if now is None:
            raise Refused(f"the plan '{plan_id}' was removed", hint="git mc plan list")
        after = how(now)
        if after != now:
            after = noted(now, after)
            plans.save(held, after)
            journal(mission, now, after, "plan")
        return after


def fail(mission: Mission, plan: Plan, name: str | None, error: McError) -> None:
    """Store that something kept the plan, or its job `name`, from going on."""
    trouble = Trouble(Kind.GIT, error.message + (f" ({error.hint})" if error.hint else ""))

    def failed(now: Plan) -> Plan:
        job = now.job(name) if name else None
        if job is None:
            return now._replace(trouble=trouble)
        kind = Kind.AGENT if _gave_up(mission, name) else Kind.GIT
        return with_job(now, job._replace(trouble=trouble._replace(kind=kind)))

    change(mission, plan.id, failed)


def _gave_up(mission: Mission, name: str | None) -> bool:
    job = mission.store.job(name) if name else None
    return job is not None and job.state in (State.FAILED, State.STOPPED)


def _check(mission: Mission, plan: Plan, name: str) -> None:
    job = mission.job(name)
    commit_leftovers(mission, job)
    head = refs.branch_tip(mission.git, job.branch)
    known = plan.job(name)
    if head is None or known is None:
        gone = Trouble(Kind.GONE, f"its branch '{job.branch}' is gone")
        _change_job(mission, plan, name, lambda one: one._replace(trouble=gone))
        return
    outside: tuple[str, ...] = ()
    if known.touch_set:
        outside = tuple(breaches(changed(mission, plan, head), known.touch_set))
    _change_job(mission, plan, name, lambda one: one._replace(checked=head, outside=outside))


def changed(mission: Mission, plan: Plan, head: str) -> list[str]:
    """The files that `head` changes since it left the integration branch, as they can be stored."""
    tip = refs.branch_tip(mission.git, plan.branch) or plan.base_commit
    since = mission.git.answer("merge-base", tip, head) or plan.base_commit
    names = mission.git(
        "diff-tree", "-r", "-z", "--name-only", "--no-renames", "--ignore-submodules=none",
        since, head,
    ).split("\0")  # fmt: skip
    return [
        name.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for name in names if name
    ]


def _change_job(mission: Mission, plan: Plan, name: str, how: Callable[[PlanJob], PlanJob]) -> None:
    def changed_job(now: Plan) -> Plan:
        before = plan.job(name)
        job = now.job(name)
        # Of another run nothing is known yet.
        if job is None or before is None or job.run != before.run:
            return now
        return with_job(now, how(job))

    change(mission, plan.id, changed_job)


def _join(mission: Mission, trains: Trains, plan: Plan, name: str, head: str) -> None:
    assert plan.train is not None
    with mission.store.locked() as held:
        job = mission.job(name)
        if job.state is not State.READY_TO_MERGE:
            ready = move(job, State.READY_TO_MERGE, reason=None)
            job = mission.save(held, job, ready, f"plan {plan.id}")
    known = plan.job(name)
    priority = known.priority if known else 0
    if joins.join(trains, plan.train, Rider(name, job.branch, head, name, priority=priority)):
        _change_job(mission, plan, name, lambda one: one._replace(joined=head))


def _finish(mission: Mission, plan: Plan) -> None:
    def claim(owner: Process) -> bool:
        now = change(mission, plan.id, lambda now: now._replace(owner=owner))
        return now.state not in FINAL

    finish_apart(mission, plan.id, claim)
