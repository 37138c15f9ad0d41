"""The trains' records: `trains/ID.toml`. Whoever drives a train, and holds its lock, writes it."""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path

from gitmc.model.trainrecord import Train, TrainState
from gitmc.store.files import write_toml
from gitmc.store.folder import Folder
from gitmc.store.lock import Held, hold, is_held, try_hold
from gitmc.store.records import encode

WEEK = 7 * 86400.0

JOIN = ".join"
"""How the name of a file ends with which a branch joins a train."""


class Trains(Folder[Train]):
    """All trains of one repository; `root` is `.git/mission-control`."""

    def __init__(self, root: Path) -> None:
        super().__init__(root / "trains", Train, "train")
        self._run = root / "run"

    def save(self, held: Held, train: Train) -> None:
        """Store `train`."""
        assert isinstance(held, Held)
        self.folder.mkdir(exist_ok=True)
        mark = self.mark(train.id)
        if train.state is TrainState.RUNNING:
            mark.touch()
        write_toml(self.path(train.id), encode(train))
        if train.state is not TrainState.RUNNING:
            mark.unlink(missing_ok=True)

    def tidy(self, held: Held, train_id: str) -> None:
        """Remove drafts of the train's record by processes that were killed while they saved it."""
        assert isinstance(held, Held)
        for draft in self.folder.glob(f".{train_id}.toml.*"):
            draft.unlink(missing_ok=True)

    def lock_path(self, train_id: str) -> Path:
        """The lock of whoever drives the train."""
        return self._run / f"train-{train_id}.lock"

    def driving(self, train_id: str) -> AbstractContextManager[Held | None]:
        """Hold the lock of whoever drives the train, if nobody does; yields None otherwise."""
        return try_hold(self.lock_path(train_id))

    def await_driver(self, train_id: str) -> None:
        """Return once nobody drives the train."""
        with hold(self.lock_path(train_id), patience=WEEK):
            return

    def driven(self, train_id: str) -> bool:
        """Whether some process drives the train."""
        return is_held(self.lock_path(train_id))

    def starting(self) -> AbstractContextManager[Held]:
        """Hold the lock that gives each new train an id of its own."""
        return hold(self._run / "trains.lock")

    def ids(self) -> list[str]:
        """The ids of all trains, the latest first; no record is read."""
        found = [path.stem for path in self.folder.glob("*.toml")]
        return sorted(found, key=_number, reverse=True)

    def changed_since(self, since: datetime, most: int) -> list[str]:
        """Of the latest `most` trains those whose records were written after `since`."""
        found = []
        for train_id in self.ids()[:most]:
            with suppress(FileNotFoundError):
                written = (self.folder / f"{train_id}.toml").stat().st_mtime
                if written > since.timestamp():
                    found.append(train_id)
        return found

    def close_path(self, train_id: str) -> Path:
        """A file that is there once nobody will join the train, which is open, any more."""
        return self.folder / f"{train_id}.close"

    def join_path(self, train_id: str) -> Path:
        """A new file with which a branch can join the train, which is open."""
        return self.folder / f"{train_id}.{time.time_ns():020}-{os.getpid()}{JOIN}"

    def joining(self, train_id: str) -> list[Path]:
        """Those of them that nobody has taken up, the oldest first."""
        start = f"{train_id}."
        names = [entry.name for entry in os.scandir(self.folder)]
        mine = [name for name in names if name.startswith(start) and name.endswith(JOIN)]
        return [self.folder / name for name in sorted(mine)]

    def drafts(self, train_id: str) -> list[Path]:
        """Files about the train that are being written, or were when their writer was killed."""
        return list(self.folder.glob(f".{train_id}.*"))

    def undriven(self) -> list[str]:
        """Those of them that nobody drives."""
        return [train_id for train_id in self.running() if not self.driven(train_id)]

    def cancel_path(self, train_id: str) -> Path:
        """A file that is there once somebody wants the train to end."""
        return self.folder / f"{train_id}.cancel"


def _number(train_id: str) -> tuple[int, str]:
    """Trains are numbered as they are made."""
    digits = train_id[1:]
    return (int(digits) if digits.isdigit() else 0, train_id)
