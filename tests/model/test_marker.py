"""Markers: a name says what the marker says, and nothing else is a marker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.marker import (
    Exited,
    Marker,
    Started,
    exited,
    parse,
    session_id,
    signalled,
    started,
)
from tests.support.generated import markers

JUNK = [
    "",
    "a.exit.launcher",
    "a.exit.launcher.",
    "a.exit.launcher.256",
    "a.exit.launcher.1000",
    "a.exit.launcher.-1",
    "a.exit.launcher.0-by",
    "a.exit.launcher.0-by1-sig9",
    "a.exit.launcher.٣",
    "a.start.launcher.1-2",
    "a.start.launcher.-2-3",
    "a.start.launcher.x-2-3",
    ".exit.launcher.0",
    "a.left.launcher.0",
    "a.exit.Launcher.0",
    "a.exit.launcher.0\n",
    "a.exit.launcher.0.toml",
    "a.activity.agent.",
    "a.activity.agent.working",
    "a.activity.agent.working-",
    "a.activity.agent.done-1",
    "a.activity.agent.working-1-2",
    "a.session.agent.",
    "a.session.agent." + "x" * 129,
    "a.bell.tmux.",
    "a.bell.tmux.x",
    "a.commit.git.",
    "a.commit.git.-1",
    "../a.exit.launcher.0",
    "a-b.exit.launcher.0",
]


@given(markers())
def test_a_marker_is_read_back_from_its_name(marker: Marker) -> None:
    assert parse(marker.name) == marker


@given(markers(), st.sampled_from([".", "/", " ", "\n", "\0", "~", "é"]), st.data())
def test_a_name_with_a_foreign_character_in_it_is_no_marker(
    marker: Marker, foreign: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(marker.name)))
    assert parse(marker.name[:at] + foreign + marker.name[at:]) is None


@given(st.text(st.sampled_from("aZ09.-") | st.characters()))
def test_any_other_text_is_no_marker(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("name", JUNK)
def test_what_only_looks_like_a_marker_is_none(name: str) -> None:
    assert parse(name) is None


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("0", Exited(0, None, None)),
        ("137-sig9", Exited(137, 9, None)),
        ("0-by15", Exited(0, None, 15)),
        ("143-sig15-by1", Exited(143, 15, 1)),
        ("255", Exited(255, None, None)),
    ],
)
def test_an_exit_marker_says_code_signal_and_by_whom(value: str, word: Exited) -> None:
    assert exited(Marker("a", "exit", "launcher", value)) == word


@pytest.mark.parametrize(
    ("value", "word"),
    [("7-1234-9", Started(7, "1234", "9")), ("7--", Started(7, "", ""))],
)
def test_a_start_marker_says_process_and_pane(value: str, word: Started) -> None:
    assert started(Marker("a", "start", "launcher", value)) == word


def test_an_activity_marker_says_a_state_and_a_session_marker_a_name() -> None:
    assert signalled(Marker("a", "activity", "agent", "waiting-12")) == "waiting"
    assert session_id(Marker("a", "session", "agent", "ses_1")) == "ses_1"
