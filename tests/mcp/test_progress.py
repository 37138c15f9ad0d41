"""How far a command is, by what it says: no server, no process."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gitmc.cli.wait import News
from gitmc.mcp.progress import Lines, Step
from gitmc.model.job import Activity, Job, Report, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DONE = {State.COMPLETED}


def job(name: str, state: State = State.RUNNING) -> Job:
    return Job(name, state, "sh", f"mc/{name}", "main", "0" * 40, f"/w/{name}", "session", NOW)


def steps(lines: Iterable[str], *, counted: bool = True) -> list[Step | None]:
    told = Lines(counted=counted)
    return [told.step(line) for line in lines]


def test_a_line_is_worth_its_number_and_more_of_the_same_a_little_more() -> None:
    half = steps(
        ["warning: x", "0 of 2: a is running", "1 of 2: a is completed", "1 of 2: b: 3 of 9"]
    )
    assert half == [Step(1 / 101), Step(2 / 102, 2), Step(1, 2), Step(1 + 1 / 101, 2)]


def test_after_the_last_number_there_is_no_more_unless_the_total_grows() -> None:
    assert steps(["1 of 1: landed a", "1 of 1: passed a", "hint: x", "1 of 2: testing b"]) == [
        Step(1, 1), None, None, Step(1 + 1 / 101, 2),
    ]  # fmt: skip


def test_a_number_that_falls_takes_nothing_back() -> None:
    assert steps(["2 of 3: a", "1 of 3: a is running again"]) == [Step(2, 3), Step(2 + 1 / 101, 3)]


def test_lines_without_numbers_are_counted() -> None:
    assert steps(["a", "7 of 9: b", ""], counted=False) == [Step(1), Step(2), Step(3)]


LINE = st.text(max_size=9) | st.builds("{} of {}: x".format, st.integers(0, 9), st.integers(0, 9))


@given(st.lists(LINE, max_size=30), st.booleans())
def test_whatever_is_said_the_value_grows(lines: list[str], counted: bool) -> None:
    values = [step.value for step in steps(lines, counted=counted) if step]
    assert values == sorted(set(values))


def test_news_of_jobs_begin_with_how_many_are_there() -> None:
    news = News(3, DONE)
    a, b, c = job("a", State.COMPLETED), job("b"), job("c")
    assert list(news.of([a, b, c])) == ["1 of 3: a is completed"]
    assert list(news.of([a, b, c])) == []
    b, c = b._replace(state=State.COMPLETED), c._replace(state=State.COMPLETED)
    assert list(news.of([a, b, c])) == ["2 of 3: b is completed", "3 of 3: c is completed"]


def test_news_are_of_reports_and_of_who_waits_for_a_person_too() -> None:
    news = News(1, DONE)
    one = job("one")
    assert list(news.of([one])) == []
    one = one._replace(report=Report("working", "wrote\nthe parser", NOW, 40))
    assert list(news.of([one])) == ["0 of 1: one is running: 40% working: wrote the parser"]
    one = one._replace(report=None, activity=Activity("waiting", NOW, "bell"))
    assert list(news.of([one])) == ["0 of 1: one is running (waiting)"]
    one = one._replace(state=State.FAILED, activity=None, reason="exit status 3")
    assert list(news.of([one])) == ["0 of 1: one is failed: exit status 3"]


def test_a_job_that_was_there_and_is_removed_stays_counted() -> None:
    news = News(2, DONE)
    assert list(news.of([job("a", State.COMPLETED), job("b")])) == ["1 of 2: a is completed"]
    assert list(news.of([job("b", State.COMPLETED)])) == ["2 of 2: b is completed"]


def test_why_a_job_got_there_is_no_news() -> None:
    news = News(1, DONE)
    one = job("one", State.COMPLETED)
    assert list(news.of([one])) == ["1 of 1: one is completed"]
    assert list(news.of([one._replace(reason="no changes")])) == []
