"""The journal: many writers, whole lines, and whatever a crash left of one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitmc.store.journal import Journal

T0 = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
WRITE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from gitmc.store.journal import Journal
journal = Journal(Path(sys.argv[1]))
sys.stdin.readline()
for number in range(200):
    journal.write(datetime.now(UTC), "test", writer=sys.argv[2], number=number, text="x" * number)
"""


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


def test_four_processes_at_once_write_whole_lines(journal: Journal) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, journal.path, str(name)], stdin=subprocess.PIPE
        )
        for name in range(4)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()
    assert [writer.wait() for writer in writers] == [0] * 4
    entries = [entry for _, entry in journal.entries()]
    assert Counter(entry["event"] for entry in entries) == {"test": 800}
    for name in range(4):
        own = [entry for entry in entries if entry["writer"] == str(name)]
        assert [entry["number"] for entry in own] == list(range(200))
        assert all(entry["text"] == "x" * entry["number"] for entry in own)


def test_an_entry_says_when_and_what_and_leaves_out_what_is_none(journal: Journal) -> None:
    journal.write(T0, "transition", job="one", cause=None, to="running")
    assert [entry for _, entry in journal.entries()] == [
        {"at": "2026-01-02T03:04:05.678Z", "event": "transition", "job": "one", "to": "running"}
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(), st.text('\\\udc80\udcff\n"u'))
def test_any_text_is_one_line_and_read_back(journal: Journal, text: str, odd: str) -> None:
    journal.path.unlink(missing_ok=True)
    journal.write(T0, "test", text=text, odd=odd)
    assert journal.path.read_bytes().count(b"\n") == 1
    assert [(e["text"], e["odd"]) for _, e in journal.entries()] == [(text, odd)]


def test_a_line_still_being_written_is_not_read_until_it_is_whole(journal: Journal) -> None:
    journal.write(T0, "first")
    whole = journal.path.stat().st_size
    with journal.path.open("a") as stream:
        stream.write('{"at": "now", "event": "se')
    assert [(end, entry["event"]) for end, entry in journal.entries()] == [(whole, "first")]
    with journal.path.open("a") as stream:
        stream.write('cond"}\n')
    later = list(journal.entries(whole))
    assert later == [(journal.path.stat().st_size, {"at": "now", "event": "second"})]


@pytest.mark.parametrize("junk", ["{", "", "[1]", "3", "null", '"text"', "\udcff\udcfe"])
def test_a_line_that_is_no_entry_comes_as_unreadable(journal: Journal, junk: str) -> None:
    journal.write(T0, "before")
    with journal.path.open("ab") as stream:
        stream.write(junk.encode("utf-8", "surrogateescape") + b"\n")
    journal.write(T0, "after")
    entries = [entry for _, entry in journal.entries()]
    assert [entry["event"] for entry in entries] == ["before", "unreadable", "after"]
    shown = junk.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    assert entries[1] == {"event": "unreadable", "text": shown}


def test_each_offset_leads_to_the_rest(journal: Journal) -> None:
    for name in ("ä", "b", "c"):
        journal.write(T0, name)
    ends = [end for end, _ in journal.entries()]
    assert ends[-1] == journal.path.stat().st_size
    for number, end in enumerate(ends):
        rest = [entry["event"] for _, entry in journal.entries(end)]
        assert rest == ["ä", "b", "c"][number + 1 :]


def test_without_a_journal_there_are_no_entries(journal: Journal) -> None:
    assert list(journal.entries()) == []
    assert not journal.path.exists()


def test_a_detail_that_cannot_be_written_leaves_the_journal_alone(journal: Journal) -> None:
    with pytest.raises(TypeError):
        journal.write(T0, "test", path=journal.path)
    assert not journal.path.exists()
    journal.write(T0, "test", path=str(journal.path))
    assert json.loads(journal.path.read_text())["path"] == str(journal.path)
