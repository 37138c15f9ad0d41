"""Whole-file reads and writes: a reader sees the old text or the new one, never a part."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
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
    """Replace `path` by `table`, atomically and durably."""
    import tomli_w

    # No multi-line strings: tomli_w would write the \\r\\n in them as \\n.
    replace_file(path, tomli_w.dumps(table).encode(), durable=True)


def replace_file(path: Path, content: bytes, mode: int = 0o666, *, durable: bool = False) -> None:
    """Replace `path` by `content`. Whatever fails, the old file stays and no other is left.

    If `durable`, the content is on the disk before the file is replaced, so that a power cut leaves
    the one or the other.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with naming(path), os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            if durable:
                os.fdatasync(stream.fileno())
        # The clock of file systems ticks in milliseconds; readers tell versions apart by this.
        os.utime(draft, ns=(now := time.time_ns(), now))
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
