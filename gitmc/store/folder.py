"""A folder of records, `ID.toml` each, of which some are marked as under way.

What was read of a file is kept as long as the file is the same: whoever looks after a plan of
hundreds of jobs looks at its record several times for each event.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from gitmc.store.codec import Malformed
from gitmc.store.files import BadFile, read_toml
from gitmc.store.index import Stamp, is_settled, stamp
from gitmc.store.records import decode

RUNNING = ".running"
"""How the name of a file ends that is there while something is left to do for a record."""

KEPT = 64
"""How many records are kept at once."""

R = TypeVar("R", bound=tuple[Any, ...])


class Folder(Generic[R]):
    """The records of one kind, which has an `id` and a `created_at`; `what` is one in a message."""

    def __init__(self, folder: Path, kind: type[R], what: str) -> None:
        self.folder = folder
        self._kind = kind
        self._what = what

    def all(self) -> tuple[list[R], list[BadFile]]:
        """All records, the oldest first, and a fault for every file that is not one's."""
        records: list[Any] = []
        faults: list[BadFile] = []
        for path in self.folder.glob("*.toml"):
            try:
                record = self.get(path.stem)
            except BadFile as fault:
                faults.append(fault)
                continue
            if record is not None:
                records.append(record)
        return sorted(records, key=lambda record: (record.created_at, record.id)), faults

    def get(self, ident: str) -> R | None:
        """The record of that id, or None. Raises BadFile."""
        path = self.path(ident)
        try:
            seen = stamp(path.stat())
            read = _kept if is_settled(seen) else _read
            record: Any = read(self._kind, path, seen)
        except FileNotFoundError:
            return None
        except Malformed as fault:
            raise BadFile(path, str(fault)) from fault
        if record.id != ident:
            raise BadFile(path, f"it holds a {self._what} called '{record.id}'")
        found: R = record
        return found

    def path(self, ident: str) -> Path:
        """Where the record of that id is stored."""
        return self.folder / f"{ident}.toml"

    def mark(self, ident: str) -> Path:
        """A file that is there while something is left to do for that record."""
        return self.folder / f"{ident}{RUNNING}"

    def running(self) -> list[str]:
        """The ids of those for which something is left to do, as names of files tell."""
        try:
            names = sorted(entry.name for entry in os.scandir(self.folder))
        except FileNotFoundError:
            return []
        return [name.removesuffix(RUNNING) for name in names if name.endswith(RUNNING)]


def _read(kind: type[R], path: Path, _: Stamp) -> R:
    return decode(kind, read_toml(path))


_kept = lru_cache(KEPT)(_read)
