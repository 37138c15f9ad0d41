"""Processes: telling one from a later one of the same number, and ending a whole tree."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from functools import cache
from pathlib import Path

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


def end(pid: int, start: str, boot: str, number: int) -> bool:
    """Send signal `number` to that process; False where it has ended already."""
    if not is_alive(pid, start, boot):
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def sweep(variable: str, value: str) -> int:
    """Kill every process whose environment has `variable` set to `value`; returns how many.

    This reaches what left its process group, its session and its parent. It cannot reach a process
    that scrubbed its own environment, nor anything where there is no /proc.
    """
    needle = f"{variable}={value}".encode()
    killed: set[int] = set()
    while found := _carriers(needle) - killed:
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                killed.add(pid)
        for pid in found - killed:
            wait_gone(pid, "", "", 1.0)
        killed |= found
    return len(killed)


def _carriers(needle: bytes) -> set[int]:
    found: set[int] = set()
    try:
        entries = [entry.name for entry in os.scandir(PROC) if entry.name.isdigit()]
    except OSError:
        return found
    for name in entries:
        pid = int(name)
        if pid == os.getpid():
            continue
        try:
            environment = (PROC / name / "environ").read_bytes()
        except OSError:
            continue
        if needle in environment.split(b"\0") and start_time(pid) is not None:
            found.add(pid)
    return found
