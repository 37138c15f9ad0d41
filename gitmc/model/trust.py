"""What a committed file wants to run, in a form that can be shown, hashed and approved. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

Commands = Mapping[str, str | tuple[str, ...]]
"""Commands by the name of their setting."""


class Approval(NamedTuple):
    """A text that the user has approved, and when."""

    sha256: str
    text: str
    at: datetime


class Wanted(NamedTuple):
    """What `file` wants to run."""

    file: str
    commands: Commands

    @property
    def text(self) -> str:
        """The commands and nothing else of the file, the same however they are written there."""
        import json

        return "".join(f"{n} = {json.dumps(v)}\n" for n, v in sorted(self.commands.items()))

    @property
    def sha256(self) -> str:
        """What tells this text from any other."""
        import hashlib

        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def lines(self) -> list[str]:
        """Each command on a line of its own, for a person to judge."""
        return [
            f"{name} = {word}"
            for name, value in sorted(self.commands.items())
            for word in ([ascii(value)] if isinstance(value, str) else map(ascii, value or [()]))
        ]


def shown(value: str | Sequence[str]) -> str:
    """A setting's commands on one line, in which no character can hide or act."""
    return ascii(value) if isinstance(value, str) else f"[{', '.join(map(ascii, value))}]"
