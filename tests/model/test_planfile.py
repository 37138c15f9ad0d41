"""Plan files: what they say, and where they are wrong."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.overlap import overlap
from gitmc.model.places import in_json, in_toml
from gitmc.model.plan import Mode
from gitmc.model.planfile import Fault, Read, cycles, read
from gitmc.model.touchset import matches

AGENTS = ("command", "opencode")

WHOLE = '''# A comment first.
name = "feat:  search upgrade"  # and beside
mode = "supervisor"
base = "main"
test = "pytest -q"
max_parallel = 3

[[job]]
name = "schema"
prompt = """
[[job]]
name = "not one"
"""
touch_set = ["src/db/**"]

[[job]]  # the second
name = 'api'
depends_on = [
    "schema",
]
prompt_file = "prompts/api.md"
agent = "opencode"
timeout = "10m"
'''


def faults(text: str, **more: Any) -> list[Fault]:
    return list(read(text, AGENTS, **more).faults)


def test_a_whole_plan_is_read() -> None:
    found = read(WHOLE, AGENTS)
    assert found.faults == ()
    plan = found.plan
    assert plan is not None
    assert (plan.name, plan.mode, plan.base) == ("feat: search upgrade", Mode.SUPERVISOR, "main")
    assert (plan.test, plan.max_parallel) == ("pytest -q", 3)
    first, second = plan.jobs
    assert first.name == "schema" and "not one" in first.prompt
    assert first.touch_set == ("src/db/**",)
    assert (second.name, second.depends_on, second.timeout) == ("api", ("schema",), 600.0)


def test_the_same_in_camel_case_json() -> None:
    table = {
        "name": "search",
        "baseBranch": "main",
        "maxParallel": 2,
        "jobs": [
            {"name": "a", "prompt": "Do it", "touchSet": ["src/**"], "copyFiles": [".env"]},
            {"name": "b", "promptFile": "b.md", "dependsOn": ["a"], "symlinkDirs": ["lib"]},
        ],
    }
    plan = read(json.dumps(table), AGENTS).plan
    assert plan is not None
    assert (plan.base, plan.max_parallel, plan.mode) == ("main", 2, Mode.AUTOPILOT)
    assert plan.jobs[0].copy_files == (".env",)
    assert (plan.jobs[1].depends_on, plan.jobs[1].prompt_file) == (("a",), "b.md")


WRONG = [
    ("x = [", 1, "no TOML"),
    ('{"name": }', 1, "no JSON"),
    ('name = "p"\nmod = "autopilot"\n[[job]]\nname="a"\nprompt=""', 2, "did you mean 'mode'"),
    ('name = "p"\nmode = "auto"\n[[job]]\nname="a"\nprompt=""', 2, "not one of autopilot"),
    ('name = "p"\n[[job]]\nprompt="x"', 2, "needs a name"),
    ('name = "p"\n[[job]]\nname="a"', 2, "needs a prompt"),
    ('name = "p"\n[[job]]\nname="a"\nprompt="x"\nprompt_file="y"', 5, "both"),
    ('name = "p"\n[[job]]\nname="a b"\nprompt="x"', 3, "a b"),
    ('name = "p"\n[[job]]\nname="a"\nprompt="x"\n[[job]]\nname="A"\nprompt="x"', 6, "on line 2"),
    ('name = "p"\n[[job]]\nname="ab"\nprompt="x"\ndepends_on=["abc"]', 5, "no job; did you mean"),
    ('name = "p"\n[[job]]\nname="a"\nprompt="x"\ndepends_on=["a"]', 5, "itself"),
    ('name = "p"\n[[job]]\nname="a"\nprompt="x"\ntouch_set=["a{"]', 5, "never closed"),
    ('name = "p"\n[[job]]\nname="a"\nprompt="x"\nagent="cloud"', 5, "known: command, opencode"),
    ('name = "p"\n[[job]]\nname="a"\nprompt="x"\ntimeout="soon"', 5, "10m"),
    ('name = "p"\n[[job]]\nname="a"\nprompt="x"\ntimeout=true', 5, "seconds"),
    ('name = "p"\n[[job]]\nname="a"\ncommand=[]', 4, "empty"),
    ('name = "p"\n[[job]]\nname="a"\nprompt="x"\nmode="ulw"', 5, "not there yet"),
    ('name = "p"\nmax_parallel = 0\n[[job]]\nname="a"\nprompt="x"', 2, "at least 1"),
    ('name = "p"', 0, "no job"),
    ('[[job]]\nname="a"\nprompt="x"', 0, "needs a name"),
    ('name = "p"\njob = [1]', 2, "a job is a table"),
    ('{"name": "p", "jobs": [\n{"name": "a",\n"prompt": 1}]}', 3, "a text"),
]


@pytest.mark.parametrize(("text", "line", "words"), WRONG)
def test_a_fault_is_told_with_its_line(text: str, line: int, words: str) -> None:
    found = faults(text)
    assert any(one.line == line and words in one.text for one in found), found


def test_all_faults_are_told_at_once_in_order() -> None:
    text = 'name = "p"\nwhat = 1\n[[job]]\nname = "a/b"\n[[job]]\nprompt = 1\n'
    assert [one.line for one in faults(text)] == [2, 3, 4, 5, 6]


def test_a_cycle_is_named_all_around() -> None:
    jobs = "".join(
        f'[[job]]\nname = "{name}"\nprompt = "x"\ndepends_on = ["{other}"]\n'
        for name, other in (("a", "c"), ("b", "a"), ("c", "b"))
    )
    (fault,) = faults('name = "p"\n' + jobs)
    assert "a -> c -> b -> a" in fault.text


def test_jobs_that_may_meet_are_warned_about_unless_one_waits_for_the_other() -> None:
    def plan(more: str) -> Read:
        first = '[[job]]\nname = "a"\nprompt = "x"\ntouch_set = ["src/**"]\n'
        other = f'[[job]]\nname = "b"\nprompt = "x"\ntouch_set = ["src/*.py"]\n{more}'
        return read('name = "p"\n' + first + other, AGENTS)

    assert "'a' and 'b' may both change" in plan("").warnings[0].text
    assert plan("").warnings[0].line == 9
    assert plan('depends_on = ["a"]').warnings == ()


def test_jobs_that_are_added_may_depend_on_those_there_are() -> None:
    text = '[[job]]\nname = "b"\nprompt = "x"\ndepends_on = ["a"]\n'
    assert read(text, AGENTS, added_to=["a"]).faults == ()
    assert "in the plan" in faults('[[job]]\nname = "a"\nprompt = "x"\n', added_to=["a"])[0].text


values = st.text(max_size=8) | st.integers(-9, 9) | st.booleans() | st.lists(st.text(max_size=4))


@given(st.dictionaries(st.sampled_from(["name", "mode", "job", "jobs", "x", ""]), values))
def test_any_table_is_a_plan_or_has_faults(table: dict[str, Any]) -> None:
    for text in (tomli_w.dumps(table), json.dumps(table)):
        found = read(text, AGENTS)
        assert (found.plan is None) == bool(found.faults)


names = st.from_regex(re.compile(r"[a-z]{1,6}"), fullmatch=True)
prompts = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), max_size=30)


@given(st.lists(st.tuples(names, prompts), min_size=1, max_size=6), st.data(), st.booleans())
def test_the_line_that_is_told_is_the_one_that_is_wrong(
    some: list[tuple[str, str]], data: st.DataObject, as_json: bool
) -> None:
    jobs: list[dict[str, Any]] = [
        {"name": f"{name}{n}", "prompt": prompt, "touch_set": ["a", "b"]}
        for n, (name, prompt) in enumerate(some)
    ]
    at = data.draw(st.integers(0, len(jobs) - 1))
    jobs[at]["wrong"] = 7
    table = {"name": "p", "job": jobs}
    text = json.dumps(table, indent=1) if as_json else tomli_w.dumps(table, multiline_strings=True)
    (fault,) = faults(text)
    assert "wrong" in text.splitlines()[fault.line - 1]


def test_keys_are_found_however_they_are_written() -> None:
    text = (
        '# [x]\na.b = 1  # y = 2\n"c d".e = { f = 1 }\n[t]\nx = """\n[no]\ny = 1\n"""\n'
        "[[u.v]]\nz = [\n1,\n]\n"
    )
    found = in_toml(text)
    assert found[("a", "b")] == 2
    assert found[("c d", "e")] == 3
    assert found[("t", "x")] == 5
    assert found[("u", "v", 0, "z")] == 10
    assert ("t", "y") not in found
    places = in_json('{"a": [1,\n{"b": ":,{"}],\n"c": {"d":\n2}}')
    assert (places[("a", 1)], places[("a", 1, "b")], places[("c", "d")]) == (2, 2, 3)


globs = st.lists(st.sampled_from(["a", "b", "*", "**", "a*", "?b", "[ab]"]), min_size=1, max_size=3)


@given(globs.map("/".join), globs.map("/".join), st.lists(st.sampled_from(["a", "b", "ab", "aab"])))
def test_globs_that_share_a_path_are_never_missed(one: str, other: str, parts: list[str]) -> None:
    path = "/".join(parts)
    if path and matches(one, path) and matches(other, path):
        assert overlap([one], [other]) is not None


@pytest.mark.parametrize(
    ("one", "other"), [("src/**", "docs/**"), ("a/*.py", "b/*.py"), ("x", "y/z"), ("a*", "b*")]
)
def test_globs_that_cannot_meet_are_not_told(one: str, other: str) -> None:
    assert overlap([one], [other]) is None


@given(st.dictionaries(names, st.lists(names, max_size=3), max_size=6))
def test_a_graph_without_cycles_has_an_order(graph: dict[str, list[str]]) -> None:
    left = {name: {one for one in needs if one in graph} for name, needs in graph.items()}
    while ready := [name for name, needs in left.items() if not needs]:
        for name in ready:
            del left[name]
        for needs in left.values():
            needs.difference_update(ready)
    selfish = any(name in needs for name, needs in graph.items())
    assert bool(left) == (bool(cycles(graph)) or selfish) or selfish
