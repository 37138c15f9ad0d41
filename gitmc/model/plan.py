"""A plan: jobs that depend on one another, and the branch on which their work comes together.

    pending ──▶ running ◀──▶ paused
                   │  ▲         ▲
                   ▼  │         │
                merging ──▶ creating_pr ──▶ completed
                and from each of these to canceled; from running, paused and merging to failed

    pending      a copilot's plan, until somebody approves it
    running      something of it is at work, or can be
    paused       it gets no further without a person: see `Checkpoint`, or somebody paused it
    merging      nothing is left but what is in its train
    creating_pr  all has landed on the integration branch, and it is being pushed for review
    completed    all has landed or was skipped, and is pushed where there is a remote
    failed       it is over, and nothing has landed

What its jobs are is in the jobs' own records. Here is what only the plan knows: what a job depends
on and may change, which head was looked at, what people have answered, what went wrong. So a state
is always found again from what is stored, whoever was killed.

Every answer of a person belongs to one thing: to the head of a branch that is approved or accepted,
or to the run of an agent. What comes after it has to be asked for anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from gitmc.errors import Fatal
from gitmc.model.job import Process


class Mode(StrEnum):
    """How much a plan asks: nothing, once before it starts, or before every step that counts."""

    AUTOPILOT = "autopilot"
    COPILOT = "copilot"
    SUPERVISOR = "supervisor"


class PlanState(StrEnum):
    """Where a plan stands."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    MERGING = "merging"
    CREATING_PR = "creating_pr"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


TRANSITIONS: dict[PlanState, frozenset[PlanState]] = {
    PlanState.PENDING: frozenset({PlanState.RUNNING, PlanState.PAUSED, PlanState.CANCELED}),
    PlanState.RUNNING: frozenset(
        {
            *(PlanState.PAUSED, PlanState.MERGING, PlanState.CREATING_PR),
            *(PlanState.FAILED, PlanState.CANCELED),
        }
    ),
    PlanState.PAUSED: frozenset(
        {
            *(PlanState.RUNNING, PlanState.MERGING, PlanState.CREATING_PR),
            *(PlanState.FAILED, PlanState.CANCELED),
        }
    ),
    PlanState.MERGING: frozenset(
        {
            *(PlanState.RUNNING, PlanState.PAUSED, PlanState.CREATING_PR),
            *(PlanState.FAILED, PlanState.CANCELED),
        }
    ),
    PlanState.CREATING_PR: frozenset(
        {
            *(PlanState.RUNNING, PlanState.PAUSED),
            *(PlanState.COMPLETED, PlanState.CANCELED),
        }
    ),
    PlanState.COMPLETED: frozenset(),
    PlanState.FAILED: frozenset(),
    PlanState.CANCELED: frozenset(),
}

FINAL = frozenset(state for state, moves in TRANSITIONS.items() if not moves)

WAYS_OUT: dict[PlanState, tuple[str, ...]] = {
    PlanState.PENDING: ("approve", "cancel"),
    PlanState.RUNNING: ("pause", "cancel"),
    PlanState.PAUSED: ("approve", "skip", "cancel"),
    PlanState.MERGING: ("pause", "cancel"),
    PlanState.CREATING_PR: ("cancel",),
}
"""What a user can type, after `git mc plan`, in a state that is not final."""

PRE_MERGE, ON_ERROR, PRE_PR = "pre_merge", "on_error", "pre_pr"


class Kind(StrEnum):
    """What is wrong with a job of a plan."""

    AGENT = "agent"
    """Its agent failed, was stopped, or could not be launched."""
    REVIEW = "review"
    """Its agent wants a person to look at its work."""
    TOUCH = "touch"
    """It has changed files outside its touch set."""
    CONFLICT = "conflict"
    TEST = "test"
    TIMEOUT = "timeout"
    GONE = "gone"
    """Its record or its branch was removed."""
    GIT = "git"
    """Something kept its work from being looked at or merged."""


RETRY, RELAUNCH, ACCEPT, SKIP = "retry", "relaunch", "accept", "skip"

ANSWERS: dict[Kind, tuple[str, ...]] = {
    Kind.AGENT: (RELAUNCH, RETRY, ACCEPT, SKIP),
    Kind.REVIEW: (ACCEPT, RELAUNCH, SKIP),
    Kind.TOUCH: (ACCEPT, RELAUNCH, RETRY, SKIP),
    Kind.CONFLICT: (RELAUNCH, RETRY, SKIP),
    Kind.TEST: (RELAUNCH, RETRY, SKIP),
    Kind.TIMEOUT: (RELAUNCH, RETRY, SKIP),
    Kind.GONE: (RETRY, SKIP),
    Kind.GIT: (RETRY, SKIP),
}
"""What a person can answer, the most likely first:

    retry     the step that went wrong is done again with what is in the worktree now; an agent that
              failed is started afresh
    relaunch  the agent goes on in its worktree, and is told what went wrong
    accept    the work is taken as it is
    skip      the plan goes on without the job
"""

MOST_CORRECTIONS = 3
"""How often one job's agent is told what went wrong before somebody has to look at it."""

