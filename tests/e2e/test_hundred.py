"""A hundred agents that end at the same moment: every one is known at once, and none is lost."""

from __future__ import annotations

import os
import signal
import time
from datetime import datetime
from pathlib import Path

import pytest

from gitmc.control.launch import launch
from gitmc.control.prepare import Request
from gitmc.model.job import State
from tests.support.agents import Pipe, observer
from tests.support.events import until
from tests.support.world import World

pytestmark = pytest.mark.slow

MANY = 100


def started(world: World, fifo: Path) -> Pipe:
    """Launch a hundred agents, each of which ends with status 3 when it has read a line of a pipe.

    Each is launched as ever, but all save the last, which starts the observer, by this process: to
    start one is most of what a launch takes.
    """
    pipe = Pipe(fifo)
    mission = world.mission
    command = ("/bin/sh", "-c", f"read x < {pipe}; exit 3")
    for number in range(MANY - 1):
        launch(mission, Request(f"n{number:03}", command=command))
    world.launch(f"n{MANY - 1:03}", *command)
    return pipe


def known_after(world: World, began: float) -> float:
    """The seconds from `began` until the last end was stored, once all are; by the journal."""
    store = world.mission.store
    word = '"to": "failed"'
    until(lambda: store.journal.path.read_text().count(word) == MANY, store.root)
    jobs, faults = store.jobs()
    assert faults == []
    assert [(job.state, job.exit_status) for job in jobs] == [(State.FAILED, 3)] * MANY
    ends = [entry["at"] for _, entry in store.journal.entries() if entry.get("to") == "failed"]
    return datetime.fromisoformat(max(ends)).timestamp() - began


def limit() -> float:
    """A second, or more on a machine whose cores have more than one thing each to do."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def test_all_are_known_within_a_second(world: World, tmp_path: Path) -> None:
    pipe = started(world, tmp_path / "go")
    observer(world)
    began = time.time()
    pipe.write("\n" * (MANY - 1))
    took = known_after(world, began)
    ended = max(job.ended_at.timestamp() for job in world.mission.store.jobs()[0] if job.ended_at)
    print(f"{MANY} ends took {ended - began:.3f} s, and were known after {took:.3f} s")
    assert took < limit()
    store = world.mission.store
    until(lambda: all(job.settled for job in store.jobs()[0]), store.jobs_dir)
    print(f"{MANY} ends were settled after {time.time() - began:.3f} s")
    assert list((store.events / "new").iterdir()) == []


def test_none_is_lost_on_an_observer_that_is_stopped_meanwhile(
    world: World, tmp_path: Path
) -> None:
    pipe = started(world, tmp_path / "go")
    pid = observer(world)
    os.kill(pid, signal.SIGSTOP)
    pipe.write("\n" * (MANY - 1))
    new = world.mission.store.events / "new"
    until(lambda: len(list(new.glob("*.exit.*"))) == MANY, new)
    assert '"to": "failed"' not in world.mission.store.journal.path.read_text()
    began = time.time()
    os.kill(pid, signal.SIGCONT)
    took = known_after(world, began)
    print(f"{MANY} ends were known {took:.3f} s after the observer went on")
    assert took < limit()
