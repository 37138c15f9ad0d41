"""What the plugin for claude tells a session of the user's own, by its hooks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.agents import Agent, closed
from tests.support.world import World

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parents[2] / "contrib" / "claude"

Hook = Callable[..., str]


@pytest.fixture
def hook(world: World, tmp_path: Path) -> Hook:
    """Calls a hook as claude does; what it prints."""
    program = tmp_path / "bin" / "git-mc"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m gitmc "$@"\n')
    program.chmod(0o755)
    hooks = json.loads((PLUGIN / "hooks" / "hooks.json").read_text())["hooks"]
    environment = {
        **os.environ,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "CLAUDE_PLUGIN_ROOT": str(PLUGIN),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }

    def call(event: str, folder: Path | None = None, **more: str) -> str:
        [[one]] = [entry["hooks"] for entry in hooks[event]]
        facts = {"session_id": "s-1", "hook_event_name": event, "prompt": 'a "session_id":"x"'}
        done = subprocess.run(
            ["sh", "-c", one["command"]],
            cwd=folder or world.repo.path,
            env={**environment, **more},
            input=json.dumps(facts),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return call


def test_a_session_is_told_of_the_jobs_and_then_of_what_becomes_of_them(
    world: World, hook: Hook, tmp_path: Path
) -> None:
    assert hook("SessionStart") == ""
    agent = Agent(world, "one", tmp_path)
    world.sh("two", ":")
    closed(world, "two")
    assert "- one: running\n- two: completed\n" in hook("SessionStart")
    assert hook("UserPromptSubmit") == ""
    assert agent.do(f"{world.command} report blocked 'which?'") == 0
    assert "- one: running, waits for a person\n" in hook("UserPromptSubmit")
    assert hook("UserPromptSubmit") == ""
    agent.tell("exit 3")
    closed(world, "one")
    said = hook("UserPromptSubmit")
    assert "- one: failed\n" in said
    assert "two" not in said
    hook("SessionEnd")
    assert list((tmp_path / "state").rglob("s-1")) == []


def test_it_is_silent_inside_a_job_and_where_git_mc_was_never_used(
    world: World, hook: Hook, tmp_path: Path
) -> None:
    assert hook("UserPromptSubmit") == ""
    assert hook("SessionStart", tmp_path) == ""
    world.sh("one", ":")
    closed(world, "one")
    assert hook("SessionStart", MC_JOB="one") == ""
    assert not (tmp_path / "state").exists()
    assert "- one: completed" in hook("SessionStart", world.worktree("one"))
