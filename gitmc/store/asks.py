"""What the agent of a run asks a person, and what it is told: files in the folder of the run.

    asks/<id>.json       what it asks, by an agent that takes answers from here
    asks/<name>          what it asks, by one that does not
    answers/<n>.json     what it is told; it takes the file away, and then
    answers/<n>.failed   is there where it could not do as it was told, and says why

Whatever the agent has left is read as it is found: it may be anything, and gone the next moment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from gitmc.store.files import replace_file


class Asked(NamedTuple):
    """One file of an agent's: the name of what it asks, what it says, and whether to answer."""

    name: str
    content: Any
    answerable: bool


class Box:
    """The files of one run."""

    def __init__(self, folder: Path) -> None:
        self.asks = folder / "asks"
        self.answers = folder / "answers"

    @property
    def open(self) -> bool:
        """Whether an agent is there that takes what it is told from here."""
        return self.answers.is_dir()

    def asked(self) -> list[Asked]:
        """What is asked, the oldest first."""
        found: list[tuple[int, Asked]] = []
        with suppress(FileNotFoundError, NotADirectoryError):
            for path in self.asks.iterdir():
                if path.suffix not in ("", ".json"):
                    continue
                with suppress(OSError):
                    at, data = path.stat().st_mtime_ns, path.read_bytes()
                    asked = Asked(path.stem, _parsed(data), path.suffix == ".json")
                    found.append((at, asked))
        return [asked for _, asked in sorted(found, key=lambda one: one[0])]

    def put(self, content: Mapping[str, Any]) -> str:
        """Have the agent told `content`; the name by which to ask what became of it."""
        name = os.urandom(8).hex()
        text = json.dumps(content, ensure_ascii=True)
        replace_file(self.answers / f"{name}.json", text.encode(), mode=0o600)
        return name

    def done(self, name: str) -> bool:
        """Whether the agent has done what it was told by `name`, or failed at it."""
        ends = (".json", ".json.taken")
        return not any((self.answers / f"{name}{end}").exists() for end in ends)

    def fault(self, name: str) -> str | None:
        """Why it failed at it; None where it did not. It is told once."""
        path = self.answers / f"{name}.failed"
        try:
            said = path.read_text(errors="replace")
        except FileNotFoundError:
            return None
        path.unlink(missing_ok=True)
        return said or "it did not say why"

    def withdraw(self, name: str) -> bool:
        """Take back what the agent has not taken; False where it has."""
        try:
            (self.answers / f"{name}.json").unlink()
        except FileNotFoundError:
            return False
        return True


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
