"""The list of jobs. Free of click, so that `git mc jobs` starts quickly."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from gitmc.cli.render import (
    COLOURS,
    Output,
    age,
    current_jobs,
    mission_here,
    note,
    print_json,
    print_records,
    print_table,
    since,
)
from gitmc.control.mission import Mission
from gitmc.control.view import ahead, objects
from gitmc.model.job import Job, State

Counts = Mapping[str, int | None]
"""By job: how many commits it is ahead."""

HEAD = ("NAME", "STATE", "ACTIVITY", "TIME", "AHEAD", "NOTE")


def list_jobs(
    patterns: Sequence[str],
    states: Sequence[str],
    out: Output,
    *,
    plan: str | None = None,
    porcelain: bool = False,
    nul: bool = False,
) -> int:
    """Print the jobs whose name is like one of `patterns` and whose state is one of `states`."""
    mission = mission_here()
    jobs = chosen(current_jobs(mission, out, wait=False), patterns, states, plan)
    if out.json:
        print_json("mc.jobs/1", {"jobs": objects(mission, jobs)})
    elif porcelain or nul:
        print_records(_records(mission, jobs), nul=nul)
    elif jobs:
        show(mission, jobs, ahead(mission, jobs))
    else:
        out.say("no jobs" if not (patterns or states or plan) else "no such jobs")
    return 0


def chosen(
    jobs: Iterable[Job], patterns: Sequence[str], states: Sequence[str], plan: str | None = None
) -> list[Job]:
    """The jobs whose name is like one of `patterns`, if any, whose state is one of `states`, and
    that are of `plan`, an id."""
    return [
        job
        for job in jobs
        if (not states or job.state in states)
        and plan in (None, job.plan)
        and (not patterns or any(fnmatch.fnmatchcase(job.name, p) for p in patterns))
    ]


def show(mission: Mission, jobs: Sequence[Job], counts: Counts) -> None:
    """The table of `jobs`."""
    print_table(HEAD, rows(mission, jobs, counts), [COLOURS[job.state] for job in jobs])


def rows(mission: Mission, jobs: Sequence[Job], counts: Counts) -> list[tuple[str, ...]]:
    """The rows of that table."""
    now = mission.now()
    return [
        (
            job.name,
            str(job.state),
            activity_since(job, now),
            age(job, now),
            _count(counts[job.name]),
            note(job),
        )
        for job in jobs
    ]


def activity(job: Job) -> str:
    """What the job's agent does, in a word; a dash where it does nothing any more."""
    if job.state is not State.RUNNING:
        return "-"
    return job.activity.state if job.activity else "unknown"


def activity_since(job: Job, now: datetime) -> str:
    """The same, with since when in short."""
    if job.activity is None or job.state is not State.RUNNING:
        return activity(job)
    return f"{activity(job)} {since(job.activity.since, now)}"


def _count(number: int | None) -> str:
    return "?" if number is None else str(number)


def _records(mission: Mission, jobs: Sequence[Job]) -> list[tuple[str, ...]]:
    counts = ahead(mission, jobs)
    return [
        (
            job.name,
            str(job.state),
            activity(job),
            job.agent,
            job.branch,
            job.base,
            _count(counts[job.name]),
            "" if job.exit_status is None else str(job.exit_status),
            job.worktree,
        )
        for job in jobs
    ]
