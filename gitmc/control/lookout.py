"""Looking at agents: at their terminal's title, and where neither that nor their hooks say what
they do, at when they printed and whether their bell rang.

Only the observer does this, when tmux says that a title has changed, and once per `pollInterval`:
one question to each tmux server, and beyond that the screen of an agent whose catalog file says how
to read it, once each time it stands still; sooner while its hooks have said nothing yet, since it
may first ask whether it is to be trusted. A title that says that the agent is idle has the screen
read too: some titles do not tell when a dialog is open, or a turn has failed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from gitmc.control.agents import Shown, shown
from gitmc.control.mission import Mission
from gitmc.errors import McError
from gitmc.events.markers import take_looks
from gitmc.model.activity import (
    hears_bells,
    is_recent,
    looked,
    rung,
    state_of_screen,
    state_of_title,
    titled,
    untitled,
)
from gitmc.model.job import Activity, Job, Phase, State
from gitmc.model.notice import noted
from gitmc.tmux.run import Tmux
from gitmc.tmux.session import Pane, capture, panes_now

PATIENCE = 2.0
"""Seconds for a server to answer: it is asked again, and events must not wait for it."""

SOON = 0.25
"""Seconds until a screen is read again under a title that has just said that its agent is idle."""

DRAWN = 1.5
"""Seconds in which an agent has drawn what it ends its turn with: tmux tells whole ones only."""

STILL = timedelta(seconds=1)
"""For so long an agent has drawn nothing, when it may be at the first dialog. No more can come then
that has the same time."""

START = timedelta(minutes=1)
"""For so long that is looked for."""

PAUSE = 30.0
"""Seconds before a server that did not answer is asked again."""


class Title(NamedTuple):
    """What a run's title has been saying."""

    says: str
    state: str
    """What that means: an idle title may stand above a dialog, or an error."""
    since: datetime
    read: int
    """The last output, in seconds since the epoch, that was on the screen when it was read."""


class Read(NamedTuple):
    """A screen, and when it was read."""

    output: int
    """The last output then, in seconds since the epoch."""
    late: bool
    """Whether it had stood still long enough to be believed."""
    screen: str | None


class Seen(NamedTuple):
    """What was seen of one run at one moment."""

    job: str
    run: str
    output: datetime
    rang: bool
    screen: str | None
    title: Title | None
    reads: Shown

    def activity(self, job: Job, now: datetime, idle_after: timedelta) -> Activity | None:
        """What this makes of the job's activity."""
        if not _watched(job, self.reads) or job.run is None or job.run.id != self.run:
            return job.activity
        if self.title is not None:
            return titled(job.activity, self.title.state, self.title.since, now)
        if job.run.signals:
            return job.activity
        stored = untitled(job.activity)
        stored = rung(stored, now) if self.rang else stored
        return looked(stored, self.output, now, idle_after, self.screen, self.reads.screen)


