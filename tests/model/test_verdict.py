"""Notes on passed tests: the latest word of each gate, and nothing that does not add up."""

from __future__ import annotations

import tomllib
from typing import NamedTuple

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.environment import Environment
from gitmc.model.verdict import MOST, Pass, noted, passed
from tests.support.generated import texts

TREE, OTHER = "1" * 40, "2" * 40
HERE = Environment("0a" * 8, ("Linux x86_64", "make: GNU Make 4.3"))
AT = "2026-01-02T03:04:05.678Z"


class Told(NamedTuple):
    """What is noted."""

    command: str
    key: str
    one: Pass


told = st.builds(
    Told,
    st.sampled_from(["make", "make test"]) | texts,
    st.sampled_from("ab"),
    st.builds(Pass, st.floats(0, 1e6).map(lambda s: round(s, 3)), st.booleans(), st.just(AT)),
)
foreign = texts | st.sampled_from(
    ["", "by hand\n", "[[verdict]]\nbroken", "x\n[[verdict]]\n", "[[verdict]]\ncommand = 3\n"]
)


def write(before: str, one: Told, tree: str = TREE) -> str:
    return noted(before, tree, one.command, Environment(one.key), one.one, tomli_w.dumps)


@given(foreign, st.lists(told, max_size=8))
def test_the_latest_pass_of_each_gate_is_found(before: str, entries: list[Told]) -> None:
    note = before
    for one in entries:
        note = write(note, one)
    for one in entries:
        latest = [e.one for e in entries if (e.command, e.key) == (one.command, one.key)][-1]
        assert passed(note, TREE, one.command, one.key) == latest
        assert passed(note, TREE, one.command, None) is not None
        assert passed(note, TREE, None, one.key) is not None
        assert passed(note, OTHER, one.command, one.key) is None
        assert passed(note, TREE, one.command, "c") is None
        assert passed(note, TREE, one.command + " ", one.key) is None
    assert note.startswith(before.rstrip("\n")) or before.startswith("[[verdict]]")


@given(told, st.data())
def test_a_note_that_was_changed_tells_the_same_or_nothing(one: Told, data: st.DataObject) -> None:
    note = write("", one)
    place = data.draw(st.integers(0, len(note) - 1))
    char = data.draw(
        st.sampled_from("0159aeftrusnlm-_.\"'\n[]= #T:+Z") | st.characters(codec="utf-8")
    )
    for changed in (note[:place] + char + note[place + 1 :], note[:place], note[place:]):
        assert passed(changed, TREE, one.command, one.key) in (None, one.one)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("seconds = 1.5", "seconds = 1"),
        ("seconds = 1.5", "seconds = nan"),
        ("seconds = 1.5", "seconds = -1.5"),
        ("seconds = 1.5", 'seconds = "1.5"'),
        ("flaky = true", "flaky = false"),
        ("flaky = true", ""),
        ("05.678Z", "05.678"),
        ("05.678Z", ""),
        ('sum = "', 'sum = "0'),
        ("sum = ", "# sum = "),
    ],
)
def test_a_table_that_does_not_add_up_is_no_pass(before: str, after: str) -> None:
    note = write("", Told("make", "a", Pass(1.5, True, AT)))
    assert passed(note, TREE, "make", "a") == (1.5, True, AT)
    assert before in note
    assert passed(note.replace(before, after), TREE, "make", "a") is None


def test_what_is_written_can_be_read_by_a_person() -> None:
    note = noted("", TREE, "make test", HERE, Pass(12, False, AT), tomli_w.dumps)
    [table] = tomllib.loads(note)["verdict"]
    assert table.pop("sum")
    assert table == {
        "command": "make test",
        "environment": HERE.key,
        "under": list(HERE.parts),
        "seconds": 12.0,
        "flaky": False,
        "at": AT,
    }


def test_a_tree_keeps_its_latest_passes_only() -> None:
    note = "mine\n"
    entries = [Told(f"make {n}", "a", Pass(float(n), False, AT)) for n in range(MOST + 5)]
    for one in entries:
        note = write(note, one)
    found = [passed(note, TREE, one.command, "a") for one in entries]
    assert found == [None] * 5 + [one.one for one in entries[5:]]
    assert note.startswith("mine\n")


@pytest.mark.parametrize(
    "tail", ["\n[other]\nx = 1\n", "\nlooks good to me\n", "\n[[job]]\nx = 1\n"]
)
def test_what_somebody_wrote_behind_is_kept(tail: str) -> None:
    one = Told("make", "a", Pass(1.0, False, AT))
    note = write(write("", one) + tail, one)
    assert tail.strip() in note
    assert passed(note, TREE, "make", "a") == one.one
