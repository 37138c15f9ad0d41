"""How much room text takes on a terminal, and text cut to it. Pure."""

from __future__ import annotations

import re
import unicodedata

_PIECES = re.compile(r"(\x1b\[[0-9;:]*m)|(.)")


def cut(line: str, width: int) -> str:
    """`line` cut to `width` columns; sequences that set colours take none."""
    kept: list[str] = []
    used = 0
    for sequence, char in _PIECES.findall(line):
        if char:
            used += _of(char)
            if used > width:
                return "".join(kept) + ("\x1b[0m" if "\x1b" in line else "")
        kept.append(sequence or char)
    return "".join(kept)


def columns(line: str) -> int:
    """How many columns `line` takes; sequences that set colours take none."""
    return sum(_of(char) for _, char in _PIECES.findall(line) if char)


def _of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
