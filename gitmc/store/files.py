"""Whole-file reads and writes: a reader sees the old text or the new one, never a part."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from gitmc.errors import Fatal, naming


class BadFile(Fatal):
    """A file of ours that is torn, foreign or from a newer version. It is left as it is."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(
            f"{path}: {fault}",
            hint="it was left untouched; repair it or move it away, then try again",
        )
        self.path = path


def read_toml(path: Path) -> dict[str, Any]:
    """The table in `path`. Raises FileNotFoundError, or BadFile where it is no TOML."""
    import tomllib

    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except (ValueError, RecursionError) as fault:
        raise BadFile(path, f"not a TOML file: {fault}") from fault
    except (IsADirectoryError, PermissionError) as fault:
        raise BadFile(path, f"cannot be read: {fault.strerror}") from fault


def write_toml(path: Path, table: Mapping[str, Any]) -> None:
    """Replace `path` by `table`, as `write_tomls` does."""
    write_tomls({path: table})


def write_tomls(tables: Mapping[Path, Mapping[str, Any]]) -> None:
    """Replace each path by its table, durably: no file is replaced before all are on the disk.

    Whatever fails, each file is the old one or the new one, and no other is left.
    """
    import tomli_w

    drafts: dict[Path, Path] = {}
    try:
        for path, table in tables.items():
            drafts[path] = path.with_name(f".{path.name}.{os.getpid()}")
            # No multi-line strings: tomli_w would write the \r\n in them as \n.
            with naming(path):
                _write(drafts[path], tomli_w.dumps(table).encode(), 0o666)
        _sync(drafts.values())
        for path, draft in drafts.items():
            _put(draft, path)
    except BaseException:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
        raise


def replace_file(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Replace `path` by `content`. Whatever fails, the old file stays and no other is left."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with naming(path):
            _write(draft, content, mode)
        _put(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _write(draft: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def _put(draft: Path, path: Path) -> None:
    # The clock of file systems ticks in milliseconds; readers tell versions apart by this.
    os.utime(draft, ns=(now := time.time_ns(), now))
    draft.replace(path)


def _sync(paths: Collection[Path]) -> None:
    """Have the content of all `paths` on the disk, so that a power cut cannot leave a part."""
    if len(paths) < 2:
        for path in paths:
            _sync_one(path)
        return
    from concurrent.futures import ThreadPoolExecutor

    # A disk that is asked for many at once writes them together.
    with ThreadPoolExecutor(16) as pool:
        for synced in [pool.submit(_sync_one, path) for path in paths]:
            synced.result()


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
