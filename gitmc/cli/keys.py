"""What a terminal in raw mode sends when keys are pressed, as keys. Pure.

A lone escape is told from the beginning of a longer sequence by what comes with it: terminals send
the whole of a sequence at once, so nothing is waited for.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Key(NamedTuple):
    """A key by its `name`, or `text` that was typed or pasted, which is then named "text"."""

    name: str
    text: str = ""


_BEGIN, _END = b"\x1b[200~", b"\x1b[201~"
_SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[@-~])")
_LETTERS = {b"A": "up", b"B": "down", b"H": "home", b"F": "end", b"Z": "backtab"}
_NUMBERS = {b"1~": "home", b"4~": "end", b"5~": "page up", b"6~": "page down"}
_NAMES = _LETTERS | _NUMBERS
_CONTROLS = {0x0D: "enter", 0x0A: "down", 0x09: "tab", 0x08: "backspace", 0x7F: "backspace"}


def keys(data: bytes) -> tuple[list[Key], bytes]:
    """The keys in `data`, and what of it is the beginning of something whose end is to come."""
    found: list[Key] = []
    while data:
        key, taken = _first(data)
        if not taken:
            break
        found += [key] if key else []
        data = data[taken:]
    return found, data


def _first(data: bytes) -> tuple[Key | None, int]:
    """The first key and how many bytes it is; no key for what means none, 0 for a beginning."""
    if data[0] == 0x1B:
        return _escape(data)
    if data[0] in _CONTROLS:
        return Key(_CONTROLS[data[0]]), 1
    if data[0] < 0x20:
        return Key(f"ctrl-{chr(data[0] + 0x60)}"), 1
    return _typed(data)


def _escape(data: bytes) -> tuple[Key | None, int]:
    if data.startswith(_BEGIN):
        pasted, end, _ = data[len(_BEGIN) :].partition(_END)
        text = pasted.decode("utf-8", "replace").replace("\r", "\n")
        return (Key("text", text), len(_BEGIN + pasted + _END)) if end else (None, 0)
    if data == b"\x1b" or data[1] == 0x1B:
        return Key("escape"), 1
    if data[1:2] in (b"[", b"O"):
        whole = _SEQUENCE.match(data)
        if whole is None:
            # Alt and a bracket is no key of ours: it is the beginning of a sequence.
            return None, 0 if len(data) < 32 else 2
        name = _NAMES.get(whole[0][2:])
        return Key(name) if name else None, whole.end()
    key, taken = _first(data[1:])
    return (Key(f"alt-{key.text or key.name}") if key else None), taken + 1 if taken else 0


def _typed(data: bytes) -> tuple[Key | None, int]:
    size = 1 if data[0] < 0xC0 else 2 if data[0] < 0xE0 else 3 if data[0] < 0xF0 else 4
    if len(data) < size:
        return None, 0
    text = data[:size].decode("utf-8", "replace")
    return (Key("text", text), size) if text.isprintable() else (None, size)
