"""A world of its own for one test: a repository, a tmux server, and git mc as users run it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitmc.control.mission import Mission, open_mission
from gitmc.store.lock import holder_pid, is_held
from gitmc.tmux.process import boot_id, start_time, wait_gone

PATIENCE = 60.0
"""Seconds after which an event that did not come is a failure. Never a pace: a test that passes
has waited for events, not for this."""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.stdout)

    def ok(self) -> Ran:
        """Itself, once it is sure that the command succeeded."""
        assert self.status == 0, f"exit {self.status}\n{self.stdout}\n{self.stderr}"
        return self

    def refused(self, status: int, *words: str) -> Ran:
        """Itself, once it is sure that it failed so and said all of `words`."""
        assert self.status == status, f"exit {self.status}\n{self.stdout}\n{self.stderr}"
        assert "Traceback" not in self.stderr
        for word in words:
            assert word in self.stderr, self.stderr
        return self


class Repo:
    """A repository on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(self, *args: str, stdin: str | None = None, cwd: Path | None = None) -> str:
        """What git prints; it must succeed."""
        done = subprocess.run(
            ["git", *args],
            cwd=cwd or self.path,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            errors="surrogateescape",
        )
        assert done.returncode == 0, f"git {args}: {done.stderr}"
        return done.stdout.removesuffix("\n")

    def commit(self, files: dict[str, str], message: str = "change") -> str:
        """Commit `files`; the commit."""
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def head(self, name: str = "HEAD") -> str:
        """The commit that `name` stands for."""
        return self.git("rev-parse", "--verify", name)

    def files(self, name: str = "HEAD") -> dict[str, str]:
        """The files of a commit, with their content."""
        names = [n for n in self.git("ls-tree", "-r", "-z", "--name-only", name).split("\0") if n]
        return {n: self.git("show", f"{name}:{n}") for n in names}


class World:
    """One repository with its tmux server; everything in it is gone after the test."""

    def __init__(self, repo: Repo, socket: Path) -> None:
        self.repo = repo
        self.socket = socket
        self._dirs = [repo.path]
        self._endings: list[Callable[[], object]] = []

    def mc(self, *args: str, cwd: Path | None = None, stdin: str | None = None, **env: str) -> Ran:
        """Run `git-mc ARGS` as its own process, in the repository."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gitmc", *args],
            cwd=cwd or self.repo.path,
            env={**os.environ, **env},
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            errors="surrogateescape",
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *args: str, **env: str) -> subprocess.Popen[bytes]:
        """Start `git-mc ARGS` and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "gitmc", *args],
            cwd=self.repo.path,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    @property
    def command(self) -> str:
        """How a script says `git mc`."""
        return f"{sys.executable} -P -m gitmc"

    def launch(
        self, name: str, *command: str, prompt: str = "", options: Sequence[str] = ()
    ) -> Ran:
        """Launch a job that runs `command`."""
        words = [prompt] if prompt else []
        return self.mc("launch", name, *words, *options, "--", *command).ok()

    def sh(self, name: str, script: str, *options: str) -> Ran:
        """Launch a job that runs `script` with sh."""
        return self.launch(name, "/bin/sh", "-c", script, options=options)

    def wait(self, *names: str, states: Sequence[str] = ()) -> Ran:
        """Wait for jobs to end, or to be in one of `states`."""
        words = [word for state in states for word in ("--for", state)]
        return self.mc("wait", *names, *words, "--timeout", str(PATIENCE))

    def job(self, name: str) -> dict[str, Any]:
        """The job object of `git mc status --json`."""
        found: dict[str, Any] = self.mc("status", name, "--json").ok().json
        return found

    def state(self, name: str) -> str:
        """The state of the job."""
        return str(self.job(name)["state"])

    def worktree(self, name: str) -> Path:
        """The job's worktree."""
        return Path(self.job(name)["worktree"])

    @property
    def mission(self) -> Mission:
        """The mission of this repository, opened anew."""
        return open_mission(self.repo.path)

    @property
    def root(self) -> Path:
        """`.git/mission-control`."""
        return self.mission.store.root

    def tmux(self, *args: str) -> str:
        """What tmux prints, on this world's server; it must succeed."""
        done = subprocess.run(
            ["tmux", "-S", str(self.socket), *args], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"tmux {args}: {done.stderr}"
        return done.stdout.removesuffix("\n")

    def later(self, ending: Callable[[], object]) -> None:
        """Do `ending` when the test is over, after its jobs have been ended."""
        self._endings.append(ending)

    def adopt(self, path: Path) -> None:
        """End the observer of the repository at `path` too when the test is over."""
        self._dirs.append(path)

    def end_observer(self, path: Path | None = None) -> None:
        """End the observer, if there is one, and any that is starting, and see that they are gone.

        One that is starting has no lock yet; it would be at work in what a test puts there next.
        """
        where = (path or self.repo.path).resolve()
        for process in Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
                here = b"watch" in words and (process / "cwd").resolve() == where
            except OSError:
                continue
            start = start_time(int(process.name)) if here else None
            if start is not None:
                os.kill(int(process.name), signal.SIGKILL)
                assert wait_gone(int(process.name), start, boot_id(), PATIENCE)

    def end_drivers(self, path: Path | None = None) -> None:
        """End whoever drives a train: those of plans wait for jobs that nobody sends any more."""
        run = (path or self.repo.path) / ".git/mission-control/run"
        for lock in run.glob("train-*.lock"):
            pid = holder_pid(lock)
            start = start_time(pid) if pid and is_held(lock) else None
            if pid and start is not None:
                os.kill(pid, signal.SIGKILL)
                assert wait_gone(pid, start, boot_id(), PATIENCE)

    def close(self) -> None:
        """End everything that belongs to this world."""
        subprocess.run(
            ["tmux", "-S", str(self.socket), "kill-server"], capture_output=True, check=False
        )
        for path in self._dirs:
            if path.exists():
                self.end_observer(path)
                self.end_drivers(path)
        for ending in self._endings:
            ending()
        shutil.rmtree(self.socket.parent, ignore_errors=True)
