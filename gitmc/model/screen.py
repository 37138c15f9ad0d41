"""A captured terminal cut to the room that there is, with its colours and nothing else of it. Pure.

What tmux prints of a pane with its styles goes on from line to line, so that a line alone may begin
in the middle of a colour. Here each line says itself what it begins with, and ends plain.
"""

from __future__ import annotations

import re

from gitmc.model.columns import cut

_PIECES = re.compile(
    r"(?P<style>\x1b\[[0-9;:]*m)"
    r"|(?P<shift>[\x0e\x0f])"
    r"|\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*[0-~]"
    r"|(?P<text>[^\x00-\x1f\x7f-\x9f]+)"
    r"|.",
    re.DOTALL,
)
_PLAIN = re.compile(r"\x1b\[0*(?:m|;)")
_LINES = str.maketrans("jklmnqtuvwx~a`", "┘┐┌└┼─├┤┴┬│·▒◆")
"""What a terminal draws for these letters in its second set of characters."""


def tail(text: str, width: int, height: int, *, colour: bool = True) -> list[str]:
    """The last `height` lines of a screen with something in them, each cut to `width` columns."""
    lines = _own(text.rstrip("\n").split("\n"), colour)
    while lines and not lines[-1][0].strip():
        del lines[-1]
    return [cut(line, width) for _, line in lines[max(0, len(lines) - height) :]]


def _own(lines: list[str], colour: bool) -> list[tuple[str, str]]:
    """Each line without styles, and with all of its own."""
    found: list[tuple[str, str]] = []
    active, shifted = "", False
    for line in lines:
        plain, styled = "", active
        for piece in _PIECES.finditer(line.replace("\t", " ")):
            if style := piece["style"]:
                active = style if _PLAIN.match(style) else active + style
                styled += style
            elif piece["shift"]:
                shifted = piece["shift"] == "\x0e"
            elif typed := piece["text"]:
                shown = typed.translate(_LINES) if shifted else typed
                plain, styled = plain + shown, styled + shown
        active = "" if active in ("\x1b[m", "\x1b[0m") else active
        end = "\x1b[0m" if "\x1b" in styled else ""
        found.append((plain, styled + end if colour else plain))
    return found
