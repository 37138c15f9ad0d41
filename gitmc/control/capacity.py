"""What the machine has for test runs, and what is remembered of earlier ones."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import reduce
from pathlib import Path, PurePosixPath

from gitmc.control.mission import Mission
from gitmc.model.slots import History, Machine, Measured, after_run, after_train
from gitmc.store.index import read_history, write_history


def machine(root: Path = Path("/")) -> Machine:
    """What is there at this moment, for us as we are limited: ask before any test runs.

    `root` is where `proc` and `sys` are.
    """
    groups = list(_groups(root))
    cores = [_own_cores(), *map(_quota, groups)]
    memory = [_available(root), *map(_room, groups)]
    return Machine(*(min(n for n in some if n is not None) for some in (cores, memory)))


def _own_cores() -> float:
    if hasattr(os, "sched_getaffinity"):
        return float(len(os.sched_getaffinity(0)))
    return float(os.cpu_count() or 1)


def _available(root: Path) -> float:
    for line in _lines(root / "proc/meminfo"):
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return float(value.split()[0]) * 1024
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _groups(root: Path) -> Iterator[Path]:
    """The folders of the control groups that we are in, of both versions, and of those above.

    In a container what the kernel says of our place may not be there; the top then is ours.
    """
    for line in _lines(root / "proc/self/cgroup"):
        _, kinds, place = line.split(":", 2)
        for kind in kinds.split(","):
            top = root / "sys/fs/cgroup" / kind
            inside = PurePosixPath(place.lstrip("/"))
            for folder in (inside, *inside.parents):
                if ".." not in folder.parts:
                    yield top / folder


def _quota(group: Path) -> float | None:
    """How many cores the group may use; None where that is not limited."""
    words = " ".join(_lines(group / "cpu.max")).split()
    if not words:
        words = [
            word
            for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            for word in _lines(group / name)
        ]
    numbers = [float(word) for word in words if word.isdigit()]
    return numbers[0] / numbers[1] if len(numbers) == 2 and all(numbers) else None


def _room(group: Path) -> float | None:
    """How many bytes the group may still use; None where that is not limited."""
    for limit, used, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        numbers = [float(n) for name in (limit, used) for n in _lines(group / name) if n.isdigit()]
        if len(numbers) == 2:
            stat = dict(line.split(" ", 1) for line in _lines(group / "memory.stat"))
            return max(0.0, numbers[0] - numbers[1] + float(stat.get(cache, 0)))
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def history(mission: Mission) -> History:
    """What is remembered of earlier runs and trains of this repository."""
    return read_history(mission.store.history_path)


def remember_runs(mission: Mission, runs: Iterable[Measured]) -> None:
    """Remember what runs took."""
    with mission.store.locked():
        path = mission.store.history_path
        write_history(path, reduce(after_run, runs, read_history(path)))


def remember_train(mission: Mission, failed: int, passed: int) -> None:
    """Remember that a train ejected `failed` branches by a test, and landed `passed`."""
    with mission.store.locked():
        path = mission.store.history_path
        write_history(path, after_train(read_history(path), failed, passed))
