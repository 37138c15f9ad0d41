"""What a train takes on the virtual clock, beside what it should take and beside simpler ways."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from gitmc.model.train import Item, Known, Policy
from tests.support.clock import (
    BRANCHES,
    SLOTS,
    TABLE,
    WAYS,
    by_bisecting,
    by_serial,
    by_speculation,
    by_train,
    mean,
    queues,
)
from tests.support.trains import Train, World

WITHIN = 1.25
CASES = [
    (share, slots, due)
    for share, all_due in TABLE.items()
    for slots, due in zip(SLOTS, all_due, strict=True)
]


def check_against_table(count: int, share: float, slots: int, due: float) -> None:
    took = mean([by_train(bad, slots, 0).clock for bad in queues(1, count, share)])
    assert took <= WITHIN * due


def check_against_simpler_ways(count: int, share: float, slots: int) -> None:
    took = mean([by_train(bad, slots, 1).clock for bad in queues(2, count, share)])
    many = queues(3, 400, share)
    best = min(mean([way(bad, slots, 1) for bad in many]) for way in WAYS.values())
    assert took <= WITHIN * best


@pytest.mark.parametrize(("share", "slots", "due"), CASES)
def test_a_queue_takes_what_it_should(share: float, slots: int, due: float) -> None:
    check_against_table(4, share, slots, due)


@pytest.mark.parametrize(("share", "slots", "due"), CASES)
def test_no_simpler_way_is_faster(share: float, slots: int, due: float) -> None:
    check_against_simpler_ways(3, share, slots)


@pytest.mark.slow
@pytest.mark.parametrize(("share", "slots", "due"), CASES)
def test_many_queues_take_what_they_should(share: float, slots: int, due: float) -> None:
    check_against_table(60, share, slots, due)
    check_against_simpler_ways(60, share, slots)


def pure(share: int, slots: int, **policy: object) -> Train:
    """A train of branches that are all bad, or all good."""
    names = [f"b{number}" for number in range(BRANCHES)]
    world = World(bad=frozenset(names if share else ()))
    queue = [Item(name, "0") for name in names]
    known = {"main0": Known(passes=1)}
    asked = replace(Policy(slots), **policy)  # type: ignore[arg-type]
    return Train(world, queue, asked, random.Random(0), False, 0, known=known).run()


@pytest.mark.parametrize("slots", SLOTS)
def test_where_nothing_fails_all_goes_at_once_and_no_run_is_in_vain(slots: int) -> None:
    train = pure(0, slots, failing=0.0)
    assert (len(train.landed), train.clock) == (BRANCHES, 1.0)
    assert (train.runs, train.cancelled) == (slots, 0)


@pytest.mark.parametrize("slots", SLOTS)
def test_a_train_that_learns_that_nothing_fails_cancels_nothing(slots: int) -> None:
    train = by_train([False] * BRANCHES, slots, 1)
    assert (len(train.landed), train.cancelled) == (BRANCHES, 0)
    assert train.clock <= BRANCHES / 4 / slots + 1


@pytest.mark.parametrize("retries", [0, 1])
@pytest.mark.parametrize("slots", SLOTS)
def test_where_everything_fails_nothing_lands_and_the_runs_are_bounded(
    slots: int, retries: int
) -> None:
    train = pure(1, slots, retries=retries, failing=1.0)
    assert (train.target, len(train.ejected)) == (("main0",), BRANCHES)
    assert train.clock <= BRANCHES * (1 + retries)
    assert train.runs <= slots * BRANCHES * (1 + retries)


def test_the_simpler_ways_count_as_they_say() -> None:
    bad = [False, False, True, False]
    assert by_serial(bad, 1, 0) == 4
    # All four; the first two, the third; the fourth.
    assert by_bisecting(bad, 1, 0) == 4
    assert by_speculation(bad, 2, 0) == 3
    assert [way(bad, 2, 1) for way in (by_serial, by_bisecting, by_speculation)] == [5, 5, 4]
    assert by_bisecting([False] * 9, 1, 1) == 1
