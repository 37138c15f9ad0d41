"""What a plan does next, given what is stored and what was seen. Pure.

`step` returns the plan and the jobs as they should be stored now, and the actions that are due
then. Nothing remembers a schedule. Called again after all of that is stored and done, with nothing
new to see, it changes nothing and asks for nothing. Each job of a plan goes this way, and does not
wait for any that it does not depend on:

    held       until all that it depends on has landed or was skipped; `blocked` as long as one of
               these is in trouble, or blocked itself
    released   it stands in line (see `line`), from the integration branch as it is at that moment
    at work    its agent runs; whatever an earlier run of it led to is forgotten
    checked    its agent is done: what it left uncommitted is committed, and what the branch changes
               is compared with its touch set
    approved   a supervisor's plan asks before each merge; a job that wants a review always does
    joined     it is in the plan's train, with the head that was checked and no other
    landed     or in trouble: taken out of the train, or failed at any step before

A run that was lost with its terminal, its machine or the process that launched it is started again,
a few times. Any other trouble waits for a person's answer (`ANSWERS`), and so do the checkpoints of
a supervisor. A supervisor's plan is paused as soon as it waits; the others only once nothing else
of them can move. What can move does, even while the plan is paused for a person; nothing is
launched or joined while somebody has paused it by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gitmc.model.job import Job, Phase, State, with_phase
from gitmc.model.job import move as move_job
from gitmc.model.plan import (
    FINAL,
    Kind,
    Mode,
    Plan,
    PlanJob,
    PlanState,
    Trouble,
    move,
    with_job,
)
from gitmc.model.planheard import FINISHED, GAVE_UP, Seen, heard, runs
from gitmc.model.planwait import blocked, checkpoints, wants_approval


@dataclass(frozen=True)
class Check:
    """Commit what the job left uncommitted, and compare what it changed with its touch set."""

    job: str


@dataclass(frozen=True)
class EndAgent:
    """End the agent of a job whose work is done or not wanted any more."""

    job: str
    why: str


@dataclass(frozen=True)
class Again:
    """Have a job stand in line for another run, since its last one was lost."""

    job: str


@dataclass(frozen=True)
class OpenTrain:
    """Start a train that jobs can join."""


@dataclass(frozen=True)
class Join:
    """Have a job's branch join the train with that head."""

    job: str
    head: str


@dataclass(frozen=True)
class CloseTrain:
    """Have the train end once its queue is empty."""


@dataclass(frozen=True)
class CancelTrain:
    """Have the train end at once."""


@dataclass(frozen=True)
class Finish:
    """Push the integration branch for review, or say what lands it."""


Action = Check | EndAgent | Again | OpenTrain | Join | CloseTrain | CancelTrain | Finish


class Step(NamedTuple):
    """What is to be stored, and what is to be done after that."""

    plan: Plan
    jobs: tuple[Job, ...] = ()
    """Those that change."""
    actions: tuple[Action, ...] = ()


def step(plan: Plan, jobs: Mapping[str, Job], seen: Seen) -> Step:
    """What is due for `plan`. `jobs` are all jobs there are, by name."""
    if plan.train is None and seen.train is not None:
        # Whoever opened it was killed before that was stored.
        plan = plan._replace(train=seen.train.id)
    if plan.state in FINAL:
        return _over(plan, jobs, seen)
    plan = heard(plan, jobs, seen)
    if seen.tip is None and plan.trouble is None:
        why = f"the integration branch '{plan.branch}' is gone"
        plan = plan._replace(trouble=Trouble(Kind.GONE, why))
    changed, released = _moved(plan, jobs, seen)
    now = {**jobs, **{job.name: job for job in changed}}
    plan, actions = _due(plan, now, seen)
    # That a train ends is no sign that the plan goes on.
    busy = released or any(not isinstance(action, CloseTrain) for action in actions)
    state = _state(plan, now, seen, busy=busy)
    return Step(_ended(state, seen), tuple(changed), tuple(actions))


