"""Agents that do something all the time: what they are found to do stays right."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from gitmc.model.job import State
from tests.e2e.test_activity import SIGNAL, becomes, watched
from tests.support.agents import Agent, closed, nothing_left, observer, script_at
from tests.support.events import until
from tests.support.world import Ran, World


def noisy(world: World, name: str, folder: Path, step: str, times: int) -> Path:
    """Launch an agent that does `step` of bash 20 times a second, makes a file, and goes on."""
    done = folder / f"{name}.done"
    loop = (
        f"for ((n = 0; ; n++)); do {step}; ((n == {times})) && : >'{done}'; read -rt 0.05 _; done"
    )
    world.launch(name, "/bin/bash", "-c", loop)
    return done


def found(world: World, name: str, done: Path | str) -> list[tuple[str, str]]:
    """What the agent is found to do, one after the other, until it has made the file `done`, or
    is in that state."""
    states: list[tuple[str, str]] = []

    def look() -> bool:
        job = world.mission.store.job(name)
        if job is not None and job.activity is not None and states[-1:] != [job.activity[::2]]:
            states.append(job.activity[::2])
        return done.exists() if isinstance(done, Path) else states[-1][0] == done

    until(look, world.mission.store.jobs_dir, *([done.parent] if isinstance(done, Path) else []))
    return states


@pytest.mark.slow
def test_a_bell_that_rings_all_the_time_is_output(world: World, tmp_path: Path) -> None:
    watched(world)
    done = noisy(world, "one", tmp_path, r"printf '\a'", 160)
    states = found(world, "one", done)
    assert states[-2:] == [("waiting", "bell"), ("working", "output")]
    assert states.count(("waiting", "bell")) == 1


@pytest.mark.slow
def test_a_title_that_changes_all_the_time_is_output(world: World, tmp_path: Path) -> None:
    watched(world)
    done = noisy(world, "one", tmp_path, r"printf '\033]2;✋ %s ready?\007' $n", 60)
    assert found(world, "one", done) == [("working", "output")]


def test_an_agent_that_prints_without_end_is_read_and_ended_like_others(
    world: World, tmp_path: Path
) -> None:
    watched(world, keepLogs="64k")
    world.launch("one", "/bin/sh", "-c", "exec yes 'the same line, again and again'")
    becomes(world, "one", "working", "output")
    pid = observer(world)
    assert len(world.mc("capture", "one", "-n", "5").ok().stdout.splitlines()) == 5
    world.mc("kill", "one").ok()
    assert closed(world, "one").state is State.STOPPED
    log = world.root / "logs/one.log"
    assert "again and again" in log.read_text()
    assert log.stat().st_size <= 64 * 1024 + 200
    peak = [row for row in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in row]
    assert int(peak[0].split()[1]) < 100_000, "kilobytes of memory for a few screens of text"


def test_an_agent_that_ends_while_it_waits_waits_no_more(world: World, tmp_path: Path) -> None:
    agent = Agent(world, "one", tmp_path)
    agent.do(f"{SIGNAL} waiting")
    becomes(world, "one", "waiting", "agent")
    agent.tell("exit 0")
    job = closed(world, "one")
    assert (job.state, job.activity) == (State.COMPLETED, None)
    assert "waiting" not in world.mc("jobs").ok().stdout


def test_a_job_that_an_agent_launches_outlives_it(world: World, tmp_path: Path) -> None:
    outer = Agent(world, "outer", tmp_path)

    def inside(*words: str) -> None:
        assert outer.do(f"{world.command} {shlex.join(words)}") == 0

    inner = Agent(world, "inner", tmp_path, launch=inside)
    assert inner.run != outer.run
    assert inner.job.base == "mc/outer"
    inner.tell('echo "$MC_JOB $MC_RUN" >&4')
    assert inner.answer() == f"inner {inner.run}"
    assert inner.answer() == "= 0"
    world.mc("kill", "outer").ok()
    assert closed(world, "outer").state is State.STOPPED
    assert nothing_left(outer.run)
    assert inner.do(f"{SIGNAL} working") == 0
    becomes(world, "inner", "working", "agent")
    inner.tell("exit 0")
    assert closed(world, "inner").state is State.COMPLETED


TITLES = {
    "working": "✦  Working… (one)",
    "waiting": "✋  Action Required (one)",
    "idle": "◇  Ready (one)",
}


def with_title(world: World, folder: Path) -> Agent:
    """An agent whose catalog file says how to read its title."""

    def start(*words: str) -> Ran:
        script_at(folder / "bin/gemini", words[-1])
        path = f"{folder / 'bin'}:{os.environ['PATH']}"
        return world.mc("launch", words[1], "do it", "--agent", "gemini", PATH=path).ok()

    return Agent(world, "one", folder, launch=start)


def test_a_title_tells_at_once_and_nothing_else_then_does(world: World, tmp_path: Path) -> None:
    # Never by looking now and then.
    watched(world, pollInterval="1000")
    agent = with_title(world, tmp_path)
    observer(world)
    for state in ("working", "waiting", "idle", "working", "idle"):
        agent.do(f"printf '\\033]2;{TITLES[state]}\\007'")
        becomes(world, "one", state, "title")
    agent.do("printf '\\a'; echo more")
    agent.do(f"printf '\\033]2;{TITLES['waiting']}\\007'")
    # It may wait already when it is first looked at; nothing but its title has told anything.
    *before, last = found(world, "one", "waiting")
    assert last == ("waiting", "title")
    assert before in ([], [("idle", "title")])
