"""Trains that branches join while they run, driven by git mc itself."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from gitmc.control import joins
from gitmc.model.trainrecord import Place, Rider, Train, TrainState, place
from gitmc.store.trains import Trains
from tests.e2e.test_train import GREEN, branch, ended, held
from tests.support.deaths import Scene, processes
from tests.support.events import until
from tests.support.joining import opened
from tests.support.world import World

pytestmark = pytest.mark.slow

STRIDE = int(os.environ.get("GIT_MC_TEST_STRIDE", "3"))
TARGET = "mc/integration/p"


class Ride:
    """An open train, driven by a process of its own."""

    def __init__(self, world: World, test: str = "") -> None:
        self.world = world
        self.trains = Trains(world.root)
        self.id = opened(world, test).id
        self.driver = self.drive()

    def drive(self) -> subprocess.Popen[bytes]:
        driver = self.world.start("merge-train", "--drive", self.id)
        self.world.later(driver.kill)
        until(lambda: (owner := self.train.owner) is not None and owner.pid == driver.pid,
              self.trains.folder)  # fmt: skip
        return driver

    @property
    def train(self) -> Train:
        train = joins.look(self.trains, self.id)
        assert train is not None
        return train

    def join(self, name: str, head: str | None = None) -> None:
        """Have the branch join, at where it is now."""
        head = head or self.world.repo.head(name)
        assert joins.join(self.trains, self.id, Rider(name, name, head))

    def becomes(self, name: str, what: Place, head: str | None = None) -> None:
        """Wait until that has become of the branch."""
        head = head or self.world.repo.head(name)
        until(lambda: place(self.train, name, head) is what, self.trains.folder)

    def close(self) -> Train:
        """Close it, and wait for its end; nothing but its record is left then."""
        joins.close(self.trains, self.id)
        ended(self.world, self.id)
        self.trains.await_driver(self.id)
        self.driver.communicate(timeout=60)
        assert [path.name for path in self.trains.folder.iterdir()] == [f"{self.id}.toml"]
        return self.train


def files(world: World) -> set[str]:
    return set(world.repo.files(TARGET))


def test_branches_land_as_they_join_and_it_ends_when_it_is_closed(world: World) -> None:
    before = world.repo.head()
    ride = Ride(world)
    for name in ("a", "b"):
        branch(world, name)
        ride.join(name)
        ride.becomes(name, Place.LANDED)
        assert name in files(world)
        assert ride.train.state is TrainState.RUNNING
    train = ride.close()
    assert (train.state, [one.name for one in train.landed]) == (TrainState.DONE, ["a", "b"])
    assert train.tip == world.repo.head(TARGET)
    assert world.repo.head() == before
    assert not joins.join(ride.trains, ride.id, Rider("a", "a", before))


def test_who_joins_together_lands_in_that_order_but_for_the_guilty(world: World) -> None:
    ride = Ride(world, GREEN)
    branch(world, "red", bad="x\n")
    for name in ("c", "red", "a", "b"):
        if name != "red":
            branch(world, name)
        ride.join(name)
    train = ride.close()
    assert [one.name for one in train.landed] == ["c", "a", "b"]
    assert [(out.name, out.reason) for out in train.out] == [("red", "test")]


def test_one_that_was_ejected_joins_again_once_it_is_mended(world: World) -> None:
    ride = Ride(world, GREEN)
    first = branch(world, "a", bad="x\n")
    clash = branch(world, "b", **{"README.md": "theirs\n"})
    world.repo.git("checkout", "-q", TARGET)
    world.repo.commit({"README.md": "ours\n"})
    world.repo.git("checkout", "-q", "main")
    for name in ("a", "b"):
        ride.join(name)
        ride.becomes(name, Place.OUT)
    # Nothing has landed meanwhile, so that all that is known of the target is known still.
    world.repo.git("checkout", "-q", "a")
    world.repo.git("rm", "-q", "bad")
    world.repo.commit({"a": "x\n"}, "mend")
    world.repo.git("checkout", "-q", "b")
    world.repo.git("merge", "-q", "-X", "ours", TARGET)
    world.repo.git("checkout", "-q", "main")
    for name in ("a", "b"):
        ride.join(name)
        ride.becomes(name, Place.LANDED)
    train = ride.close()
    assert (train.out, {first, clash} & {one.head for one in train.landed}) == ((), set())
    assert world.repo.files(TARGET) == {"README.md": "theirs", "a": "x"}
    taken = [entry["name"] for _, entry in world.mission.store.journal.entries()
             if entry.get("action") == "TakeOut"]  # fmt: skip
    assert taken == ["a", "b"]


def test_one_that_is_tried_once_more_as_it_was_is_tested_again(
    world: World, tmp_path: Path
) -> None:
    ride = Ride(world, f"test ! -e bad || test -e {tmp_path}/mended")
    branch(world, "a", bad="x\n")
    for _ in range(2):
        ride.join("a")
        until(lambda: not joins.look(ride.trains, ride.id).queue, ride.trains.folder)  # type: ignore[union-attr]
        assert place(ride.train, "a", world.repo.head("a")) is Place.OUT
    # Twice as often as it takes, and each witness is kept.
    assert [run.verdict for run in ride.train.runs if "a" in run.names] == ["fail"] * 4
    refs = world.repo.git("for-each-ref", "--format=%(refname)", f"refs/mc/train/{ride.id}")
    assert len(refs.splitlines()) == 2
    (tmp_path / "mended").touch()
    ride.join("a")
    ride.becomes("a", Place.LANDED)
    assert ride.close().out == ()


def test_one_that_moves_while_it_waits_is_given_back(world: World, tmp_path: Path) -> None:
    said, line, test = held(world, tmp_path)
    ride = Ride(world, test)
    queued = branch(world, "a")
    ride.join("a")
    said.read()
    world.repo.git("checkout", "-q", "a")
    world.repo.commit({"more": "x\n"}, "more")
    world.repo.git("checkout", "-q", "main")
    line.write("go")
    ride.becomes("a", Place.OUT, queued)
    assert [out.reason for out in ride.train.out] == ["moved"]
    shown = world.mc("merge-train", "status", ride.id).ok().stdout
    assert "left out a: the branch 'a' moved while it waited" in shown
    assert "waits    for branches of the plan 'p' to join" in shown
    assert files(world) == {"README.md"}
    # It may have moved before it was taken up, too.
    ride.join("a", queued)
    ride.becomes("a", Place.OUT, queued)
    ride.join("a")
    ride.becomes("a", Place.LANDED)
    assert files(world) == {"README.md", "a", "more"}
    ride.close()


def test_who_joined_while_nobody_drove_lands_once_somebody_does(world: World) -> None:
    ride = Ride(world)
    branch(world, "a")
    os.kill(ride.driver.pid, signal.SIGKILL)
    ride.driver.communicate()
    ride.join("a")
    assert place(ride.train, "a", world.repo.head("a")) is Place.QUEUED
    world.mc("jobs").ok()
    ride.becomes("a", Place.LANDED)
    ride.close()


def test_a_train_that_waits_is_driven_on_however_often_its_driver_is_killed(world: World) -> None:
    ride = Ride(world)
    ride.driver.kill()
    ride.driver.communicate()
    world.mc("jobs").ok()
    for number in range(3):
        name = f"b{number}"
        branch(world, name)
        ride.join(name)
        ride.becomes(name, Place.LANDED)
        owner = ride.train.owner
        assert owner is not None
        os.kill(owner.pid, signal.SIGKILL)
    assert len(ride.close().landed) == 3


def test_one_that_waits_for_branches_can_be_canceled(world: World) -> None:
    ride = Ride(world)
    found = world.mc("merge-train", "cancel", ride.id, "--json").ok().json
    assert found["state"] == "canceled"
    ride.driver.communicate(timeout=60)
    assert ride.driver.returncode == 1
    assert [path.name for path in ride.trains.folder.iterdir()] == [f"{ride.id}.toml"]


def test_one_that_is_stopped_takes_nobody_along(world: World) -> None:
    ride = Ride(world, "exit 127")
    for name in ("a", "b"):
        branch(world, name)
        ride.join(name)
    ended(world, ride.id)
    assert (ride.train.state, ride.train.landed) == (TrainState.STOPPED, ())
    assert place(ride.train, "a", world.repo.head("a")) is Place.NOWHERE
    ride.driver.communicate(timeout=60)
    assert processes(world.root) == []
    ride.close()


@pytest.mark.parametrize("how", ["moved", "landed"])
def test_a_target_that_somebody_else_moves_is_landed_on(world: World, how: str) -> None:
    ride = Ride(world)
    branch(world, "a")
    world.repo.git("checkout", "-q", TARGET)
    if how == "moved":
        world.repo.commit({"mine": "x\n"}, "by hand")
    else:
        world.repo.git("merge", "-q", "a")
    world.repo.git("checkout", "-q", "main")
    ride.join("a")
    ride.becomes("a", Place.LANDED)
    assert files(world) == {"README.md", "a"} | ({"mine"} if how == "moved" else set())
    ride.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["journal", "record"])
def test_a_driver_that_is_killed_loses_nobody_who_has_joined(
    world: World, tmp_path: Path, kind: str
) -> None:
    scene = Scene(world, tmp_path / "kept", joining=True)
    number, when = 1, "before"
    while scene.die(kind, number, when):
        scene.drive()
        scene.check()
        scene.again()
        when = "after" if when == "before" else "before"
        number += STRIDE if when == "before" else 0
    scene.check()
    assert number > 10


@pytest.mark.slow
def test_a_driver_that_is_killed_before_any_effect_loses_nobody_who_has_joined(
    world: World, tmp_path: Path
) -> None:
    """The first ones are where it takes up who has joined: all of those, and then some."""
    scene = Scene(world, tmp_path / "kept", joining=True)
    number = 1
    while scene.die("effect", number, "before"):
        scene.die("effect", 5 + number % 40, "before")
        scene.drive()
        scene.check()
        scene.again()
        number += 1 if number < 30 else 28 * STRIDE
    scene.check()
    assert number > 50
