"""What a running agent does: which source counts, since when, and what changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.agents.catalog import load
from gitmc.model.activity import (
    RANK,
    committed,
    guessed,
    hears_bells,
    looked,
    reported,
    rung,
    signalled,
    state_of_screen,
    state_of_title,
    titled,
    untitled,
)
from gitmc.model.job import Activity

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
IDLE_AFTER = timedelta(seconds=300)
STATES = ("working", "waiting", "idle", "error", "unknown")
PATTERNS = {"waiting": ["may I"], "working": ["busy"], "idle": ["[?] for help"]}

stored = st.none() | st.builds(
    Activity,
    st.sampled_from(STATES),
    st.integers(-400, 400).map(lambda seconds: T0 + timedelta(seconds=seconds)),
    st.sampled_from(sorted(RANK)),
)
outputs = st.integers(-400, 9).map(lambda seconds: T0 + timedelta(seconds=seconds))
screens = st.none() | st.sampled_from(["may I?", "busy", "? for help", "", "nothing known"])


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def did(state: str, at: float, source: str) -> Activity:
    return Activity(state, after(at), source)


def look(
    activity: Activity | None, output: float, now: float, screen: str | None = None
) -> Activity | None:
    return looked(activity, after(output), after(now), IDLE_AFTER, screen, PATTERNS)


@given(stored, outputs, screens)
def test_a_look_never_replaces_what_the_agent_said(
    activity: Activity | None, output: datetime, screen: str | None
) -> None:
    if not guessed(activity):
        assert looked(activity, output, T0, IDLE_AFTER, screen, PATTERNS) is activity
        assert hears_bells(activity) or rung(activity, T0) is activity


@given(stored, outputs, screens)
def test_a_second_look_at_the_same_finds_the_same(
    activity: Activity | None, output: datetime, screen: str | None
) -> None:
    once = looked(activity, output, T0, IDLE_AFTER, screen, PATTERNS)
    assert looked(once, output, T0, IDLE_AFTER, screen, PATTERNS) is once


@given(stored, outputs, screens, st.integers(0, 900))
def test_the_same_state_is_the_same_since(
    activity: Activity | None, output: datetime, screen: str | None, later: int
) -> None:
    now = T0 + timedelta(seconds=later)
    found = looked(activity, output, now, IDLE_AFTER, screen, PATTERNS)
    if activity and found and found.state == activity.state:
        assert found.since == activity.since
        assert RANK[found.source] >= RANK[activity.source]


@given(stored, outputs, screens, st.integers(0, 900))
def test_silence_never_ends_a_waiting(
    activity: Activity | None, output: datetime, screen: str | None, later: int
) -> None:
    now = max(output + timedelta(seconds=11), T0 + timedelta(seconds=later))
    if activity and activity.state == "waiting" and screen is None:
        assert looked(activity, output, now, IDLE_AFTER) is activity


@given(stored, st.sampled_from(STATES[:4]))
def test_a_signal_is_always_heard_but_that_no_turn_s_end_answers_a_question_or_mends_an_error(
    activity: Activity | None, state: str
) -> None:
    found = signalled(activity, state, T0)
    stays = activity in (
        activity and activity._replace(state="waiting", source="report"),
        activity and activity._replace(state="error", source="agent"),
    )
    assert found.state == (activity.state if activity and stays and state != "working" else state)
    assert signalled(found, state, after(1)) is found


@given(stored, st.sampled_from(STATES))
def test_a_report_is_always_heard(activity: Activity | None, state: str) -> None:
    found = reported(activity, state, T0)
    assert found.state == state
    assert reported(found, state, after(1)) == found


@pytest.mark.parametrize(
    ("activity", "output", "now", "screen", "found"),
    [
        (None, 0, 10, None, Activity("working", T0, "output")),
        (None, 0, 11, None, None),
        (None, 0, 300, None, Activity("idle", T0, "output")),
        (Activity("working", T0, "output"), 5, 304, None, Activity("working", T0, "output")),
        (Activity("working", T0, "output"), 5, 305, None, Activity("idle", after(5), "output")),
        (Activity("idle", T0, "output"), 9, 9, None, Activity("working", after(9), "output")),
        # The clock was set back.
        (Activity("idle", T0, "output"), 9, 0, None, Activity("idle", T0, "output")),
        # A bell, what was printed with it, and what was printed after it.
        (Activity("waiting", T0, "bell"), 3, 4, None, Activity("waiting", T0, "bell")),
        (Activity("waiting", T0, "bell"), 4, 4, None, Activity("working", after(4), "output")),
        (Activity("waiting", T0, "bell"), 0, 900, "busy", Activity("waiting", T0, "bell")),
        # A screen is believed once it stands still, but a dialog at once; and it outlasts silence.
        (Activity("working", T0, "output"), 5, 15, "? for", Activity("working", T0, "output")),
        (Activity("working", T0, "output"), 5, 7, "may I", Activity("waiting", after(5), "screen")),
        (Activity("waiting", T0, "screen"), 5, 7, "may I", Activity("waiting", T0, "screen")),
        (Activity("waiting", T0, "bell"), 3, 5, "may I", Activity("waiting", T0, "bell")),
        (Activity("working", T0, "output"), 0, 11, "may I", Activity("waiting", T0, "screen")),
        (None, 0, 301, "may I", Activity("waiting", T0, "screen")),
        (Activity("waiting", T0, "screen"), 0, 900, None, Activity("waiting", T0, "screen")),
        (Activity("waiting", T0, "screen"), 9, 9, None, Activity("working", after(9), "output")),
        (Activity("idle", T0, "screen"), 0, 300, None, Activity("idle", T0, "output")),
        (Activity("working", T0, "output"), 0, 11, "? for help", Activity("idle", T0, "screen")),
        (Activity("working", T0, "output"), 0, 11, "…", Activity("working", T0, "output")),
    ],
)  # fmt: skip
def test_a_look(
    activity: Activity | None, output: float, now: float, screen: str | None, found: Activity | None
) -> None:
    assert look(activity, output, now, screen) == found


def test_a_short_threshold_leaves_room_between_working_and_idle() -> None:
    short = timedelta(seconds=4)
    states = [looked(None, T0, after(now), short) for now in (2, 3, 4)]
    assert [found and found.state for found in states] == ["working", None, "idle"]


@given(stored, st.sampled_from(STATES[:3]), st.integers(-400, 400), st.integers(0, 900))
def test_a_title_is_believed_in_the_end_and_says_the_same_twice(
    activity: Activity | None, state: str, at: float, later: float
) -> None:
    now = max(after(at), after(later))
    found = titled(activity, state, after(at), now)
    assert titled(found, state, after(at), now) is found
    if activity is None or guessed(activity) or activity.source == "title":
        assert found is not None
        assert RANK[found.source] >= RANK["title"]
        lasts = activity is not None and activity[::2] == ("error", "title") and state == "idle"
        assert found.state == ("error" if lasts else state)
    if found and found.source == "title":
        assert rung(found, now) is found
        assert looked(found, T0, now, IDLE_AFTER, "busy", PATTERNS) is found


@pytest.mark.parametrize(
    ("activity", "state", "at", "now", "found"),
    [
        (None, "idle", 0, 0, did("idle", 0, "title")),
        (did("idle", 0, "output"), "idle", 5, 5, did("idle", 0, "title")),
        (did("waiting", 0, "bell"), "idle", 5, 5, did("idle", 5, "title")),
        (did("working", 0, "title"), "idle", 5, 5, did("idle", 5, "title")),
        # What it says itself counts until something comes after that.
        (did("idle", 5, "report"), "working", 4, 9, did("idle", 5, "report")),
        (did("working", 0, "report"), "idle", 5, 5, did("idle", 5, "title")),
        (did("waiting", 0, "report"), "idle", 5, 9, did("waiting", 0, "report")),
        (did("waiting", 0, "report"), "working", 5, 5, did("working", 5, "title")),
        (did("error", 0, "title"), "idle", 5, 9, did("error", 0, "title")),
        (did("error", 0, "agent"), "idle", 5, 9, did("error", 0, "agent")),
        (did("error", 0, "agent"), "working", 5, 9, did("working", 5, "title")),
        # Hooks that were silent when a turn failed, or when a dialog was answered.
        (did("working", 0, "agent"), "error", 5, 5, did("error", 5, "title")),
        (did("working", 8, "agent"), "error", 5, 8, did("working", 8, "agent")),
        (did("working", 8, "agent"), "error", 5, 9, did("error", 5, "title")),
        (did("working", 0, "agent"), "idle", 5, 5, did("working", 0, "agent")),
        (did("working", 0, "agent"), "idle", 5, 6, did("idle", 5, "title")),
        (did("working", 8, "agent"), "idle", 5, 8, did("working", 8, "agent")),
        (did("working", 8, "agent"), "idle", 5, 9, did("idle", 5, "title")),
        (did("waiting", 0, "agent"), "working", 5, 6, did("working", 5, "title")),
        (did("waiting", 8, "agent"), "working", 5, 99, did("waiting", 8, "agent")),
        (did("idle", 8, "agent"), "working", 5, 99, did("idle", 8, "agent")),
    ],
)  # fmt: skip
def test_a_title(
    activity: Activity | None, state: str, at: float, now: float, found: Activity
) -> None:
    assert titled(activity, state, after(at), after(now)) == found


def test_what_a_title_said_is_a_guess_once_it_says_nothing() -> None:
    assert untitled(None) is None
    said = Activity("working", T0, "title")
    assert look(said, 0, 900) is said
    assert look(untitled(said), 0, 900) == Activity("idle", T0, "output")
    for source in ("report", "agent", "bell"):
        other = Activity("waiting", T0, source)
        assert untitled(other) is other


@pytest.mark.parametrize(
    ("title", "state"),
    [("✋ may I", "waiting"), ("busy: may I", "waiting"), ("busy", "working"), ("vm", None)],
)
def test_what_a_title_shows(title: str, state: str | None) -> None:
    assert state_of_title(title, PATTERNS) == state


@pytest.mark.parametrize(
    ("activity", "at", "found"),
    [
        (None, 0, Activity("waiting", T0, "bell")),
        (Activity("working", T0, "output"), 9, Activity("waiting", after(9), "bell")),
        (Activity("idle", T0, "screen"), 9, Activity("waiting", after(9), "bell")),
        (Activity("waiting", T0, "bell"), 3, Activity("waiting", T0, "bell")),
        (Activity("waiting", T0, "bell"), 4, Activity("waiting", after(4), "bell")),
        (Activity("waiting", T0, "bell"), -9, Activity("waiting", after(-9), "bell")),
        (Activity("working", T0, "report"), 9, Activity("waiting", after(9), "bell")),
        (Activity("waiting", T0, "report"), 9, Activity("waiting", T0, "report")),
        (Activity("working", T0, "agent"), 9, Activity("working", T0, "agent")),
    ],
)
def test_a_bell(activity: Activity | None, at: float, found: Activity) -> None:
    assert rung(activity, after(at)) == found


@pytest.mark.parametrize(
    ("activity", "at", "found"),
    [
        (None, 0, Activity("working", T0, "commit")),
        (Activity("working", T0, "commit"), 9, Activity("working", after(9), "commit")),
        (Activity("working", T0, "output"), 9, Activity("working", after(9), "commit")),
        (Activity("idle", T0, "output"), 9, Activity("working", after(9), "commit")),
        (Activity("waiting", T0, "bell"), 3, Activity("waiting", T0, "bell")),
        (Activity("waiting", T0, "bell"), 4, Activity("working", after(4), "commit")),
        (Activity("waiting", T0, "report"), 9, Activity("waiting", T0, "report")),
        (Activity("idle", T0, "agent"), 9, Activity("idle", T0, "agent")),
    ],
)
def test_a_commit(activity: Activity | None, at: float, found: Activity) -> None:
    assert committed(activity, after(at)) == found


def test_silence_counts_from_the_latest_commit() -> None:
    made = committed(None, after(100))
    threshold = timedelta(seconds=300)
    assert looked(made, T0, after(399), threshold) == made
    assert looked(made, T0, after(400), threshold) == Activity("idle", after(100), "output")
    assert looked(made, after(390), after(400), threshold) == made


def test_a_report_that_waits_outlasts_a_signal_that_said_the_same() -> None:
    asked = reported(signalled(None, "waiting", T0), "waiting", after(1))
    assert asked == Activity("waiting", T0, "report")
    assert signalled(asked, "idle", after(2)) is asked
    assert signalled(asked, "working", after(3)) == Activity("working", after(3), "agent")


def test_of_two_sources_that_agree_the_better_one_is_named() -> None:
    assert signalled(Activity("working", T0, "report"), "working", after(1)) == Activity(
        "working", T0, "agent"
    )
    said = Activity("working", T0, "agent")
    assert reported(said, "working", after(1)) is said


@pytest.mark.parametrize(
    ("screen", "state"),
    [
        ("  ■■⬝⬝⬝⬝⬝⬝  esc interrupt       ctrl+t variants  ctrl+p commands", "working"),
        ("┃ △ Permission required\n┃ # rm\n\n  Allow once   Allow always   Reject", "waiting"),
        ("  ↑↓ select  enter submit  esc dismiss", "waiting"),
        ("Overloaded [retrying in 9s attempt #3]\n   ctrl+p commands", "working"),
        ("  Ask anything…\n\n   ctrl+t variants   ctrl+p commands\n\n\n", "idle"),
        ("Permission required" + "\n." * 12, None),
        ("opencode", None),
    ],
)
def test_what_opencode_shows(screen: str, state: str | None) -> None:
    assert state_of_screen(screen, load("opencode").screen) == state


CODEX = """• Working on it

