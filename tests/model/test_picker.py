"""The picker: what keys and news make of it."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from gitmc.cli.keys import Key, keys
from gitmc.model.job import Job, State
from gitmc.model.picker import Act, Mode, Picker, press, ranked, updated
from gitmc.model.screen import tail

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def job(name: str, state: State = State.COMPLETED) -> Job:
    return Job(name, state, "command", f"mc/{name}", "main", "0" * 40, "/w", "session", AT)


def test_a_question_stays_with_its_job_when_the_list_changes() -> None:
    picker = updated(Picker(), [job("a"), job("b")])
    picker, act = press(picker, "alt-k", "")
    assert (picker.mode, act) == (Mode.CONFIRM, None)
    picker = updated(picker, [job("c"), job("b")])
    assert press(picker, "text", "y")[1] == Act("kill", "a")
    assert press(picker, "enter", "")[1] is None


def test_the_cursor_stays_with_its_job_and_goes_to_what_took_its_place() -> None:
    picker = updated(Picker(), [job("a"), job("b"), job("c")])
    picker, _ = press(picker, "down", "")
    assert picker.at == "b"
    assert updated(picker, [job("a"), job("0"), job("b")]).at == "b"
    assert updated(picker, [job("a"), job("c")]).at == "c"
    assert updated(picker, []).at is None


def test_what_is_typed_filters_and_a_letter_after_tab_does_something() -> None:
    picker = updated(Picker(), [job("api"), job("docs")])
    for letter in "do":
        picker, act = press(picker, "text", letter)
        assert act is None
    assert [one.name for one in picker.shown] == ["docs"]
    picker, _ = press(picker, "tab", "")
    assert press(picker, "text", "d")[1] == Act("diff", "docs")


def shown(picker: Picker) -> list[str]:
    """The names that are listed; the one under the cursor with `>`."""
    return [f"{'>' if one.name == picker.at else ''}{one.name}" for one in picker.shown]


def typed(picker: Picker, text: str) -> Picker:
    """The picker once `text` has been typed."""
    return press(picker, "text", text)[0]


def test_whom_the_filter_of_now_means_is_listed_as_it_was_told() -> None:
    picker = typed(updated(Picker(), [job("api"), job("docs"), job("old-docs")]), "dc")
    assert picker.sought is not None
    assert picker.sought.query == "dc"
    assert [line.partition(" ")[0] for line in picker.sought.lines] == ["api", "docs", "old-docs"]
    assert shown(picker) == []
    assert ranked(picker, "d", ["api"]) == picker
    picker = ranked(picker, "dc", ["old-docs", "gone", "docs"])
    assert shown(picker) == [">old-docs", "docs"]
    picker = typed(picker, "o")
    assert shown(picker) == [], "what was told was about another filter"
    assert shown(ranked(picker, "dc", ["old-docs"])) == []
    picker, _ = press(picker, "ctrl-u", "")
    assert shown(picker) == [">api", "docs", "old-docs"]
    assert picker.sought is None
    assert typed(picker, "  ").sought is None


def test_the_cursor_goes_to_the_first_that_is_told_unless_it_was_moved() -> None:
    jobs = [job("docs1"), job("docs2"), job("docs3")]
    picker = typed(updated(Picker(), jobs), "docs")
    assert shown(picker) == [">docs1", "docs2", "docs3"]
    assert shown(ranked(picker, "docs", ["docs3", "docs1"])) == [">docs3", "docs1"]
    picker, _ = press(picker, "down", "")
    picker = ranked(picker, "docs", ["docs3", "docs2"])
    assert shown(picker) == ["docs3", ">docs2"]
    # Later answers are about how the jobs stand; nobody has typed since.
    picker = ranked(picker, "docs", ["docs1", "docs2"])
    assert shown(picker) == ["docs1", ">docs2"]
    assert shown(ranked(picker, "docs", ["docs3", "docs1"])) == ["docs3", ">docs1"]


def test_news_of_jobs_leave_the_order_until_it_is_told_again() -> None:
    picker = typed(updated(Picker(), [job("docs1"), job("docs2")]), "dc2")
    picker = ranked(picker, "dc2", ["docs2"])
    picker = updated(picker, [job("docs20"), job("docs1"), job("docs2", State.FAILED)])
    assert shown(picker) == [">docs2"]
    assert picker.shown[0].state is State.FAILED
    assert shown(ranked(picker, "dc2", ["docs20", "docs2"])) == ["docs20", ">docs2"]
    assert shown(ranked(picker, "dc2", None)) == []
    picker = typed(press(picker, "ctrl-u", "")[0], "DOCS2")
    assert shown(ranked(picker, "DOCS2", None)) == [">docs2", "docs20"]


@settings(max_examples=50)
@given(st.lists(st.text(max_size=3)), st.integers(min_value=0))
def test_any_keys_leave_a_picker_that_can_be_drawn(words: list[str], size: int) -> None:
    names = ("up", "down", "enter", "tab", "escape", "backspace", "alt-s", "alt-m", "page down")
    picker = updated(Picker(), [job("a"), job("b")])
    for place, word in enumerate(words):
        name = "text" if place % 2 else names[(size + place) % len(names)]
        picker, _ = press(picker, name, word if name == "text" else "")
        if size % 3:
            told = ["b", "c", "a"][: place % 4] if size % 2 else None
            picker = ranked(picker, word if place % 3 else picker.query, told)
        assert (picker.act is None) == (picker.mode in (Mode.LIST, Mode.KEYS))
        assert picker.job is not None or not picker.shown


@settings(max_examples=50)
@given(st.binary(max_size=30))
def test_any_bytes_are_keys_or_wait_for_more(data: bytes) -> None:
    found, rest = keys(data)
    assert data.endswith(rest)
    assert all(key.text.isprintable() or b"\x1b[200~" in data for key in found)


def test_sequences_pastes_and_lone_escapes() -> None:
    assert keys(b"\x1b[A\x1b")[0] == [Key("up"), Key("escape")]
    assert keys(b"\x1bm\x03")[0] == [Key("alt-m"), Key("ctrl-c")]
    assert keys(b"\x1b[200~a\rb\x1b[201~") == ([Key("text", "a\nb")], b"")
    assert keys(b"\xc3") == ([], b"\xc3")


def test_a_screen_is_cut_with_its_colours_from_line_to_line_and_nothing_else() -> None:
    assert tail("\x1b[31mred\nstill\x1b[0m\n\n", 9, 1) == ["\x1b[31mstill\x1b[0m\x1b[0m"]
    assert tail("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\a\x1b[2J", 9, 3) == ["link"]
    assert tail("\x1b[31mred", 2, 3, colour=False) == ["re"]
