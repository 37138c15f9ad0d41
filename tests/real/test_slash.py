"""Slash commands in real agents, whose user and whose project both have the plugin."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitmc.mcp.tools import BY_NAME
from tests.support.model import Model, Turn, call, say
from tests.support.own import Called, Own
from tests.support.real import Real
from tests.support.wire import Asked

pytestmark = pytest.mark.slow

SERVER = "mcp__plugin_mc_mc__"
"""What claude puts before the names of the tools."""

TASK = ["sh", "-c", "exit 0"]
FIRST = {"name": "first", "prompt": "make a", "command": ["sh", "-c", "echo a >a"]}
SECOND = {"name": "second", "prompt": "use a", "command": ["cat", "a"], "dependsOn": ["first"]}
PLAN: dict[str, Any] = {
    "name": "both", "mode": "copilot", "jobs": [FIRST, SECOND], "test": "true",
}  # fmt: skip


def installed(real: Real, folder: Path) -> Called:
    """The user's `git mc`, by which the plugin was installed for the user and for the project."""
    called = Called(real, folder)
    for where in ("--user", "--project"):
        real.mc("install", real.agent, where).ok()
    return called


def last(model: Model) -> Asked:
    """The last request of a conversation, not of what an agent asks for itself."""
    return [one for one in model.asked if not one.side][-1]


def calls(tool: str, **arguments: Any) -> tuple[Turn, Turn]:
    """Claude calls one of our tools, which it knows by name only until it looks for one."""
    found = call("ToolSearch", query=f"select:{SERVER}{tool}", max_results=1)
    return found, call(SERVER + tool, **arguments)


def ends(real: Real) -> None:
    """Wait for the plan's second job, which has what the first made."""
    real.world.wait("second", states=("merged", "completed")).ok()
    assert real.mc("capture", "second").ok().stdout == "a\n"


def test_a_job_and_a_plan_are_started_from_opencode(
    user_of: Callable[[str], Real], model: Model, tmp_path: Path
) -> None:
    real = user_of("opencode")
    called = installed(real, tmp_path / "bin")
    there = {"packages": {"": {"dependencies": {"@opencode-ai/plugin": "*"}}}}
    (real.world.repo.path / ".opencode" / "package-lock.json").write_text(json.dumps(there))
    (real.world.repo.path / ".opencode" / "node_modules").mkdir()
    go = tmp_path / "go"
    os.mkfifo(go)
    real.world.launch("one", "sh", "-c", f"read line <{go}")
    own = Own(real)
    launch = call("mc_launch", name="two", prompt="feed the llama", command=TASK)
    model.plays("feed the llama", launch, say("Started it."))
    own.types("/mc-launch feed the llama")
    own.shows("Started it.")
    asked = last(model)
    assert asked.users[-1].startswith("Start a job with the tool mc_launch")
    assert {tool for tool in asked.tools if tool.startswith("mc_")} == set(BY_NAME)
    real.world.wait("two", states=("completed",)).ok()
    assert real.world.job("two")["prompt"] == "feed the llama"
    model.plays(
        "a and b", call("mc_plan", **PLAN, noPr=True), call("mc_plan_status"), say("Planned it.")
    )
    own.types("/mc-plan a and b")
    own.shows("Planned it.")
    shown = last(model).results[-1]
    assert "(copilot): pending" in shown
    assert "second: waiting_deps after first" in shown
    own.types("/mc-approve both")
    ends(real)
    go.write_text("\n")
    own.shows("one is completed")
    assert called.count("jobs --watch --json") == 1
    assert called.count("mcp --plain-names") == 1


def test_slash_commands_of_claude_ask_only_where_they_change_something(
    user_of: Callable[[str], Real], model: Model, tmp_path: Path
) -> None:
    real = user_of("claude")
    called = installed(real, tmp_path / "bin")
    real.world.launch("one", "sh", "-c", "exit 0")
    own = Own(real)
    own.types("/mcp")
    own.shows("\N{HEAVY CHECK MARK} plugin:mc:mc")
    assert "1 server\n" in own.screen
    own.key("Escape")
    own.shows("? for shortcuts")
    model.plays("for the job one", *calls("mc_status", name="one"), say("So it stands."))
    own.types("/mc:status one")
    own.shows("So it stands.")
    asked = last(model)
    assert '"name":"one","state":"completed"' in asked.results[-1]
    assert asked.system.count("Jobs of git mc in this repository") == 1
    model.plays("Call the tool mc_jobs", *calls("mc_jobs"), say("These are all."))
    own.types("/mc:jobs")
    own.shows("These are all.")
    assert '"name":"one"' in last(model).results[-1]
    launch = calls("mc_launch", name="two", prompt="feed it", command=TASK)
    model.plays("feed the llama", *launch, say("Started."))
    own.types("/mc:launch feed the llama")
    own.agrees()
    own.shows("Started.")
    assert any(said.startswith("<command-message>mc:launch") for said in last(model).users)
    real.world.wait("two", states=("completed",)).ok()
    model.plays(
        "a and b", *calls("mc_plan", **PLAN, noPr=True), *calls("mc_plan_status"), say("Planned.")
    )
    own.types("/mc:plan a and b")
    own.agrees()
    own.shows("Planned.")
    real.mc("plan", "approve").ok()
    ends(real)
    assert called.count("mcp") == 1


def test_the_other_slash_commands_of_claude(
    user_of: Callable[[str], Real], model: Model, tmp_path: Path
) -> None:
    real = user_of("claude")
    installed(real, tmp_path / "bin")
    make = "echo said; echo a >a; git add a; git commit --quiet -m 'Make a'"
    real.world.launch("one", "sh", "-c", make)
    real.world.wait("one", states=("completed",)).ok()
    own = Own(real)
    looks = [
        ("diff", "one", "+a"),
        ("capture", "one", "said"),
        ("attach", "one", "tmux -S"),
        ("overview", "", "git mc merge one"),
    ]
    for word, name, result in looks:
        arguments = {"name": name} if name else {}
        model.plays(
            f"Call the tool mc_{word}", *calls(f"mc_{word}", **arguments), say(f"{word}: so")
        )
        own.types(f"/mc:{word} {name}".rstrip())
        own.shows(f"{word}: so")
        assert result in last(model).results[-1]
    real.mc("merge", "one").ok()
    model.plays("Call the tool mc_cleanup", *calls("mc_cleanup", name="one"), say("Cleaned."))
    own.types("/mc:cleanup one")
    own.agrees()
    own.shows("Cleaned.")
    assert "one" not in [path.stem for path in (real.world.root / "jobs").glob("*.toml")]
    real.mc("plan", "start", "-", "--no-pr", stdin=json.dumps(PLAN)).ok()
    asks = say("Shall it go on?")
    model.plays("Call the tool mc_plan_status", *calls("mc_plan_status"), asks)
    own.types("/mc:approve")
    own.shows("Shall it go on?")
    model.plays("yes, do", *calls("mc_plan_approve"), say("It goes on."))
    own.types("yes, do")
    own.agrees()
    own.shows("It goes on.")
    ends(real)