class Lookout:
    """An observer's memory of what it saw of each run."""

    def __init__(self, mission: Mission) -> None:
        self._mission = mission
        self._due = 0.0
        self._pause: dict[str, float] = {}
        self._rang: dict[str, bool] = {}
        self._read: dict[str, Read] = {}
        self._titles: dict[str, Title] = {}
        self._shown: dict[str, Shown] = {}

    def look(self, jobs: Iterable[Job]) -> list[McError]:
        """Look if it is time to, or if somebody asks for it, and store what agents are found to do.

        Returns what went wrong.
        """
        began = time.monotonic()
        watched = [job for job in jobs if _watched(job, self._reads(job))]
        asked = take_looks(self._mission.store.events)
        if not watched:
            self._titles = {}
        if not watched or (began < self._due and not asked):
            return []
        seen: list[Seen] = []
        troubles: list[McError] = []
        for socket in {job.terminal.socket for job in watched if job.terminal}:
            if began < self._pause.get(socket, 0.0):
                continue
            here = [job for job in watched if job.terminal and job.terminal.socket == socket]
            try:
                seen += self._ask(Tmux(socket, patience=PATIENCE), here)
            except McError as trouble:
                self._pause[socket] = time.monotonic() + PAUSE
                troubles.append(trouble)
        self._store(seen)
        runs = {job.run.id for job in watched if job.run}
        self._rang = {run: rang for run, rang in self._rang.items() if run in runs}
        self._read = {run: at for run, at in self._read.items() if run in runs}
        self._titles = {run: title for run, title in self._titles.items() if run in runs}
        pause = self._mission.settings["pollInterval"]
        self._due = began + (min(SOON, pause) if self._soon else pause)
        return troubles

    @property
    def left(self) -> float:
        """Seconds until it is time to look, where that is sooner than usual."""
        return max(0.0, self._due - time.monotonic()) if self._soon else math.inf

    @property
    def _soon(self) -> bool:
        """Whether some title has just said that its agent is idle, and the screen may yet change.

        Which one comes first, the title or what the turn failed with, differs.
        """
        drawn = self._mission.now() - timedelta(seconds=DRAWN)
        return any(
            title.state == "idle" and title.read == 0 and title.since > drawn
            for title in self._titles.values()
        )

    def _ask(self, tmux: Tmux, jobs: list[Job]) -> list[Seen]:
        listed = {pane.run: pane for pane in panes_now(tmux) if pane.run and not pane.dead}
        pairs = [(job, listed.get(job.run.id)) for job in jobs if job.run]
        return [self._see(tmux, job, pane) for job, pane in pairs if pane is not None]

    def _see(self, tmux: Tmux, job: Job, pane: Pane) -> Seen:
        rang = False
        if job.placement == "window":
            # The flag stays up until somebody goes to the window.
            rang = pane.bell and not self._rang.get(pane.run, False)
            self._rang[pane.run] = pane.bell
        output = datetime.fromtimestamp(pane.active, UTC)
        title = self._title(tmux, job, pane)
        if title is not None:
            return Seen(job.name, pane.run, output, rang, None, title, self._reads(job))
        screen = self._screen(tmux, job, pane, self._mission.now() - output)
        return Seen(job.name, pane.run, output, rang, screen, None, self._reads(job))

    def _screen(self, tmux: Tmux, job: Job, pane: Pane, silent: timedelta) -> str | None:
        reads = self._reads(job)
        late = not is_recent(silent, self._idle_after)
        early = not late and silent > STILL and reads.speaks and self._begins(job)
        if not reads.screen or not (late or early):
            return None
        last = self._read.get(pane.run)
        if last is None or last[:2] != (pane.active, late):
            screen = capture(tmux, pane.id, pane.run, None, history=False)
            self._read[pane.run] = Read(pane.active, late, screen)
            return screen
        return last.screen if early else None

    def _begins(self, job: Job) -> bool:
        """Whether the job's agent was started just now, and its hooks have not said anything."""
        if job.run is None or job.run.signals or job.started_at is None:
            return False
        return self._mission.now() - job.started_at < START

    def _title(self, tmux: Tmux, job: Job, pane: Pane) -> Title | None:
        last = self._titles.pop(pane.run, None)
        says = state_of_title(pane.title, self._reads(job).title)
        if says is None:
            return None
        now = self._mission.now()
        state, read = says, 0
        if says == "idle":
            if last is not None and (last.says, last.read) == (says, pane.active):
                state, read = last.state, last.read
            else:
                screen = capture(tmux, pane.id, pane.run, None, history=False) or ""
                beneath = state_of_screen(screen, self._reads(job).screen)
                state = beneath if beneath in ("waiting", "error") else says
                # More may come within the same second, which is all that tmux tells.
                read = pane.active if now.timestamp() >= pane.active + 1 else 0
        since = last.since if last is not None and last.state == state else now
        self._titles[pane.run] = title = Title(says, state, since, read)
        return title

    def _reads(self, job: Job) -> Shown:
        if job.agent not in self._shown:
            self._shown[job.agent] = shown(self._mission, job.agent)
        return self._shown[job.agent]

    @property
    def _idle_after(self) -> timedelta:
        return timedelta(seconds=self._mission.settings["idleThreshold"])

    def _store(self, seen: list[Seen]) -> None:
        store, now = self._mission.store, self._mission.now()

        def changed(one: Seen) -> Job | None:
            job = store.job(one.job)
            if job is None:
                return None
            activity = one.activity(job, now, self._idle_after)
            if activity == job.activity:
                return None
            return noted(job, job._replace(activity=activity))

        news = [one for one in seen if changed(one)]
        if not news:
            return
        with store.locked() as held:
            for one in news:
                job = changed(one)
                if job is not None:
                    store.save(held, job)


def _watched(job: Job, reads: Shown) -> bool:
    run = job.run
    if run is None or run.phase is not Phase.LIVE or job.state is not State.RUNNING:
        return False
    if reads.title:
        return True
    return not run.signals and hears_bells(job.activity)
