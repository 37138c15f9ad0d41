"""An observer's care for trains: one whose driver is gone is driven on, by a process of its own."""

from __future__ import annotations

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
            elif self._may_try(train_id):
                self.pids.add(drive_apart(self._mission, train_id).pid)

    def _may_try(self, train_id: str) -> bool:
        with suppress(BadFile):
            train = self._trains.get(train_id)
            if train is not None:
                came = (len(train.landed), len(train.out), len(train.runs))
                before, tries = self._tries.get(train_id, (came, 0))
                tries = tries if before == came else 0
                self._tries[train_id] = (came, tries + 1)
                return tries < TRIES
        return False
