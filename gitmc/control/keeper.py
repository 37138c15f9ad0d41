"""An observer's care for trains: one whose driver is gone is driven on, by a process of its own.

A train that others can join may be driven for days, and its driver be killed any number of times.
What must not be is a driver that is started again and again, and each time ends at once.
"""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from typing import NamedTuple

from gitmc.control.apart import drive_apart
from gitmc.control.mission import Mission
from gitmc.model.trainrecord import Train
from gitmc.store.files import BadFile
from gitmc.store.lock import holder_pid
from gitmc.store.trains import Trains

TRIES = 5
"""How often in a row a driver is started that ends soon, and leaves the train where it was."""

SOON = 60.0
"""Seconds. One that was there for longer did not end because of the train."""


class Tried(NamedTuple):
    """When a driver was last started and last seen, how many in a row were, and where the train
    was then."""

    at: float
    seen: float
    tries: int
    where: object


def again(before: Tried | None, where: object, now: float) -> Tried | None:
    """The next try for a train that nobody drives; None where there were enough. Pure."""
    if before is None or before.where != where or before.seen - before.at > SOON:
        return Tried(now, now, 1, where)
    return Tried(now, now, before.tries + 1, where) if before.tries < TRIES else None


class Keeper:
    """Sees to the trains of one repository."""

    def __init__(self, mission: Mission) -> None:
        self._mission = mission
        self._trains = Trains(mission.store.root)
        self._tried: dict[str, Tried] = {}
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self.pids: set[int] = set()
        """The drivers, whose end is worth a look."""

    @property
    def busy(self) -> bool:
        """Whether a train is under way."""
        return bool(self.pids)

    def tend(self) -> None:
        """Have every train driven that has not ended."""
        self.pids = set()
        for train_id in self._trains.running():
            if self._trains.driven(train_id):
                pid = holder_pid(self._trains.lock_path(train_id))
                self.pids |= {pid} if pid else set()
                if train_id in self._tried:
                    seen = time.monotonic()
                    self._tried[train_id] = self._tried[train_id]._replace(seen=seen)
            elif self._is_starting(train_id) or self._try(train_id):
                self.pids.add(self._started[train_id].pid)

    def _is_starting(self, train_id: str) -> bool:
        """Whether a driver that we have started has yet to take the train's lock."""
        started = self._started.get(train_id)
        return started is not None and started.poll() is None

    def _try(self, train_id: str) -> bool:
        """Start a driver, unless enough were; whether one was."""
        with suppress(BadFile):
            train = self._trains.get(train_id)
            if train is not None:
                tried = again(self._tried.get(train_id), self._where(train), time.monotonic())
                if tried is not None:
                    self._tried[train_id] = tried
                    self._started[train_id] = drive_apart(self._mission, train_id)
                return tried is not None
        return False

    def _where(self, train: Train) -> object:
        """What is another once the train has got further, or there is something new to do."""
        asked = self._trains.close_path(train.id), self._trains.cancel_path(train.id)
        news = [path.name for path in self._trains.joining(train.id)]
        return train._replace(owner=None), news, [path.exists() for path in asked]
