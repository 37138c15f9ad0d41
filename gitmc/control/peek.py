"""Peek: what one job's terminal shows, again each time that its agent prints.

What is shown changes hands often, since somebody goes through a list; so the screen comes first,
and the agent is listened to once somebody has stayed for a moment. Who listens is a recorder, the
one that all share who follow the agent (see `stream`), so a pane that the user himself has piped
elsewhere is only looked at once per `pollInterval`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from gitmc.control.mission import Mission, open_mission
from gitmc.control.stream import Follower
from gitmc.control.view import screen
from gitmc.errors import McError, Refused
from gitmc.events.bell import Bell
from gitmc.model.job import Job, Phase, Run
from gitmc.store.recording import joined

STAY = 0.2
"""Seconds for which a job is looked at before its agent is listened to."""

FRAME = 0.05
"""Seconds between two looks at an agent that prints all the time."""

LINES = 200
"""How much is read of what a run has left that is over."""


class Screen(NamedTuple):
    """What the terminal of the job called `job` shows, with its styles; None where it is gone."""

    job: str
    text: str | None


class Peek:
    """Looks at one job at a time, in a thread of its own, until it is closed."""

    def __init__(self, folder: Path, show: Callable[[Screen], None]) -> None:
        self._folder = folder
        self._show = show
        self._job: Job | None = None
        self._closed = False
        self._turned = threading.Event()
        self._bell: Bell | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def look(self, job: Job | None) -> None:
        """Look at `job` from now on."""
        if _essence(job) != _essence(self._job):
            self._turn(job)

    def close(self) -> None:
        """Look no more, and let go of the agent."""
        self._closed = True
        self._turn(None)
        self._thread.join()

    def _turn(self, job: Job | None) -> None:
        with self._lock:
            self._job = job
            self._turned.set()
            if self._bell is not None:
                self._bell.ring()

    def _work(self) -> None:
        # Of its own: another thread is at work on the records.
        mission = open_mission(self._folder)
        while not self._closed:
            self._turned.clear()
            job = self._job
            if job is not None:
                try:
                    self._stay(mission, job)
                except (McError, OSError) as fault:
                    self._show(Screen(job.name, f"{fault}"))
            self._turned.wait()

    def _stay(self, mission: Mission, job: Job) -> None:
        """Show the job's terminal until we are to look at another."""
        self._capture(mission, job)
        run = job.run
        if run is None or job.terminal is None or run.phase is not Phase.LIVE:
            return
        if not self._turned.wait(STAY):
            self._listen(mission, job, run)

    def _capture(self, mission: Mission, job: Job) -> None:
        self._show(Screen(job.name, screen(mission, job, LINES, ansi=True)))

    def _listen(self, mission: Mission, job: Job, run: Run) -> None:
        folder = mission.store.recording(run.id)
        with joined(folder) as recording, ExitStack() as stack:
            bell = stack.enter_context(Bell([folder], changes=True))
            stack.callback(self._hear, None)
            self._hear(bell)
            follower = Follower(mission, job, recording, bell)
            ours, rang = True, True
            while not self._turned.is_set():
                if ours and recording.recorder() is None:
                    ours = _open(follower)
                if rang or not ours or bell.deaf:
                    self._capture(mission, job)
                if not self._turned.wait(FRAME):
                    rang = bell.wait(mission.settings["pollInterval"])

    def _hear(self, bell: Bell | None) -> None:
        with self._lock:
            self._bell = bell


def _open(follower: Follower) -> bool:
    """See that somebody records; False where the user has piped the pane himself."""
    try:
        follower.open(ansi=False)
    except Refused:
        return False
    return True


def _essence(job: Job | None) -> object:
    """What is another once there may be something else to see."""
    return job and (job.name, job.state, job.run and (job.run.id, job.run.phase))