# How the jobs move.


def _moved(plan: Plan, jobs: Mapping[str, Job], seen: Seen) -> tuple[list[Job], bool]:
    """The jobs that change their state now, and whether one of them goes on."""
    changed: list[Job] = []
    released = False
    blockers = blocked(plan)
    left = {one.name for one in plan.jobs if not one.done}
    for one in plan.jobs:
        job = jobs.get(one.name)
        if job is None or not job.held:
            continue
        if one.skipped is not None:
            after = _canceled(job, one.skipped, seen)
        elif one.name in blockers or job.state is State.BLOCKED:
            after = _blocked(job, blockers.get(one.name, []))
        elif seen.tip is not None and _may_start(plan) and left.isdisjoint(one.depends_on):
            after = move_job(job, State.QUEUED, base_commit=seen.tip)
        else:
            continue
        if after is not job:
            changed.append(after)
            released = released or after.state in (State.QUEUED, State.WAITING_DEPS)
    return changed, released


def _blocked(job: Job, blockers: list[str]) -> Job:
    """A job that waits for others, of which `blockers` do not land as things are."""
    if not blockers:
        return move_job(job, State.WAITING_DEPS, reason=None)
    why = f"waits for {', '.join(blockers)}"
    if job.state is State.BLOCKED:
        return job if job.reason == why else job._replace(reason=why)
    return move_job(job, State.BLOCKED, reason=why)


def _canceled(job: Job, why: str, seen: Seen) -> Job:
    job = move_job(job, State.CANCELED, reason=why, ended_at=seen.now)
    return with_phase(job._replace(launch=None), Phase.CLOSED)


def _may_start(plan: Plan) -> bool:
    return plan.approved and not plan.paused


# What is due.


def _due(plan: Plan, jobs: Mapping[str, Job], seen: Seen) -> tuple[Plan, list[Action]]:
    actions: list[Action] = []
    joining = False
    for one in _by_priority(plan):
        job = jobs.get(one.name)
        if job is None or one.merged_at is not None:
            continue
        if one.skipped is not None:
            if not job.unstarted and job.launch is None and _can_end(job):
                actions.append(EndAgent(one.name, one.skipped))
            continue
        if one.trouble is not None or job.launch is not None or job.landing is not None:
            continue
        if job.state in GAVE_UP and one.run not in one.accepted:
            if _may_start(plan) and _is_closed(job):
                plan = with_job(plan, one._replace(lost=one.lost + 1))
                actions.append(Again(one.name))
        elif job.state in FINISHED or job.state in GAVE_UP:
            action = _next(plan, one, job)
            if isinstance(action, Join):
                joining = True
                if not runs(seen.train) or plan.trouble is not None:
                    continue
            if action is not None:
                actions.append(action)
    if plan.trouble is None and plan.approved:
        actions += _for_train(plan, jobs, seen, joining=joining)
        actions += _for_end(plan, seen)
    return plan, actions


def _can_end(job: Job) -> bool:
    """Whether an agent runs that nobody has asked to end."""
    return job.run is not None and job.run.phase is Phase.LIVE and job.run.stop is None


def _by_priority(plan: Plan) -> list[PlanJob]:
    return sorted(plan.jobs, key=lambda job: -job.priority)


def _is_closed(job: Job) -> bool:
    return job.run is None or job.run.phase is Phase.CLOSED


def _next(plan: Plan, one: PlanJob, job: Job) -> Action | None:
    """The next step of a job whose agent has done its work."""
    if job.live:
        # One that has ended by itself is being tidied up.
        return EndAgent(one.name, "its work is done") if _can_end(job) else None
    if one.checked is None:
        return Check(one.name)
    if one.joined is not None or plan.paused or wants_approval(plan, one):
        return None
    return Join(one.name, one.checked)


