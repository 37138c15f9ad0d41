"""Who stands by to launch a job: one at a time, told by name, and gone with whoever holds it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gitmc.control.standby import Standby
from tests.support.events import gone
from tests.support.world import PATIENCE, World

pytestmark = pytest.mark.slow

HOLDER = """
import sys
from pathlib import Path
from gitmc.control.mission import open_mission
print(open_mission(Path.cwd()).standby.prepare().pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def standby(world: World) -> Standby:
    mission = world.mission
    mission.store.make()
    world.later(mission.standby.close)
    return mission.standby


def test_there_is_one_until_it_is_let_go(standby: Standby) -> None:
    child = standby.prepare()
    assert standby.prepare() is child
    child.kill()
    child.wait()
    other = standby.prepare()
    assert other is not child
    standby.close()
    assert other.wait(PATIENCE) == 0
    standby.close()


def test_it_ends_with_whoever_has_it(world: World) -> None:
    world.mission.store.make()
    words = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(
        words, cwd=world.repo.path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        pid = int(holder.stdout.readline())
        holder.kill()
    assert gone(pid)


def test_it_launches_what_has_its_turn_and_nothing_else(world: World, standby: Standby) -> None:
    world.repo.git("config", "mc.maxAgents", "1")
    script = '[ "$MC_JOB" = x-2 ] && exit 3; exec sleep 1000'
    world.mc("launch", "x", "-n", "2", "--max-parallel", "2", "--", "/bin/sh", "-c", script).ok()
    world.end_observer()
    child = standby.prepare()
    for name in ("x-1", "x-2", "nobody"):
        standby.launch(name)
        assert standby.prepare() is child
    standby.close()
    assert child.wait(PATIENCE) == 0
    world.repo.git("config", "--unset", "mc.maxAgents")
    other = world.mission.standby
    child = other.prepare()
    other.launch("x-2")
    assert child.wait(PATIENCE) == 0
    assert world.mission.store.job("x-2").terminal is not None  # type: ignore[union-attr]
    world.wait("x-2")
    assert world.job("x-2")["exit_status"] == 3
