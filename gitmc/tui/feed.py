"""What the screen is told: news from threads, which the loop of the screen takes one by one.

Threads leave their news in a queue and ring through a pipe that is never closed, so that one that
is at work when the screen is left has nothing to stumble over.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

from gitmc.control.follow import follow
from gitmc.control.mission import Mission, open_mission
from gitmc.errors import McError
from gitmc.events.bell import Bell
from gitmc.model.job import Job
from gitmc.tui.parts import Parts

News = Callable[[], None]


class Seen(NamedTuple):
    """How all stands."""

    jobs: list[Job]
    trouble: str
    plans: str
    trains: str


class Feed:
    """News in the order in which they came."""

    def __init__(self) -> None:
        self._news: SimpleQueue[News] = SimpleQueue()
        self.bell, self._rung = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def post(self, news: News) -> None:
        """Have `news` heard; from any thread."""
        self._news.put(news)
        try:
            os.write(self._rung, b"!")
        except BlockingIOError:
            # It is full of rings that nobody has heard yet.
            return

    def hear(self) -> None:
        """Take what there is."""
        os.read(self.bell, 65536)
        while True:
            try:
                news = self._news.get_nowait()
            except Empty:
                return
            news()


def see(folder: Path, parts: Parts, show: Callable[[Seen], None]) -> None:
    """Show how all stands, now and after each thing that happens. Raises what keeps it from that.

    The folders of plans and of trains come to be with the first of them; then a new bell is hung up
    that rings for them too.
    """
    mission = open_mission(folder)
    mission.store.make()
    while True:
        folders = _folders(mission)
        with Bell(folders, changes=True, removals=True, also=[mission.store.root]) as bell:
            for seen in _seen(mission, parts, bell):
                show(seen)
                if _folders(mission) != folders:
                    break


def _folders(mission: Mission) -> list[Path]:
    root = mission.store.root
    more = [path for path in (root / "plans", root / "trains") if path.is_dir()]
    return [mission.store.events / "new", mission.store.jobs_dir, *more]


def _seen(mission: Mission, parts: Parts, bell: Bell) -> Iterator[Seen]:
    for jobs, troubles in follow(mission, bell):
        trouble = troubles[0].message if troubles else ""
        yield Seen(jobs, trouble, parts.plans(mission, jobs), parts.trains(mission))


class Latest:
    """A thread that works out one thing about one job: about the one that was asked for last."""

    def __init__(
        self, folder: Path, work: Callable[[Mission, Job], str], show: Callable[[str, str], None]
    ) -> None:
        self._folder, self._work, self._show = folder, work, show
        self._wanted: SimpleQueue[Job] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def ask(self, job: Job) -> None:
        """Have it worked out for `job`, and shown with the job's name."""
        self._wanted.put(job)

    def _run(self) -> None:
        mission = open_mission(self._folder)
        while True:
            job = self._wanted.get()
            while not self._wanted.empty():
                job = self._wanted.get()
            try:
                found = self._work(mission, job)
            except (McError, OSError) as fault:
                found = f"{fault}"
            self._show(job.name, found)
