"""The locks: one for the state, held for milliseconds, one for worktree changes, one for life.

Whoever holds the state lock holds a `Held` token, and the writing functions of the store ask for
it: nothing is written without the lock. Locks are advisory `flock`s that the kernel drops with the
process, so a killed holder never blocks anyone; the lock files themselves stay.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gitmc.errors import Fatal

QUIET = 1.0
"""Seconds to wait for a lock without a word."""

PATIENCE = 30.0
"""Seconds to wait for a lock that is held for milliseconds before giving up on its holder."""


class Held:
    """Proof that the state lock is held. Made only by `hold`."""


@contextmanager
def hold(path: Path, *, patience: float = PATIENCE) -> Iterator[Held]:
    """Hold the lock at `path`. Raises Fatal, naming the holder, when `patience` seconds are up.

    Who is waited for is said on stderr when that takes longer than anybody should hold it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, poll_interval=0.005)
    try:
        try:
            lock.acquire(timeout=min(patience, QUIET))
        except Timeout:
            if patience <= QUIET:
                raise
            print(f"waiting for {_holder(path)}, which holds {path}", file=sys.stderr, flush=True)
            lock.acquire(timeout=patience - QUIET)
    except Timeout as late:
        raise Fatal(
            f"could not get the lock {path} within {patience:g} s",
            hint=f"{_holder(path)} holds it: wait for it or end it, then try again",
        ) from late
    try:
        _sign(path)
        yield Held()
    finally:
        lock.release()


def _sign(path: Path) -> None:
    with suppress(OSError):
        # For messages only, so a full disk is no reason to fail here.
        path.write_text(f"{os.getpid()}\n")


def _holder(path: Path) -> str:
    """Who holds the lock at `path`, for people: its number, what it runs, whether it is stopped."""
    pid = holder_pid(path)
    if pid is None:
        return "a process that is not known"
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return f"process {pid}"
    plain = "".join(c if c.isprintable() else " " for c in " ".join(words).strip())
    stopped = f"; it is stopped, and goes on after: kill -CONT {pid}" if state == "T" else ""
    return f"process {pid} ({plain[:100]}{stopped})"


@contextmanager
def try_hold(path: Path) -> Iterator[Held | None]:
    """Hold the lock at `path` if it is free; yields None where it is not."""
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=0)
    while True:
        try:
            lock.acquire()
            break
        except Timeout:
            # Who only asks, by `is_held`, is in the way for as long as that takes.
            if is_held(path):
                yield None
                return
    try:
        _sign(path)
        yield Held()
    finally:
        lock.release()


@contextmanager
def claim(path: Path, *, wait: bool) -> Iterator[int | None]:
    """Hold the lock at `path` by a descriptor, which a child that is given it holds on to as well.

    Only when all who have it are gone is the lock free, and the kernel tells that at once. Yields
    None where somebody has it and we are not to `wait`. Raises FileNotFoundError where its folder
    is gone.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                if not is_held(path):
                    continue
                yield None
                return
            if _is_at(path, descriptor):
                yield descriptor
                return
        finally:
            # Never unlocked: that would take it from the child too.
            os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the file is still at `path`, and was not removed while we waited for it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def is_held(path: Path) -> bool:
    """Whether some process holds the lock at `path`.

    Asks for a shared lock without waiting, which is what filelock's exclusive `flock` conflicts
    with; importing filelock for one question would double a quick command's start-up.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def holder_pid(path: Path) -> int | None:
    """The process number that the last holder of the lock wrote into its file."""
    try:
        pid = path.read_text().strip()
    except OSError:
        return None
    return int(pid) if pid.isdigit() else None
