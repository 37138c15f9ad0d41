"""A block in a user's file: there once, and gone without a trace."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gitmc.model.dotfile import Torn, with_block, without_block

TEXTS = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"# git mc", b"\xff", b" "])).map(b"".join)


@given(st.none() | TEXTS | st.binary())
def test_what_is_added_can_be_taken_away_to_the_byte(text: bytes | None) -> None:
    assume(text is None or not text.rstrip(b"\r\n").endswith(b"\\"))
    once = with_block(text, b"a line")
    assert with_block(once, b"a line") == once
    assert with_block(with_block(text, b"older"), b"a line") == once
    assert without_block(once) == text


@given(st.none() | TEXTS, TEXTS.filter(bool))
def test_what_is_written_below_stays(text: bytes | None, more: bytes) -> None:
    left = without_block(with_block(text, b"a line") + more)
    assert left is not None
    assert left in {(text or b"") + more, (text or b"") + b"\n" + more}


@given(st.lists(st.sampled_from([b"# >>> git mc >>>\n", b"# <<< git mc <<<\n", b"a\n"])))
def test_comments_that_are_no_pair_are_refused(lines: list[bytes]) -> None:
    text = b"".join(lines)
    marks = [line[2:3] for line in lines if line != b"a\n"]
    if marks in ([], [b">", b"<"]):
        assert b"git mc" not in (without_block(text) or b"")
        return
    with pytest.raises(Torn):
        with_block(text, b"x")
    with pytest.raises(Torn):
        without_block(text)
