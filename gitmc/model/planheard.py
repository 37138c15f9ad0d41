"""What a plan makes of what has become of its jobs and its train. Pure.

Everything that is known of a job belongs to one run of it: with another run it is forgotten. A
trouble stays until somebody answers it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from gitmc.model.job import INTERRUPTED, Job, State
from gitmc.model.plan import MOST_LOST, Kind, Plan, PlanJob, Trouble
from gitmc.model.trainrecord import Out, Place, Train, TrainState, place, sentence

FINISHED = frozenset(
    {State.COMPLETED, State.READY_TO_MERGE, State.CONFLICT, State.NEEDS_REBASE, State.MERGING}
)
"""Where a job stands whose agent has done its work."""

GAVE_UP = frozenset({State.FAILED, State.STOPPED})


class Seen(NamedTuple):
    """What was seen at one moment."""

    now: datetime
    tip: str | None
    """The integration branch; None where it is gone."""
    train: Train | None = None
    """The plan's train, or one that was opened for it and runs; None where there is none."""
    closing: bool = False
    """Whether the train was asked to end once its queue is empty."""
    canceling: bool = False
    """Whether it was asked to end at once."""
    pushing: bool = False
    """Whether the plan's owner is alive."""


def heard(plan: Plan, jobs: Mapping[str, Job], seen: Seen) -> Plan:
    """`plan` with what became of its jobs and its train."""
    plan = _after_train(plan, seen)
    known = tuple(_after(one, jobs.get(one.name), seen) for one in plan.jobs)
    return plan._replace(jobs=known)


def _after_train(plan: Plan, seen: Seen) -> Plan:
    """`plan` without its train, once that has ended and everything in it has been heard of."""
    if plan.train is None or runs(seen.train):
        return plan
    heard = plan._replace(
        jobs=tuple(_hear_end(one, seen.train) for one in plan.jobs),
        train=None,
        trains=(*plan.trains, plan.train),
    )
    train = seen.train
    if train is not None and train.state in (TrainState.STOPPED, TrainState.CANCELED):
        why = f"its train {train.id} was {train.state}"
        why += f": {train.reason}" if train.reason and train.state is TrainState.STOPPED else ""
        heard = heard._replace(trouble=Trouble(Kind.GIT, why))
    return heard


def runs(train: Train | None) -> bool:
    """Whether the train is under way."""
    return train is not None and train.state is TrainState.RUNNING


def _hear_end(one: PlanJob, train: Train | None) -> PlanJob:
    """What has become of a job with a train that has ended: what neither landed nor was taken out
    joins the next one."""
    if one.joined is None or one.done:
        return one
    return one._replace(joined=None, trouble=one.trouble or _trouble(one, train))


def _after(one: PlanJob, job: Job | None, seen: Seen) -> PlanJob:
    """What the plan knows of a job after a look at it."""
    if one.done:
        return one
    if job is None:
        return one._replace(trouble=Trouble(Kind.GONE, "its record was removed"), joined=None)
    run = job.run.id if job.run else None
    if run != one.run:
        one = one._replace(
            run=run, checked=None, outside=(), approved=None, joined=None, trouble=None
        )
    if job.state is State.MERGED:
        commit = job.landed.commit if job.landed else None
        return one._replace(merged_at=seen.now, commit=commit, trouble=None)
    if one.trouble is not None:
        return one
    if job.state is State.CANCELED:
        return one._replace(trouble=Trouble(Kind.GONE, "it was canceled before it started"))
    if job.state in GAVE_UP and run not in one.accepted:
        if _was_lost(job) and one.lost < MOST_LOST:
            return one
        return one._replace(trouble=Trouble(Kind.AGENT, job.reason or str(job.state)))
    if job.state in FINISHED and _wants_review(one, job):
        return one._replace(trouble=Trouble(Kind.REVIEW, _asked(job)))
    if one.checked and one.outside and one.checked not in one.accepted:
        why = f"it changes what is outside its touch set: {', '.join(one.outside)}"
        return one._replace(trouble=Trouble(Kind.TOUCH, why, one.checked, one.outside))
    if one.joined is not None:
        return _hear_rider(one, seen.train)
    return one


def _was_lost(job: Job) -> bool:
    return (job.run is not None and job.run.lost) or job.reason == INTERRUPTED


def _wants_review(one: PlanJob, job: Job) -> bool:
    asked = job.report is not None and job.report.status == "needs_review"
    return asked and job.run is not None and job.run.id not in one.accepted


def _asked(job: Job) -> str:
    said = job.report.message if job.report else ""
    return f"its agent asks for a review: {said}" if said else "its agent asks for a review"


def _hear_rider(one: PlanJob, train: Train | None) -> PlanJob:
    """A job that joined the train, after a look at that."""
    out = _out(one, train)
    if out is None:
        lost = train is not None and place(train, one.name, one.joined or "") is Place.NOWHERE
        return one._replace(joined=None) if lost else one
    if out.reason in ("moved", "withdrawn", "blocked"):
        # What is on the branch now, nobody has looked at.
        return one._replace(joined=None, checked=None, outside=(), approved=None)
    return one._replace(joined=None, trouble=_trouble(one, train))


def _out(one: PlanJob, train: Train | None) -> Out | None:
    """How the job was taken out of the train; None where it was not."""
    if train is None or place(train, one.name, one.joined or "") is not Place.OUT:
        return None
    gone = [out for out in train.out if out.name == one.name and out.head == one.joined]
    return gone[-1] if gone else None


def _trouble(one: PlanJob, train: Train | None) -> Trouble | None:
    out = _out(one, train)
    if out is None or train is None or out.reason in ("moved", "withdrawn", "blocked"):
        return None
    kinds = {
        "conflict": Kind.CONFLICT,
        "test": Kind.TEST,
        "timeout": Kind.TIMEOUT,
        "deleted": Kind.GONE,
    }
    logs = [run.log for run in train.runs if run.id in out.runs and run.log]
    kind = kinds.get(out.reason, Kind.GIT)
    return Trouble(kind, sentence(train, out), out.head, out.files, logs[-1] if logs else None)
