"""Processes: telling one from a later one of the same number, and ending a whole tree."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


@cache
def boot_id() -> str:
    """What tells this boot of the machine from any other; empty where the system does not say."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def start_time(pid: int) -> str | None:
    """When the kernel started `pid`, in clock ticks since boot; None where it has ended.

    A zombie has ended: Debian's tmux can leave one behind for as long as it likes. The text is
    empty where the process is there but the system has no /proc to tell its start.
    """
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return "" if not PROC.joinpath("self").exists() and _answers(pid) else None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_alive(pid: int, start: str, boot: str) -> bool:
    """Whether the process that had this number, start and boot is still there."""
    if boot and boot != boot_id():
        return False
    now = start_time(pid)
    return now is not None and (not start or not now or now == start)


def wait_gone(pid: int, start: str, boot: str, seconds: float) -> bool:
    """Wait until that process has ended; False where it has not after `seconds`."""
    deadline = time.monotonic() + seconds
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except (AttributeError, OSError):
        fd = None
    try:
        while is_alive(pid, start, boot):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if fd is not None:
                select.select([fd], [], [], left)
            else:
                threading.Event().wait(min(left, 0.05))
    finally:
        if fd is not None:
            os.close(fd)
    return True


@contextmanager
def _pinned(pid: int) -> Iterator[Callable[[int], None]]:
    """Gives a way to send signals to process `pid`, which no later one of that number can get.

    Raises ProcessLookupError where it has ended. Without pidfds the number has to do.
    """
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except (AttributeError, OSError):
        yield partial(os.kill, pid)
        return
    try:
        yield partial(signal.pidfd_send_signal, fd)
    finally:
        os.close(fd)


def end(pid: int, start: str, boot: str, number: int) -> bool:
    """Send signal `number` to that process; False where it has ended already."""
    try:
        with _pinned(pid) as send:
            if not is_alive(pid, start, boot):
                return False
            send(number)
    except ProcessLookupError:
        return False
    return True


def sweep(variable: str, *values: str, spare: Sequence[str] = ()) -> int:
    """Kill every process whose environment has `variable` set to one of `values`; returns how many.

    This reaches what left its process group, its session and its parent. It cannot reach a process
    that scrubbed its own environment, nor anything where there is no /proc.

    A process whose name or command line is like one of the patterns `spare` stays, and so does what
    is below it; an agent never does.
    """
    entries = frozenset(f"{variable}={value}".encode() for value in values)
    killed: set[tuple[int, str]] = set()
    quiet = 0
    # One that is just becoming another program has no environment for that moment, so that one look
    # can miss it.
    while quiet < 2:
        found = _carriers(entries, spare) - killed
        quiet = 0 if found else quiet + 1
        for pid, start in found:
            with suppress(ProcessLookupError), _pinned(pid) as send:
                if start_time(pid) == start:
                    send(signal.SIGKILL)
        for pid, start in found:
            wait_gone(pid, start, "", 1.0)
        killed |= found
    return len(killed)


def running(*words: str) -> list[tuple[int, str]]:
    """The processes, with their start, whose command line has each of `words`.

    None where there is no /proc.
    """
    wanted = {os.fsencode(word) for word in words}
    found = []
    for one in os.scandir(PROC) if PROC.is_dir() else ():
        if one.name.isdigit() and wanted <= set(_read(int(one.name), "cmdline")):
            start = start_time(int(one.name))
            if start is not None:
                found.append((int(one.name), start))
    return found


class Carrier(NamedTuple):
    """A process with its environment, and what it runs, on one line."""

    pid: int
    environment: dict[str, str]
    command: str


def carrying(variable: str, value: str) -> list[Carrier]:
    """The processes whose environment has `variable` set to `value`, without ourselves."""
    entry, found = os.fsencode(f"{variable}={value}"), []
    for one in os.scandir(PROC) if PROC.is_dir() else ():
        if one.name.isdigit() and int(one.name) != os.getpid():
            words = _environment(int(one.name))
            if entry in words and start_time(int(one.name)) is not None:
                pairs = (os.fsdecode(word).partition("=") for word in words)
                told = " ".join(map(os.fsdecode, _read(int(one.name), "cmdline"))).strip()
                found.append(Carrier(int(one.name), {k: v for k, _, v in pairs}, told))
    return found


def is_stopped(pid: int) -> bool:
    """Whether the process is stopped, as by SIGSTOP."""
    stat = b"\0".join(_read(pid, "stat"))
    return stat.rpartition(b")")[2].split()[:1] == [b"T"]


def _carriers(entries: frozenset[bytes], spare: Sequence[str]) -> set[tuple[int, str]]:
    """The processes, with their start, that have one of `entries`, less what is to be spared."""
    found: dict[int, str] = {}
    try:
        pids = [int(one.name) for one in os.scandir(PROC) if one.name.isdigit()]
    except OSError:
        return set()
    for pid in pids:
        if pid != os.getpid() and not entries.isdisjoint(_environment(pid)):
            start = start_time(pid)
            if start is not None:
                found[pid] = start
    if spare:
        from gitmc.tmux.launcher import AGENT, is_spared

        agents = {pid for pid in found if f"{AGENT}={pid}".encode() in _environment(pid)}
        spared = {pid for pid in found if pid not in agents and is_spared(pid, spare)}
        for pid in set(found) - agents:
            if any(above in spared for above in _upwards(pid)):
                del found[pid]
    return set(found.items())


def _environment(pid: int) -> list[bytes]:
    return _read(pid, "environ")


def _read(pid: int, name: str) -> list[bytes]:
    try:
        return (PROC / str(pid) / name).read_bytes().split(b"\0")
    except OSError:
        return []


def _upwards(pid: int) -> Iterator[int]:
    """`pid`, its parent, and so on."""
    while pid > 1:
        yield pid
        try:
            stat = (PROC / str(pid) / "stat").read_text()
        except OSError:
            return
        pid = int(stat.rpartition(")")[2].split()[1])
