"""Plan files as people have them checked and drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.world import World

PLAN = """name = "p"
test = "true"
# prompts/b.md
[[job]]
name = "a"
prompt = "x"
[[job]]
name = "b"
depends_on = ["a"]
prompt_file = "prompts/b.md"
"""


def test_prompt_files_are_looked_for_beside_the_plan(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "plans"
    (folder / "prompts").mkdir(parents=True)
    file = folder / "p.toml"
    file.write_text(PLAN + "\nspeed = 1\n")
    told = world.mc("plan", "check", str(file)).refused(1).stdout.splitlines()
    assert [line.removeprefix(f"{file}:").partition(":")[0] for line in told] == ["10", "12"]
    assert "prompts/b.md cannot be read: No such file" in told[0]
    file.write_text(PLAN)
    (folder / "prompts" / "b.md").write_bytes(b"\xff\x00")
    done = world.mc("plan", "check", str(file), "--json").ok().json
    assert next(iter(done)) == "schema"
    assert (done["schema"], done["ok"], done["jobs"]) == ("mc.plan-check/1", True, ["a", "b"])
    assert (done["faults"], done["warnings"]) == ([], [])
    # Anywhere: a plan is checked without a repository too.
    assert world.mc("plan", "check", str(file), cwd=tmp_path).ok().stdout == ""


def test_a_plan_that_would_be_warned_of_here_is_so_by_its_check(world: World) -> None:
    text = PLAN.replace("test =", "# test =").replace("prompt_file", "prompt")
    checked = world.mc("plan", "check", "-", stdin=text).ok()
    assert "no test command" in checked.stderr
    elsewhere = world.mc("plan", "check", "-", stdin='base = "none"\n' + text).ok()
    assert "'none' is not a branch" in elsewhere.stderr


@pytest.mark.parametrize("base", ["main~0", "HEAD", "main^{commit"])
def test_a_base_that_is_no_branch_is_refused(world: World, base: str) -> None:
    text = '[[job]]\nname = "a"\ncommand = ["true"]\n'
    world.mc("plan", "start", "-", "--base", base, stdin=f'name = "p"\n{text}').refused(
        1, "is not a branch"
    )


def test_nothing_that_a_plan_says_reaches_the_terminal_as_a_command(world: World) -> None:
    text = json.dumps({"name": "p", "\x1b[31m\ud800": 1, "jobs": [{"name": "\x1b]0;x\x07"}]})
    told = world.mc("plan", "check", "-", stdin=text).refused(1).stdout
    assert "\x1b" not in told and "\\x1b[31m\\ud800" in told
    world.mc("plan", "start", "-", stdin=text).refused(1, "\\x1b[31m\\ud800")


def test_a_plan_is_drawn_from_its_file(world: World) -> None:
    text = "\ufeff" + PLAN.replace("prompt_file", "prompt")
    assert world.mc("plan", "graph", "-", stdin=text).ok().stdout == "a\n└─ b\n"
    dot = world.mc("plan", "graph", "-", "--format", "dot", stdin=text).ok().stdout
    assert '"a" -> "b";' in dot
