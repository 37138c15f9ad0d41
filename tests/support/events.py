"""Waiting for events in tests: on files and processes, never for a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gitmc.events.bell import Bell
from gitmc.tmux.process import boot_id, start_time, wait_gone
from tests.support.world import PATIENCE


def until(holds: Callable[[], bool], *folders: Path) -> None:
    """Wait until `holds()`, looking again whenever a file in `folders` comes or changes."""
    with Bell(folders, changes=True) as bell:
        while not holds():
            assert bell.wait(PATIENCE), "nothing happened"


def file_appears(path: Path) -> None:
    """Wait until there is a file at `path`; its folder must be there."""
    until(path.exists, path.parent)


def gone(pid: int) -> bool:
    """Wait until process `pid` has ended; whether it has."""
    start = start_time(pid)
    return start is None or wait_gone(pid, start, boot_id(), PATIENCE)


def carriers(variable: str, value: str) -> list[int]:
    """The processes whose environment has `variable` set to `value`."""
    needle = f"{variable}={value}".encode()
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if needle in words and start_time(int(process.name)) is not None:
                found.append(int(process.name))
    return found
