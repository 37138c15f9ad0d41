"""The plugin for opencode, in the real one: its commands, tools and news, and what a job has."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gitmc.mcp.tools import BY_NAME
from tests.support.events import until
from tests.support.model import Model, call, say
from tests.support.real import Real

pytestmark = pytest.mark.slow

CARD = "- one (completed) on mc/one"
"""What a session that forgets is told of the job."""


@pytest.fixture
def own(user_of: Callable[[str], Real], tmp_path: Path) -> Real:
    """A user of opencode, whose git finds git mc, and who has installed the plugin."""
    real = user_of("opencode")
    program = tmp_path / "bin" / "git-mc"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m gitmc "$@"\n')
    program.chmod(0o755)
    real.environment["PATH"] = f"{program.parent}{os.pathsep}{real.environment['PATH']}"
    real.mc("install", "opencode").ok()
    return real


def test_a_command_is_answered_without_the_model_and_news_are_told(
    own: Real, model: Model, tmp_path: Path
) -> None:
    world = own.world
    go = tmp_path / "go"
    os.mkfifo(go)
    world.launch("one", "sh", "-c", f"read line <{go}")
    words = [word for key, value in own.environment.items() for word in ("-e", f"{key}={value}")]
    program = shutil.which("opencode", path=own.environment["PATH"])
    assert program
    place = ["-x", "120", "-y", "40", "-c", str(world.repo.path)]
    world.tmux("new-session", "-d", "-s", "own", *place, *words, program)
    shown = tmp_path / "shown"
    shown.mkdir()
    world.tmux("pipe-pane", "-t", "own", f"cat >>{shown / 'own'}")

    def shows(text: str) -> None:
        until(lambda: text in world.tmux("capture-pane", "-p", "-t", "own"), shown)

    def types(text: str) -> None:
        world.tmux("send-keys", "-t", "own", "-l", text)
        shows(text)
        world.tmux("send-keys", "-t", "own", "Enter")

    # Its commands are known once its servers are.
    shows("MCP")
    types("/mc-status one")
    shows("one: running")
    assert model.asked == []
    go.write_text("\n")
    shows("one is completed")
    model.plays("hello llama", say("Hello."))
    types("hello llama")
    shows("Hello.")
    model.plays("again llama", call("mc_jobs"), say("And again."))
    types("again llama")
    shows("And again.")
    # It is told once it rests, and nothing on the screen says that it does: what is typed before
    # that is a part of the turn that goes on.
    for number in range(9):
        model.plays(f"more{number} llama", say(f"Number {number}."))
        types(f"more{number} llama")
        shows(f"Number {number}.")
        if any("one is completed" in said for asked in model.asked for said in asked.users):
            break
    else:
        pytest.fail(f"never told: {model.asked[-1].users}")
    model.plays("last llama", say("The last one."))
    types("last llama")
    shows("The last one.")
    said = [said for asked in model.asked if "last llama" in asked.users for said in asked.users]
    assert sum("one is completed" in one for one in said) == 1
    tools = {tool for asked in model.asked for tool in asked.tools if tool.startswith("mc_")}
    assert tools == set(BY_NAME)
    assert any("one: completed" in result for asked in model.asked for result in asked.results)
    types("/compact")
    model.wait(lambda asked: any(CARD in said for one in asked for said in one.users))


def test_inside_a_job_only_what_is_for_its_agent_is_there(own: Real, model: Model) -> None:
    report, told = call("mc_report", status="blocked", message="which one?"), say("I wait.")
    model.plays("work llama", report, told)
    own.launch("one", "work llama")
    told.wait()
    asked = [one for one in model.asked if one.tools]
    assert asked
    for one in asked:
        assert {tool for tool in one.tools if tool.startswith("mc_")} == {"mc_report", "mc_status"}
    assert own.world.job("one")["report"]["message"] == "which one?"
    own.mc("kill", "one").ok()
