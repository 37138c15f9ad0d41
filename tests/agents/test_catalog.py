"""The catalog: what an agent's table may say, and the words that a launch makes of it."""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.agents import catalog, words
from gitmc.agents.before import before, remembering
from gitmc.agents.catalog import ARGUMENT_LIMIT, Further, Options
from gitmc.agents.schema import Agent
from gitmc.errors import Refused

TINY: Mapping[str, Any] = {"program": "tiny", "start": {"interactive": ["{prompt}"]}}
ADDED = {
    "model": {"words": ["-m", "{model}"]},
    "unattended": {"words": ["--yes"], "environment": {"YES": "1"}},
    "hooks": {"words": ["--hooks"], "signals": ["idle"]},
}
DESCRIBED = catalog.described()


def tiny(**more: Any) -> Agent:
    return catalog.load("tiny", [Further("here", {**TINY, **more})])


@pytest.mark.parametrize("name", DESCRIBED)
@pytest.mark.parametrize("headless", [False, True])
@pytest.mark.parametrize("size", [0, 1, ARGUMENT_LIMIT + 1])
def test_each_agent_of_ours_can_be_started(name: str, headless: bool, size: int) -> None:
    agent = catalog.load(name)
    options = Options(headless=headless)
    if ("headless" if headless else "interactive") not in agent.start:
        with pytest.raises(Refused, match="mode; it has: "):
            catalog.start(agent, size, options)
        return
    start = catalog.start(agent, size, options)
    told = (
        start.stdin or "{prompt}" in start.words or any("{prompt_file}" in w for w in start.words)
    )
    assert told or not size
    assert size <= ARGUMENT_LIMIT or "{prompt}" not in start.words


def test_what_is_added_stands_where_the_agent_wants_it() -> None:
    run = tiny(start={"interactive": ["run", "{options}", "{prompt}"]}, **ADDED)
    all_of_it = Options(model="big", arguments=("-v", "{prompt}"), unattended=True)
    start = catalog.start(run, 1, all_of_it)
    filled, prompts = words.fill_words(start.words, start.values, start.arguments)
    expected = ["run", "--hooks", "--yes", "-m", "big", "-v", "{prompt}", "{prompt}"]
    assert (filled, prompts) == (expected, [7])
    assert list(start.environment) == [{}, {}, {"YES": "1"}, {}]
    plain = catalog.start(run, 1, Options())
    assert plain.words == ("run", "--hooks", "{arguments}", "{prompt}")


def test_without_a_place_of_its_own_what_is_added_comes_first() -> None:
    start = catalog.start(tiny(**ADDED), 1, Options(arguments=("-v",)))
    assert start.words == ("--hooks", "{arguments}", "{prompt}")


@pytest.mark.parametrize("flag", ["--model", "--unattended"])
def test_what_an_agent_cannot_be_told_is_refused_with_the_cure(flag: str) -> None:
    options = Options("m") if flag == "--model" else Options(unattended=True)
    with pytest.raises(Refused, match=flag) as refused:
        catalog.start(tiny(), 1, options)
    assert "--agent-arg" in (refused.value.hint or "")


def test_a_prompt_that_is_too_long_for_an_agent_is_refused() -> None:
    with pytest.raises(Refused, match=r"^the prompt has 100001 bytes, and 'tiny' takes no more"):
        catalog.start(tiny(), ARGUMENT_LIMIT + 1, Options())


@pytest.mark.parametrize("name", DESCRIBED)
@pytest.mark.parametrize("headless", [False, True])
def test_a_private_prompt_is_no_word_of_the_command_line(name: str, headless: bool) -> None:
    agent = catalog.load(name)
    way = agent.start.get("headless" if headless else "interactive")
    if way is None:
        return
    options = Options(headless=headless, private=True)
    if way.by_file is None and "{prompt}" in way.words:
        with pytest.raises(Refused, match="prompts are to be private, and"):
            catalog.start(agent, 1, options)
        assert catalog.start(agent, 0, options).words
    else:
        assert "{prompt}" not in catalog.start(agent, 1, options).words


