"""Plans as they are shown: what is stored, with its jobs and its train as they are now."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from gitmc.control.mission import Mission
from gitmc.control.planact import changed
from gitmc.control.view import objects
from gitmc.git import refs, worktree
from gitmc.model.job import Job, State
from gitmc.model.plan import FINAL, Checkpoint, Plan, PlanJob, PlanState
from gitmc.model.planask import command_of
from gitmc.model.planwait import blocked, checkpoints
from gitmc.model.touchset import breaches
from gitmc.model.trainrecord import Train
from gitmc.store.codec import time_text
from gitmc.store.trains import Trains


class Shown(NamedTuple):
    """A plan with what there is of it at this moment."""

    plan: Plan
    jobs: dict[str, Job]
    train: Train | None
    checkpoints: list[Checkpoint]
    outside: dict[str, list[str]]
    """By job whose agent is at work: what it has changed outside its touch set."""

    @property
    def clear_with(self) -> str | None:
        """The command that clears what it waits at; None where it waits for nobody."""
        if self.plan.state is PlanState.PENDING:
            return f"git mc plan approve {self.plan.id}"
        if self.plan.paused:
            return f"git mc plan resume {self.plan.id}"
        return command_of(self.plan, self.checkpoints[0]) if self.checkpoints else None

    @property
    def waits(self) -> bool:
        """Whether it gets no further without a person."""
        return self.plan.state in (PlanState.PENDING, PlanState.PAUSED)


def shown(mission: Mission, plan: Plan, jobs: list[Job]) -> Shown:
    """The plan as it can be shown; `jobs` are all there are."""
    by_name = {job.name: job for job in jobs}
    mine = {one.name: by_name[one.name] for one in plan.jobs if one.name in by_name}
    trains = Trains(mission.store.root)
    train_id = plan.train or (plan.trains[-1] if plan.trains else None)
    train = trains.get(train_id) if train_id else None
    waiting = []
    if plan.state not in FINAL:
        waiting = checkpoints(plan, refs.branch_tip(mission.git, plan.branch))
    return Shown(plan, mine, train, waiting, _outside(mission, plan, mine))


def _outside(mission: Mission, plan: Plan, jobs: dict[str, Job]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in plan.jobs:
        job = jobs.get(one.name)
        if job is None or not one.touch_set or job.state is not State.RUNNING:
            continue
        head = refs.branch_tip(mission.git, job.branch)
        names = changed(mission, plan, head) if head else []
        path = Path(job.worktree)
        if (path / ".git").exists():
            names += worktree.uncommitted(path)
        outside = breaches(dict.fromkeys(names), one.touch_set)
        if outside:
            found[one.name] = outside
    return found


def state_word(found: Shown, one: PlanJob) -> str:
    """How the job stands, in a word or two."""
    job = found.jobs.get(one.name)
    if one.skipped:
        return "skipped"
    if job is None:
        return "merged" if one.merged_at else "gone"
    if one.joined and job.state is State.READY_TO_MERGE:
        return "in train"
    return str(job.state)


def plan_object(mission: Mission, found: Shown, train: dict[str, Any] | None) -> dict[str, Any]:
    """The object `mc.plan/1`, less the schema key; `train` is that of its train."""
    plan, now = found.plan, mission.now()
    told = {job["name"]: job for job in objects(mission, list(found.jobs.values()))}
    blockers = blocked(plan)
    first = found.checkpoints[0] if found.checkpoints else None
    made: dict[str, Any] = {
        "id": plan.id,
        "name": plan.name,
        "mode": str(plan.mode),
        "state": str(plan.state),
        "reason": plan.reason,
        "base": plan.base,
        "base_commit": plan.base_commit,
        "integration_branch": plan.branch,
        "checkpoint": first and _checkpoint(plan, first),
        "checkpoints": [_checkpoint(plan, one) for one in found.checkpoints],
        "clear_with": found.clear_with,
        "max_parallel": plan.max_parallel,
        "test": plan.test,
        "jobs": [_job(found, one, blockers, told.get(one.name)) for one in plan.jobs],
        "train": train,
        "trains": list(plan.trains),
        "pr_url": plan.pr_url,
        "land_with": plan.landing,
        "created_at": time_text(plan.created_at),
        "ended_at": plan.ended_at and time_text(plan.ended_at),
        "seconds": round(plan.seconds(now), 3),
    }
    return {key: value for key, value in made.items() if value is not None}


def _checkpoint(plan: Plan, one: Checkpoint) -> dict[str, Any]:
    found = {
        "type": one.type,
        "job": one.job,
        "reason": one.reason,
        "clear_with": command_of(plan, one),
        "answers": list(one.answers) or None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _job(
    found: Shown, one: PlanJob, blockers: dict[str, list[str]], told: dict[str, Any] | None
) -> dict[str, Any]:
    trouble = one.trouble and {k: v for k, v in one.trouble._asdict().items() if v}
    more = {
        "depends_on": list(one.depends_on),
        "touch_set": list(one.touch_set),
        "priority": one.priority,
        "blocked_by": blockers.get(one.name, []),
        "merged_at": one.merged_at and time_text(one.merged_at),
        "commit": one.commit,
        "skipped": one.skipped,
        "trouble": trouble,
        "outside": found.outside.get(one.name),
    }
    return {
        **(told or {"name": one.name}),
        **{key: value for key, value in more.items() if value is not None},
    }
