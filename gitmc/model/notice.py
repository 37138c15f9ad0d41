"""What people are told of a job, and when. Pure.

An event is noted in the record of its job (`Job.untold`) in the same write that stores what
happened, and is taken out again by whoever tells it, before it is told. So it is told at most once,
whoever saw it first and whatever was killed.

    completed, failed        the job's state became that
    waiting, error           its agent waits for a person, or cannot go on, as its own hooks say
    blocked, needs_review    its agent reported that
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from gitmc.model.job import Job, State

CALLS = ("blocked", "needs_review")
"""Reports by which an agent calls for a person."""

STANDS = ("waiting", "error")
"""What an agent does that stands still until a person comes."""


class Notice(NamedTuple):
    """One event of a job, as the job is when it is told."""

    event: str
    job: Job

    @property
    def message(self) -> str | None:
        """What the agent said, if it said anything about this."""
        return self.job.report.message if self.job.report and self.event not in STANDS else None

    @property
    def at(self) -> datetime:
        """When it happened."""
        job = self.job
        if self.event in CALLS and job.report is not None:
            return job.report.at
        if self.event in STANDS and job.activity is not None:
            return job.activity.since
        return job.ended_at or job.created_at


def noted(before: Job, after: Job) -> Job:
    """`after`, with what its change from `before` means to people among its untold events."""
    new = list(_news(before, after))
    kept = [event for event in after.untold if _matters(event, after, new)]
    untold = (*kept, *(event for event in new if event not in kept))
    return after if untold == after.untold else after._replace(untold=untold)


def _news(before: Job, after: Job) -> Iterable[str]:
    call, running = _call(after), after.state is State.RUNNING
    if call is not None and call != _call(before):
        if running or call[0] == "needs_review":
            yield call[0]
    elif running and waits(after) and not waits(before):
        said = after.activity is not None and after.activity.source == "report"
        yield call[0] if call and said else "waiting"
    elif running and failing(after) and not failing(before):
        yield "error"
    if after.state is not before.state and after.state in (State.COMPLETED, State.FAILED):
        yield after.state.value


def _call(job: Job) -> tuple[str, str] | None:
    if job.report is None or job.report.status not in CALLS:
        return None
    return job.report.status, job.report.message


def _matters(event: str, job: Job, new: Iterable[str]) -> bool:
    """Whether `event`, which nobody was told of yet, is still worth a word."""
    if event in STANDS:
        return job.state is State.RUNNING and not set(new) & set(CALLS)
    if event == "blocked":
        return job.state is State.RUNNING
    return event != "completed" or job.state is not State.FAILED


def waits(job: Job) -> bool:
    """Whether the job's agent waits for a person."""
    return job.activity is not None and job.activity.state == "waiting"


def failing(job: Job) -> bool:
    """Whether the job's agent has met an error, and does nothing."""
    return job.activity is not None and job.activity.state == "error"
