"""A bell that rings when something may have happened: a file arrived, or a process ended.

An event is only ever a doorbell. Whoever is woken looks for himself, so events that are lost,
repeated or out of order do no harm (inotify drops events when its queue overflows, and says so only
in a log). The fallback tick is for file systems that send no events at all.

Watching is by watchdog for files and, where the kernel has them (Linux), by pidfds for processes: a
launcher that is killed outright, in a tmux that loses the message, still rings at once.
"""

from __future__ import annotations

import logging
import os
import select
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

# Watchdog tells of a queue that overflowed, and of a watch that ended while it was being read, by
# its log only, which would go to the user's terminal. A bell needs neither.
logging.getLogger("watchdog").addHandler(logging.NullHandler())

ALSO: list[type[FileSystemEvent]] = [FileMovedEvent, DirCreatedEvent, DirDeletedEvent]


class _Ring(FileSystemEventHandler):
    def __init__(self, bell: threading.Event) -> None:
        self._bell = bell

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._bell.set()


class Bell:
    """Rings for files that arrive in `folders`, and for the end of processes that are watched.

    With `changes` it rings for writes to those files too, with `removals` when one is gone. It also
    rings when a file is renamed in one of the `also` folders, or when a folder comes or goes there;
    any of these may be missing.
    """

    def __init__(
        self,
        folders: Iterable[Path],
        *,
        changes: bool = False,
        removals: bool = False,
        also: Iterable[Path] = (),
    ) -> None:
        self._kinds: list[type[FileSystemEvent]] = [FileCreatedEvent, FileMovedEvent]
        self._kinds += [FileModifiedEvent] if changes else []
        self._kinds += [FileDeletedEvent] if removals else []
        self._rung = threading.Event()
        self._folders = tuple(folders)
        self.also = tuple(also)
        self._opened: dict[Path, int] = {}
        self._processes = _Processes(self._rung)
        self._observer = self._observe()

    def _observe(self) -> object | None:
        observer = Observer()
        handler = _Ring(self._rung)
        try:
            for folder in self._folders:
                self._open(folder)
                observer.schedule(handler, str(folder), event_filter=self._kinds)
            observer.start()
        except OSError:
            # Out of watches, or a folder is gone: the tick alone must do, and `deaf` tells it so.
            return None
        for folder in self.also:
            with suppress(OSError):
                observer.schedule(handler, str(folder), event_filter=ALSO)
                self._open(folder)
        self._stop = observer.stop
        return observer

    def _open(self, folder: Path) -> None:
        # Held open, so that no folder made anew can be given its inode number.
        self._opened[folder] = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    @property
    def deaf(self) -> bool:
        """Whether files arrive unheard: no watch could be had, or a folder was made anew."""
        if self._observer is None:
            return True
        try:
            pairs = [(path.stat(), os.fstat(fd)) for path, fd in self._opened.items()]
            return not all(os.path.samestat(now, then) for now, then in pairs)
        except FileNotFoundError:
            return True

    def watch(self, pids: Iterable[int]) -> None:
        """Ring at the end of each of `pids`; those watched earlier and not named are let go."""
        self._processes.watch(set(pids))

    def ring(self) -> None:
        """Ring it by hand, from another thread; a signal's handler must not."""
        self._rung.set()

    def wait(self, seconds: float) -> bool:
        """Wait until it rings or `seconds` are up; returns whether it rang, and stills it."""
        rang = self._rung.wait(seconds)
        self._rung.clear()
        return rang

    def close(self) -> None:
        """Stop watching."""
        self._processes.close()
        if self._observer is not None:
            self._stop()
        while self._opened:
            os.close(self._opened.popitem()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Processes:
    """Sets an event when a process ends. Nothing where the system has no pidfds."""

    def __init__(self, rung: threading.Event) -> None:
        self._rung = rung
        self._fds: dict[int, int] = {}
        self._poll: select.epoll | None = None
        self._wake: int | None = None
        self._lock = threading.Lock()

    def watch(self, pids: set[int]) -> None:
        if not hasattr(os, "pidfd_open"):
            return
        with self._lock:
            for pid in set(self._fds) - pids:
                self._forget(pid)
            for pid in pids - set(self._fds):
                self._add(pid)

    def _add(self, pid: int) -> None:
        try:
            fd = os.pidfd_open(pid)
        except OSError:
            self._rung.set()
            return
        if self._poll is None:
            self._start()
        assert self._poll is not None
        self._fds[pid] = fd
        self._poll.register(fd, select.EPOLLIN | select.EPOLLONESHOT)

    def _start(self) -> None:
        self._poll = select.epoll()
        read, self._wake = os.pipe2(os.O_CLOEXEC)
        self._poll.register(read, select.EPOLLIN)
        thread = threading.Thread(target=self._listen, args=(self._poll, read), daemon=True)
        thread.start()

    def _listen(self, poll: select.epoll, stop: int) -> None:
        while True:
            for fd, _ in poll.poll():
                if fd == stop:
                    poll.close()
                    os.close(stop)
                    return
                self._rung.set()

    def _forget(self, pid: int) -> None:
        fd = self._fds.pop(pid)
        if self._poll is not None and not self._poll.closed:
            self._poll.unregister(fd)
        os.close(fd)

    def close(self) -> None:
        with self._lock:
            for pid in list(self._fds):
                self._forget(pid)
            if self._wake is not None:
                os.close(self._wake)
                self._wake = None
