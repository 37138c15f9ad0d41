"""Warm worktrees: made beforehand, taken over just as they are, and never half-made or changed."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gitmc.control.warm import pool_of
from gitmc.model.spare import Spare
from tests.e2e.test_merge import commits
from tests.support.agents import Pipe
from tests.support.events import gone, until
from tests.support.world import World

pytestmark = pytest.mark.slow

TELL = "pwd >here; exec sleep 1000"


def tend(world: World) -> None:
    """Have the spares made now, and not when the observer comes to it.

    Whoever is at it already is waited for: before, since he may not have heard of the last change
    of settings, and after, since he is left to it.
    """
    nobody_tends(world)
    world.mc("watch", "--tend").ok()
    nobody_tends(world)


def nobody_tends(world: World) -> None:
    with (world.root / "run/warm.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def spares(world: World) -> list[Spare]:
    found, faults = pool_of(world.mission).spares()
    assert not faults
    return found


def warm(world: World, count: int = 1, *options: str) -> list[Spare]:
    """A pool of so many spares, filled by the first launch."""
    world.repo.git("config", "mc.warm", str(count))
    world.mc("launch", "first", *options, "--", "true").ok()
    until(lambda: len([s for s in spares(world) if s.ready]) == count, world.root / "warm")
    return spares(world)


def folder(world: World, name: str) -> str:
    return str(world.job(name)["worktree"])


def test_the_pool_fills_on_use_and_the_next_launch_takes_one(world: World) -> None:
    [spare] = warm(world)
    world.sh("one", TELL)
    assert folder(world, "one") == spare.path
    until((Path(spare.path) / "here").exists, Path(spare.path))
    assert (Path(spare.path) / "here").read_text() == spare.path + "\n"
    assert world.repo.git("symbolic-ref", "HEAD", cwd=Path(spare.path)) == "refs/heads/mc/one"
    assert world.job("one")["ahead"] == 0
    until(lambda: any(s.ready and s.path != spare.path for s in spares(world)), world.root / "warm")


def test_a_job_in_a_spare_goes_the_whole_way(world: World) -> None:
    [spare] = warm(world)
    world.sh("one", commits("one") + f"; {world.command} report completed well")
    world.wait("one").ok()
    assert folder(world, "one") == spare.path
    assert world.job("one")["report"]["message"] == "well"
    world.mc("merge", "one").ok()
    assert "one" in world.repo.files()
    world.mc("cleanup", "one", "--delete-branch").ok()
    assert not Path(spare.path).exists()


def test_the_set_up_is_done_once_and_its_paths_stay_true(world: World) -> None:
    """A virtual environment has its own path written down in its scripts."""
    world.repo.commit({".gitignore": "venv/\n.env\n"})
    (world.repo.path / ".env").write_text("secret")
    make = f"{sys.executable} -m venv --without-pip venv; echo x >>venv/times"
    [spare] = warm(world, 1, "--copy", ".env", "--run", make)
    world.mc("launch", "one", "--copy", ".env", "--run", make, "--", "sleep", "1000").ok()
    assert folder(world, "one") == spare.path
    path = Path(spare.path)
    assert (path / "venv/times").read_text() == "x\n"
    assert (path / ".env").read_text() == "secret"
    asked = [str(path / "venv/bin/python"), "-c", "import sys; print(sys.prefix)"]
    printed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == str(path / "venv")
    assert world.repo.git("status", "--porcelain", cwd=path) == ""


def test_another_base_or_set_up_goes_the_ordinary_way(world: World) -> None:
    world.repo.commit({".gitignore": "made\n"})
    [spare] = warm(world)
    world.mc("launch", "one", "--run", "touch made", "--", "sleep", "1000").ok()
    assert folder(world, "one").endswith("/one")
    assert (world.worktree("one") / "made").exists()
    world.repo.commit({"more": "x"})
    world.sh("two", "exec sleep 1000")
    assert folder(world, "two").endswith("/two")
    assert world.job("two")["base_commit"] == world.repo.head()
    world.mc("launch", "three", "--branch", "taken", "--base", spare.commit, "--", "true").ok()
    assert folder(world, "three") == spare.path or folder(world, "three").endswith("/three")


def dirty(world: World, spare: Spare) -> None:
    (Path(spare.path) / "README.md").write_text("mine")


def untracked(world: World, spare: Spare) -> None:
    (Path(spare.path) / "note").write_text("mine")


def moved(world: World, spare: Spare) -> None:
    world.repo.git("commit", "-q", "--allow-empty", "-m", "mine", cwd=Path(spare.path))


def gone_folder(world: World, spare: Spare) -> None:
    Path(spare.path).rename(Path(spare.path + ".away"))


def stale_copy(world: World, spare: Spare) -> None:
    (world.repo.path / ".env").write_text("another secret")


def half_made(world: World, spare: Spare) -> None:
    with world.mission.store.locked() as held:
        pool_of(world.mission).save(held, spare._replace(ready=False))


@pytest.mark.parametrize(
    "harm", [dirty, untracked, moved, gone_folder, stale_copy, half_made], ids=lambda h: h.__name__
)
def test_a_spare_that_is_not_what_it_was_is_not_handed_out(world: World, harm: object) -> None:
    world.repo.commit({".gitignore": ".env\n"})
    (world.repo.path / ".env").write_text("secret")
    [spare] = warm(world, 1, "--copy", ".env")
    world.end_observer()
    # Whom it had at work on the spares outlives it.
    nobody_tends(world)
    assert callable(harm)
    harm(world, spare)
    world.mc("launch", "one", "--copy", ".env", "--", "sleep", "1000").ok()
    assert folder(world, "one").endswith("/one")
    assert (world.worktree("one") / ".env").read_text() == (world.repo.path / ".env").read_text()


def test_work_that_somebody_did_in_a_spare_is_not_thrown_away(world: World) -> None:
    [spare] = warm(world)
    world.end_observer()
    moved(world, spare)
    head = world.repo.git("rev-parse", "HEAD", cwd=Path(spare.path))
    untracked(world, spare)
    world.repo.git("config", "mc.warm", "0")
    tend(world)
    assert spares(world) == []
    assert not Path(spare.path).exists()
    assert head in world.repo.git("for-each-ref", "--format=%(objectname)", "refs/mc/salvage")
    [kept] = (Path(spare.path).parent / ".trash").glob("spare-*")
    assert (kept / "note").read_text() == "mine"


def test_spares_follow_the_base(world: World) -> None:
    [spare] = warm(world)
    world.repo.commit({"more": "x"})
    tend(world)
    [fresh] = spares(world)
    assert fresh.commit == world.repo.head() != spare.commit
    assert not Path(spare.path).exists()
    world.sh("one", "exec sleep 1000")
    assert folder(world, "one") == fresh.path


def test_none_are_wanted_any_more(world: World) -> None:
    warm(world, 2)
    world.repo.git("config", "mc.warm", "0")
    tend(world)
    assert spares(world) == []
    assert [
        line for line in world.repo.git("worktree", "list").splitlines() if "spare" in line
    ] == []
    world.sh("one", "exec sleep 1000")
    assert folder(world, "one").endswith("/one")


def test_a_set_up_that_fails_is_tried_once_and_leaves_nothing(world: World) -> None:
    world.repo.git("config", "mc.warm", "1")
    count = world.socket.parent / "count"
    script = f'echo x >>{count}; test -n "$MC_JOB"'
    world.mc("launch", "one", "--run", script, "--", "true").ok()
    until(lambda: (w := pool_of(world.mission).wanted()) is not None and bool(w.failed),
          world.root / "warm")  # fmt: skip
    tend(world)
    tend(world)
    assert spares(world) == []
    assert count.read_text() == "x\nx\n"
    assert "spare" not in world.repo.git("worktree", "list")


def test_a_set_up_that_changes_what_git_sees_makes_no_spares(world: World) -> None:
    world.repo.git("config", "mc.warm", "1")
    world.mc("launch", "one", "--run", "touch seen", "--", "true").ok()
    tend(world)
    assert [spare for spare in spares(world) if spare.ready] == []
    assert any("its set-up changes what git sees: " in str(entry.get("error"))
               for _, entry in world.mission.store.journal.entries())  # fmt: skip


def test_whoever_makes_spares_and_is_killed_leaves_none_half_made(
    world: World, tmp_path: Path
) -> None:
    world.repo.git("config", "mc.warm", "1")
    said, line = Pipe(tmp_path / "said"), Pipe(tmp_path / "line")
    first = f'[ -z "$MC_JOB" ] && mkdir {tmp_path}/once 2>/dev/null'
    script = f'! {{ {first}; }} || {{ echo "$PPID $$" >{said}; read -r _ <{line}; }}'
    world.mc("launch", "one", "--run", script, "--", "true").ok()
    maker, shell = map(int, said.read().split())
    world.end_observer()
    os.kill(maker, signal.SIGKILL)
    os.kill(shell, signal.SIGKILL)
    assert gone(maker)
    [half] = spares(world)
    assert not half.ready
    world.mc("launch", "two", "--run", "true", "--", "sleep", "1000").ok()
    assert folder(world, "two").endswith("/two")
    tend(world)
    assert half not in spares(world)
    assert not Path(half.path).exists()


def test_many_launches_at_once_take_each_spare_once(world: World) -> None:
    warm(world, 3)
    launching = [world.start("launch", f"j{n}", "--", "sleep", "1000") for n in range(5)]
    assert [p.wait(60) for p in launching] == [0] * 5
    for process in launching:
        process.communicate()
    folders = [folder(world, f"j{n}") for n in range(5)]
    assert len(set(folders)) == 5
    assert sum("/spare-" in path for path in folders) >= 3
    for n in range(5):
        head = world.repo.git("symbolic-ref", "HEAD", cwd=Path(folders[n]))
        assert head == f"refs/heads/mc/j{n}"


def test_a_launch_that_fails_in_a_spare_takes_it_away(world: World) -> None:
    [spare] = warm(world)
    world.end_observer()
    world.mc("launch", "one", "--", "./missing").refused(1, "there is no program")
    assert not Path(spare.path).exists()
    assert world.repo.git("branch", "--list", "mc/one") == ""
    assert world.mc("jobs", "--json").ok().json["jobs"][0]["name"] == "first"


def test_a_torn_record_of_the_pool_stops_no_launch(world: World) -> None:
    warm(world)
    (world.root / "warm/torn.toml").write_text("version = ")
    world.sh("one", "exec sleep 1000")
    assert world.state("one") == "running"
