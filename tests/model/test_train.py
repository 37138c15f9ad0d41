"""The train's decisions: what must hold on any queue, whatever happens on the way."""

from __future__ import annotations

import os
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.train import AGEING, Item, Known, Policy, order, places, spacing
from tests.support.trains import Train, World, serial

SCHEDULES = int(os.environ.get("GIT_MC_TEST_SCHEDULES", "12000"))


def some(rng: random.Random, names: list[str], chance: float) -> frozenset[str]:
    return frozenset(name for name in names if rng.random() < chance)


def pairs(rng: random.Random, names: list[str], chance: float) -> frozenset[frozenset[str]]:
    both = [frozenset((a, b)) for a in names for b in names if a < b]
    return frozenset(pair for pair in both if rng.random() < chance)


def by_chance(seed: int) -> Train:
    """A queue whose verdicts are always the same."""
    rng = random.Random(seed)
    names = [f"b{number}" for number in range(rng.randint(0, 9))]
    share = rng.choice([0, 0.05, 0.2, 0.6, 1])
    world = World(
        bad=some(rng, names, share),
        pairs=pairs(rng, names, rng.choice([0, 0.05])),
        conflicts=pairs(rng, names, rng.choice([0, 0, 0.1])),
        hopeless=some(rng, names, rng.choice([0, 0, 0.1])),
        empty=some(rng, names, rng.choice([0, 0, 0.2])),
    )
    world.bad -= world.empty
    world.pairs = frozenset(pair for pair in world.pairs if not pair & world.empty)
    queue = [
        Item(
            name,
            "0",
            tuple(n for n in names[:at] if rng.random() < 0.1) if rng.random() < 0.3 else (),
            rng.choice([0, 0, 0, 1]),
        )
        for at, name in enumerate(names)
    ]
    policy = Policy(
        slots=rng.choice([1, 1, 2, 3, 4, 8]),
        retries=rng.choice([0, 1, 1, 2]),
        every=rng.random() < 0.3,
        failing=rng.choice([0.01, 0.1, 0.5]),
    )
    known = {"main0": Known(passes=1)} if rng.random() < 0.5 else {}
    return Train(world, queue, policy, rng, rng.random() < 0.5, known=known)


def check_against_serial(seeds: range) -> None:
    for seed in seeds:
        train = by_chance(seed)
        landed, ejected, blocked = serial(train)
        train.run()
        came_out = (set(train.landed), set(train.ejected), set(train.blocked))
        assert came_out == (set(landed), ejected, blocked), f"seed {seed}"
        assert not train.passed_over


def test_the_train_comes_to_what_one_after_another_would() -> None:
    check_against_serial(range(1500))


@pytest.mark.slow
def test_the_train_comes_to_what_one_after_another_would_in_many_schedules() -> None:
    check_against_serial(range(1500, SCHEDULES))


def check_who_joins_against_serial(seeds: range) -> None:
    """Branches join at any moment, and the process is killed at any; it ends by being closed."""
    for seed in seeds:
        train, rng = by_chance(seed), random.Random(seed + 1)
        joining = [item._replace(priority=0) for item in train.queue]
        train.queue = joining
        landed, ejected, blocked = serial(train)
        train.queue = []
        while joining or train.queue or train.live:
            train.settle()
            assert not train.stopped
            if joining and (not train.live or rng.random() < 0.4):
                item, *joining = joining
                train.queue = [*train.queue, item._replace(joined=len(train.landed))]
            elif train.live:
                train.finish_one()
            if rng.random() < 0.1:
                # What ran then is gone with it.
                train.live = {tree: run for tree, run in train.live.items() if rng.random() < 0.5}
        assert train.landed == landed, f"seed {seed}"
        assert (set(train.ejected), set(train.blocked)) == (ejected, blocked), f"seed {seed}"
        assert not train.passed_over


def test_whenever_branches_join_it_comes_to_what_one_after_another_would() -> None:
    check_who_joins_against_serial(range(500))


@pytest.mark.slow
def test_whenever_branches_join_it_comes_to_what_one_after_another_would_in_many() -> None:
    check_who_joins_against_serial(range(500, SCHEDULES))


def push_or_commit(train: Train) -> None:
    """Somebody commits to the target, pushes a branch, or kills the train."""
    roll = train.rng.random()
    if roll < 0.05:
        train.target = (*train.target, f"main{len(train.target)}")
    elif roll < 0.1 and train.queue:
        item = train.rng.choice(train.queue)
        moved = item._replace(head=str(int(item.head) + 1))
        train.queue = [moved if one is item else one for one in train.queue]
    elif roll < 0.15:
        # Whoever starts it again adopts what runs, or finds it gone.
        for tree in [tree for tree in train.live if train.rng.random() < 0.5]:
            del train.live[tree]


def test_whatever_happens_it_ends_and_lands_only_what_passed() -> None:
    for seed in range(400):
        check_with_accidents(seed)


