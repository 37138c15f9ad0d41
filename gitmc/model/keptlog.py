"""A job's kept log: what the panes of its finished runs showed, the oldest first. Pure.

    --- earlier lines were cut ---
    --- run 2, started 2026-01-02T03:04:05Z, 1a2b3c4d ---
    what the agent printed

Each run has a heading with its nonce, so that keeping a run twice, as after a crash, replaces its
part and adds none. The cap counts what agents printed; headings and the note come on top of it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

CUT = b"--- earlier lines were cut ---"
_HEADING = re.compile(rb"--- run ([0-9]+), started (\S+), (\w+) ---")


class _Part(NamedTuple):
    """What one run left. The heading is empty where a log was made without any."""

    heading: bytes
    text: bytes


def added(kept: bytes, run: str, started: str, text: bytes, cap: int) -> bytes:
    """The log `kept` with `text` of `run`, cut to the last `cap` bytes; empty for a cap of 0."""
    if cap == 0:
        return b""
    was_cut, parts = _parts(kept)
    mine = _index(parts, run)
    heading = parts[mine].heading if mine < len(parts) else _heading(parts, run, started)
    # Whatever comes behind the part of a run that is kept again was printed by its agent.
    parts = [*parts[:mine], _Part(heading, text.rstrip(b"\n") + b"\n")]
    cut = False
    left: list[_Part] = []
    for part in reversed(parts):
        tail = _tail(part.text, cap) if left else _tail(part.text, cap) or _end(part.text, cap)
        cap -= len(tail)
        cut = cut or tail != part.text
        if tail:
            left.append(_Part(part.heading, tail))
    lines = [CUT + b"\n"] if cut or was_cut else []
    for part in reversed(left):
        lines += [part.heading + b"\n" if part.heading else b"", part.text]
    return b"".join(lines)


def shown(kept: bytes) -> bytes:
    """The log for a reader: where only one run is in it, and whole, no heading is needed."""
    was_cut, parts = _parts(kept)
    return kept if was_cut or len(parts) != 1 else parts[0].text


def _parts(kept: bytes) -> tuple[bool, list[_Part]]:
    was_cut = kept.startswith(CUT + b"\n")
    rest = kept.removeprefix(CUT + b"\n") if was_cut else kept
    parts: list[_Part] = []
    heading = b""
    lines: list[bytes] = []
    for line in rest.splitlines(keepends=True):
        if _HEADING.fullmatch(line.rstrip(b"\n")):
            if heading or lines:
                parts.append(_Part(heading, b"".join(lines)))
            heading, lines = line.rstrip(b"\n"), []
        else:
            lines.append(line)
    if heading or lines:
        parts.append(_Part(heading, b"".join(lines)))
    return was_cut, parts


def _index(parts: list[_Part], run: str) -> int:
    """Where the part of `run` is, or would be."""
    for at, part in enumerate(parts):
        found = _HEADING.fullmatch(part.heading)
        if found and found[3] == run.encode():
            return at
    return len(parts)


def _heading(parts: list[_Part], run: str, started: str) -> bytes:
    numbers = [int(found[1]) for part in parts if (found := _HEADING.fullmatch(part.heading))]
    number = max(numbers, default=len(parts)) + 1
    return f"--- run {number}, started {started}, {run} ---".encode()


def _tail(text: bytes, cap: int) -> bytes:
    """The last whole lines of `text` within `cap` bytes."""
    if len(text) <= cap:
        return text
    begin = text.find(b"\n", len(text) - cap - 1)
    return text[begin + 1 :] if begin >= 0 else b""


def _end(line: bytes, cap: int) -> bytes:
    """The end of a line that is longer than `cap` bytes, cut between two characters."""
    return line[-cap:].lstrip(bytes(range(0x80, 0xC0)))
