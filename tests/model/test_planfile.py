"""Plan files: what they say, and where they are wrong."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.plan import Mode
from gitmc.model.planfile import Fault, Read, read
from gitmc.model.plangraph import cycles

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
    ('name = "p"\n[[job]]\nname="a"\nprompt="x"\nmode="fast"', 5, "not one of vanilla, plan"),
    ('name = "p"\nmax_parallel = 0\n[[job]]\nname="a"\nprompt="x"', 2, "at least 1"),
    ('name = "p"', 0, "no job"),
    ('[[job]]\nname="a"\nprompt="x"', 0, "needs a name"),
    ('name = "p"\njob = [1]', 2, "a job is a table"),
    ('{"name": "p", "jobs": [\n{"name": "a",\n"prompt": 1}]}', 3, "a text"),
    ('name = "p"\njob = [\n{name="a", prompt="x"},\n{name="b"}]', 4, "needs a prompt"),
    ('name = "p"\n[[job]]\nname="a"\nprompt="x"\ndepends_on=[\n"y",\n"z"]', 7, "'z'"),
    ('name = "p"\n[["job"]]\nname="a"\nprompt="x"\n[[job]]\nname="b"', 5, "needs a prompt"),
    ('name = "p"\n["a]b"]\nx = 1', 2, "no key 'a]b'"),
    ('name = "p"\n[[job]]\nname="a"\nprompt="x"\n[job.setup]\nx=1', 5, "no key 'setup'"),
    ('name = "p"\nbase = "main~1"\n[[job]]\nname="a"\nprompt="x"', 2, "git forbids '~'"),
    ('name = "\\u001b[31m"\n[[job]]\nname="a"\nprompt="x"', 1, "cannot be shown"),
    ('name = "p"\n[[job]]\nname="a"\ncommand=["a\\u0000"]', 4, "U+0000"),
    ('name = "p"\n[[job]]\nname="a"\nprompt="x"\ndepends_on=[""]', 5, "which is no job"),
    ('{"name": "p", "jobs": [\n{"name": "a", "prompt": "\\ud800"}]}', 2, "U+D800"),
    ('{"name": "p", "jobs": [],\n"jobs": [{"name": "a", "prompt": "x"}]}', 2, "given twice"),
    ('{"name": "p", "jobs": [{"dependsOn": [],\n"depends_on": []}]}', 2, "given twice"),
    ('{"name": "p", "jobs": [{"name": "a",\n"dependsOm": []}]}', 2, "'dependsOm'; did you mean"),
    ('{"name": "p", "jobs": [\n1,\n{"name": "a"}]}', 3, "a prompt, a promptFile or a command"),
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


def test_many_jobs_that_may_meet_are_warned_about_once_each() -> None:
    job = '[[job]]\nname = "j{}"\nprompt = "x"\ntouch_set = ["src/**"]\n'
    warnings = read('name = "p"\n' + "".join(map(job.format, range(4))), AGENTS).warnings
    assert [one.line for one in warnings] == [9, 13, 17]
    assert warnings[1].text.endswith("; so it is with 'j1'")
    assert warnings[2].text.endswith("; so it is with 2 other jobs")


def test_prompt_files_are_told_with_their_lines_whatever_else_is_wrong() -> None:
    text = 'x = 1 # b.md\n[[job]]\nprompt_file = "b.md"\n[[job]]\nprompt_file = "c.md"\n'
    found = read(text, AGENTS)
    assert found.plan is None
    assert found.prompt_files == (("b.md", 3), ("c.md", 5))


def test_what_a_job_depends_on_is_taken_once() -> None:
    job = '[[job]]\nname = "{}"\nprompt = "x"\ndepends_on = {}\n'
    plan = read('name = "p"\n' + job.format("a", []) + job.format("b", ["a", "a"]), AGENTS).plan
    assert plan is not None and plan.jobs[1].depends_on == ("a",)


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
