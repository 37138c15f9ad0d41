"""Faults of a plan, told of the parameters: no server, no process."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitmc.agents import catalog
from gitmc.mcp.faults import MEND, by_parameter
from gitmc.mcp.tool import Call
from gitmc.mcp.tools import BY_NAME
from gitmc.model.planfile import read


def told(**plan: Any) -> str:
    """All faults of the plan, as the tool tells them."""
    call = BY_NAME["mc_plan"].call(plan)
    faults = read(call.stdin.decode(), catalog.bundled()).faults
    assert faults
    return by_parameter(call, "\n".join(f"standard input:{one.line}: {one.text}" for one in faults))


def test_a_fault_is_told_of_its_parameter_and_line() -> None:
    a = {"name": "a", "prompt": "x\ny"}
    assert told(name="p", jobs=[a, {**a, "name": "b", "dependsOn": ["a", "c"]}]) == (
        "'jobs[1].dependsOn[1]', line 13: 'b' depends on 'c', which is no job"
    )
    assert told(name="p", jobs=[a, {**a, "sped": 1}]) == (
        "'jobs[1].name', line 9: another job ('jobs[0]', line 4) is called 'a'\n"
        "'jobs[1].sped', line 11: there is no key 'sped'"
    )
    assert told(name="p", jobs=[]).startswith("'jobs', line 3: ")
    assert told(name="", jobs=[a]).startswith("'name', line 2: ")


def test_what_else_is_said_stays_as_it_is() -> None:
    call = Call(["plan"], b'{\n "name": "p"\n}')
    for said in ("error: the plan has faults:\n", "standard input:x: y", "x standard input:2: y"):
        assert by_parameter(call, said) == said
    assert by_parameter(call, "warning: standard input:2: x\n") == "warning: 'name', line 2: x\n"
    assert by_parameter(call, "standard input:1: x") == "line 1: x"
    hint = "hint: mend them, then look again: git mc plan check -\n"
    assert by_parameter(call, hint) == f"{MEND}\n"


KEYS = st.sampled_from(["name", "jobs", "base", "x.y", "a b", "['"])
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(KEYS, JSON), st.integers(0, 40))
def test_any_line_of_any_arguments_can_be_told(plan: dict[str, Any], line: int) -> None:
    said = by_parameter(BY_NAME["mc_plan"].call(plan), f"standard input:{line}: x")
    assert said.endswith(f"line {line}: x")
