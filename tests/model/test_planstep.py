"""Random plans, outcomes, answers and kills: a plan always ends, and in order."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitmc.model.job import FINAL as JOB_FINAL
from gitmc.model.job import State
from gitmc.model.plan import FINAL, PlanState
from gitmc.model.planwait import checkpoints
from tests.support.plans import PlanWorld, told

MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

MOST = 4000
"""Far more rounds than any of these plans needs."""


def run(world: PlanWorld, *, meddling: int = 0, answers: bool = True) -> None:
    """Let things happen until the plan is over, or waits for somebody."""
    for round_ in range(MOST):
        before = list(world.landed)
        if meddling and world.random.random() < 0.1:
            meddling -= 1
            world.meddle()
        busy = world.look()
        chance = world.random.random()
        happened = chance < 0.7 and world.happen()
        assert world.landed[: len(before)] == before
        if busy or happened:
            continue
        if world.happen():
            continue
        if world.plan.state in FINAL:
            return
        if not answers:
            return
        assert world.ask(only_skip=round_ > MOST // 2), (
            f"stuck in {world.plan.state}: {told(world.jobs)} {world.plan.jobs}"
        )
    pytest.fail(f"no end: {world.plan.state} {told(world.jobs)}")


@MANY
@given(st.integers(0, 2**32), st.sampled_from([4, 12, 40]))
def test_a_plan_always_ends_whatever_happens(seed: int, size: int) -> None:
    world = PlanWorld(seed, size)
    run(world, meddling=world.random.choice((0, 0, 5)))
    assert world.plan.state in FINAL
    for known in world.plan.jobs:
        assert known.done
        job = world.jobs.get(known.name)
        if known.merged_at:
            assert known.name in world.landed
        elif job is not None:
            assert not job.held
    assert len(set(world.landed)) == len(world.landed), "landed twice"
    if world.plan.state is PlanState.COMPLETED:
        assert world.pushed


@MANY
@given(st.integers(0, 2**32))
def test_with_no_trouble_all_of_it_lands_and_dependents_start_from_what_they_need(
    seed: int,
) -> None:
    world = PlanWorld(seed, trouble=0.0)
    run(world)
    assert set(world.landed) == {job.name for job in world.plan.jobs}
    for job in world.plan.jobs:
        assert set(job.depends_on) <= world.started_from[job.name]


@MANY
@given(st.integers(0, 2**32))
def test_where_it_waits_it_names_the_command_and_everything_else_has_moved(seed: int) -> None:
    world = PlanWorld(seed, kills=0.0)
    run(world, answers=False)
    if world.plan.state in FINAL:
        return
    assert world.plan.state in (PlanState.PAUSED, PlanState.PENDING)
    waiting = checkpoints(world.plan, world.tip)
    assert waiting or not world.plan.approved
    if world.plan.trouble is not None:
        return
    stuck = {one.job for one in waiting}
    for known in world.plan.jobs:
        job = world.jobs[known.name]
        assert known.done or known.name in stuck or job.held, (known, job.state)


@MANY
@given(st.integers(0, 2**32))
def test_a_plan_that_waits_goes_on_only_when_somebody_answers(seed: int) -> None:
    world = PlanWorld(seed, kills=0.0)
    waited = False
    for _ in range(MOST):
        busy = world.look()
        waits = world.plan.state is PlanState.PAUSED
        assert waits or not waited, world.plan
        waited = waits
        if not busy and not world.happen() and not world.ask():
            break
        if not busy:
            waited = False
    assert world.plan.state in FINAL


@MANY
@given(st.integers(0, 2**32))
def test_looking_again_changes_nothing(seed: int) -> None:
    world = PlanWorld(seed, kills=0.0)
    for _ in range(30):
        while world.look():
            pass
        assert not world.look()
        world.happen() or world.ask()


@MANY
@given(st.integers(0, 2**32))
def test_a_canceled_plan_comes_to_rest_and_loses_nothing(seed: int) -> None:
    world = PlanWorld(seed)
    for _ in range(world.random.randrange(40)):
        world.look()
        world.happen() or world.ask()
    world.cancel()
    landed = list(world.landed)
    for _ in range(MOST):
        if not world.look() and not world.happen():
            break
    assert world.landed[: len(landed)] == landed
    for job in world.jobs.values():
        assert job.state in JOB_FINAL or not (job.held or job.in_line), job.state
        assert job.state is not State.RUNNING
    assert all(str(train.state) != "running" for train in world.trains.values())
