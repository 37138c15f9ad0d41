"""Copies of files and folders that share their blocks with the original where that is possible."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

FICLONE = 0x40049409
"""The request by which Linux lets one file share the blocks of another (btrfs, xfs and others)."""


def copy(path: Path, target: Path) -> None:
    """Copy a file, a symbolic link as one, or a whole folder; modes and times are kept.

    What is no file, link or folder is passed over, and so is what vanishes meanwhile. Raises
    OSError.
    """
    if path.is_symlink() or not path.is_dir():
        _copy_one(str(path), str(target))
        return
    made: list[tuple[str, str]] = []
    left = [(str(path), str(target))]
    while left:
        here, there = left.pop()
        Path(there).mkdir()
        made.append((here, there))
        with os.scandir(here) as entries:
            for entry in entries:
                inner = f"{there}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    left.append((entry.path, inner))
                else:
                    _copy_one(entry.path, inner)
    # From the inside out: filling a folder changes its time, and may need more than its mode.
    for here, there in reversed(made):
        shutil.copystat(here, there)


def _copy_one(path: str, target: str) -> None:
    with suppress(FileNotFoundError):
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            Path(target).symlink_to(Path(path).readlink())
        elif stat.S_ISREG(mode):
            with Path(path).open("rb") as source:
                # Nobody else's, until it has the mode of the original.
                made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                with os.fdopen(made, "wb") as copied:
                    if not _clone(source, copied):
                        shutil.copyfileobj(source, copied, 1024 * 1024)
        else:
            return
        shutil.copystat(path, target, follow_symlinks=False)


def _clone(source: BinaryIO, copied: BinaryIO) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(copied.fileno(), FICLONE, source.fileno())
    except OSError:
        # Most file systems cannot, and none can across two: it is copied instead.
        return False
    return True
