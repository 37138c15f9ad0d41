"""Settings: which source wins, and what each kind of value may be."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.errors import Refused
from gitmc.model.settingkeys import KEYS, identity
from gitmc.model.settings import COMMAND_KEYS, Settings, Source, flatten


def source(label: str = "here", *, strict: bool = True, **values: Any) -> Source:
    return Source(label, {identity(name): value for name, value in values.items()}, strict)


def test_without_any_source_each_key_has_its_default() -> None:
    settings = Settings()
    assert {key.name: settings[key.name] for key in KEYS} == {k.name: k.default for k in KEYS}
    assert settings["mergeStrategy"] == "squash"


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=5))
def test_the_strongest_source_that_names_a_key_wins(agents: list[str | None]) -> None:
    sources = [Source(f"s{i}", {} if a is None else {"agent": a}) for i, a in enumerate(agents)]
    named = [agent for agent in agents if agent is not None]
    assert Settings(sources)["agent"] == (named[0] if named else "opencode")


def test_a_list_is_taken_whole_from_the_strongest_source() -> None:
    key = identity("worktreeSetup.copyFiles")
    sources = [Source("a", {key: ["x"]}), Source("b", {key: ["y", "z"]})]
    assert Settings(sources)["worktreeSetup.copyFiles"] == ("x",)
    assert Settings([Source("a", {key: []}), sources[1]])["worktreeSetup.copyFiles"] == ()
    assert Settings([Source("a", {key: "one"})])["worktreeSetup.copyFiles"] == ("one",)


def test_of_many_values_in_one_source_the_last_counts() -> None:
    assert Settings([source(agent=["codex", "claude"])])["agent"] == "claude"


def test_a_weaker_source_is_checked_even_where_it_loses() -> None:
    with pytest.raises(Refused, match=r"^weak: pollInterval is 'x'"):
        Settings([source(pollInterval=1), source("weak", pollInterval="x")])


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        *(("autoCommit", raw, True) for raw in (True, "true", "YES", "on", "1")),
        *(("autoCommit", raw, False) for raw in (False, "false", "No", "off", "0")),
        ("pollInterval", "0.5", 0.5),
        ("pollInterval", 3, 3.0),
        ("testTimeout", ["1", "2e1"], 20.0),
        ("mergeStrategy", "ff-only", "ff-only"),
        ("defaultPlacement", "window", "window"),
        ("testCommand", "make test", "make test"),
    ],
)
def test_a_good_value_is_taken(name: str, raw: Any, value: Any) -> None:
    taken = Settings([source(**{name: raw})])[name]
    assert taken == value
    assert type(taken) is type(value)


FLAG = "must be true or false"
SECONDS = "must be a number of seconds above 0"
NO_SECONDS: list[Any] = [0, -1, "", "soon", "nan", "inf", True, {}]


@pytest.mark.parametrize(
    ("name", "raw", "rule"),
    [
        ("agent", 3, "must be a string"),
        ("agent", True, "must be a string"),
        ("autoCommit", "maybe", FLAG),
        ("autoCommit", 2, FLAG),
        ("autoCommit", None, FLAG),
        *(("pollInterval", raw, SECONDS) for raw in NO_SECONDS),
        ("mergeStrategy", "rebase", "must be one of squash, ff-only, merge"),
        ("defaultPlacement", "", "must be one of session, window"),
        ("worktreeSetup.commands", [1], "must be a list of strings"),
        ("worktreeSetup.commands", 1, "must be a list of strings"),
    ],
)
def test_a_bad_value_is_refused_with_its_source_key_and_rule(
    name: str, raw: Any, rule: str
) -> None:
    with pytest.raises(Refused) as refused:
        Settings([Source("there", {identity(name): raw}, strict=False)])
    assert refused.value.message == f"there: {name} is {raw!r}, and {rule}"


@given(st.floats() | st.integers() | st.text() | st.booleans() | st.none())
def test_seconds_are_always_a_usable_number_or_refused(raw: Any) -> None:
    try:
        taken = Settings([source(testTimeout=raw)])["testTimeout"]
    except Refused as refused:
        assert "testTimeout" in refused.message
    else:
        assert isinstance(taken, float)
        assert 0 < taken < float("inf")


def test_an_unknown_key_is_refused_where_all_keys_are_ours() -> None:
    with pytest.raises(Refused, match=r"^here: unknown setting 'colour'$") as refused:
        Settings([source(colour="red")])
    assert all(key.name in (refused.value.hint or "") for key in KEYS)


def test_an_unknown_key_is_ignored_where_others_keep_theirs() -> None:
    settings = Settings([source("git config", strict=False, colour="red", agent="codex")])
    assert settings["agent"] == "codex"
    with pytest.raises(KeyError):
        print(settings["colour"])


@pytest.mark.parametrize(
    "spelling", ["worktreeSetup.copyFiles", "worktree_setup.copy_files", "worktreesetup.COPY-files"]
)
def test_a_key_is_the_same_in_every_spelling(spelling: str) -> None:
    table, _, name = spelling.partition(".")
    flat = flatten({table: {name: ["x"]}, "merge_strategy": "merge"})
    assert flat == {"worktreesetup.copyfiles": ["x"], "mergestrategy": "merge"}
    assert Settings([Source("file", flat)])[spelling] == ("x",)


def test_no_two_keys_share_an_identity_and_commands_are_keys() -> None:
    ids = [key.id for key in KEYS]
    assert len(set(ids)) == len(ids)
    assert set(ids) >= COMMAND_KEYS
    assert all(re.fullmatch(r"[a-z.]+", ident) for ident in ids)
