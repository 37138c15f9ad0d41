"""The train comes to the same, whoever is killed at whatever moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gitmc.store.lock import is_held
from gitmc.store.trains import Trains
from tests.e2e.test_train import branch, ended, finish, held, names
from tests.support.agents import Pipe
from tests.support.deaths import Scene, kill_all, processes, runners
from tests.support.events import until
from tests.support.world import World

pytestmark = pytest.mark.slow

STRIDE = int(os.environ.get("GIT_MC_TEST_STRIDE", "3"))
"""At each so many of the points other than the journal's a driver is killed. All of them, with 1,
take minutes."""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["journal", "record"])
def test_a_driver_that_is_killed_at_any_point_of_its_records_changes_nothing(
    world: World, tmp_path: Path, kind: str, when: str
) -> None:
    scene = Scene(world, tmp_path / "kept")
    number = 1
    while scene.die(kind, number, when):
        scene.drive()
        scene.check()
        scene.again()
        number += 1 if kind == "journal" else STRIDE
    scene.check()
    assert number > 10


@pytest.mark.slow
@pytest.mark.parametrize("offset", range(2))
def test_a_driver_that_is_killed_before_any_effect_changes_nothing(
    world: World, tmp_path: Path, offset: int
) -> None:
    """Before files are written, renamed and removed, and programs are started: some of them.

    Killed again at the next one while it goes on, so that what makes good is killed as well.
    """
    scene = Scene(world, tmp_path / "kept")
    number = 1 + 14 * offset
    while scene.die("effect", number, "before"):
        scene.die("effect", 5 + number % 40, "before")
        scene.drive()
        scene.check()
        scene.again()
        number += 28 * STRIDE
    scene.check()
    assert number > 50


@pytest.mark.slow
def test_an_observer_has_a_train_driven_to_its_end_whose_driver_was_killed(
    world: World, tmp_path: Path
) -> None:
    scene = Scene(world, tmp_path / "kept")
    assert scene.die("journal", 7, "after")
    world.mc("jobs").ok()
    ended(world, scene.id)
    lock = Trains(world.root).lock_path(scene.id)
    until(lambda: not is_held(lock), world.root / "trains", lock.parent)
    scene.check()


def gate(world: World, tmp_path: Path, *more: str) -> tuple[subprocess.Popen[bytes], Pipe, Pipe]:
    """A train of one branch, whose first test has begun and waits to be told to go on."""
    said, line, test = held(world, tmp_path)
    branch(world, "a")
    process = world.start("merge-train", "a", "--test", test, "--slots", "2", *more)
    said.read()
    # Its observer, which a test may want to end, has its lock by now.
    lock = world.mission.store.observer_lock
    until(lambda: is_held(lock), lock.parent)
    return process, said, line


def test_a_run_whose_runner_is_killed_is_done_again_and_convicts_nobody(
    world: World, tmp_path: Path
) -> None:
    process, _, _ = gate(world, tmp_path, "--json")
    kill_all(runners(world.root))
    found = finish(process).ok().json
    assert [run["verdict"] for run in found["runs"]] == ["lost", "pass"]
    assert names(found["landed"]) == ["a"]
    assert processes(world.root) == []


@pytest.mark.parametrize("whom", ["driver and runner", "all"])
def test_a_train_of_which_all_are_killed_goes_on(world: World, tmp_path: Path, whom: str) -> None:
    process, _, _ = gate(world, tmp_path)
    world.end_observer()
    process.kill()
    process.communicate()
    kill_all(runners(world.root) if whom != "all" else processes(world.root))
    found = world.mc("merge-train", "--drive", "t1").ok()
    assert found.stdout == ""
    found = world.mc("merge-train", "status", "t1", "--json").ok().json
    assert (found["state"], names(found["landed"])) == ("done", ["a"])
    assert [run["verdict"] for run in found["runs"]] == ["lost", "pass"]
    assert processes(world.root) == []
    assert not list((world.root / "run").glob("test-*"))


def test_two_cannot_drive_one_train(world: World, tmp_path: Path) -> None:
    process, _, line = gate(world, tmp_path)
    world.mc("merge-train", "--drive", "t1").refused(1, "'t1' is driven by another process")
    line.write("go")
    finish(process).ok()


def test_a_train_that_nobody_drives_can_be_canceled(world: World, tmp_path: Path) -> None:
    process, _, _ = gate(world, tmp_path)
    world.end_observer()
    process.kill()
    process.communicate()
    before = world.repo.head()
    found = world.mc("merge-train", "cancel", "--json").ok().json
    assert (found["state"], names(found["queue"])) == ("canceled", ["a"])
    assert [run["verdict"] for run in found["runs"]] == ["canceled"]
    assert processes(world.root) == []
    assert not list((world.root / "run").glob("test-*"))
    assert [path.name for path in (world.root / "trains").iterdir()] == ["t1.toml"]
    assert world.repo.head() == before


def test_an_interrupt_ends_all_runs_and_says_so(world: World, tmp_path: Path) -> None:
    process, _, _ = gate(world, tmp_path)
    process.send_signal(signal.SIGINT)
    ran = finish(process)
    assert ran.status == 130, ran
    assert "Traceback" not in ran.stderr
    assert "canceled t1: 0 landed, 1 left" in ran.stderr
    found = world.mc("merge-train", "status", "t1", "--json").ok().json
    assert (found["state"], found["reason"]) == ("canceled", "interrupted")
    assert [run["verdict"] for run in found["runs"]] == ["canceled"]
    assert processes(world.root) == []
    assert not list((world.root / "run").glob("test-*"))


def test_an_end_that_was_recorded_and_not_completed_is_completed(world: World) -> None:
    branch(world, "a")
    world.mc("merge-train", "a", "--test", "true").ok()
    trains = Trains(world.root)
    mark = trains.folder / "t1.running"
    mark.touch()
    (trains.folder / ".t1.toml.999").touch()
    world.mc("merge-train", "--drive", "t1").ok()
    assert [path.name for path in trains.folder.iterdir()] == ["t1.toml"]


def slow_checkout(world: World, tmp_path: Path) -> tuple[Pipe, Pipe]:
    """A branch `slow`; git says when it is about to write its file in the main worktree, and waits
    to be told to."""
    said, line = Pipe(tmp_path / "said"), Pipe(tmp_path / "line")
    script = tmp_path / "filter"
    script.write_text(
        f"case $PWD in */pool/*) exec cat;; esac; echo up >{said}; read -r _ <{line}; exec cat\n"
    )
    world.repo.commit({".gitattributes": "slow filter=slow\n"})
    branch(world, "slow")
    world.repo.git("config", "filter.slow.smudge", f"sh {script}")
    return said, line


def test_a_git_that_outlives_the_driver_is_waited_for(world: World, tmp_path: Path) -> None:
    said, line = slow_checkout(world, tmp_path)
    process = world.start("merge-train", "slow", "--test", "true")
    said.read()
    world.end_observer()
    process.kill()
    process.communicate()
    again = world.start("merge-train", "--drive", "t1")
    trains = Trains(world.root)
    until(lambda: (t := trains.get("t1")) is not None and t.owner is not None
          and t.owner.pid == again.pid, trains.folder)  # fmt: skip
    line.write("go")
    ran = finish(again)
    found = world.mc("merge-train", "status", "t1", "--json").ok().json
    assert (found["state"], names(found["landed"])) == ("done", ["slow"]), (found, ran)
    assert found["landed"][0]["commit"] == world.repo.head()
    assert world.repo.git("status", "--porcelain") == ""


def test_an_interrupt_while_a_branch_lands_waits_until_it_has(world: World, tmp_path: Path) -> None:
    said, line = slow_checkout(world, tmp_path)
    words = [sys.executable, "-m", "gitmc", "merge-train", "slow", "--test", "true"]
    process = subprocess.Popen(
        words, cwd=world.repo.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    said.read()
    # As a terminal does: git hears it too.
    os.killpg(process.pid, signal.SIGINT)
    line.write("go")
    ran = finish(process)
    assert ran.status == 130, ran
    assert "canceled t1: 1 landed, 0 left" in ran.stderr
    found = world.mc("merge-train", "status", "t1", "--json").ok().json
    assert names(found["landed"]) == ["slow"]
    assert found["landed"][0]["commit"] == world.repo.head()
    assert world.repo.git("status", "--porcelain") == ""
    assert not (world.repo.path / ".git/index.lock").exists()