MOST_LOST = 3
"""How often a run that was lost with its terminal or its machine is started again unasked."""


class Trouble(NamedTuple):
    """What keeps a job, or the plan, from going on until somebody answers."""

    kind: Kind
    reason: str
    head: str | None = None
    files: tuple[str, ...] = ()
    log: str | None = None
    """The output of the tests that failed with it."""


class PlanJob(NamedTuple):
    """What the plan knows of one job beside the job's own record."""

    name: str
    depends_on: tuple[str, ...] = ()
    touch_set: tuple[str, ...] = ()
    priority: int = 0
    run: str | None = None
    """The run of the job that all that follows here is about."""
    checked: str | None = None
    """The head whose changes were compared with the touch set."""
    outside: tuple[str, ...] = ()
    """What that head changes outside it."""
    accepted: tuple[str, ...] = ()
    """Heads and runs that a person takes as they are."""
    approved: str | None = None
    """The head that a person has approved for merging."""
    joined: str | None = None
    """The head with which it is in the train."""
    trouble: Trouble | None = None
    corrections: int = 0
    lost: int = 0
    """How often a lost run of it was started again."""
    skipped: str | None = None
    """Why the plan goes on without it."""
    merged_at: datetime | None = None
    commit: str | None = None
    """The commit of the integration branch that brought it in."""

    @property
    def done(self) -> bool:
        """Whether nothing waits for it any more."""
        return self.merged_at is not None or self.skipped is not None


class Plan(NamedTuple):
    """One plan, complete. Times are aware and in UTC."""

    id: str
    name: str
    mode: Mode
    state: PlanState
    base: str
    """The branch for which all this is done."""
    base_commit: str
    branch: str
    """The integration branch."""
    created_at: datetime
    jobs: tuple[PlanJob, ...]
    max_parallel: int = 3
    strategy: str | None = None
    """How what lands is committed; None for the setting."""
    test: str | None = None
    """The test command; None for what the base asks for, empty for none."""
    approved: bool = True
    """Whether it may start."""
    paused: bool = False
    """Whether somebody paused it."""
    push: bool = True
    """Whether the integration branch is pushed for review in the end."""
    train: str | None = None
    trains: tuple[str, ...] = ()
    """The trains that it had before."""
    trouble: Trouble | None = None
    """What keeps it from going on as a whole."""
    pre_pr: str | None = None
    """The head of the integration branch that a person has approved for review."""
    owner: Process | None = None
    """Whoever pushes it for review."""
    pr_url: str | None = None
    landing: str | None = None
    """What lands the integration branch, where nothing was pushed."""
    reason: str | None = None
    untold: tuple[str, ...] = ()
    """Events that nobody has been notified of yet: waiting, completed, failed."""
    ended_at: datetime | None = None
    unknown: Mapping[str, Any] = MappingProxyType({})

    def job(self, name: str) -> PlanJob | None:
        """What it knows of the job of that name, or None."""
        return next((job for job in self.jobs if job.name == name), None)

    def seconds(self, now: datetime) -> float:
        """How long it took, or has taken until `now`."""
        return max(0.0, ((self.ended_at or now) - self.created_at).total_seconds())


class Checkpoint(NamedTuple):
    """Where a plan waits for a person."""

    type: str
    """`pre_merge`, `on_error` or `pre_pr`."""
    job: str | None
    reason: str
    head: str | None = None
    """To which commit the answer belongs."""
    answers: tuple[str, ...] = ()
    """What can be answered beside a plain approval; empty where that is the answer."""


class IllegalMoveError(Fatal):
    """A move that the table does not have: a defect of ours, never silently taken."""


def move(plan: Plan, to: PlanState, **changes: Any) -> Plan:
    """`plan` in state `to`, with `changes`; raises IllegalMoveError for a move not in the table."""
    if to is not plan.state and to not in TRANSITIONS[plan.state]:
        raise IllegalMoveError(f"plan '{plan.id}' cannot go from {plan.state} to {to}")
    return plan._replace(state=to, **changes)


EVENTS = {
    PlanState.PAUSED: "waiting",
    PlanState.COMPLETED: "completed",
    PlanState.FAILED: "failed",
}


def noted(before: Plan, after: Plan) -> Plan:
    """`after`, with what its change from `before` means to people among its untold events."""
    if before.state is after.state or (after.paused and not before.paused):
        return after
    event = EVENTS.get(after.state)
    # That it waited is no news any more once it goes on.
    return after._replace(untold=(event,) if event else ())


def with_job(plan: Plan, job: PlanJob) -> Plan:
    """`plan` with `job` in the place of the one of that name."""
    return plan._replace(jobs=tuple(job if one.name == job.name else one for one in plan.jobs))


def dependents(jobs: Iterable[PlanJob], name: str) -> list[str]:
    """The jobs that depend on `name`, directly or through others, in the plan's order."""
    found = {name}
    some = list(jobs)
    grown = True
    while grown:
        new = {job.name for job in some if found & set(job.depends_on)} - found
        grown = bool(new)
        found |= new
    return [job.name for job in some if job.name in found and job.name != name]
