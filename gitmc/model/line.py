"""Standing in line: which queued jobs may start now. Pure.

The jobs of one batch were asked for together, with a limit on how many of them run at once. They
start in the order in which they were asked for; batches do not wait for one another, unless there
is a bound for all of them together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gitmc.model.job import Job, State


def ready(jobs: Iterable[Job], most: int = 0) -> list[Job]:
    """The jobs that stand in line and have a place, in the order in which they should start.

    No more than `most` of all batches run at once; 0 for any number.
    """
    everyone = list(jobs)
    taken = Counter(job.queue.batch for job in everyone if job.queue and _has_place(job))
    first: list[Job] = []
    for job in sorted(everyone, key=lambda job: (job.created_at, job.name)):
        if job.queue is None or job.state is not State.QUEUED or not job.in_line:
            continue
        full = most and taken.total() >= most
        if not full and taken[job.queue.batch] < job.queue.limit:
            taken[job.queue.batch] += 1
            first.append(job)
    return first


def _has_place(job: Job) -> bool:
    return job.state is State.RUNNING or (job.state is State.QUEUED and not job.in_line)
