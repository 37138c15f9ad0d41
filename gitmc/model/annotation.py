"""Tables of ours in the text of a note, behind what somebody else wrote into it. Pure.

A note is TOML from the first of our tables on. What stands in front of them is kept, and so is what
looks like one of ours and is torn.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Dumps = Callable[[Mapping[str, Any]], str]
"""What writes a table as TOML."""


def split(note: str, kind: str) -> tuple[str, list[dict[str, Any]]]:
    """What somebody else wrote in `note`, and the tables `[[kind]]` that follow it."""
    head = _head(kind)
    at = -1
    while (at := note.find(head, at + 1)) >= 0:
        if at and note[at - 1] != "\n":
            continue
        try:
            found = tomllib.loads(note[at:])
        except (ValueError, RecursionError):
            continue
        if set(found) == {kind}:
            return note[:at], found[kind]
    return (note.rstrip("\n") + "\n\n" if note.strip("\n") else ""), []


def joined(foreign: str, kind: str, tables: Iterable[Mapping[str, Any]], dumps: Dumps) -> str:
    """The note with `tables` behind what somebody else wrote."""
    return foreign + "\n".join(_head(kind) + dumps(table) for table in tables)


def _head(kind: str) -> str:
    return f"[[{kind}]]\n"
