"""What a run leaves behind: ended with it, but for the programs that are spared on purpose."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitmc.tmux import launcher
from gitmc.tmux.process import boot_id, end, start_time, sweep
from tests.support.agents import Agent, closed, without_observer
from tests.support.events import carriers, gone
from tests.support.world import World

WAYS = {
    "background": "DAEMON &",
    "setsid": "setsid DAEMON &",
    "daemon": "setsid /bin/sh -c 'DAEMON &'",
    "stubborn": "(trap '' HUP TERM; exec DAEMON) &",
}
ENDS = ("exit", "kill", "force", "launcher gone", "pane closed")
quick = {("exit", "background"), ("kill", "daemon"), ("launcher gone", "setsid")}


class Daemon:
    """A program whose name, and the name of whose script, begins with `Gradle`."""

    def __init__(self, folder: Path, *, below: bool = False) -> None:
        program, script = folder / "GradleDaemon", folder / "GradleStart"
        program.symlink_to(str(shutil.which("sleep")))
        last = "sleep 1000 & echo $! >&4; wait" if below else f"exec {program} 1000"
        script.write_text(f'echo "$$" >&4\n{last}\n')
        self.command = f"/bin/sh {script}"


def end_later(world: World, pid: int) -> None:
    """See that the process does not outlive the test."""
    start = start_time(pid) or ""
    world.later(lambda: end(pid, start, boot_id(), signal.SIGKILL))


def let_be(world: World, agent: Agent, how: str, command: str) -> int:
    """Have the agent leave `command` behind; its process, which is ended after the test."""
    pid = agent.leave_behind(how.replace("DAEMON", command))
    end_later(world, pid)
    return pid


def finish(world: World, agent: Agent, how: str) -> None:
    """End the run, and deal with its end."""
    if how == "exit":
        agent.tell("exit 0")
        closed(world, agent.name)
    elif how == "launcher gone":
        without_observer(world)
        os.kill(agent.launcher, signal.SIGKILL)
        assert gone(agent.launcher)
        world.mc("jobs").ok()
    elif how == "pane closed":
        world.tmux("kill-pane", "-t", agent.pane)
        closed(world, agent.name)
    else:
        world.mc("kill", agent.name, *(["--force"] if how == "force" else [])).ok()
    world.mc("cleanup", agent.name).ok()


CASES = [
    pytest.param(end, way, id=f"{end}-{way}", marks=() if (end, way) in quick else pytest.mark.slow)
    for end in ENDS
    for way in WAYS
    # A terminal that is closed sends SIGHUP to its whole foreground group, whoever that is.
    if (end, way) not in (("pane closed", "background"), ("force", "background"))
    and (end, way) != ("launcher gone", "background")
]


@pytest.mark.parametrize(("how", "way"), CASES)
def test_a_program_that_is_to_be_spared_outlives_the_run_and_no_other_does(
    world: World, tmp_path: Path, how: str, way: str
) -> None:
    world.repo.git("config", "mc.kill.spare", "Gradle*")
    world.repo.git("config", "--add", "mc.kill.spare", "*/GradleStart")
    agent = Agent(world, "one", tmp_path)
    daemon = let_be(world, agent, WAYS[way], Daemon(tmp_path).command)
    other = agent.leave_behind("setsid CHILD &")
    run, start = agent.run, start_time(daemon)
    finish(world, agent, how)
    assert gone(agent.pid)
    assert gone(other)
    assert carriers("MC_RUN", run) == [daemon]
    assert start_time(daemon) == start


@pytest.mark.parametrize(
    ("pattern", "how"), [("GradleDaemon", "exit"), ("*Gradle*", "kill"), ("sleep 1000", "exit")]
)
def test_by_default_nothing_is_spared_and_a_pattern_must_match_the_whole(
    world: World, tmp_path: Path, pattern: str, how: str
) -> None:
    if pattern != "*Gradle*":
        world.repo.git("config", "mc.kill.spare", pattern.removesuffix("Daemon"))
    agent = Agent(world, "one", tmp_path)
    daemon = let_be(world, agent, WAYS["daemon"], Daemon(tmp_path).command)
    run = agent.run
    finish(world, agent, how)
    assert gone(daemon)
    assert carriers("MC_RUN", run) == []


def test_what_is_below_a_spared_program_is_spared_too(world: World, tmp_path: Path) -> None:
    world.repo.git("config", "mc.kill.spare", "*/GradleStart")
    agent = Agent(world, "one", tmp_path)
    agent.tell(f"setsid {Daemon(tmp_path, below=True).command} &")
    lines = [agent.answer() for _ in range(3)]
    daemon, child = (int(line) for line in lines if not line.startswith("="))
    for pid in (daemon, child):
        end_later(world, pid)
    run = agent.run
    world.mc("kill", "one").ok()
    assert set(carriers("MC_RUN", run)) == {daemon, child}


@pytest.mark.parametrize("how", ["kill", "force", "launcher gone"])
def test_an_agent_is_never_spared(world: World, tmp_path: Path, how: str) -> None:
    world.repo.git("config", "mc.kill.spare", "*sh*")
    agent = Agent(world, "one", tmp_path, before=":" if how == "kill" else "trap '' HUP TERM")
    run = agent.run
    finish(world, agent, how)
    assert gone(agent.pid)
    assert carriers("MC_RUN", run) == []


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that carries a mark of its own."""
    environment = {**os.environ, "MC_TEST": str(os.getpid())}
    with subprocess.Popen(["sleep", "1000"], env=environment) as process:
        yield process
        process.kill()


def test_a_signal_reaches_only_the_process_that_was_meant(sleeper: subprocess.Popen[bytes]) -> None:
    pid, start = sleeper.pid, start_time(sleeper.pid)
    assert start is not None
    earlier = str(int(start) - 1)
    assert not end(pid, earlier, boot_id(), signal.SIGKILL)
    assert not end(pid, start, "another boot", signal.SIGKILL)
    launcher.send([(pid, earlier)], signal.SIGKILL)
    assert start_time(pid) == start
    launcher.send([(2**22 + 1, "1"), (pid, start)], signal.SIGTERM)
    assert sleeper.wait() == -signal.SIGTERM
    assert not end(pid, start, boot_id(), signal.SIGKILL)


def test_a_sweep_ends_though_what_it_spares_stays(sleeper: subprocess.Popen[bytes]) -> None:
    mark = str(os.getpid())
    assert sweep("MC_TEST", mark, spare=["sleep*"]) == 0
    assert sweep("MC_TEST", mark, spare=["slee", "1000"]) == 1
    assert sleeper.wait() == -signal.SIGKILL
