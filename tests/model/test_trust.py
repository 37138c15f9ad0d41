"""Trust: what of a committed file is withheld, and which text stands for it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.errors import Refused
from gitmc.model.settingkeys import KEYS, identity
from gitmc.model.settings import COMMAND_KEYS, Settings, Source, commands_of
from gitmc.model.trust import Wanted, shown
from tests.support.generated import texts

values = st.fixed_dictionaries(
    {},
    optional={
        "testcommand": texts,
        "notify.command": texts,
        "worktreesetup.commands": st.lists(texts, max_size=3),
    },
)


def wanted(values: dict[str, Any]) -> Wanted:
    return Wanted("file", commands_of(Source("file", values)))


def test_a_withheld_command_is_refused_when_it_is_asked_for_and_nothing_else_is() -> None:
    file = {"testcommand": "make\ntest", "mergestrategy": "merge"}
    settings = Settings([Source("/x/file", file, withheld="nobody said yes")])
    assert settings["mergeStrategy"] == "merge"
    assert settings["worktreeSetup.commands"] == ()
    with pytest.raises(Refused) as refused:
        print(settings["testCommand"])
    assert refused.value.message == (
        "/x/file: testCommand is 'make\\ntest', and is not run: nobody said yes"
    )
    assert "git mc trust" in (refused.value.hint or "")


@pytest.mark.parametrize("key", sorted(COMMAND_KEYS))
def test_a_stronger_source_needs_no_trust_and_a_weaker_one_does_not_stand_in(key: str) -> None:
    name = next(known.name for known in KEYS if known.id == key)
    committed = Source("file", {key: "theirs"}, withheld="nobody said yes")
    mine = Source("git config", {key: "mine"})
    assert Settings([mine, committed])[name] in ("mine", ("mine",))
    with pytest.raises(Refused, match="'theirs'"):
        print(Settings([committed, mine])[name])


@given(values, values)
def test_two_texts_are_the_same_only_where_the_commands_are(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    same = wanted(one).commands == wanted(other).commands
    assert (wanted(one).text == wanted(other).text) is same
    assert (wanted(one).sha256 == wanted(other).sha256) is same


@given(values)
def test_other_settings_and_their_order_change_no_text(one: dict[str, Any]) -> None:
    more = {"agent": "codex", **dict(reversed(one.items()))}
    assert wanted(more).text == wanted(one).text


@given(values)
def test_each_command_is_shown_on_a_line_on_which_nothing_hides(one: dict[str, Any]) -> None:
    asked = wanted(one)
    count = sum(1 if isinstance(v, str) else max(1, len(v)) for v in asked.commands.values())
    assert len(asked.lines) == count
    for line in [*asked.lines, *map(shown, asked.commands.values())]:
        assert line.isascii()
        assert line.isprintable()


def test_an_empty_list_is_withheld_too_since_it_would_hide_the_commands_of_a_weaker_source() -> (
    None
):
    key = identity("worktreeSetup.commands")
    assert wanted({key: []}).lines == ["worktreeSetup.commands = ()"]
    with pytest.raises(Refused):
        print(Settings([Source("file", {key: []}, withheld="no")])["worktreeSetup.commands"])
