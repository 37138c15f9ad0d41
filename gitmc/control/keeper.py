"""An observer's care for trains: one whose driver is gone is driven on, by a process of its own."""

from __future__ import annotations

import subprocess
from contextlib import suppress

from gitmc.control.apart import drive_apart
from gitmc.control.mission import Mission
from gitmc.store.files import BadFile
from gitmc.store.lock import holder_pid
from gitmc.store.trains import Trains

TRIES = 5
"""How often a driver is started for one train while it gets no further: it may be that it always
ends before its time."""


class Keeper:
    """Sees to the trains of one repository."""

    def __init__(self, mission: Mission) -> None:
        self._mission = mission
        self._trains = Trains(mission.store.root)
        self._tries: dict[str, tuple[tuple[int, int, int], int]] = {}
        self._drivers: dict[str, subprocess.Popen[bytes]] = {}
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
            elif self._starts(train_id) or self._may_try(train_id):
                self.pids.add(self._drivers[train_id].pid)

    def _starts(self, train_id: str) -> bool:
        """Whether a driver was started that may just not have come to it yet."""
        driver = self._drivers.get(train_id)
        return driver is not None and driver.poll() is None

    def _may_try(self, train_id: str) -> bool:
        """Start a driver, unless too many have come to nothing; whether one was started."""
        with suppress(BadFile):
            train = self._trains.get(train_id)
            if train is not None:
                came = (len(train.landed), len(train.out), len(train.runs))
                before, tries = self._tries.get(train_id, (came, 0))
                tries = tries if before == came else 0
                self._tries[train_id] = (came, tries + 1)
                if tries < TRIES:
                    self._drivers[train_id] = drive_apart(self._mission, train_id)
                    return True
        return False
