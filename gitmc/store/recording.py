"""The folder in which a recorder keeps what a pane prints, from the side of those who follow.

All who follow hold the lock `followers` together. The folder is removed by whoever gets that lock
for himself, and only once the recorder is gone; the layout is in `tmux/recorder.py`, which does the
same when it finds that nobody follows any more.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from gitmc.store.lock import is_held

CHUNK = 1024 * 1024


class Recording:
    """What a pane prints, by the byte; read from `position` on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.position = 0
        self.missed = 0
        """Bytes that were gone before they were read, or never written."""
        self._open: FileIO | None = None
        self._start = 0

    @property
    def opening(self) -> Path:
        """The lock under which the pipe is opened."""
        return self.folder / "opening"

    def recorder(self) -> tuple[int, str] | None:
        """The process number and start time of the recorder; None where none is alive."""
        path = self.folder / "recorder"
        if not is_held(path):
            return None
        words = path.read_text().split(" ")
        # It takes the lock first, and then says who it is.
        return (int(words[0]), words[1].strip()) if len(words) == 2 else None

    def go_to_end(self) -> None:
        """Read from here on only what comes from now on."""
        self.close()
        starts = self._starts()
        self.position = starts[-1] + self._path(starts[-1]).stat().st_size if starts else 0

    def chunks(self) -> Iterator[bytes]:
        """What has come since."""
        while True:
            # In this order: what follows a file begins after its last byte was written.
            starts = self._starts()
            if self._open is None:
                self._find(starts)
            data = self._open.read(CHUNK) if self._open else b""
            if data:
                self.position += len(data)
                yield data
            elif self._open is None or not any(start > self._start for start in starts):
                return
            else:
                self.close()

    def _starts(self) -> list[int]:
        return sorted(int(p.name) for p in self.folder.iterdir() if p.name.isdigit())

    def _find(self, starts: list[int]) -> None:
        """Open the file that holds the byte at `position`, or else the next that there is."""
        before = [start for start in starts if start <= self.position]
        after = [start for start in starts if start > self.position]
        if before and (self._try(before[-1]) or not after):
            return
        self.close()
        # One that is removed under our eyes is passed by like those that went before.
        for start in after:
            if self._try(start):
                return

    def _try(self, start: int) -> bool:
        """Open the file that begins at byte `start`; whether there is something in it to read."""
        self.close()
        with suppress(FileNotFoundError):
            self._open = self._path(start).open("rb", buffering=0)
        if self._open is None:
            return False
        self._start = start
        if start > self.position:
            self.missed += start - self.position
            self.position = start
        self._open.seek(self.position - start)
        return os.fstat(self._open.fileno()).st_size > self.position - start

    def _path(self, start: int) -> Path:
        return self.folder / str(start)

    def close(self) -> None:
        """Let go of the file that is being read."""
        if self._open is not None:
            self._open.close()
            self._open = None


@contextmanager
def joined(folder: Path) -> Iterator[Recording]:
    """Follow what is recorded in `folder`, which is there until the last who follows has left."""
    lock = _join(folder)
    recording = Recording(folder)
    try:
        yield recording
    finally:
        recording.close()
        os.close(lock)
        clear(folder)


def _join(folder: Path) -> int:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            lock = os.open(folder / "followers", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_SH)
            if os.fstat(lock).st_nlink:
                return lock
            # Whoever removed the folder had the lock until now.
            os.close(lock)


def clear(folder: Path) -> None:
    """Remove the folder of a recording that nobody makes or follows; others are left alone."""
    try:
        lock = os.open(folder / "followers", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_nlink and not is_held(folder / "recorder"):
                for path in sorted(folder.iterdir()):
                    path.unlink()
                folder.rmdir()
    finally:
        os.close(lock)
