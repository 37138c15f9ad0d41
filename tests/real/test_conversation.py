"""A session of the user's own that launches, watches, merges and plans by tools and commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import wire
from tests.support.model import Model, Turn, say
from tests.support.real import Real

pytestmark = pytest.mark.slow

HEADLESS = {
    "opencode": ["opencode", "run", "--auto"],
    "claude": ["claude", "--dangerously-skip-permissions", "-p"],
}


@pytest.fixture(params=["opencode", "claude"])
def own(request: pytest.FixtureRequest, user_of: Callable[[str], Real], tmp_path: Path) -> Real:
    """A user of each, whose git finds git mc, and who has installed the plugin."""
    real = user_of(request.param)
    program = tmp_path / "bin" / "git-mc"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m gitmc "$@"\n')
    program.chmod(0o755)
    real.environment["PATH"] = f"{program.parent}{os.pathsep}{real.environment['PATH']}"
    # As root claude wants to be told that this is a sandbox. A model that a script plays does not
    # search for tools, nor comes back to those of a server that starts meanwhile.
    real.environment |= {
        "IS_SANDBOX": "1",
        "ENABLE_TOOL_SEARCH": "false",
        "MCP_CONNECTION_NONBLOCKING": "false",
    }
    real.mc("install", request.param).ok()
    return real


def says(own: Real, text: str) -> str:
    """What a session without a user interface prints that is told `text`."""
    words = HEADLESS[own.agent]
    program = shutil.which(words[0], path=own.environment["PATH"])
    assert program
    done = subprocess.run(
        [program, *words[1:], text],
        cwd=own.world.repo.path,
        env={**os.environ, **own.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def uses(tool: str, **arguments: Any) -> Turn:
    """The model calls this tool of ours, whatever the agent puts before its name."""

    def said(asked: wire.Asked) -> wire.Said:
        [name] = [one for one in asked.tools if one == tool or one.endswith(f"__{tool}")]
        return wire.Said("Calling it.", name, arguments)

    return Turn(said)


def job(name: str, **more: Any) -> dict[str, Any]:
    script = f"echo {name} >{name}.txt && git add . && git commit -qm {name}"
    return {"name": name, "prompt": f"write {name}", "command": ["sh", "-c", script], **more}


def test_two_jobs_and_a_plan_of_three(own: Real, model: Model) -> None:
    model.plays(
        "two for the llama",
        uses("mc_launch", **job("one")),
        uses("mc_launch", **job("two")),
        uses("mc_wait", names=["one", "two"], timeout=60),
        uses("mc_overview"),
        uses("mc_merge", name="one"),
        say("One has landed."),
    )
    assert "One has landed." in says(own, "two for the llama")
    repo = own.world.repo
    assert set(repo.files("main")) == {"README.md", "one.txt"}
    assert own.world.state("two") == "completed"
    model.plays(
        "three for the llama",
        uses(
            "mc_plan",
            name="three",
            test="",
            jobs=[job("a"), job("b", dependsOn=["a"]), job("c", dependsOn=["a"])],
        ),
        say("It runs."),
    )
    assert "It runs." in says(own, "three for the llama")
    own.mc("plan", "wait", "three", "--timeout", "60").ok()
    assert {"a.txt", "b.txt", "c.txt"} < set(repo.files("mc/integration/three"))
    # Of what a tool answers, opencode hands on the lines, and claude the document.
    results = [result for asked in model.asked for result in asked.results]
    assert any("merged" in result and "one" in result for result in results)
    assert any("three" in result and "autopilot" in result for result in results)
    if own.agent == "claude":
        # What its hooks tell goes to the model beside what the user says.
        kept = (own.home / ".claude" / "projects").rglob("*.jsonl")
        assert any("- two: completed" in path.read_text() for path in kept)