def test_a_way_that_an_agent_does_not_have_is_refused() -> None:
    with pytest.raises(Refused, match="'tiny' has no headless mode; it has: interactive"):
        catalog.start(tiny(), 1, Options(headless=True))
    assert catalog.resume(tiny(), "s", 1, Options(), told=False) is None


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"programme": "x"}, "unknown key 'programme'"),
        ({"program": ["x"]}, r"'program' is \['x'\], and must be a text"),
        ({"program": ""}, "must be a text"),
        ({"start": {"interactive": "x"}}, "'start.interactive' is 'x', and must be a list"),
        ({"start": {"interactiv": ["x"]}}, "unknown key 'start.interactiv'"),
        ({"start": {"headless_stdin": True}}, "'start.headless' is not"),
        ({"start": {"interactive": ["--p={prompt}"]}}, "must be a word of its own"),
        ({"start": {"interactive": ["{session}"]}}, r"no placeholder \{session\} here"),
        ({"start": {"interactive": ["{promt}"]}}, r"no placeholder \{promt\} here"),
        ({"start": False}, "'start' is False, and must be a table"),
        ({"hooks": {"signals": ["bored"]}}, "a list of some of working, waiting"),
        ({"hooks": {"files": {"../x": "y"}}}, "'hooks.files' is"),
        ({"hooks": {"environment": {"A": 1}}}, "'hooks.environment' is"),
        ({"hooks": {"words": ["{signal:xml}"]}}, "there is no format 'xml'"),
        ({"environment": {"A": "{model}"}}, r"no placeholder \{model\} here"),
        ({"screen": {"idle": ["("]}}, "must be a list of regular expressions"),
        ({"tested": "yes"}, "must be true or false"),
    ],
)
def test_a_fault_names_the_source_the_key_and_the_rule(table: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused, match=f"^some file: agent.tiny: .*{says}") as refused:
        catalog.load("tiny", [Further("some file", table), Further("below", TINY)])
    assert "[agent.tiny]" in (refused.value.hint or "")


def test_an_agent_that_cannot_be_started_is_a_fault() -> None:
    with pytest.raises(Refused, match="'program' is missing"):
        catalog.load("new", [Further("here", {"start": {"interactive": []}})])
    with pytest.raises(Refused, match="'start' is missing"):
        catalog.load("new", [Further("here", {"program": "x"})])


def test_a_table_changes_single_keys_and_may_take_others_away() -> None:
    plain = catalog.load("opencode")
    further = [
        Further("strong", {"program": "/opt/opencode", "environment": {"A": "1"}}),
        Further("weak", {"program": "x", "environment": {"A": "0", "B": "2"}, "model": False}),
    ]
    changed = catalog.load("opencode", further)
    assert (changed.program, changed.model, changed.start) == ("/opt/opencode", None, plain.start)
    assert {"A": "1", "B": "2"}.items() <= changed.environment.items()
    back = [Further("strong", {"model": {"words": ["-m", "{model}"]}}), *further]
    assert catalog.load("opencode", back).model is not None


NASTY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(NASTY)
def test_each_format_reads_back_as_what_it_stands_for(text: str) -> None:
    values = {"signal": text}
    assert words.fill("{signal}", values) == text
    assert shlex.split(words.fill("{signal:sh} idle", values)) == [text, "idle"]
    assert json.loads(words.fill('{"a": {signal:json}}', values)) == {"a": text}
    inside = json.loads(words.fill('{"a": "{signal:sh:escaped} idle"}', values))["a"]
    assert shlex.split(inside) == [text, "idle"]
    assert json.loads(words.content({"a": ["{signal}"]}, values)) == {"a": [text]}


@given(NASTY)
def test_a_string_of_json_is_one_of_toml(text: str) -> None:
    text = text.replace("\x7f", "")
    filled = words.fill("a = {signal:json}", {"signal": text})
    assert tomllib.loads(filled) == {"a": text}


@given(st.lists(st.sampled_from(["{", "}", "{x", "{signal}", "{signal:sh}", "{}", '{"a"}', " "])))
def test_braces_that_are_no_placeholder_are_left_alone(parts: list[str]) -> None:
    text = "".join(parts)
    assert words.fill(text, {}) == text


def test_a_value_is_not_filled_in_again() -> None:
    values = {"model": "{signal}", "signal": "no"}
    assert words.fill("{model}", values) == "{signal}"


VARIABLES = st.dictionaries(st.sampled_from("ABCD"), NASTY, max_size=4)


@given(VARIABLES, VARIABLES)
def test_what_an_agent_is_given_can_be_taken_back(
    theirs: dict[str, str], ours: dict[str, str]
) -> None:
    inside = {**remembering(theirs, ours), "MC_RUN": "1"}
    assert {**inside, **ours} == inside
    assert before(inside) == theirs


@pytest.mark.parametrize("kept", ["", "x", "[]", '{"A": 1}'])
def test_a_record_that_is_not_ours_harms_nobody(kept: str) -> None:
    assert before({"B": "1", "MC_BEFORE": kept}) == {"B": "1"}


def test_tables_are_joined_and_lists_added_to() -> None:
    theirs = {"plugin": ["a"], "model": "x", "mcp": {"their": {}}}
    ours = {"plugin": ["a", "b"], "mcp": {"mc": {}}, "model": "y"}
    assert words.joined(theirs, ours) == {
        "plugin": ["a", "b"], "mcp": {"their": {}, "mc": {}}, "model": "y",
    }  # fmt: skip
