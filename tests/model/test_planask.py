"""What can be asked of a plan, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gitmc.errors import Refused
from gitmc.model.plan import (
    ANSWERS,
    MOST_CORRECTIONS,
    Checkpoint,
    Kind,
    Mode,
    Plan,
    PlanJob,
    PlanState,
    Trouble,
    with_job,
)
from gitmc.model.planask import (
    answered,
    approved,
    canceled,
    command_of,
    commands_of,
    paused,
    runs_again,
    skipped,
)
from gitmc.model.planwait import checkpoints

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def a_plan(*jobs: PlanJob, mode: Mode = Mode.AUTOPILOT, **more: object) -> Plan:
    plan = Plan("p", "p", mode, PlanState.RUNNING, "main", "c", "mc/integration/p", NOW, jobs)
    return plan._replace(**more)  # type: ignore[arg-type]


def in_trouble(kind: Kind, **more: object) -> Plan:
    job = PlanJob("a", run="r1", checked="h1", trouble=Trouble(kind, "why"))
    return a_plan(job._replace(**more), PlanJob("b", ("a",)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "answer"), [(kind, answer) for kind, able in ANSWERS.items() for answer in able]
)
def test_each_answer_ends_the_trouble(kind: Kind, answer: str) -> None:
    job = answered(in_trouble(kind), answer, "a").job("a")
    assert job is not None
    assert job.trouble is None
    assert bool(job.skipped) == (answer == "skip")
    assert bool(job.accepted) == (answer == "accept")


@pytest.mark.parametrize("kind", Kind)
def test_any_other_answer_is_refused_and_says_which_there_are(kind: Kind) -> None:
    for answer in {"retry", "relaunch", "accept", "skip"} - set(ANSWERS[kind]):
        with pytest.raises(Refused) as refused:
            answered(in_trouble(kind), answer, "a")
        assert all(f"--{able} a" in (refused.value.hint or "") for able in ANSWERS[kind])


def test_an_agent_is_not_corrected_for_ever() -> None:
    plan = in_trouble(Kind.TEST, corrections=MOST_CORRECTIONS)
    with pytest.raises(Refused, match="3 times"):
        answered(plan, "relaunch", "a")
    assert answered(plan, "retry", "a").job("a") is not None


def test_a_retry_runs_the_agent_only_where_the_agent_failed() -> None:
    assert runs_again(in_trouble(Kind.AGENT), "retry", "a")
    assert not runs_again(in_trouble(Kind.TEST), "retry", "a")
    assert runs_again(in_trouble(Kind.TEST), "relaunch", "a")


def test_what_is_accepted_is_the_head_or_the_run_that_was_seen() -> None:
    touched = answered(in_trouble(Kind.TOUCH), "accept", "a").job("a")
    failed = answered(in_trouble(Kind.AGENT), "accept", "a").job("a")
    assert touched and touched.accepted == ("h1",)
    assert failed and failed.accepted == ("r1",)


def test_an_approval_clears_what_it_names_and_nothing_else() -> None:
    plan = a_plan(PlanJob("a", checked="h1"), PlanJob("b", checked="h2"), mode=Mode.SUPERVISOR)
    first, second = checkpoints(plan, "t")
    assert command_of(plan, first) == "git mc plan approve p --checkpoint pre_merge:a"
    now = approved(plan, "t", "pre_merge:b")
    assert checkpoints(now, "t") == [first]
    assert checkpoints(approved(plan, "t"), "t") == [second]
    for wrong in ("pre_pr", "on_error", "pre_merge:c", "nothing"):
        with pytest.raises(Refused):
            approved(plan, "t", wrong)
    moved = with_job(now, PlanJob("b", checked="h3", approved="h2"))
    assert len(checkpoints(moved, "t")) == 2, "another head is asked about anew"


def test_the_last_checkpoint_belongs_to_the_head_of_the_integration_branch() -> None:
    done = PlanJob("a", merged_at=NOW)
    plan = a_plan(done, mode=Mode.SUPERVISOR)
    now = approved(plan, "t1", "pre_pr")
    assert checkpoints(now, "t1") == []
    assert [one.type for one in checkpoints(now, "t2")] == ["pre_pr"]
    with pytest.raises(Refused, match="no checkpoint"):
        approved(now, "t1")


def test_a_troubled_job_takes_no_plain_approval_but_one_that_wants_a_review_does() -> None:
    with pytest.raises(Refused, match="needs an answer"):
        approved(in_trouble(Kind.TEST), "t")
    job = approved(in_trouble(Kind.REVIEW), "t").job("a")
    assert job and job.accepted == ("r1",)


def test_the_trouble_of_the_whole_plan_is_cleared_by_a_plain_approval() -> None:
    plan = a_plan(PlanJob("a"), trouble=Trouble(Kind.GIT, "no network"))
    assert approved(plan, "t", "on_error").trouble is None


def test_what_is_skipped_or_dropped() -> None:
    plan = a_plan(PlanJob("a"), PlanJob("b", ("a",)), PlanJob("c", ("b",)), PlanJob("d"))
    assert [job.skipped for job in skipped(plan, "a").jobs] == ["skipped", None, None, None]
    dropped = skipped(plan, "a", dependents_too=True)
    assert [bool(job.skipped) for job in dropped.jobs] == [True, True, True, False]
    for again in (dropped, a_plan(PlanJob("a", merged_at=NOW)), a_plan(PlanJob("a", joined="h"))):
        with pytest.raises(Refused):
            skipped(again, "a")
    with pytest.raises(Refused, match="no job 'x'"):
        skipped(plan, "x")


def test_a_plan_that_has_ended_is_asked_nothing() -> None:
    over = canceled(a_plan(PlanJob("a")))
    asked: list[Callable[[], Plan]] = [
        lambda: approved(over, "t"),
        lambda: answered(over, "skip", "a"),
        lambda: skipped(over, "a"),
        lambda: paused(over, on=True),
        lambda: canceled(over),
    ]
    for ask in asked:
        with pytest.raises(Refused, match="canceled already"):
            ask()


def test_pausing_twice_is_refused() -> None:
    plan = paused(a_plan(PlanJob("a")), on=True)
    with pytest.raises(Refused, match="paused already"):
        paused(plan, on=True)
    with pytest.raises(Refused, match="not paused"):
        paused(paused(plan, on=False), on=False)


def test_every_answer_is_shown_as_a_command() -> None:
    plan = in_trouble(Kind.TEST)
    (one,) = checkpoints(plan, "t")
    assert commands_of(plan, one) == [
        f"git mc plan approve p --{answer} a" for answer in ANSWERS[Kind.TEST]
    ]
    assert commands_of(plan, Checkpoint("pre_pr", None, "")) == [
        "git mc plan approve p --checkpoint pre_pr"
    ]
