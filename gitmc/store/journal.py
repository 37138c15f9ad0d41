"""The journal: every action and transition, one JSON object a line, append-only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from gitmc.errors import naming
from gitmc.store.codec import time_text


class Journal:
    """`journal.jsonl`. Lines are appended whole, by one write each, so writers need no lock."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, at: datetime, event: str, **details: Any) -> None:
        """Append one entry; details that are None are left out."""
        import json

        entry = {"at": time_text(at), "event": event}
        entry.update((key, value) for key, value in details.items() if value is not None)
        line = json.dumps(entry, ensure_ascii=False) + "\n"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o666)
        try:
            with naming(self.path):
                os.write(descriptor, line.encode("utf-8", "backslashreplace"))
        finally:
            os.close(descriptor)

    def entries(self, offset: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
        """Entries from byte `offset` on, each with the offset behind it.

        A line without its newline is still being written and ends the reading; a line that is no
        JSON (a crash in mid-write) comes as an entry of event `unreadable`.
        """
        try:
            stream = self.path.open("rb")
        except FileNotFoundError:
            return
        with stream:
            stream.seek(offset)
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                offset += len(line)
                yield offset, _entry(line)


def _entry(line: bytes) -> dict[str, Any]:
    import json

    text = line.decode("utf-8", "replace").rstrip("\n")
    try:
        entry = json.loads(text)
    except ValueError:
        return {"event": "unreadable", "text": text}
    return entry if isinstance(entry, dict) else {"event": "unreadable", "text": text}
