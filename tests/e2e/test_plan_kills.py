"""A plan comes to the same end, whoever is killed at whatever point of the journal."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gitmc.events.bell import Bell
from tests.e2e.test_plan import job, landed, plan, states, works
from tests.support.world import PATIENCE, World

pytestmark = pytest.mark.slow

STRIDE = int(os.environ.get("GIT_MC_TEST_STRIDE", "7"))
"""At each so many of the journal's points somebody is killed; at all of them with 1."""

KILLER = """
import os, signal, subprocess, sys

def strike():
    kill, root = os.environ["TEST_VICTIM"], os.environ["TEST_ROOT"]
    if kill == "tmux":
        subprocess.run(["tmux", "-S", os.environ["GIT_MC_TMUX_SOCKET"], "kill-server"],
                       stderr=subprocess.DEVNULL)
    elif kill == "observer":
        try:
            with open(root + "/run/observer.lock") as lock:
                os.kill(int(lock.read()), signal.SIGKILL)
        except (OSError, ValueError):
            os.kill(os.getpid(), signal.SIGKILL)
    else:
        os.kill(os.getpid(), signal.SIGKILL)

def hook(event, args):
    if event != "open" or not str(args[0]).endswith("journal.jsonl"):
        return
    if not (isinstance(args[2], int) and args[2] & os.O_APPEND):
        return
    counter = os.open(os.environ["TEST_COUNTER"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(counter, b".")
    size = os.fstat(counter).st_size
    os.close(counter)
    if size == int(os.environ["TEST_POINT"]):
        strike()

if "TEST_POINT" in os.environ:
    sys.addaudithook(hook)
"""
"""Python runs this in every process of ours: they count what they write into the journal together,
and one strikes before the N-th of it."""

PLAN = plan(
    job("a", works("a")),
    job("b", works("b"), "a"),
    job("c", f"{works('c')}; exit 0"),
    job("d", f"test -f b.txt && {works('d')}", "b", "c"),
    job("e", "true", "a"),
    test="test ! -e bad",
)


class Stage:
    """The same repository again and again, with somebody who is killed."""

    def __init__(self, world: World, folder: Path, victim: str) -> None:
        self._world, self._kept = world, folder / "kept"
        shutil.copytree(world.repo.path, self._kept, symlinks=True)
        self._site = folder / "site"
        self._site.mkdir()
        (self._site / "sitecustomize.py").write_text(KILLER)
        self._counter = folder / "counter"
        self._victim = victim

    def play(self, point: int) -> bool:
        """Run the plan with one killed before that point; whether it came to that."""
        world = self._world
        self._counter.write_bytes(b"")
        environment = {
            **os.environ,
            "PYTHONPATH": f"{self._site}:{os.environ.get('PYTHONPATH', '')}",
            "TEST_POINT": str(point),
            "TEST_COUNTER": str(self._counter),
            "TEST_VICTIM": self._victim,
            "TEST_ROOT": str(world.root),
        }
        command = [sys.executable, "-m", "gitmc", "plan"]
        for words in (["start", "-"], ["wait", "--timeout", "20"]):
            subprocess.run(
                [*command, *words], cwd=world.repo.path, env=environment, input=PLAN,
                capture_output=True, text=True, check=False, timeout=PATIENCE,
            )  # fmt: skip
        return len(self._counter.read_bytes()) >= point

    def finish(self) -> None:
        """Go on as somebody does who finds it so, and see that the end is the same."""
        world = self._world
        if not world.mc("plan", "list", "--json").ok().json["plans"]:
            world.mc("plan", "start", "-", stdin=PLAN).ok()
        done = world.mc("plan", "wait", "--json", "--timeout", str(PATIENCE))
        found = done.json
        assert found["state"] == "completed", (found["state"], found["checkpoints"], states(found))
        assert set(states(found).values()) == {"merged"}
        assert landed(world) == {"a.txt", "b.txt", "c.txt", "d.txt"}
        # Whoever was killed may have left its news to be told, by an observer that comes now.
        plans = world.root / "plans"
        with Bell([plans], removals=True) as bell:
            while list(plans.glob("*.running")):
                assert bell.wait(PATIENCE), "nobody has come to the end of the plan"

    def again(self) -> None:
        """As it was before."""
        world = self._world
        world.end_observer()
        world.end_drivers()
        subprocess.run(
            ["tmux", "-S", str(world.socket), "kill-server"], capture_output=True, check=False
        )
        homes = {Path(one["worktree"]) for one in world.mc("jobs", "--json").ok().json["jobs"]}
        for home in homes:
            shutil.rmtree(home, ignore_errors=True)
        world.end_observer()
        shutil.rmtree(world.repo.path)
        shutil.copytree(self._kept, world.repo.path, symlinks=True)


@pytest.mark.parametrize("victim", ["self", "observer", "tmux"])
def test_a_plan_ends_the_same_whoever_is_killed_at_any_point_of_the_journal(
    world: World, tmp_path: Path, victim: str
) -> None:
    stage = Stage(world, tmp_path, victim)
    point = 1
    while stage.play(point):
        stage.finish()
        stage.again()
        point += STRIDE
    stage.finish()
    assert point > 30
