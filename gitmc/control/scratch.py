"""A worktree that nobody works in, for as long as something is done in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitmc.control.mission import Mission
from gitmc.git import worktree


@contextmanager
def scratch(mission: Mission, commit: str) -> Iterator[Path]:
    """A worktree of its own with the files of `commit`, on no branch; removed afterwards."""
    path = mission.store.root / "pool" / os.urandom(6).hex()
    path.parent.mkdir(exist_ok=True)
    try:
        with mission.store.worktrees_locked():
            worktree.add_detached(mission.git, path, commit)
        worktree.fill(path)
        yield path
    finally:
        with mission.store.worktrees_locked():
            worktree.remove(mission.git, path, force=True)