def _for_train(
    plan: Plan, jobs: Mapping[str, Job], seen: Seen, *, joining: bool
) -> Iterable[Action]:
    """A train is there while something is at work that can join it, and no longer."""
    wanted = joining or any(_may_join(plan, one, jobs.get(one.name)) for one in plan.jobs)
    if plan.train is None:
        return [OpenTrain()] if wanted else []
    if seen.train is not None and not (wanted or seen.closing or seen.train.queue):
        return [CloseTrain()]
    return []


def _may_join(plan: Plan, one: PlanJob, job: Job | None) -> bool:
    """Whether the job is in the train, or on its way to it."""
    if one.done or job is None or job.held:
        return False
    if one.joined is not None or _at_work(job):
        return True
    done = job.state in FINISHED or one.run in one.accepted
    return done and one.trouble is None and not wants_approval(plan, one)


def _at_work(job: Job | None) -> bool:
    if job is None or job.held:
        return False
    return job.state in (State.QUEUED, State.RUNNING) or job.launch is not None


def _for_end(plan: Plan, seen: Seen) -> Iterable[Action]:
    if plan.train is not None or not all(one.done for one in plan.jobs):
        return []
    landed = any(one.merged_at for one in plan.jobs)
    if not landed or checkpoints(plan, seen.tip) or plan.paused or seen.pushing:
        return []
    return [Finish()]


# Where the plan stands.


def _state(plan: Plan, jobs: Mapping[str, Job], seen: Seen, *, busy: bool) -> Plan:
    if not plan.approved:
        return plan
    waits = bool(checkpoints(plan, seen.tip))
    if plan.paused or (waits and (plan.mode is Mode.SUPERVISOR or plan.trouble)):
        return _settled(plan, PlanState.PAUSED)
    left = [one for one in plan.jobs if not one.done]
    if not left and plan.train is None and not waits:
        landed = any(one.merged_at for one in plan.jobs)
        return _settled(plan, PlanState.CREATING_PR if landed else PlanState.FAILED)
    moving = busy or any(_moves(one, jobs.get(one.name)) for one in left) or not left
    if waits and not moving:
        return _settled(plan, PlanState.PAUSED)
    merging = all(one.joined for one in left)
    return _settled(plan, PlanState.MERGING if merging else PlanState.RUNNING)


def _settled(plan: Plan, state: PlanState) -> Plan:
    if plan.state is state:
        return plan
    if plan.state is PlanState.PENDING and state is not PlanState.PAUSED:
        plan = move(plan, PlanState.RUNNING)
    if plan.state is PlanState.CREATING_PR and state in (PlanState.MERGING, PlanState.FAILED):
        plan = move(plan, PlanState.RUNNING)
    return move(plan, state)


def _moves(one: PlanJob, job: Job | None) -> bool:
    """Whether something comes of the job without a person."""
    if job is None or job.held or one.trouble is not None:
        return False
    if one.joined is not None or _at_work(job) or job.live or job.landing is not None:
        return True
    return job.state in GAVE_UP and not _is_closed(job)


def _ended(plan: Plan, seen: Seen) -> Plan:
    if plan.state is PlanState.FAILED and plan.ended_at is None:
        return plan._replace(ended_at=seen.now, reason="nothing of it has landed")
    return plan


def _over(plan: Plan, jobs: Mapping[str, Job], seen: Seen) -> Step:
    """What is left to do for a plan that has ended, or was canceled."""
    changed: list[Job] = []
    actions: list[Action] = []
    if plan.train is not None:
        if runs(seen.train):
            actions += [] if seen.canceling else [CancelTrain()]
        else:
            plan = plan._replace(train=None, trains=(*plan.trains, plan.train))
    for one in plan.jobs:
        job = jobs.get(one.name)
        if job is None:
            continue
        if job.held or (job.in_line and job.launch and job.launch.back is None):
            changed.append(_canceled(job, f"the plan was {plan.state}", seen))
        elif job.state is State.RUNNING and _can_end(job):
            actions.append(EndAgent(one.name, f"the plan was {plan.state}"))
    return Step(plan, tuple(changed), tuple(actions))