def check_with_accidents(seed: int) -> None:
    rng = random.Random(seed)
    train = by_chance(seed)
    names = [item.name for item in train.queue]
    train.world = replace(
        train.world,
        flaky=rng.choice([0, 0.1, 0.5]),
        broken=rng.choice([0, 0, 0.02, 0.3, 1]),
        untellable=some(rng, names, rng.choice([0, 0, 0.2])),
        red_base=rng.random() < 0.1,
    )
    train.known = {} if train.world.red_base else train.known
    train.accident = push_or_commit
    train.run()
    out = [*train.landed, *train.ejected, *train.blocked, *train.passed_over]
    assert sorted(out) == sorted(set(out))
    assert train.stopped or sorted(out) == sorted(names)
    if train.world.red_base:
        assert not [e for e in train.ejected.values() if e.reason == "test"]
    if train.world.broken == 1 and train.runs:
        assert train.stopped
        assert not [e for e in train.ejected.values() if e.reason == "test"]


def test_beside_the_suspect_all_of_the_rest_is_tested() -> None:
    names = ("red", "b", "c", "d", "e")
    train = Train(World(), [Item(name, "0") for name in names], Policy(slots=4), random.Random(0))
    train.known = {"main0": Known(passes=1), "main0+red@0": Known(fails=1)}
    train.settle()
    tested = {words[1:] for _, words, _ in train.live.values()}
    rest = tuple(f"{name}@0" for name in names[1:])
    assert tested == {("red@0",), rest[:1], rest[:2], rest}


queues = st.lists(
    st.builds(
        Item,
        st.sampled_from("abcdef"),
        after=st.lists(st.sampled_from("abcdef"), max_size=2).map(tuple),
        priority=st.integers(0, 2),
        joined=st.integers(0, 30),
    ),
    max_size=6,
    unique_by=lambda item: item.name,
)


@given(queues)
def test_the_queue_is_merged_in_an_order_that_dependencies_allow(queue: list[Item]) -> None:
    placed = order(queue)
    assert sorted(placed) == sorted(queue)
    names = [item.name for item in placed]
    if not any(item.name in after_all(queue, item.name) for item in queue):
        for at, item in enumerate(placed):
            assert not set(item.after) & set(names[at:])


def after_all(queue: list[Item], name: str) -> set[str]:
    """All that `name` depends on, by way of others too."""
    by_name = {item.name: item for item in queue}
    found: set[str] = set()
    left = list(by_name[name].after)
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += by_name[one].after if one in by_name else ()
    return found


def test_what_waits_long_enough_comes_before_a_higher_priority() -> None:
    old, new = Item("old", joined=0), Item("new", priority=1, joined=AGEING - 1)
    assert order([old, new]) == [new, old]
    assert order([old, new._replace(joined=AGEING + 1)]) == [old, new._replace(joined=AGEING + 1)]


@given(st.integers(0, 40), st.data(), st.integers(1, 8), st.none() | st.integers(1, 9))
def test_places_are_as_many_as_there_are_slots_and_keep_what_runs(
    count: int, data: st.DataObject, slots: int, apart: int | None
) -> None:
    some = st.integers(0, max(0, count - 1))
    live = sorted(data.draw(st.sets(some, max_size=min(slots, count))))
    chosen = places(count, live, slots, apart)
    assert len(chosen) == len(set(chosen)) <= min(slots, count)
    if apart is None or not live:
        assert len(chosen) == min(slots, count)
    assert set(live) <= set(chosen) <= set(range(count))


@given(st.integers(0, 3000), st.integers(1, 16), st.floats(1e-6, 0.999))
def test_spacing_never_leaves_a_slot_without_a_prefix(
    count: int, slots: int, failing: float
) -> None:
    apart = spacing(count, slots, failing)
    assert 1 <= apart <= max(1, -(-count // slots))


@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize("retries", [0, 1, 2])
def test_a_flaky_test_ejects_no_more_good_branches_than_it_must(slots: int, retries: int) -> None:
    """A test that fails one run in five, 50 trains, 10 good branches each.

    A branch is judged once, when it is the first of the queue, by one tree: the target as it is
    then with just this branch. That tree is red if its first `retries + 1` runs all fail, since one
    pass is enough for it never to be. Runs are independent, so that a branch is ejected with a
    probability of at most f = 0.2 ** (retries + 1). It is less where the branch lands with a longer
    prefix before it comes to that. Of 500 branches, 500 f are expected at most, with a variance of
    at most 500 f (1 - f); four standard deviations above that is less than once in 10,000.
    """
    trains, size = 50, 10
    share = 0.2 ** (retries + 1)
    most = trains * size * share + 4 * (trains * size * share * (1 - share)) ** 0.5
    ejected = landed = 0
    for seed in range(trains):
        queue = [Item(f"b{number}", "0") for number in range(size)]
        known = {"main0": Known(passes=1)}
        policy = Policy(slots=slots, retries=retries)
        train = Train(World(flaky=0.2), queue, policy, random.Random(seed), known=known).run()
        assert train.stopped is None
        ejected += len(train.ejected)
        landed += len(train.landed)
    assert ejected + landed == trains * size
    assert ejected <= most
