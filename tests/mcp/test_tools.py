"""What tools take, and which words that makes: no server, no process."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.mcp.params import checked, input_schema
from gitmc.mcp.shapes import output_schema
from gitmc.mcp.tools import BY_NAME, TOOLS
from gitmc.mcp.words import outline

KNOWN = {
    "mc_launch": "name prompt branch placement mode planFile copyFiles symlinkDirs commands",
    "mc_jobs": "status",
    "mc_status": "name",
    "mc_capture": "name lines",
    "mc_attach": "name",
    "mc_kill": "name force",
    "mc_cleanup": "name all deleteBranch",
    "mc_overview": "",
    "mc_report": "status message progress",
    "mc_diff": "name stat",
    "mc_pr": "name title body draft",
    "mc_sync": "name strategy",
    "mc_merge": "name strategy squash message",
    "mc_plan": "name jobs mode placement",
    "mc_plan_status": "",
    "mc_plan_approve": "checkpoint",
    "mc_plan_cancel": "",
    "mc_send": "name text",
    "mc_wait": "names",
    "mc_conflicts": "names",
    "mc_merge_train": "names",
    "mc_answer": "name answer",
}
REQUIRED = {
    "mc_launch": ["name", "prompt"],
    "mc_jobs": [],
    "mc_cleanup": [],
    "mc_report": ["status", "message"],
    "mc_plan": ["name", "jobs"],
    "mc_plan_approve": [],
}


def words(tool: str, **arguments: Any) -> list[str]:
    """The words that the tool's command gets."""
    found = checked(BY_NAME[tool].params, arguments)
    assert isinstance(found, dict), found
    return BY_NAME[tool].call(found).words


def faults(tool: str, **arguments: Any) -> list[str]:
    """What is wrong with the arguments."""
    found = checked(BY_NAME[tool].params, arguments)
    assert isinstance(found, list), found
    return found


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_every_tool_has_the_parameters_that_are_known(tool: Any) -> None:
    schema = input_schema(tool.params)
    assert set(KNOWN[tool.name].split()) <= set(schema["properties"])
    assert schema["required"] == REQUIRED.get(tool.name, schema["required"])
    assert all(one["description"] for one in schema["properties"].values())
    if tool.schema:
        assert output_schema(tool.schema)["required"][0] == "schema"


def test_there_is_no_tool_but_those() -> None:
    assert set(BY_NAME) == set(KNOWN)
    inside = {tool.name for tool in TOOLS if tool.inside}
    assert inside == {"mc_report", "mc_status"}


def test_defaults_are_those_that_are_known() -> None:
    defaults = {
        (tool.name, param.name): param.default
        for tool in TOOLS
        for param in tool.params
        if param.default not in (None, False)
    }
    assert defaults == {
        ("mc_jobs", "status"): "all",
        ("mc_capture", "lines"): 100,
        ("mc_sync", "strategy"): "rebase",
        ("mc_sync", "source"): "local",
        ("mc_plan", "mode"): "autopilot",
    }


def test_a_launch_has_each_value_in_the_word_of_its_option() -> None:
    found = checked(
        BY_NAME["mc_launch"].params,
        {
            "name": "a",
            "prompt": "-x\n",
            "branch": "--force",
            "copyFiles": [".env", "--run"],
            "symlinkDirs": ["node_modules"],
            "commands": ["bun install"],
            "mode": "ralph",
            "planFile": "p.md",
            "headless": True,
            "reuse": False,
            "command": ["sh", "--json"],
        },
    )
    assert isinstance(found, dict)
    call = BY_NAME["mc_launch"].call(found)
    assert call.stdin == b"-x\n"
    assert call.words == [
        *("launch", "--json", "a", "--file=-", "--branch=--force", "--plan-file=p.md"),
        *("--copy=.env", "--copy=--run", "--symlink=node_modules", "--run=bun install"),
        *("--headless", "--mode=ralph", "--", "sh", "--json"),
    ]


def test_squash_is_a_strategy_where_none_is_given() -> None:
    assert words("mc_merge", name="a", squash=True) == ["merge", "--json", "a", "--strategy=squash"]
    assert "--strategy=merge" in words("mc_merge", name="a", squash=True, strategy="merge")
    assert words("mc_merge", name="a", squash=False) == ["merge", "--json", "a"]
    assert words("mc_merge", name="a", test=False)[-1] == "--no-test"


def test_all_jobs_is_the_default_status() -> None:
    assert words("mc_jobs") == words("mc_jobs", status="all") == ["jobs", "--json"]
    assert words("mc_jobs", status="failed")[-1] == "--status=failed"


def test_a_plan_is_handed_over_as_it_is() -> None:
    plan = {"name": "p", "mode": "copilot", "jobs": [{"name": "q", "dependsOn": ["z"]}]}
    call = BY_NAME["mc_plan"].call({**plan, "placement": "window", "noPr": True})
    assert call.words == ["plan", "start", "--json", "--placement=window", "--no-pr", "-"]
    assert json.loads(call.stdin) == plan


def test_every_fault_is_told_at_once_with_its_rule() -> None:
    assert faults("mc_merge", name="-x", strateg=1, strategy="rebase", test="yes") == [
        "there is no parameter 'strateg'; did you mean 'strategy'?",
        "'name': bad job name '-x': it must begin with a letter, a digit or '_'",
        "'strategy' must be one of squash, ff-only, merge, and is \"rebase\"",
        "'test' must be true or false, and is \"yes\"",
    ]
    assert faults("mc_status") == ["'name' is missing: The job's name"]
    assert faults("mc_report", status="working", message="x", progress=101) == [
        "'progress' must be at most 100, and is 101"
    ]
    assert faults("mc_send", name="a", text="a\0b") == ["'text' holds U+0000, which is no text"]


def test_a_pattern_is_no_name_so_that_one_call_ends_one_job() -> None:
    assert "bad job name" in faults("mc_kill", name="*")[0]
    assert "bad job name" in faults("mc_cleanup", name="feat-*")[0]


def test_null_is_not_given_and_a_whole_float_is_whole() -> None:
    assert words("mc_capture", name="a", lines=5.0)[2] == "--lines=5"
    assert words("mc_capture", name="a", lines=None)[2] == "--lines=100"


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_whatever_comes_there_is_a_command_or_a_fault(data: st.DataObject) -> None:
    tool = data.draw(st.sampled_from(TOOLS))
    names = st.sampled_from([param.name for param in tool.params] or ["x"]) | st.text(max_size=3)
    found = checked(tool.params, data.draw(st.dictionaries(names, JSON, max_size=4)))
    if isinstance(found, dict):
        call = tool.call(found)
        assert all(isinstance(word, str) and "\0" not in word for word in call.words)
    else:
        assert found
        assert all(isinstance(fault, str) for fault in found)


@given(st.dictionaries(st.text(), JSON))
def test_any_document_can_be_said(document: dict[str, Any]) -> None:
    assert all(isinstance(line, str) for line in outline(document))
