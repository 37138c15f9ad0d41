"""Agents that a test holds by a string: real shells that do what they are told, one line at a time.

Also the other real things that several end-to-end modules need: repositories at odd places, the
observer, what is left of a job.
"""

from __future__ import annotations

import os
import select
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from gitmc.model.job import Job
from gitmc.store.lock import holder_pid
from tests.support.events import carriers, gone, until
from tests.support.world import PATIENCE, Ran, Repo, World


class Pipe:
    """A fifo that this side never blocks on, whoever has the other end open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self._rest = b""

    def write(self, line: str) -> None:
        """Send a line."""
        os.write(self._fd, line.encode() + b"\n")

    def read(self) -> str:
        """The next line; waits for it."""
        while b"\n" not in self._rest:
            assert select.select([self._fd], [], [], PATIENCE)[0], f"nothing came by {self.path}"
            self._rest += os.read(self._fd, 65536)
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def __del__(self) -> None:
        os.close(self._fd)

    def __str__(self) -> str:
        return shlex.quote(str(self.path))


LOOP = 'echo "$$" >&4; while read -r line <&3; do eval "$line"; echo "= $?" >&4; done'


class Agent:
    """A job whose agent is a shell that runs the lines it is sent, and lives until it is told."""

    def __init__(
        self,
        world: World,
        name: str,
        folder: Path,
        *,
        before: str = ":",
        launch: Callable[..., Ran | None] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.world, self.name = world, name
        self._child = folder / "child.sh"
        self._child.write_text('echo "$$" >&4\nexec sleep 1000\n')
        self._orders, self._answers = Pipe(folder / f"{name}.in"), Pipe(folder / f"{name}.out")
        script = f"{before}; exec 3<{self._orders} 4>{self._answers}; {LOOP}"
        start = launch or (lambda *words: world.mc(*words).ok())
        self.launched = start("launch", name, *options, "--", "/bin/sh", "-c", script)
        self.pid = int(self._answers.read())

    @property
    def job(self) -> Job:
        """The job as it is stored; nothing is settled by looking."""
        found = self.world.mission.store.job(self.name)
        assert found is not None
        return found

    @property
    def run(self) -> str:
        """The nonce of the job's run."""
        assert self.job.run is not None
        return self.job.run.id

    @property
    def launcher(self) -> int:
        """The process of the job's launcher."""
        assert self.job.run is not None
        assert self.job.run.launcher is not None
        return self.job.run.launcher.pid

    @property
    def pane(self) -> str:
        """The job's pane, by tmux's id."""
        assert self.job.terminal is not None
        return self.job.terminal.pane

    def again(self) -> None:
        """Wait for the shell that another launch of the job has started, and hold that."""
        while (line := self._answers.read()).startswith("="):
            continue
        self.pid = int(line)

    def do(self, line: str) -> int:
        """Have the shell run `line`; its exit status."""
        self._orders.write(line)
        return int(self._answers.read().removeprefix("= "))

    def tell(self, line: str) -> None:
        """Have the shell run `line`, and expect no answer."""
        self._orders.write(line)

    def answer(self) -> str:
        """The next line that it, or a child of it, says; waits for it."""
        return self._answers.read()

    def leave_behind(self, how: str) -> int:
        """Have it start a child by `how`, in which CHILD stands for the command; its number."""
        self._orders.write(how.replace("CHILD", f"/bin/sh {self._child}"))
        lines = [self._answers.read(), self._answers.read()]
        return int(next(line for line in lines if not line.startswith("=")))


def observer(world: World, path: Path | None = None) -> int:
    """The observer's process, once it is at work."""
    run = (path or world.repo.path) / ".git/mission-control/run"
    lock = run / "observer.lock"
    until(lambda: world.mission.store.observed() and holder_pid(lock) is not None, run)
    pid = holder_pid(lock)
    assert pid is not None
    return pid


def without_observer(world: World) -> None:
    """End the observer that the last launch started, once it is there to be ended."""
    observer(world)
    world.end_observer()


def stored(world: World, name: str, holds: Callable[[Job], bool]) -> Job:
    """The job, once what is stored of it is so; nothing is settled by looking."""
    store = world.mission.store
    found: list[Job] = []

    def look() -> bool:
        job = store.job(name)
        if job is not None and holds(job):
            found.append(job)
        return bool(found)

    until(look, store.jobs_dir)
    return found[0]


def closed(world: World, name: str) -> Job:
    """The job, once an observer has seen the end of its run and dealt with it."""
    return stored(world, name, lambda job: job.settled and job.ended_at is not None)


def all_gone(pids: Sequence[int]) -> bool:
    """Whether these processes have ended, once they have."""
    return all(gone(pid) for pid in pids)


def nothing_left(run: str) -> bool:
    """Whether no process of the run is left."""
    return carriers("MC_RUN", run) == []


def make_repo(path: Path) -> Repo:
    """A new repository with one commit."""
    path.mkdir(parents=True)
    repo = Repo(path)
    repo.git("init", "--quiet", "--initial-branch=main")
    repo.commit({"README.md": "# A project\n"}, "first")
    return repo


def world_at(world: World, path: Path) -> World:
    """A repository at `path`, in the same tmux server as `world`, which cleans up after it."""
    made = World(make_repo(path), world.socket)
    world.adopt(path)
    return made


def path_of(folder: Path, *programs: str) -> str:
    """A PATH that has `programs` and no others."""
    folder.mkdir()
    for program in programs:
        found = shutil.which(program)
        assert found is not None
        (folder / program).symlink_to(found)
    return str(folder)


def script_at(path: Path, text: str) -> Path:
    """An executable script for sh."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def tmux_that_waits(folder: Path, *, after: bool) -> tuple[str, Pipe, Pipe]:
    """A PATH whose tmux says when it makes a session, and waits there for a line.

    It does so before or `after` the real tmux has made it. Returns the PATH, where it says so, and
    where it waits for the line.
    """
    said, line = Pipe(folder / "tmux-said"), Pipe(folder / "tmux-waits")
    real = f'{shutil.which("tmux")} "$@"'
    pause = f'case " $* " in *" new-session "*) echo here >{said}; read -r _ <{line};; esac'
    steps = f"{real}; status=$?; {pause}; exit $status" if after else f"{pause}; exec {real}"
    script_at(folder / "slow/tmux", steps)
    return f"{folder / 'slow'}:{os.environ['PATH']}", said, line


def some_slow(cases: Mapping[str, object], quick: Sequence[str]) -> list[ParameterSet]:
    """The cases as parameters, of which all but the `quick` ones are marked as slow."""
    return [
        pytest.param(case, id=key, marks=() if key in quick else pytest.mark.slow)
        for key, case in cases.items()
    ]


def names(ran: Ran) -> list[str]:
    """The names in a list of jobs."""
    return [job["name"] for job in ran.ok().json["jobs"]]
