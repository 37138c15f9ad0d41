"""Follow: what a running agent prints, as it prints it, until its run is over.

A pane has one pipe. The first who follows opens it, to a recorder that keeps what is printed in
files, and all who follow read those; the recorder closes the pipe when nobody does any more. See
`tmux/recorder.py` for its files, `store/recording.py` for how they are read.

Between the first lines and what is read from the files nothing is lost. For who opens the pipe
nothing is doubled either, since tmux shows the pane and opens the pipe in one go. Who joins takes
his place in the files first and looks at the pane then: what the agent prints in those few
milliseconds he sees twice.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from itertools import chain

from gitmc.control.loop import catch_up
from gitmc.control.mission import Mission
from gitmc.control.settle import live_pids
from gitmc.errors import Fatal, Refused
from gitmc.events import markers
from gitmc.events.bell import Bell
from gitmc.model.job import Job, Phase
from gitmc.store.lock import hold
from gitmc.store.recording import Recording, clear, joined
from gitmc.tmux import pipe
from gitmc.tmux.process import boot_id, end, is_alive, wait_gone
from gitmc.tmux.run import Tmux

PATIENCE = 10.0
"""Seconds for a recorder to start, or to end."""


def follow(
    mission: Mission, job: Job, lines: int, warn: Callable[[str], None], *, ansi: bool = False
) -> Iterator[bytes]:
    """What the job's pane shows, its last `lines`, and what its agent prints until its run ends.

    Raises Refused where the user has piped the pane himself. `warn` is told what could not be read.
    """
    for folder in mission.store.recordings():
        clear(folder)
    assert job.run is not None
    folder = mission.store.recording(job.run.id)
    watched = [folder, mission.store.events / "new", mission.store.jobs_dir]
    with joined(folder) as recording, Bell(watched, changes=True) as bell:
        follower = Follower(mission, job, recording, bell)
        shown = follower.open(ansi=ansi)
        if shown is not None:
            last = "\n".join(shown.text.split("\n")[-lines:])
            newline = "" if shown.open or not last else "\n"
            yield (last + newline).encode("utf-8", "surrogateescape")
        told = 0
        for chunk in chain(follower.chunks(), [b""]):
            if recording.missed > told:
                warn(f"{recording.missed - told} bytes could not be kept or read in time")
                told = recording.missed
            yield chunk


class Follower:
    """One who follows a run."""

    def __init__(self, mission: Mission, job: Job, recording: Recording, bell: Bell) -> None:
        assert job.terminal is not None
        assert job.run is not None
        self.mission = mission
        self.name, self.run = job.name, job.run
        self.pane = job.terminal.pane
        self.tmux: Tmux = mission.tmux_of(job.terminal)
        self.recording = recording
        self.bell = bell

    def open(self, *, ansi: bool) -> pipe.Shown | None:
        """See that a recorder is at work; what the pane shows, or None where it is over."""
        with hold(self.recording.opening):
            if self.recording.recorder() is not None:
                self.recording.go_to_end()
                return pipe.show(self.tmux, self.run.id, ansi=ansi)
            now = pipe.look(self.tmux, self.run.id)
            if now is None or now.dead:
                return None
            if now.piped and not now.ours:
                raise Refused(
                    f"the terminal of '{self.name}' is piped elsewhere, and can be only once",
                    hint=f"close that pipe: tmux pipe-pane -t {self.pane}",
                )
            shown = pipe.begin(self.tmux, self.run.id, self.recording.folder, ansi=ansi)
            if shown is not None:
                self._await_recorder()
            return shown

    def _await_recorder(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.recording.recorder() is None:
            now = pipe.look(self.tmux, self.run.id)
            if now is None or now.dead:
                return
            left = deadline - time.monotonic()
            if left <= 0:
                raise Fatal(f"nothing records what '{self.name}' prints: its reader did not start")
            self.bell.wait(left)

    def chunks(self) -> Iterator[bytes]:
        """What is recorded until the run is over and all of it was read."""
        while True:
            yield from self.recording.chunks()
            # In this order: what a recorder that is gone has written is all there is of it.
            recorder = self.recording.recorder()
            ended = self._ended()
            if recorder is None:
                yield from self.recording.chunks()
                if ended:
                    return
                self.open(ansi=False)
            elif ended:
                self._end(*recorder)
                yield from self.recording.chunks()
                return
            launchers = live_pids([job] if (job := self._job()) else [])
            self.bell.watch(launchers | ({recorder[0]} if recorder else set()))
            self.bell.wait(self.mission.settings["pollInterval"])

    def _job(self) -> Job | None:
        return self.mission.store.job(self.name)

    def _ended(self) -> bool:
        launcher = self.run.launcher
        gone = launcher is not None and not is_alive(*launcher)
        # Each piece of output wakes us; only what can be news to the store is worth a look.
        if gone or launcher is None or markers.waiting(self.mission.store.events):
            catch_up(self.mission, wait=False)
        job = self._job()
        if job and job.run and job.run.id == self.run.id and job.run.phase is Phase.LIVE:
            return False
        now = pipe.look(self.tmux, self.run.id)
        return now is None or now.dead

    def _end(self, pid: int, start: str) -> None:
        """End a recorder whose pane is dead: it reads what is left first."""
        if end(pid, start, boot_id(), signal.SIGTERM):
            wait_gone(pid, start, boot_id(), PATIENCE)
