"""A block of lines of ours in a configuration file of the user's, and the file without it. Pure.

The block is between two comments, and says in the first what the file was before, as far as that
cannot be seen: so that taking it away leaves every byte as it was. What the user has written after
the block since then stays. Where the comments are not a pair, nothing is guessed.
"""

from __future__ import annotations

import re

_OPENING = re.compile(rb"^# >>> git mc(?: \(([^\n)]*)\))? >>>[ \t\r]*$", re.MULTILINE)
_CLOSING = re.compile(rb"^# <<< git mc <<<[ \t\r]*(?:\n|\Z)", re.MULTILINE)

_NO_FILE = b"there was no file"
_NO_END = b"the line above had no end"


class Torn(ValueError):
    """The block cannot be told from the rest of the file; says why."""


def with_block(text: bytes | None, body: bytes) -> bytes:
    """`text` with the block at its end, or with what it holds made new where there is one already.

    `text` is None where there is no file. Raises Torn.
    """
    found = _block(text or b"")
    if text is not None and found is not None:
        opening, end = found
        return text[: opening.end()] + b"\n" + _rest(body) + text[end:]
    # A line that ends so goes on in the next, whatever that is.
    if text is not None and text.rstrip(b"\r\n").endswith(b"\\"):
        raise Torn("its last line goes on in the next: it ends with a backslash")
    if text is None:
        before, said = b"", _NO_FILE
    elif text and not text.endswith(b"\n"):
        before, said = text + b"\n", _NO_END
    else:
        before, said = text, b""
    said = b" (" + said + b")" if said else b""
    return before + b"# >>> git mc" + said + b" >>>\n" + _rest(body)


def without_block(text: bytes) -> bytes | None:
    """`text` without the block; None where the file is to go as well. Raises Torn."""
    found = _block(text)
    if found is None:
        return text
    opening, end = found
    before, after = text[: opening.start()], text[end:]
    if opening[1] == _NO_END and not after:
        before = before.removesuffix(b"\n")
    return None if opening[1] == _NO_FILE and not before + after else before + after


def _rest(body: bytes) -> bytes:
    return body + b"\n# <<< git mc <<<\n"


def _block(text: bytes) -> tuple[re.Match[bytes], int] | None:
    """The first comment of the block, and where the block ends."""
    openings, closings = list(_OPENING.finditer(text)), list(_CLOSING.finditer(text))
    if not openings and not closings:
        return None
    if len(openings) != 1 or len(closings) != 1 or closings[0].start() < openings[0].end():
        raise Torn(
            f"the comments around the lines of git mc are no pair: {len(openings)} '# >>> git mc' "
            f"and {len(closings)} '# <<< git mc'"
        )
    return openings[0], closings[0].end()
