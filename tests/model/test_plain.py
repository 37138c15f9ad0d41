"""What a terminal is sent, as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.plain import LONGEST, Plain

CASES = {
    "colours": (b"\x1b[31;1mred\x1b[0m\r\n", b"red\n"),
    "cursor": (b"a\x1b[2J\x1b[10;3Hb\x1b[?25l\n", b"ab\n"),
    "title": (b"\x1b]0;a title\x07x\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\\n", b"xlink\n"),
    "picture": (b"a\x1bPq#0;2;0\n-\x1b\\b\n", b"ab\n"),
    "wrapped": (b"\x1bPtmux;\x1b\x1b]52;c;x\x07\x1b\\y\n", b"y\n"),
    "two bytes": (b"\x1b(B\x1b=\x1b7a\x1b8\n", b"a\n"),
    "controls": (b"a\x07b\x08c\x00\x7fd\x0e\te\n", b"abcd\te\n"),
    "c1": ("é\u0085\u009bx\n".encode(), "éx\n".encode()),
    "progress": (b" 1%\r 50%\r100%\r\ndone\r\n", b"100%\ndone\n"),
    "returns": (b"a\r\r\n\r\nb\n", b"a\n\nb\n"),
    "no end": (b"a\nlast\r", b"a\nlast"),
    "lone escape": (b"a\x1b\nb\n", b"a\nb\n"),
    "unended title": (b"a\n\x1b]0;title\nb\n", b"a\n"),
}


def plain(pieces: list[bytes]) -> bytes:
    """The text of what comes in `pieces`."""
    filtered = Plain()
    return b"".join(map(filtered.feed, pieces)) + filtered.finish()


@pytest.mark.parametrize("name", [name for name in CASES if name != "unended title"])
def test_the_text_is_the_same_however_it_is_cut(name: str) -> None:
    sent, text = CASES[name]
    assert plain([sent]) == text
    for at in range(len(sent)):
        assert plain([sent[:at], sent[at:]]) == text, at
    assert plain([bytes([byte]) for byte in sent]) == text


def test_a_line_comes_when_it_is_whole() -> None:
    filtered = Plain()
    assert filtered.feed(b"one\ntw") == b"one\n"
    assert filtered.feed(b"o\n") == b"two\n"
    assert filtered.finish() == b""


def test_an_escape_that_never_ends_holds_up_no_more_than_so_much() -> None:
    filtered = Plain()
    assert filtered.feed(CASES["unended title"][0]) == b"a\n"
    assert filtered.feed(b"x" * LONGEST + b"\n").endswith(b"x\n")
    assert filtered.feed(b"next\n") == b"next\n"


def test_a_line_without_end_is_not_kept_for_ever() -> None:
    filtered = Plain()
    assert filtered.feed(b"x" * (LONGEST + 1)) == b"x" * (LONGEST + 1)
    progress = b"".join(b"\r%d%%" % number for number in range(100_000))
    assert filtered.feed(progress) == b""
    assert filtered.finish() == b"99999%"


@given(st.lists(st.text(alphabet="ab\n\té日", max_size=20).map(str.encode), max_size=6))
def test_plain_text_passes_unchanged(pieces: list[bytes]) -> None:
    assert plain(pieces) == b"".join(pieces)


@given(st.lists(st.binary(max_size=20), max_size=6))
def test_nothing_that_comes_out_commands_a_terminal(pieces: list[bytes]) -> None:
    assert not set(plain(pieces)) & (set(range(32)) - set(b"\t\n") | {127})