■ unexpected status 503 Service Unavailable: overloaded

EMPTY
\u203a Ask Codex to do anything

  gpt-5 default · /tmp/wt
  ? for shortcuts""".replace("EMPTY", "\n" * 30)

GEMINI = """ > do it
✕ [API Error: {"error":{"code":400,"message":"bad thing"}}]

 >   Type your message or @path/to/file
 workspace (/directory)"""


@pytest.mark.parametrize(
    ("agent", "title", "screen", "state"),
    [
        ("codex", "vm", "Trust this folder? Codex can read", "waiting"),
        ("codex", "⠋ Working | wt", "", "working"),
        ("codex", "[ ! ] Action Required | wt", "", "waiting"),
        ("codex", "[ . ] Action Required | wt", "", "waiting"),
        ("codex", "Ready | wt", CODEX, "error"),
        ("codex", "Ready | wt", CODEX.replace("unexpected", "Conversation interrupted"), "idle"),
        ("codex", "Ready | wt", CODEX.replace("\n\u203a", "\n• Fine.\n\u203a"), "idle"),
        ("gemini", "✦  Working… (wt)", "", "working"),
        ("gemini", "✋  Action Required (wt)", "", "waiting"),
        ("gemini", "◇  Ready (wt)", " >   Type your message or @path/to/file", "idle"),
        ("gemini", "◇  Ready (wt)", "│ Do you trust the files in this folder? │", "waiting"),
        ("gemini", "◇  Ready (wt)", GEMINI, "error"),
    ],
)  # fmt: skip
def test_what_agents_show(agent: str, title: str, screen: str, state: str) -> None:
    found = load(agent)
    says = state_of_title(title, found.title)
    beneath = state_of_screen(screen, found.screen) if says in ("idle", None) else None
    assert (beneath if beneath in ("waiting", "error") else says) == state
