"""The plugin for opencode, called by its hooks as opencode does, beside a real git mc."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.agents import Agent, closed
from tests.support.world import PATIENCE, World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs node"),
]

PLUGIN = Path(__file__).parents[2] / "contrib" / "opencode" / "git-mc.js"

CALLER = """
import { GitMissionControl } from "./git-mc.mjs"
import { existsSync, readFileSync } from "node:fs"
import { createInterface } from "node:readline"

const say = (what) => process.stdout.write(JSON.stringify(what) + "\\n")
const client = {
  tui: { showToast: async ({ body }) => say({ toast: body.message }) },
  session: {
    prompt: async ({ path, body: { parts: [{ text, ignored }] } }) => {
      const fault = existsSync("fault") && readFileSync("fault", "utf8")
      say({ prompt: text, session: path.id, ignored: ignored === true })
      if (fault === "thrown") throw new Error(fault)
      return fault ? { error: fault } : { data: {} }
    },
  },
}
const hooks = await GitMissionControl({ client, directory: process.argv[2] })
say({ done: Object.keys(hooks) })
for await (const line of createInterface({ input: process.stdin })) {
  const [hook, ...words] = JSON.parse(line)
  try {
    await hooks[hook](...words)
    say({ done: words })
  } catch (fault) {
    say({ done: words, fault: fault.message })
  }
}
await hooks.dispose?.()
"""

TWICE = """
import { GitMissionControl as user } from "./user.mjs"
import { GitMissionControl as project } from "./project.mjs"

const here = { client: {}, directory: process.argv[2] }
const first = await user(here)
const second = await project(here)
const anew = await user(here)
await first.dispose()
const third = await project(here)
await anew.dispose()
const last = await project(here)
await last.dispose()
const called = [first, second, anew, third, last]
console.log(called.map((hooks) => Object.keys(hooks).length > 0).join(" "))
"""

TEN = {"mc", *(f"mc-{name}" for name in (
    "jobs", "launch", "status", "attach", "capture", "diff", "plan", "approve", "cleanup"
))}  # fmt: skip


class Plugin:
    """The plugin in a process of its own, in `directory`."""

    def __init__(self, folder: Path, directory: Path) -> None:
        folder.mkdir()
        shutil.copy(PLUGIN, folder / "git-mc.mjs")
        (folder / "caller.mjs").write_text(CALLER)
        (folder / "git-mc").write_text(f'#!/bin/sh\nexec {sys.executable} -P -m gitmc "$@"\n')
        (folder / "git-mc").chmod(0o755)
        self.folder = folder
        self._process = subprocess.Popen(
            ["node", str(folder / "caller.mjs"), str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        )
        self.heard: list[dict[str, Any]] = []
        self.hooks = self.until("done")

    def until(self, key: str) -> Any:
        """The next that the plugin says of this kind; what it says before is kept as heard."""
        out = self._process.stdout
        assert out is not None
        while True:
            assert select.select([out], [], [], PATIENCE)[0], f"no {key}; heard: {self.heard}"
            said = json.loads(_line(out.fileno()))
            self.heard.append(said)
            if key in said:
                return said[key]

    def call(self, hook: str, *words: Any) -> Any:
        """Call a hook; what became of its last argument."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([hook, *words]).encode() + b"\n")
        self._process.stdin.flush()
        return self.until("done")[-1]

    def command(self, name: str, text: str = "") -> str:
        """What a command answers; it keeps the model from being asked."""
        self.heard.clear()
        self.call(
            "command.execute.before",
            {"command": name, "sessionID": "s", "arguments": text},
            {"parts": []},
        )
        assert self.heard[-1]["fault"] == "git mc has answered"
        [answer] = [one for one in self.heard if "prompt" in one]
        assert answer["ignored"], "the model sees it"
        text = answer["prompt"]
        return str(text.removeprefix("```\n").removesuffix("\n```"))

    def rests(self, session: str = "s") -> None:
        """The session goes idle."""
        event = {"type": "session.idle", "properties": {"sessionID": session}}
        self.call("event", {"event": event})

    def close(self) -> None:
        self._process.communicate(timeout=PATIENCE)


def _line(fd: int) -> bytes:
    # Nothing may be left in a buffer that `select` does not see.
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(fd, 1)
        assert byte, "the plugin ended"
        line += byte
    return line


@pytest.fixture
def plugin(world: World, tmp_path: Path) -> Iterator[Plugin]:
    """The plugin in the user's own repository, where git mc was used before."""
    world.mission.store.make()
    made = Plugin(tmp_path / "plugin", world.repo.path)
    yield made
    made.close()


