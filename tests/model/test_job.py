"""The states of a job and the moves between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.util import find_spec

import pytest
from hypothesis import given

from gitmc.errors import Fatal
from gitmc.model import job as model
from gitmc.model.job import (
    FINAL,
    TRANSITIONS,
    WAYS_OUT,
    IllegalMoveError,
    Job,
    Landing,
    Launch,
    Phase,
    Process,
    Run,
    State,
    move,
    with_phase,
)
from tests.support.generated import jobs

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ILLEGAL = [(a, b) for a in State for b in State if b not in TRANSITIONS[a]]


def a_job(state: State = State.RUNNING, run: Run | None = None) -> Job:
    return Job("one", state, "command", "mc/one", "main", "c0", "/w", "session", T0, run=run)


def reachable(start: State) -> set[State]:
    seen: set[State] = set()
    todo = [start]
    while todo:
        state = todo.pop()
        if state not in seen:
            seen.add(state)
            todo.extend(TRANSITIONS[state])
    return seen


def test_every_state_can_be_reached_from_the_first_ones() -> None:
    assert reachable(State.QUEUED) == set(State) - {State.WAITING_DEPS, State.BLOCKED}
    assert reachable(State.WAITING_DEPS) == set(State)


@pytest.mark.parametrize("state", State)
def test_every_state_leads_to_a_final_one(state: State) -> None:
    assert reachable(state) & FINAL


@pytest.mark.parametrize("state", State)
def test_exactly_the_states_without_moves_are_final_and_lack_a_way_out(state: State) -> None:
    assert (state in FINAL) == (state in (State.MERGED, State.CANCELED)) == (not TRANSITIONS[state])
    assert (state not in FINAL) == bool(WAYS_OUT.get(state))


def test_every_way_out_is_a_command() -> None:
    for verb in {verb for verbs in WAYS_OUT.values() for verb in verbs}:
        assert find_spec(f"gitmc.cli.{verb}"), verb


def test_the_drawing_names_every_state_and_phase() -> None:
    drawing = model.__doc__ or ""
    for word in (*State, *Phase):
        assert word in drawing


@pytest.mark.parametrize(("start", "to"), ILLEGAL)
def test_a_move_that_is_not_in_the_table_raises(start: State, to: State) -> None:
    job = a_job(start)
    with pytest.raises(IllegalMoveError, match=f"'one' cannot go from {start} to {to}") as raised:
        move(job, to)
    assert isinstance(raised.value, Fatal)
    assert job.state is start


@given(jobs())
def test_a_legal_move_changes_the_state_and_what_is_asked_for_only(job: Job) -> None:
    for to in TRANSITIONS[job.state]:
        moved = move(job, to, reason="because")
        assert (moved.state, moved.reason) == (to, "because")
        assert moved._replace(state=job.state, reason=job.reason) == job


@pytest.mark.parametrize(
    ("phase", "live", "settled"),
    [
        (None, False, True),
        (Phase.LIVE, True, False),
        (Phase.ENDED, True, False),
        (Phase.SWEPT, False, False),
        (Phase.CLOSED, False, True),
    ],
)
def test_a_run_is_live_until_it_is_swept_and_settled_when_closed(
    phase: Phase | None, live: bool, settled: bool
) -> None:
    job = a_job(run=None if phase is None else Run("r", phase))
    assert (job.live, job.settled) == (live, settled)


def test_a_launch_or_landing_under_way_is_not_settled() -> None:
    us = Process(1)
    assert not a_job()._replace(launch=Launch(us, True)).settled
    assert not a_job()._replace(landing=Landing(us, "t", "e", "c", "h")).settled


def test_a_phase_changes_the_run_alone() -> None:
    job = a_job(run=Run("r", stop="why"))
    assert with_phase(job, Phase.SWEPT).run == Run("r", Phase.SWEPT, None, "why")
    assert with_phase(a_job(), Phase.SWEPT) == a_job()


def test_a_run_takes_from_its_start_to_its_end_or_until_now() -> None:
    job = a_job()
    now = T0 + timedelta(seconds=9)
    assert job.seconds(now) is None
    job = job._replace(started_at=T0)
    assert job.seconds(now) == 9
    assert job.seconds(T0 - timedelta(seconds=1)) == 0
    assert job._replace(ended_at=T0 + timedelta(seconds=4)).seconds(now) == 4
