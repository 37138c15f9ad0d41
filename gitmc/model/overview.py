"""The overview: which jobs are shown under which heading, and what to type next. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from gitmc.model.job import NO_CHANGES, Job, State
from gitmc.model.notice import CALLS, failing, waits
from gitmc.model.radar import Predicted

FAILED = frozenset({State.FAILED, State.STOPPED, State.CONFLICT, State.NEEDS_REBASE})

RECENT = 5
"""How many of those that are over are shown, and how many suggestions of a kind."""


class Overview(NamedTuple):
    """Jobs by heading, the most pressing first. Who waits stands under his state as well."""

    waiting: list[Job]
    running: list[Job]
    queued: list[Job]
    finished: list[Job]
    failed: list[Job]


def overview(jobs: Iterable[Job]) -> Overview:
    """Every job under its heading."""
    by_age = sorted(jobs, key=lambda job: (job.created_at, job.name))
    waiting = sorted(filter(needs_person, by_age), key=since)
    running = [job for job in by_age if job.state is State.RUNNING]
    running.sort(key=lambda job: not needs_person(job))
    queued = [job for job in by_age if job.unstarted]
    over = [job for job in by_age if not job.unstarted and job.state is not State.RUNNING]
    over.sort(key=lambda job: job.ended_at or job.created_at, reverse=True)
    return Overview(
        waiting,
        running,
        queued,
        finished=[job for job in over if job.state not in FAILED],
        failed=[job for job in over if job.state in FAILED],
    )


def needs_person(job: Job) -> bool:
    """Whether the job gets no further without a person: its agent asks, or wants a review."""
    if job.state is State.RUNNING:
        return waits(job) or failing(job)
    asked = job.report is not None and job.report.status == "needs_review"
    return job.state is State.COMPLETED and asked


def since(job: Job) -> datetime:
    """Since when the job has needed a person."""
    if job.state is State.RUNNING and job.activity is not None:
        return job.activity.since
    return job.report.at if job.report else job.created_at


def why(job: Job) -> str:
    """Why the job needs a person, in its agent's own words where it has said any."""
    said = job.report is not None and job.report.status in CALLS
    by_hook = job.state is State.RUNNING and job.activity and job.activity.source != "report"
    if job.report is not None and said and not by_hook:
        return f"{job.report.status}: {job.report.message}"
    if failing(job):
        return "its agent has met an error, which its terminal shows"
    return "its agent waits for an answer in its terminal"


def suggestions(
    found: Overview, predicted: Predicted, answerable: Collection[str] = ()
) -> list[str]:
    """Commands that somebody who sees this is likely to want, the most pressing first.

    `answerable` are the names of the jobs whose agents ask what can be answered from here.
    """
    asking = [job for job in found.waiting if job.state is State.RUNNING]
    # What a plan's jobs need, the plan says.
    completed = [job for job in found.finished if job.state is State.COMPLETED and job.plan is None]
    idle = [job for job in completed if job.reason == NO_CHANGES]
    merged = [job.name for job in found.finished if job.state is State.MERGED]
    kinds: Sequence[Iterator[str]] = (
        (f"{'answer' if job.name in answerable else 'attach'} {job.name}" for job in asking),
        (f"send {job.name} TEXT" for job in asking if why(job).startswith(CALLS)),
        (f"status {job.name}" for job in (*found.failed, *_to_review(found), *idle)),
        (
            f"relaunch {job.name}"
            for job in found.failed
            if job.state is State.FAILED and job.plan is None
        ),
        (f"sync {one.job}" for one in predicted.conflicts if one.on_base),
        (f"merge {job.name}" for job in reversed(completed) if job not in idle),
        (f"diff {name}" for name in _at_odds(predicted)),
        iter(["cleanup " + " ".join(sorted(merged)[:RECENT])] if merged else []),
    )
    lines = [line for kind in kinds for line in islice(kind, RECENT)]
    return [f"git mc {line}" for line in lines]


def _at_odds(predicted: Predicted) -> dict[str, None]:
    """The jobs that would conflict with one another, each once."""
    pairs = [(one.job, one.other) for one in predicted.conflicts if not one.on_base]
    return dict.fromkeys(name for both in pairs for name in both)


def _to_review(found: Overview) -> list[Job]:
    return [job for job in found.waiting if job.state is State.COMPLETED]
