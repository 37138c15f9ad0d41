"""What is due: each action once, until every ended run is closed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmc.control.loop import ROUNDS
from gitmc.model.decide import (
    Action,
    CloseRun,
    FinishLanding,
    LaunchQueued,
    SweepRun,
    UndoLaunch,
    decide,
)
from gitmc.model.facts import Facts, PaneSeen, advance
from gitmc.model.job import Job, Landing, Launch, Phase, Process, Run, State, move, with_phase
from gitmc.model.line import ready
from gitmc.model.marker import Marker
from tests.support.generated import RUN, facts, jobs

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
some = settings(max_examples=50, deadline=None)
OWNER = Process(1)


def a_job(state: State = State.RUNNING, phase: Phase | None = Phase.LIVE) -> Job:
    run = Run(RUN, phase) if phase else None
    return Job("one", state, "command", "mc/one", "main", "c0", "/w", "session", T0, run=run)


def told(actions: list[Action]) -> list[str]:
    """Actions with their kind: two tuples of the same words would be equal."""
    return [repr(action) for action in actions]


def acted(jobs: list[Job], action: Action) -> list[Job]:
    """The jobs as act leaves them."""
    after: list[Job] = []
    for job in jobs:
        if job.name != action.job:
            after.append(job)
            continue
        match action:
            case SweepRun():
                after.append(with_phase(job, Phase.SWEPT))
            case CloseRun():
                after.append(with_phase(job, Phase.CLOSED))
            case FinishLanding():
                after.append(move(job, State.MERGED, landing=None))
            case LaunchQueued():
                assert job.launch is not None
                after.append(job._replace(launch=job.launch._replace(owner=OWNER)))
            case UndoLaunch():
                continue
    return after


def renamed(job: Job, number: int) -> Job:
    run = job.run and job.run._replace(id=f"{RUN}{number}")
    return job._replace(name=f"one{number}", run=run)


def joined(all_facts: list[Facts]) -> Facts:
    """The facts of jobs `one0`, `one1` … with their runs, as one."""
    whole = Facts(now=T0, boot="boot-1")
    for number, one in enumerate(all_facts):
        run = f"{RUN}{number}"
        whole = whole._replace(
            markers=whole.markers
            + tuple(Marker(run, m.kind, m.source, m.value) for m in one.markers),
            gone=whole.gone | {run for _ in one.gone},
            panes={**whole.panes, **({run: one.panes[RUN]} if one.panes else {})},
            ownerless=whole.ownerless | {f"one{number}" for _ in one.ownerless},
            spec_taken=whole.spec_taken | {run for _ in one.spec_taken},
        )
    return whole


@some
@given(st.lists(st.tuples(jobs(), facts()), max_size=4))
def test_the_loop_does_each_action_once_and_closes_every_run_that_is_over(
    world: list[tuple[Job, Facts]],
) -> None:
    now = [renamed(job, number) for number, (job, _) in enumerate(world)]
    seen = joined([fact for _, fact in world])
    done: set[str] = set()
    for _ in range(ROUNDS):
        now = [advance(job, seen) for job in now]
        due = decide(now, seen)
        if not due:
            break
        assert not done & set(told(due)), "an action that was done is due again"
        done |= set(told(due))
        for action in due:
            now = acted(now, action)
    assert decide(now, seen) == []
    for job in now:
        over = job.run is not None and job.run.id in seen.gone and job.run.id in seen.panes
        if over and job.run is not None and job.state is not State.QUEUED:
            pane = seen.panes[job.run.id]
            closed = pane is None or pane.dead
            assert job.run.phase is Phase.CLOSED or (not closed and job.run.phase is Phase.SWEPT)


@some
@given(st.lists(st.tuples(jobs(), facts()), max_size=4))
def test_deciding_changes_nothing_and_follows_the_order_of_the_jobs(
    world: list[tuple[Job, Facts]],
) -> None:
    now = [renamed(job, number) for number, (job, _) in enumerate(world)]
    seen = joined([fact for _, fact in world])
    due = decide(now, seen)
    assert told(decide(now, seen)) == told(due)
    names = [action.job for action in due]
    assert len(set(names)) == len(names)
    lined = [action.job for action in due if isinstance(action, LaunchQueued)]
    first = names[: len(names) - len(lined)]
    assert lined == [job.name for job in ready(now) if job.name not in first]
    assert first == [job.name for job in now if job.name in first]


SEEN = Facts(now=T0, gone=frozenset({RUN}), panes={RUN: None})


@pytest.mark.parametrize(
    ("phase", "pane", "due"),
    [
        (Phase.LIVE, None, []),
        (Phase.ENDED, None, [SweepRun("one", RUN)]),
        (Phase.ENDED, PaneSeen(False), [SweepRun("one", RUN)]),
        (Phase.SWEPT, None, [CloseRun("one", RUN)]),
        (Phase.SWEPT, PaneSeen(True, "0"), [CloseRun("one", RUN)]),
        (Phase.SWEPT, PaneSeen(False), []),
        (Phase.CLOSED, None, []),
        (None, None, []),
    ],
)
def test_a_run_is_swept_when_it_ended_and_closed_when_its_pane_is_dead(
    phase: Phase | None, pane: PaneSeen | None, due: list[Action]
) -> None:
    seen = SEEN._replace(panes={RUN: pane})
    assert told(decide([a_job(State.COMPLETED, phase)], seen)) == told(due)


@pytest.mark.parametrize("phase", [Phase.ENDED, Phase.SWEPT])
def test_nothing_is_due_while_the_launcher_is_there(phase: Phase) -> None:
    assert decide([a_job(State.COMPLETED, phase)], Facts(now=T0, panes={RUN: None})) == []


def test_a_pane_that_was_not_asked_about_is_not_taken_for_dead() -> None:
    seen = SEEN._replace(panes={})
    assert decide([a_job(State.COMPLETED, Phase.SWEPT)], seen) == []


def test_a_launch_is_undone_only_when_its_owner_is_gone() -> None:
    job = a_job(State.QUEUED)._replace(launch=Launch(OWNER, True))
    assert decide([job], Facts(now=T0)) == []
    seen = Facts(now=T0, ownerless=frozenset({"one"}))
    assert told(decide([job], seen)) == ["UndoLaunch(job='one')"]


def test_a_landing_is_finished_only_when_its_owner_is_gone() -> None:
    landing = Landing(OWNER, "main", "e", "c", "h")
    job = a_job(State.MERGING, Phase.CLOSED)._replace(landing=landing)
    assert decide([job], Facts(now=T0)) == []
    seen = Facts(now=T0, ownerless=frozenset({"one"}))
    assert told(decide([job], seen)) == ["FinishLanding(job='one')"]
