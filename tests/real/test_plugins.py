"""The plugin for opencode, in the real one: its commands, tools and news, and what a job has."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gitmc.mcp.tools import BY_NAME
from tests.support.model import Model, call, say
from tests.support.own import Called, Own
from tests.support.real import Real

pytestmark = pytest.mark.slow

CARD = "- one (completed) on mc/one"
"""What a session that forgets is told of the job."""


@pytest.fixture
def real(user_of: Callable[[str], Real], tmp_path: Path) -> Real:
    """A user of opencode, whose git finds git mc, and who has installed the plugin."""
    real = user_of("opencode")
    Called(real, tmp_path / "bin")
    real.mc("install", "opencode").ok()
    return real


def test_a_command_is_answered_without_the_model_and_news_are_told(
    real: Real, model: Model, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    real.world.launch("one", "sh", "-c", f"read line <{go}")
    own = Own(real)
    own.types("/mc-status one")
    own.shows("one: running")
    assert model.asked == []
    go.write_text("\n")
    own.shows("one is completed")
    model.plays("hello llama", say("Hello."))
    own.types("hello llama")
    own.shows("Hello.")
    model.plays("again llama", call("mc_jobs"), say("And again."))
    own.types("again llama")
    own.shows("And again.")
    # It is told once it rests, and nothing on the screen says that it does: what is typed before
    # that is a part of the turn that goes on.
    for number in range(9):
        model.plays(f"more{number} llama", say(f"Number {number}."))
        own.types(f"more{number} llama")
        own.shows(f"Number {number}.")
        if any("one is completed" in said for asked in model.asked for said in asked.users):
            break
    else:
        pytest.fail(f"never told: {model.asked[-1].users}")
    model.plays("last llama", say("The last one."))
    own.types("last llama")
    own.shows("The last one.")
    said = [said for asked in model.asked if "last llama" in asked.users for said in asked.users]
    assert sum("one is completed" in one for one in said) == 1
    tools = {tool for asked in model.asked for tool in asked.tools if tool.startswith("mc_")}
    assert tools == set(BY_NAME)
    assert any("one: completed" in result for asked in model.asked for result in asked.results)
    own.types("/compact")
    model.wait(lambda asked: any(CARD in said for one in asked for said in one.users))


def test_inside_a_job_only_what_is_for_its_agent_is_there(real: Real, model: Model) -> None:
    report, told = call("mc_report", status="blocked", message="which one?"), say("I wait.")
    model.plays("work llama", report, told)
    real.launch("one", "work llama")
    told.wait()
    asked = [one for one in model.asked if one.tools]
    assert asked
    for one in asked:
        assert {tool for tool in one.tools if tool.startswith("mc_")} == {"mc_report", "mc_status"}
    assert real.world.job("one")["report"]["message"] == "which one?"
    real.mc("kill", "one").ok()
