"""Folders that were made for what is put into them, and go with it when they are empty.

Which they are is in a file among the user's data, since a folder cannot tell. It names a folder
before that is made, and may name some that are not there. Should the file be lost, that costs empty
folders, so it needs no lock.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from gitmc.store.files import replace_file

STAYS = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.ENOENT)


def make(folder: Path) -> None:
    """Make `folder`, an absolute path, and those above that are missing; remember which were."""
    record = _record()
    missing = _missing(folder)
    if missing:
        made = _read(record) | missing | _missing(record.parent)
        record.parent.mkdir(parents=True, exist_ok=True)
        _write(record, made)
    folder.mkdir(parents=True, exist_ok=True)


def unmake(folder: Path) -> None:
    """Remove `folder` and those above it, as far as they were made by us and are empty."""
    record = _record()
    made = _read(record)
    if not made:
        return
    _remove(folder, made)
    left = {one for one in made if one.is_dir()}
    if left <= {record.parent, *record.parent.parents}:
        record.unlink()
        _remove(record.parent, left)
    elif left != made:
        _write(record, left)


def _remove(folder: Path, made: set[Path]) -> None:
    for one in (folder, *folder.parents):
        if one not in made:
            return
        try:
            one.rmdir()
        except OSError as fault:
            if fault.errno not in STAYS:
                raise
            return


def _missing(folder: Path) -> set[Path]:
    return {one for one in (folder, *folder.parents) if not os.path.lexists(one)}


def _record() -> Path:
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "git-mc" / "made-folders"


def _read(record: Path) -> set[Path]:
    try:
        names = record.read_bytes().split(b"\0")
    except FileNotFoundError:
        return set()
    return {Path(os.fsdecode(name)) for name in names if name}


def _write(record: Path, made: set[Path]) -> None:
    replace_file(record, b"\0".join(sorted(map(os.fsencode, made))))
