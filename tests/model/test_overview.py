"""The overview: who needs a person first, and what to type."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gitmc.errors import Clash
from gitmc.model.job import NO_CHANGES, Activity, Job, Report, State
from gitmc.model.overview import RECENT, needs_person, overview, since, suggestions, why
from gitmc.model.radar import Answer, Finding, Predicted
from tests.support.generated import jobs

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def at(second: int) -> datetime:
    return T0 + timedelta(seconds=second)


def a_job(name: str, state: State = State.RUNNING, second: int = 0) -> Job:
    words = (name, state, "command", f"mc/{name}", "main", "c0", "/w", "session", at(second))
    return Job(*words, ended_at=None if state is State.RUNNING else at(second + 9))


def asking(name: str, second: int, status: str = "blocked", state: State = State.RUNNING) -> Job:
    word = Report(status, "which?", at(second))
    return a_job(name, state)._replace(
        report=word, activity=Activity("waiting", at(second), "report")
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(jobs(), max_size=6))
def test_every_job_stands_under_one_state_and_none_is_lost(some: list[Job]) -> None:
    found = overview(some)
    by_state = [*found.running, *found.queued, *found.finished, *found.failed]
    assert sorted(map(repr, by_state)) == sorted(map(repr, some))
    assert all(needs_person(job) for job in found.waiting)
    assert len(found.waiting) == sum(map(needs_person, some))
    assert [needs_person(job) for job in found.running] == sorted(
        map(needs_person, found.running), reverse=True
    )


def test_who_has_waited_longest_comes_first_with_the_words_that_were_said() -> None:
    hook = a_job("hook")._replace(activity=Activity("waiting", at(2), "hook"))
    review = asking("review", 1, "needs_review", State.COMPLETED)
    found = overview([asking("late", 3), hook, review, a_job("busy")])
    assert [job.name for job in found.waiting] == ["review", "hook", "late"]
    assert [since(job) for job in found.waiting] == [at(1), at(2), at(3)]
    assert [why(job) for job in found.waiting] == [
        "needs_review: which?",
        "its agent waits for an answer in its terminal",
        "blocked: which?",
    ]


def test_a_word_of_an_earlier_time_is_not_why_it_waits_now() -> None:
    job = asking("one", 1)._replace(activity=Activity("working", at(2), "hook"))
    assert not needs_person(job)
    assert not needs_person(asking("two", 1, "blocked", State.COMPLETED))
    waits = job._replace(activity=Activity("waiting", at(3), "hook"))
    assert (why(waits), since(waits)) == ("its agent waits for an answer in its terminal", at(3))


def test_the_next_steps_are_the_most_pressing_ones_and_not_too_many() -> None:
    some = [asking("asks", 1), asking("review", 1, "needs_review", State.COMPLETED)]
    some += [a_job("bad", State.FAILED), a_job("halted", State.STOPPED)]
    some += [a_job(f"done{n}", State.COMPLETED, n) for n in (1, 2)]
    some += [a_job(f"in{n}", State.MERGED) for n in range(9)]
    assert suggestions(overview(some), Predicted()) == [
        "git mc attach asks",
        "git mc send asks TEXT",
        "git mc status bad",
        "git mc status halted",
        "git mc status review",
        "git mc relaunch bad",
        "git mc merge review",
        "git mc merge done1",
        "git mc merge done2",
        "git mc cleanup in0 in1 in2 in3 in4",
    ]
    first, *_ = suggestions(overview(some), Predicted(), {"asks"})
    assert first == "git mc answer asks"
    idle = a_job("idle", State.COMPLETED)._replace(reason=NO_CHANGES)
    assert suggestions(overview([idle]), Predicted()) == ["git mc status idle"]
    many = [a_job(f"j{n:03}", State.FAILED) for n in range(100)]
    assert len(suggestions(overview(many), Predicted())) == 2 * RECENT


def test_who_would_conflict_is_to_be_synced_or_looked_at() -> None:
    there = Answer((Clash("a", ("content",)),))
    some = [Finding("one", "main", True, there), Finding("one", "two", False, there)]
    some += [Finding("one", "three", False, there)]
    done = [a_job("one", State.COMPLETED)]
    assert suggestions(overview(done), Predicted(conflicts=tuple(some))) == [
        "git mc sync one",
        "git mc merge one",
        "git mc diff one",
        "git mc diff two",
        "git mc diff three",
    ]
