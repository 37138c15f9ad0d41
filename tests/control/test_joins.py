"""Who joins a train: once each, whoever is killed, and nobody once it has ended."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.control import joins
from gitmc.control.keeper import SOON, TRIES, Tried, again
from gitmc.model import trainrecord
from gitmc.model.trainrecord import (
    Landing,
    Place,
    Rider,
    Train,
    TrainRun,
    TrainState,
    known,
    place,
)
from gitmc.store.trains import Trains

NOW = datetime(2026, 1, 2, tzinfo=UTC)
OPEN = Train("t1", TrainState.RUNNING, "main", "c0", NOW, open=True)


@pytest.fixture
def trains(tmp_path: Path) -> Trains:
    (tmp_path / "run").mkdir()
    return Trains(tmp_path)


def save(trains: Trains, train: Train) -> Train:
    with trains.starting() as held:
        trains.save(held, train)
    return train


def rider(name: str, head: str = "1") -> Rider:
    return Rider(name, f"mc/{name}", head)


def take_up(trains: Trains, *, killed: bool = False) -> Train:
    """What the driver does: store who joined, then remove the files, unless it is killed first."""
    before = trains.get("t1")
    assert before is not None
    train, paths = joins.taken(trains, before)
    save(trains, train)
    for path in () if killed else paths:
        path.unlink()
    return train


def landed(train: Train, *names: str) -> Train:
    landing = Landing("c", "tree", names, tuple(f"c-{name}" for name in names))
    return trainrecord.arrived(train._replace(landing=landing))


def places(train: Train, *names: str) -> list[Place]:
    return [place(train, name, "1") for name in names]


def test_who_joins_is_queued_once_in_that_order_whoever_is_killed(trains: Trains) -> None:
    save(trains, OPEN)
    for name in ("b", "a", "b"):
        assert joins.join(trains, "t1", rider(name))
    seen = joins.look(trains, "t1")
    first = take_up(trains, killed=True)
    assert [one.name for one in first.queue] == ["b", "a"]
    assert first == seen
    assert take_up(trains) == seen == joins.look(trains, "t1")
    assert [path.name for path in trains.folder.iterdir() if "join" in path.name] == []


def test_what_is_found_again_after_it_landed_changes_nothing(trains: Trains) -> None:
    save(trains, OPEN)
    joins.join(trains, "t1", rider("a"))
    save(trains, landed(take_up(trains, killed=True), "a"))
    train = take_up(trains)
    assert (train.queue, places(train, "a")) == ((), [Place.LANDED])


def test_one_that_was_taken_out_is_a_new_one_and_only_passes_still_count(trains: Trains) -> None:
    runs = tuple(
        TrainRun(f"r{at}", f"tree-{'+'.join(names)}", "c", names, NOW, verdict=verdict)
        for at, (names, verdict) in enumerate(
            [(("a",), "fail"), (("a",), "fail"), (("b",), "fail"), (("b", "a"), "skip"),
             (("b", "a", "c"), "pass"), (("a", "c"), None)]
        )
    )  # fmt: skip
    out = trainrecord.taken_out(trainrecord.joined(OPEN, rider("a")), "a", "test", by="b")
    save(trains, out._replace(runs=runs))
    assert places(out, "a", "b") == [Place.OUT, Place.NOWHERE]
    joins.join(trains, "t1", rider("a"))
    seen = joins.look(trains, "t1")
    assert seen is not None
    assert (seen.out, places(seen, "a")) == ((), [Place.QUEUED])
    counted = known(seen.runs)
    assert "tree-a" not in counted
    assert "tree-b+a" not in counted
    assert counted["tree-b"].fails == counted["tree-b+a+c"].passes == 1
    assert [run.verdict for run in take_up(trains).runs] == [run.verdict for run in runs]


def test_what_is_found_again_after_it_was_taken_out_is_not_tried_once_more(trains: Trains) -> None:
    save(trains, OPEN)
    joins.join(trains, "t1", rider("a"))
    out = save(trains, trainrecord.taken_out(take_up(trains, killed=True), "a", "moved"))
    assert joins.look(trains, "t1") == out == take_up(trains)
    assert list(trains.folder.glob("*.join")) == []


def test_another_head_takes_the_place_of_the_one_before(trains: Trains) -> None:
    save(trains, OPEN)
    for head, name in (("1", "a"), ("1", "b"), ("2", "a")):
        joins.join(trains, "t1", rider(name, head))
    train = take_up(trains)
    assert [(one.name, one.head) for one in train.queue] == [("b", "1"), ("a", "2")]
    assert places(train, "a") == [Place.NOWHERE]


@pytest.mark.parametrize(
    "train",
    [
        None,
        OPEN._replace(open=False),
        OPEN._replace(state=TrainState.STOPPED),
        OPEN._replace(state=TrainState.DONE, queue=(rider("a"),)),
    ],
)
def test_a_train_that_cannot_be_joined_is_left_as_it_is(
    trains: Trains, train: Train | None
) -> None:
    trains.folder.mkdir()
    if train is not None:
        save(trains, train)
    before = sorted(trains.folder.iterdir())
    assert not joins.join(trains, "t1", rider("a"))
    for asked in (joins.close, joins.cancel):
        if train is None or train.state is not TrainState.RUNNING:
            asked(trains, "t1")
    assert sorted(trains.folder.iterdir()) == before
    if train is not None:
        assert places(train, "a") == [Place.NOWHERE]


def test_a_file_that_holds_no_rider_keeps_nobody_from_joining(trains: Trains) -> None:
    save(trains, OPEN)
    for number, text in enumerate((b"", b"version = 1\n", b"\xff", b'version = 1\nname = "x"\n')):
        (trains.folder / f"t1.{number}.join").write_bytes(text)
    joins.join(trains, "t1", rider("a"))
    (trains.folder / "t10.5.join").touch()
    assert [one.name for one in take_up(trains).queue] == ["a"]
    assert [path.name for path in trains.folder.glob("*.join")] == ["t10.5.join"]


def test_nothing_that_was_asked_of_a_train_outlives_it(trains: Trains) -> None:
    save(trains, OPEN)
    joins.join(trains, "t1", rider("a"))
    joins.close(trains, "t1")
    joins.cancel(trains, "t1")
    (trains.folder / ".t1.7.join.99").touch()
    joins.clear(trains, save(trains, OPEN._replace(state=TrainState.STOPPED)))
    assert [path.name for path in trains.folder.iterdir()] == ["t1.toml"]


def test_names_of_any_kind_join(trains: Trains) -> None:
    save(trains, OPEN)
    names = ["a/b", "..", "x" * 300, "é\n'\"", ".join"]
    for name in names:
        assert joins.join(trains, "t1", rider(name))
    assert [one.name for one in take_up(trains).queue] == names


def check_by_chance(trains: Trains, rng: random.Random) -> None:
    """Joins, kills, landings and ejections in any order: each branch at one commit joins once."""
    train, given, heads = save(trains, OPEN), [], dict.fromkeys("abcd", 0)
    for _ in range(20):
        name, roll = rng.choice("abcd"), rng.random()
        if roll < 0.4:
            heads[name] += rng.random() < 0.3
            given.append((name, str(heads[name])))
            assert joins.join(trains, "t1", rider(*given[-1]))
        elif roll < 0.7:
            seen = joins.look(trains, "t1")
            train = take_up(trains, killed=rng.random() < 0.4)
            assert train == seen
            # The next driver begins by that, before it does anything else.
            train = take_up(trains)
            assert train == seen
        elif train.queue and roll < 0.85:
            first = train.queue[0].name
            train = save(trains, landed(train, first))
        elif train.queue:
            train = save(trains, trainrecord.taken_out(train, train.queue[0].name, "test"))
        queue = [(one.name, one.head) for one in train.queue]
        arrived = [(one.name, one.head) for one in train.landed]
        out = [(one.name, one.head) for one in train.out]
        names = [one for one, _ in queue + out]
        assert len(names) == len(set(names)), "one name stands at two places"
        assert len(arrived) == len(set(arrived)), "one branch landed twice"
        assert not set(queue) & set(arrived)
    seen = joins.look(trains, "t1")
    assert seen is not None
    last = dict(given)
    assert all(place(seen, *who) is not Place.NOWHERE for who in last.items())


def test_whatever_happens_each_joins_once(trains: Trains) -> None:
    for seed in range(15):
        check_by_chance(trains, random.Random(seed))
        for path in trains.folder.iterdir():
            path.unlink()


def tries(lived: float, where: Callable[[int], object]) -> int:
    """How many drivers are started, of at most 50, that each live so long."""
    before: Tried | None = None
    for number in range(50):
        now = again(before, where(number), 100.0 * number)
        if now is None:
            return number
        before = now._replace(seen=now.at + lived)
    return 50


def test_only_drivers_that_end_soon_and_come_to_nothing_are_counted() -> None:
    assert tries(0, lambda _: "same") == TRIES
    assert tries(SOON, lambda _: "same") == TRIES
    assert tries(SOON + 1, lambda _: "same") == 50
    assert tries(0, lambda number: number) == 50


@given(st.lists(st.tuples(st.floats(0, 200), st.integers(0, 1)), min_size=20))
def test_no_more_than_so_many_in_a_row_come_to_nothing(lives: list[tuple[float, int]]) -> None:
    before, row = None, 0
    for number, (lived, where) in enumerate(lives):
        now = again(before, where, 1000.0 * number)
        fresh = before is None or before.where != where or before.seen - before.at > SOON
        row = 1 if fresh else row + 1
        assert (now is None) == (row > TRIES)
        if now is None:
            return
        before = now._replace(seen=now.at + lived)
