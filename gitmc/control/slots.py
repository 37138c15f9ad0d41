"""Test worktrees: a pool of them, each made once and pointed at one commit after the other.

    absent ──make──▶ clean ──set up──▶ clean, with what the set-up made ──▶ clean at the next commit
      ▲                │ found to be anything else than a worktree of ours that git can clean
      └──── trash ◀────┘

A slot N is the worktree `pool/slot-N`. Beside it lie `slot-N.json`, the record, which is there only
once the worktree is whole; `slot-N.index`, the index from which each cleaning starts; and
`slot-N.lock`, whose text is the run that had it last. Whoever runs a test there holds the lock, and
so does the runner that it starts: a slot is free when both are gone. Nothing in a slot is anybody's
work, so what is damaged is thrown away, and made anew.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

from gitmc.control.runner import is_full
from gitmc.errors import CommandFailed, Fatal, McError, Refused
from gitmc.git import exact, trash, worktree
from gitmc.git.ignored import everything
from gitmc.git.run import Git
from gitmc.store.files import replace_file
from gitmc.store.lock import claim
from gitmc.store.state import Store

PORTS = 20000
"""The first port of slot 0."""

PORTS_EACH = 100

NO_SPACE = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))


class Record(NamedTuple):
    """What is known of a slot that is whole."""

    own: Path
    """Its git directory."""
    setup: str
    """What it is set up for; empty where it is not."""
    kept: tuple[str, ...]
    """The ignored paths that the set-up made."""


@dataclass(frozen=True)
class Slot:
    """A test worktree that is ours for a run."""

    store: Store
    number: int
    lock: int
    """The descriptor of its lock, for the runner to hold as well."""
    last: str
    """The run that had it before; empty if none did."""

    @property
    def path(self) -> Path:
        """The worktree."""
        return self._beside("")

    @property
    def ports(self) -> int:
        """The first of the ports that are its own."""
        return PORTS + PORTS_EACH * self.number

    def _beside(self, suffix: str) -> Path:
        return self.store.root / "pool" / f"slot-{self.number}{suffix}"

    def record(self) -> Record | None:
        """What is known of it; None where it is not known to be whole."""
        try:
            table = json.loads(self._beside(".json").read_bytes())
            return Record(Path(table["own"]), table["setup"], tuple(table["kept"]))
        except (OSError, ValueError, KeyError, TypeError):
            # Ours to make anew, whatever is wrong with it.
            return None

    def note(self, record: Record) -> None:
        """Keep `record`."""
        text = json.dumps(record._asdict() | {"own": str(record.own)})
        replace_file(self._beside(".json"), text.encode())

    def point(self, commit: str, setup: str) -> Record:
        """Have it hold exactly the files of `commit`; what is then known of it.

        What a set-up for `setup` made stays; without one, it is to be set up. Raises McError or
        OSError.
        """
        record = self.record()
        common = self.store.root.parent
        if record and exact.is_sound(self.path, record.own, common):
            if record.setup != setup:
                record = record._replace(setup="", kept=())
                self.note(record)
            try:
                exact.repoint(self.path, record.own, self._beside(".index"), commit, record.kept)
            except (McError, OSError) as fault:
                if is_no_space(fault, self.path.parent) or not _is_there(common, commit):
                    raise
            else:
                return record
        self._throw_away(common)
        return self._make(common, commit)

    def set_up(self, commit: str, setup: str) -> list[str]:
        """Note that it is set up for `setup`, and keep what git ignores; the rest of it goes.

        Returns what went.
        """
        record = self.record()
        if record is None:
            raise Fatal(f"the set-up of {self.path} took away what is known of it")
        record = record._replace(setup=setup, kept=tuple(everything(self.path)))
        gone = exact.repoint(self.path, record.own, self._beside(".index"), commit, record.kept)
        self.note(record)
        return gone

    def _throw_away(self, common: Path) -> None:
        self._beside(".json").unlink(missing_ok=True)
        with self.store.worktrees_locked():
            if self.path.is_symlink() or self.path.is_file():
                self.path.unlink()
            elif self.path.exists():
                entry = trash.put(self.path, datetime.now(UTC))
                if (entry / ".git").is_file():
                    trash.finish(entry)
            worktree.forget(Git(common), self.path)
        trash.sweep_later(self.path.parent / trash.FOLDER)

    def _make(self, common: Path, commit: str) -> Record:
        with self.store.worktrees_locked():
            worktree.add_detached(Git(common), self.path, commit)
        record = Record(worktree.fill(self.path), "", ())
        exact.save_index(record.own, self._beside(".index"))
        self.note(record)
        return record


def _is_there(common: Path, commit: str) -> bool:
    return Git(common).result("cat-file", "-e", f"{commit}^{{commit}}").returncode == 0


def is_no_space(fault: Exception, folder: Path) -> bool:
    """Whether something in `folder` failed for want of room. Git does not always say so."""
    said = fault.stderr if isinstance(fault, CommandFailed) else str(fault)
    return any(word in said for word in NO_SPACE) or is_full(str(folder))


class Busy(Refused):
    """The slot that was asked for has another run in it."""


@contextmanager
def taken(store: Store, number: int | None, run: str) -> Iterator[Slot]:
    """Slot `number`, or any that is free, for `run`. Raises Busy where another run is in it."""
    pool = store.root / "pool"
    pool.mkdir(parents=True, exist_ok=True)
    for one in count() if number is None else (number,):
        path = pool / f"slot-{one}.lock"
        with claim(path, wait=False) as lock:
            if lock is not None:
                last = os.pread(lock, 1000, 0).decode(errors="replace")
                os.ftruncate(lock, 0)
                os.pwrite(lock, run.encode(), 0)
                yield Slot(store, one, lock, last)
                return
    raise Busy(
        f"test slot {number} is busy: the run '{path.read_text(errors='replace')}' is in it",
        hint="use another slot, or none for any that is free",
    )
