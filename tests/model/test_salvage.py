"""The message of a salvage: written, and read back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.salvage import Salvage, message, of_ref, parse, ref_name

commits = st.text("0123456789abcdef", min_size=40, max_size=40)
words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=9)
maybe = st.none() | commits
salvages = st.builds(
    Salvage,
    words,
    words,
    words.map("mc/{}".format),
    st.integers(0, 99),
    st.integers(0, 99),
    commits,
    maybe,
    st.none() | words.map("refs/heads/{}".format),
    maybe,
    maybe,
    st.lists(st.tuples(words.map("refs/worktree/{}".format), commits), max_size=2).map(tuple),
)


@given(salvages)
def test_what_is_written_is_read(salvage: Salvage) -> None:
    assert parse(message(salvage)) == salvage


@pytest.mark.parametrize(
    "text",
    [
        "",
        "subject\n",
        "one: work that was uncommitted\n",
        "subject\n\nSigned-off-by: A <a@b>\n",
        "subject\n\nMc-Job: one\n",
        message(Salvage("one", "now", "mc/one", 1, 2, "f" * 40)).replace("f" * 40, "--all"),
        message(Salvage("one", "now", "mc/one", 1, 2, "f" * 40)).replace("Files: 2", "Files: x"),
    ],
)
def test_another_message_is_none(text: str) -> None:
    assert parse(text) is None


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    assert parse(text) is None


def test_a_ref_tells_the_job_and_the_time() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 6000, tzinfo=UTC)
    assert ref_name("a.b", at) == "refs/mc/salvage/a.b/20260102T030405006000Z"
    assert of_ref(ref_name("a.b", at, 2)) == ("a.b", "20260102T030405006000Z-2")
    assert sorted([ref_name("a", at, 1), ref_name("a", at)])[0] == ref_name("a", at)
