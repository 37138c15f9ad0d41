"""What a terminal is sent, as plain text: one line after the other, as each was at last. Pure."""

from __future__ import annotations

import re

LONGEST = 1024 * 1024
"""Bytes of a line, or of an escape sequence, after which its end is no longer waited for."""

_ESCAPES = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, the cursor
    rb"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: titles, links
    rb"|\x1b[PX^_](?:[^\x1b]|\x1b(?!\\))*\x1b\\"  # DCS and its like: pictures
    rb"|\x1b[ -/]*[0-~]"  # the short ones
    rb"|\xc2[\x80-\x9f]"  # the same as single characters
    rb"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"  # any other control but tab, newline and return
)
_UNENDED = re.compile(rb"\x1b(?:\][^\x07\x1b]*|[PX^_](?:[^\x1b]|\x1b(?!\\))*)\Z")
_RETURNS = re.compile(rb"\r+\n")


class Plain:
    """Takes what a terminal is sent, piece by piece, and gives lines once they are whole.

    Only then is it known what a line is at last: a lone return starts it again.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """The lines that `data` completes."""
        rest = self._rest + data
        end = rest.rfind(b"\n") + 1
        unended = _UNENDED.search(rest, 0, end)
        if unended:
            end = rest.rfind(b"\n", 0, unended.start()) + 1
        self._rest = rest[end:]
        # Of a line that is being written over, what was there before the last return is not needed.
        begin = self._rest.rstrip(b"\r").rfind(b"\r") + 1
        if begin and b"\n" not in self._rest:
            self._rest = self._rest[begin:]
        if len(self._rest) > LONGEST:
            return _plain(rest[:end]) + self.finish()
        return _plain(rest[:end])

    def finish(self) -> bytes:
        """What is left of a line without an end."""
        rest, self._rest = self._rest, b""
        return _plain(rest.rstrip(b"\r"))


def _plain(text: bytes) -> bytes:
    text = _RETURNS.sub(b"\n", _ESCAPES.sub(b"", text))
    if b"\r" not in text:
        return text
    return b"\n".join(line[line.rfind(b"\r") + 1 :] for line in text.split(b"\n"))