def test_it_brings_a_server_and_ten_commands_and_leaves_the_user_s_own(plugin: Plugin) -> None:
    own = {"command": {"mc": {"template": "mine"}}, "mcp": {"other": {}}}
    settings = plugin.call("config", own)
    assert set(settings["mcp"]) == {"mc", "other"}
    assert settings["mcp"]["mc"]["command"] == ["git", "mc", "mcp", "--plain-names"]
    assert set(settings["command"]) == TEN
    assert settings["command"]["mc"] == {"template": "mine"}
    for name in TEN - {"mc"}:
        assert settings["command"][name]["description"]
        assert "$ARGUMENTS" in settings["command"][name]["template"]


def test_eight_commands_are_answered_by_git_mc(
    plugin: Plugin, world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "two", tmp_path)
    world.sh("one", "echo hello; echo a >a; git add a; git commit -qm a")
    closed(world, "one")
    assert "git mc merge one" in plugin.command("mc")
    assert "one" in plugin.command("mc-jobs")
    assert plugin.command("mc-status", "one").startswith("one: completed")
    assert plugin.command("mc-status") == "use: /mc-status JOB"
    assert f"tmux -S {world.socket} attach" in plugin.command("mc-attach", "two")
    assert "hello" in plugin.command("mc-capture", "one")
    assert "hello" in plugin.command("mc-capture", "one 5")
    assert "a" in plugin.command("mc-diff", "one")
    assert "no plan" in plugin.command("mc-approve", "demo")
    assert "no job called '-rf'" in plugin.command("mc-status", "-rf")
    assert "have not landed" in plugin.command("mc-cleanup", "one")
    world.mc("merge", "one").ok()
    plugin.command("mc-cleanup", "one")
    assert world.mission.store.job_names() == ["two"]
    agent.tell("exit 0")
    closed(world, "two")
    plugin.command("mc-cleanup")
    assert world.mission.store.job_names() == []


def test_two_commands_are_for_the_model(plugin: Plugin) -> None:
    for name in ("mc-launch", "mc-plan"):
        plugin.heard.clear()
        words = {"command": name, "sessionID": "s", "arguments": "do it"}
        plugin.call("command.execute.before", words, {"parts": []})
        assert [set(one) for one in plugin.heard] == [{"done"}]


def test_news_are_shown_at_once_and_told_to_the_session_when_it_rests(
    plugin: Plugin, world: World, tmp_path: Path
) -> None:
    plugin.command("mc")
    agent = Agent(world, "one", tmp_path)
    assert agent.do(f"{world.command} report needs_review 'look here'") == 0
    assert plugin.until("toast") == "one wants a review: look here"
    plugin.rests("another")
    # Until they are written they are not told.
    for fault in ("thrown", "returned"):
        (plugin.folder / "fault").write_text(fault)
        plugin.rests()
    (plugin.folder / "fault").unlink()
    plugin.heard.clear()
    plugin.rests()
    [told] = [one for one in plugin.heard if "prompt" in one]
    assert told["session"] == "s"
    assert not told["ignored"]
    assert "- one wants a review: look here" in told["prompt"]
    plugin.heard.clear()
    plugin.rests()
    assert [one for one in plugin.heard if "prompt" in one] == []
    agent.tell("exit 3")
    assert plugin.until("toast") == "one is failed: exit status 3"


def test_running_jobs_are_named_when_it_rests_at_most_once_in_five_minutes(
    plugin: Plugin, world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    assert agent.do(f"{world.command} report blocked 'which?'") == 0
    assert plugin.until("toast") == "one is blocked: which?"
    plugin.heard.clear()
    plugin.rests("another")
    assert {"toast": "1 job runs: one (waiting)"} in plugin.heard
    plugin.heard.clear()
    plugin.rests("another")
    assert [one for one in plugin.heard if "toast" in one] == []


def test_what_is_left_of_a_session_knows_the_jobs(
    plugin: Plugin, world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    assert agent.do(f"{world.command} report blocked 'which?'") == 0
    plugin.until("toast")
    output = plugin.call("experimental.session.compacting", {"sessionID": "s"}, {"context": []})
    [context] = output["context"]
    assert "- one (running, waiting) on mc/one; blocked: which?" in context


def test_inside_a_job_there_is_the_server_and_nothing_else(world: World, tmp_path: Path) -> None:
    Agent(world, "one", tmp_path)
    plugin = Plugin(tmp_path / "plugin", world.worktree("one"))
    assert plugin.hooks == ["config"]
    settings = plugin.call("config", {})
    assert set(settings) == {"mcp"}
    plugin.close()


def test_of_two_installations_the_second_steps_back_until_the_first_is_gone(
    world: World, tmp_path: Path
) -> None:
    for name in ("user", "project"):
        shutil.copy(PLUGIN, tmp_path / f"{name}.mjs")
    (tmp_path / "twice.mjs").write_text(TWICE)
    argv = ["node", str(tmp_path / "twice.mjs"), str(world.repo.path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stdout == "true false true false true\n"


def test_outside_of_a_repository_it_does_nothing(world: World, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    plugin = Plugin(tmp_path / "plugin", tmp_path / "none")
    assert plugin.hooks == []
    plugin.close()
