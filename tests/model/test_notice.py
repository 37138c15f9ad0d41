"""What is news: each event once, whatever else changes with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings

from gitmc.model.decide import Tell, news
from gitmc.model.facts import Facts, advance
from gitmc.model.job import Activity, Job, Phase, Report, Run, State, move
from gitmc.model.notice import Notice, noted
from tests.support.generated import RUN, facts, jobs

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = T0 + timedelta(seconds=9)
WORKING = Activity("working", T0, "hook")
WAITING = Activity("waiting", T0, "hook")
some = settings(max_examples=100, deadline=None)


def running(activity: Activity | None = None, said: Report | None = None) -> Job:
    return Job(
        *("one", State.RUNNING, "command", "mc/one", "main", "c0", "/w", "session", T0),
        run=Run(RUN),
        activity=activity,
        report=said,
    )


def reported(status: str, message: str = "", at: datetime = T0) -> Job:
    """A running job whose agent has said so."""
    state = "working" if status == "working" else "waiting"
    return running(Activity(state, at, "report"), Report(status, message, at))


def ended(job: Job, state: State) -> Job:
    run = job.run and job.run._replace(phase=Phase.ENDED)
    return move(job, state, run=run, activity=None, ended_at=LATER)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (running(), ended(running(), State.COMPLETED), ("completed",)),
        (running(), ended(running(), State.FAILED), ("failed",)),
        (running(), ended(running(), State.STOPPED), ()),
        (running(WORKING), running(WAITING), ("waiting",)),
        (running(), running(WAITING), ("waiting",)),
        (running(WAITING), running(WAITING._replace(since=LATER)), ()),
        (running(WAITING), running(WORKING), ()),
        (running(), running(Activity("idle", T0, "hook")), ()),
        (running(WORKING), running(Activity("error", T0, "agent")), ("error",)),
        (running(WAITING), running(Activity("error", T0, "agent")), ("error",)),
        (running(Activity("error", T0, "agent")), running(Activity("error", LATER, "agent")), ()),
        (running(), reported("blocked", "why?"), ("blocked",)),
        (running(), reported("needs_review"), ("needs_review",)),
        (running(), reported("working"), ()),
        (reported("working"), reported("blocked"), ("blocked",)),
        (reported("blocked", "a"), reported("blocked", "a", LATER), ()),
        (reported("blocked", "a"), reported("blocked", "b", LATER), ("blocked",)),
        (reported("blocked", "a"), reported("needs_review", "a", LATER), ("needs_review",)),
        (running(WAITING), reported("blocked"), ("blocked",)),
        (
            running(),
            ended(reported("needs_review"), State.COMPLETED),
            ("needs_review", "completed"),
        ),
        (running(), ended(reported("blocked"), State.COMPLETED), ("completed",)),
        (running(), ended(reported("blocked"), State.STOPPED), ()),
    ],
)
def test_a_change_is_told_by_its_word(before: Job, after: Job, told: tuple[str, ...]) -> None:
    job = noted(before, after)
    assert job.untold == told
    assert noted(job, job) is job
    assert news([job]) == ([Tell("one")] if told else [])


def test_a_merge_is_nobodys_news() -> None:
    job = ended(running(), State.COMPLETED)
    for state in (State.READY_TO_MERGE, State.MERGING, State.MERGED):
        after = move(job, state)
        assert noted(job, after) is after
        job = after


def test_of_a_kind_one_is_kept_and_a_report_says_more_than_that_it_waits() -> None:
    job = noted(running(), running(WAITING))
    job = noted(job, job._replace(activity=WORKING))
    job = noted(job, job._replace(activity=WAITING))
    assert job.untold == ("waiting",)
    assert noted(job, reported("blocked")._replace(untold=job.untold)).untold == ("blocked",)


def test_the_end_of_a_run_drops_that_it_waited() -> None:
    asks = noted(running(), running(WAITING))
    blocked = noted(running(), reported("blocked", "a"))
    for job in (asks, blocked):
        assert noted(job, ended(job, State.STOPPED)).untold == ()
        assert noted(job, ended(job, State.FAILED)).untold == ("failed",)
    review = noted(running(), reported("needs_review"))
    assert noted(review, ended(review, State.COMPLETED)).untold == ("needs_review", "completed")


def test_one_who_said_completed_and_failed_has_failed() -> None:
    done = noted(running(), move(running(), State.COMPLETED))
    assert noted(done, ended(done, State.FAILED)).untold == ("failed",)


@some
@given(jobs(), facts())
def test_the_same_facts_are_no_news_a_second_time(job: Job, seen: Facts) -> None:
    once = noted(job, advance(job, seen))
    told = once._replace(untold=())
    assert noted(told, advance(told, seen)).untold == ()
    assert len(set(once.untold)) == len(once.untold) or job.untold


def test_a_notice_has_the_words_and_the_time_of_its_event() -> None:
    asks = reported("blocked", "which?", LATER)
    assert (Notice("blocked", asks).message, Notice("blocked", asks).at) == ("which?", LATER)
    waits = asks._replace(activity=WAITING)
    assert (Notice("waiting", waits).message, Notice("waiting", waits).at) == (None, T0)
    over = ended(running(), State.FAILED)
    assert (Notice("failed", over).message, Notice("failed", over).at) == (None, LATER)
    assert Notice("waiting", running()).at == T0
