"""The demo: a scratch repository, a tmux server of its own, three jobs by a scripted agent.

Nothing of the user's is touched: repository, worktrees, tmux socket and settings are all in one
temporary folder, which is removed at the end.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import gitmc
from gitmc.control.apart import start_observer
from gitmc.control.launch import launch
from gitmc.control.loop import catch_up
from gitmc.control.mission import Mission, open_mission
from gitmc.control.prepare import Request
from gitmc.control.settle import live_pids
from gitmc.events.bell import Bell
from gitmc.git.run import REPOSITORY_VARIABLES, Git
from gitmc.model.job import Job, State
from gitmc.store.lock import holder_pid
from gitmc.tmux.process import boot_id, start_time, sweep, wait_gone
from gitmc.tmux.run import NoServer, Tmux, VersionCheck

FILES = {
    "README.md": "# Greeter\n\nGreets the world.\n",
    "greet.py": 'print("hello, world")\n',
}


@dataclass(frozen=True)
class Script:
    """What one of the demo's agents does: at its pace, writes a file, ends with a status."""

    name: str
    prompt: str
    pace: str
    file: str
    text: str
    status: int = 0


SCRIPTS = (
    Script("polite", "Greet politely", "0.4", "greet.py", 'print("good day, world")'),
    Script("docs", "Say how to run it", "0.6", "USAGE.md", "Run `python greet.py`."),
    Script("colour", "Print in colour", "0.5", "colour.py", "import rainbow", status=3),
)


MARK = "DEMO_ROOT"
"""A variable that all processes of a demo have."""


@contextmanager
def scratch(*, keep: bool) -> Iterator[Mission]:
    """A mission in a new repository; everything is gone afterwards, unless it is to be kept."""
    for name in [
        *REPOSITORY_VARIABLES,
        *(n for n in os.environ if n.startswith(("GIT_MC_", "MC_"))),
    ]:
        os.environ.pop(name, None)
    VersionCheck().result()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    # A socket's path has room for about a hundred bytes.
    folder = None if len(tempfile.gettempdir()) < 60 else "/tmp"  # noqa: S108
    root = Path(tempfile.mkdtemp(prefix="git-mc-demo-", dir=folder)).resolve()
    socket = root / "tmux"
    os.environ[MARK] = root.name
    try:
        yield _make(root, socket)
    finally:
        if not keep:
            _remove(root, socket)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """A terminal that is closed is no reason to leave things behind."""
    raise KeyboardInterrupt


def _make(root: Path, socket: Path) -> Mission:
    repo = root / "greeter"
    repo.mkdir()
    git = Git(repo)
    git("init", "--quiet", "--initial-branch=main")
    settings = {
        "user.name": "Demo",
        "user.email": "demo@example.invalid",
        "commit.gpgSign": "false",
        "core.hooksPath": str(root / "no-hooks"),
        "mc.tmuxSocket": str(socket),
        "mc.worktreeBase": str(root / "worktrees"),
    }
    for key, value in settings.items():
        git("config", key, value)
    for name, content in FILES.items():
        (repo / name).write_text(content)
    git("add", "--all")
    git("commit", "--quiet", "-m", "Greet the world")
    return open_mission(repo)


def _remove(root: Path, socket: Path) -> None:
    lock = root / "greeter/.git/mission-control/run/observer.lock"
    try:
        Tmux(str(socket))("kill-server")
    except NoServer:
        socket.unlink(missing_ok=True)
    pid = holder_pid(lock)
    start = start_time(pid) if pid else None
    if pid and start is not None:
        os.kill(pid, signal.SIGTERM)
        wait_gone(pid, start, boot_id(), 5.0)
    # Another may be about to take its place.
    sweep(MARK, root.name)
    shutil.rmtree(root)


def start(mission: Mission) -> list[Job]:
    """Launch the jobs."""
    agent = Path(gitmc.__file__).parent / "agents" / "scripted"
    os.environ["DEMO_REPORT"] = f"{sys.executable} -P -m gitmc"
    jobs = []
    for script in SCRIPTS:
        words = ("/bin/sh", str(agent), script.pace, script.file, script.text, str(script.status))
        request = Request(script.name, script.prompt.encode(), command=words)
        jobs.append(launch(mission, request))
    start_observer(mission)
    return jobs


def progress(mission: Mission) -> Iterator[list[Job]]:
    """The jobs, each time that something has changed, until none runs any more."""
    shown: list[Job] | None = None
    with Bell([mission.store.events / "new", mission.store.jobs_dir]) as bell:
        while True:
            jobs, _ = catch_up(mission)
            if jobs != shown:
                shown = jobs
                yield jobs
            if all(job.settled and job.state is not State.RUNNING for job in jobs):
                return
            bell.watch(live_pids(jobs))
            bell.wait(mission.settings["pollInterval"])
