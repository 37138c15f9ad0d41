"""The kept log: one part for each run, the newest bytes, and no run twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.keptlog import CUT, added, shown

AT = "2026-01-02T03:04:05.000Z"
BIG = 1024 * 1024

texts = st.text(alphabet="ab é\n\r-", max_size=60).map(str.encode)
caps = st.integers(1, 80)


def heading(number: int, run: str) -> bytes:
    """The line above what a run left."""
    return f"--- run {number}, started {AT}, {run} ---\n".encode()


def test_each_run_has_its_part_below_a_heading() -> None:
    log = added(b"", "aa", AT, b"one\ntwo", BIG)
    assert log == heading(1, "aa") + b"one\ntwo\n"
    log = added(log, "bb", AT, b"three\n\n", BIG)
    assert log == heading(1, "aa") + b"one\ntwo\n" + heading(2, "bb") + b"three\n"


def test_a_log_made_without_headings_counts_as_a_run() -> None:
    log = added(b"old\n", "bb", AT, b"new", BIG)
    assert log == b"old\n" + heading(2, "bb") + b"new\n"


def test_a_run_that_printed_headings_is_replaced_as_a_whole() -> None:
    mine = b"x\n" + heading(1, "bb") + heading(7, "cc") + b"y"
    log = added(added(b"", "aa", AT, b"one", BIG), "bb", AT, mine, BIG)
    assert added(log, "bb", AT, b"again", BIG) == added(
        added(b"", "aa", AT, b"one", BIG), "bb", AT, b"again", BIG
    )


def test_what_is_over_the_cap_goes_from_the_oldest_end_by_whole_lines() -> None:
    log = added(added(b"", "aa", AT, b"one\ntwo", BIG), "bb", AT, b"three\nfour", 14)
    assert log == CUT + b"\n" + heading(2, "bb") + b"three\nfour\n"
    log = added(added(b"", "aa", AT, b"one\ntwo", BIG), "bb", AT, b"three\nfour", 15)
    assert log == CUT + b"\n" + heading(1, "aa") + b"two\n" + heading(2, "bb") + b"three\nfour\n"


@pytest.mark.parametrize(
    ("cap", "left"),
    [(5, b"four\n"), (10, b"four\n"), (3, b"ur\n"), (1, b"\n")],
)
def test_the_cut_is_at_a_line_or_within_the_only_one(cap: int, left: bytes) -> None:
    assert added(b"", "aa", AT, b"three\nfour", cap) == CUT + b"\n" + heading(1, "aa") + left


def test_an_old_log_without_a_last_newline_is_cut_too() -> None:
    log = added(b"old", "bb", AT, b"new", 5)
    assert log == CUT + b"\n" + heading(2, "bb") + b"new\n"


def test_a_character_is_not_cut_in_two() -> None:
    log = added(b"", "aa", AT, "éé".encode(), 4)
    assert log.endswith(b" ---\n" + "é\n".encode())


def test_a_cap_of_nothing_leaves_nothing() -> None:
    assert added(heading(1, "aa") + b"one\n", "bb", AT, b"two", 0) == b""


def test_the_heading_of_an_only_run_is_not_shown() -> None:
    one = added(b"", "aa", AT, b"one", BIG)
    assert shown(one) == b"one\n"
    for log in (added(one, "bb", AT, b"two", BIG), added(b"", "aa", AT, b"one\ntwo", 5), b"old\n"):
        assert shown(log) == log


@given(st.lists(texts, min_size=1, max_size=4), caps)
def test_keeping_a_run_again_changes_nothing(runs: list[bytes], cap: int) -> None:
    log = b""
    for number, text in enumerate(runs):
        log = added(log, f"r{number}", AT, text, cap)
        assert added(log, f"r{number}", AT, text, cap) == log


@given(texts, texts, caps)
def test_the_end_of_the_newest_run_is_always_kept_within_the_cap(
    old: bytes, new: bytes, cap: int
) -> None:
    log = added(added(b"", "aa", AT, old, BIG), "bb", AT, new, cap)
    text = log.partition(heading(2, "bb"))[2]
    whole = new.rstrip(b"\n") + b"\n"
    assert whole.endswith(text)
    assert len(text) <= cap
    assert (text == whole) == (len(whole) <= cap)
    assert text
