"""git that leaves nothing behind: the objects it makes go to a folder that is thrown away."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitmc.git.run import Git


@contextmanager
def discarding(git: Git, common_dir: Path) -> Iterator[Git]:
    """git that reads the repository's objects, also where it may not write, and adds none."""
    with tempfile.TemporaryDirectory(prefix="git-mc-") as folder:
        yield git.with_environment(
            GIT_OBJECT_DIRECTORY=folder,
            GIT_ALTERNATE_OBJECT_DIRECTORIES=_quoted(str(common_dir / "objects")),
        )


def _quoted(path: str) -> str:
    """`path` as git reads it from a list with colons in between."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
