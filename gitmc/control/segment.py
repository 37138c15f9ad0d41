"""Telling tmux's status lines how the jobs of a repository stand.

The observer does, whenever the counts are others, in a thread of its own: a tmux that does not
answer holds nothing else up, and of what has changed meanwhile only the last is told. Commands that
change the counts when there may be no observer do it themselves.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from gitmc.control.mission import Mission
from gitmc.errors import McError
from gitmc.model.job import Job
from gitmc.model.segment import counts, segment
from gitmc.tmux.run import Tmux
from gitmc.tmux.statusline import tell

PATIENCE = 2.0
"""Seconds for a server to answer. What it was not told now it is told at the next change."""

Told = tuple[str, frozenset[str | None]]
"""A text, and the servers that it is for."""


class Segment:
    """What an observer has told last."""

    def __init__(self, mission: Mission) -> None:
        self._mission = mission
        self._jobs: Sequence[Job] | None = None
        self._last: Told | None = None
        self._news: SimpleQueue[Told | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def show(self, jobs: Sequence[Job]) -> None:
        """Tell how `jobs` stand, soon, if that is news."""
        if jobs == self._jobs:
            return
        self._jobs, told = jobs, _told(self._mission, jobs)
        if told == self._last:
            return
        self._last = told
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        self._news.put(told)

    def close(self) -> None:
        """Let what is new be told, and end the thread."""
        if self._thread is not None:
            self._news.put(None)
            self._thread.join()

    def _work(self) -> None:
        news = self._news.get()
        while news is not None:
            ended = False
            with suppress(Empty):
                while (later := self._news.get_nowait()) is not None:
                    news = later
                ended = True
            _tell(self._mission, *news)
            news = None if ended else self._news.get()


def refresh(mission: Mission) -> None:
    """Tell how the jobs stand now."""
    _tell(mission, *_told(mission, mission.store.jobs()[0]))


def _told(mission: Mission, jobs: Iterable[Job]) -> Told:
    listed = list(jobs)
    servers = {job.terminal.socket for job in listed if job.terminal}
    text = segment(mission.main_worktree.name, counts(listed))
    return text, frozenset(servers or {mission.settings["tmuxSocket"]})


def _tell(mission: Mission, text: str, servers: Iterable[str | None]) -> None:
    name = hashlib.sha256(bytes(mission.repo.common_dir)).hexdigest()[:8]
    for server in servers:
        # No command fails, and no observer ends, because of what is only shown.
        with suppress(McError):
            tell(Tmux(server, patience=PATIENCE), name, text)
