"""Standing in line: who may start, in which order, and never more than may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.job import Job, Launch, Process, Queue, Run, State
from gitmc.model.line import ready

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WAITS = Launch(None, new_branch=True)
UNDER_WAY = Launch(Process(7), new_branch=True)


def a_job(
    name: str,
    state: State = State.QUEUED,
    launch: Launch | None = None,
    queue: Queue | None = None,
    second: int = 0,
) -> Job:
    at = T0 + timedelta(seconds=second)
    job = Job(name, state, "command", f"mc/{name}", "main", "c0", "/w", "session", at)
    return job._replace(run=Run("r" + name), launch=launch, queue=queue)


@st.composite
def lines(draw: st.DrawFn) -> list[Job]:
    """Jobs of some batches: waiting, being launched, running and over."""
    limits = draw(st.dictionaries(st.sampled_from("abc"), st.integers(1, 3), min_size=1))
    jobs = []
    for number in range(draw(st.integers(0, 9))):
        batch = draw(st.sampled_from(sorted(limits)))
        state, launch = draw(
            st.sampled_from(
                [
                    (State.QUEUED, WAITS),
                    (State.QUEUED, WAITS),
                    (State.QUEUED, UNDER_WAY),
                    (State.RUNNING, None),
                    (State.COMPLETED, None),
                    (State.FAILED, None),
                    (State.STOPPED, WAITS),
                ]
            )
        )
        queue = Queue(batch, limits[batch]) if draw(st.integers(0, 5)) else None
        jobs.append(a_job(f"j{number}", state, launch, queue, draw(st.integers(0, 3))))
    return jobs


def busy(jobs: list[Job], batch: str) -> int:
    """How many jobs of the batch run or are being launched."""
    mine = [job for job in jobs if job.queue and job.queue.batch == batch]
    under_way = [j for j in mine if j.state is State.QUEUED and j.launch == UNDER_WAY]
    return len(under_way) + sum(j.state is State.RUNNING for j in mine)


@given(lines())
def test_as_many_start_as_may_and_no_more(jobs: list[Job]) -> None:
    first = ready(jobs)
    for queue in {job.queue for job in jobs if job.queue}:
        waiting = [j for j in jobs if j.queue == queue and j.state is State.QUEUED and j.in_line]
        room = max(0, queue.limit - busy(jobs, queue.batch))
        assert len([j for j in first if j.queue == queue]) == min(room, len(waiting))
    assert all(job in jobs and job.queue and job.launch == WAITS for job in first)


@given(lines(), st.randoms())
def test_who_was_asked_for_first_starts_first(jobs: list[Job], random: st.DataObject) -> None:
    first = ready(jobs)
    assert first == sorted(first, key=lambda job: (job.created_at, job.name))
    for job in first:
        earlier = [
            j for j in jobs
            if j.queue == job.queue and j.state is State.QUEUED and j.in_line
            and (j.created_at, j.name) < (job.created_at, job.name)
        ]  # fmt: skip
        assert all(j in first for j in earlier)
    mixed = list(jobs)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert ready(mixed) == first


def test_one_batch_does_not_wait_for_another() -> None:
    full, free = Queue("a", 1), Queue("b", 1)
    jobs = [
        a_job("one", State.RUNNING, None, full),
        a_job("two", State.QUEUED, WAITS, full),
        a_job("three", State.QUEUED, WAITS, free, second=5),
    ]
    assert [job.name for job in ready(jobs)] == ["three"]


def test_a_job_of_no_batch_never_stands_in_line() -> None:
    assert ready([a_job("one", State.QUEUED, UNDER_WAY)]) == []


@given(lines(), st.integers(1, 5))
def test_all_batches_together_stay_below_what_is_allowed_of_all(jobs: list[Job], most: int) -> None:
    started = ready(jobs, most)
    taken = [job for job in jobs if job.queue and (job.state is State.RUNNING or _launched(job))]
    assert len(taken) + len(started) <= max(most, len(taken))
    if len(taken) + len(started) < most:
        assert started == ready(jobs)


def _launched(job: Job) -> bool:
    return job.state is State.QUEUED and not job.in_line
