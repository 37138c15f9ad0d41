"""What agents are really told: words, environment and standard input that arrive at fake programs
named after them, with the report protocol, and in Oh-My-OpenCode's modes."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.agents import closed
from tests.support.world import Ran, World

pytestmark = pytest.mark.slow

PROGRAM = """#!/bin/sh
for word; do printf '%s\\0' "$word"; done >"$SEEN/words"
cat "$MC_PROMPT_FILE" >"$SEEN/file"
echo "$MC_PROMPT_FILE" >"$SEEN/path"
for word; do if [ -f "$word" ]; then cat "$word"; fi; done >"$SEEN/files"
[ -t 0 ] || cat >"$SEEN/stdin"
git add --all
git status --porcelain >"$SEEN/status"
cat .omo/plans/* .sisyphus/plans/* .omo/task-* >"$SEEN/placed" 2>/dev/null
[ -e .omo/plans/one.md ] && echo '- [x] done' >.omo/plans/one.md
exit 3
"""

PLUGIN = json.dumps({"plugin": ["oh-my-opencode@4.19.4"]})
OLD_PLUGIN = json.dumps({"plugin": ["oh-my-opencode@3.17.15"]})
PLAN = "- [ ] do it\n"


class Fakes:
    """A world with programs that are called like agents, and what the last one saw."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.seen, self.bin = world, folder / "seen", folder / "bin"
        self.seen.mkdir()
        self.bin.mkdir()
        for name in ("opencode", "claude"):
            (self.bin / name).write_text(PROGRAM)
            (self.bin / name).chmod(0o755)

    @property
    def env(self) -> dict[str, str]:
        """What launches need for that."""
        path = f"{self.bin}:{os.environ['PATH']}"
        return {"PATH": path, "SEEN": str(self.seen)}

    def mc(self, *words: str, **env: str) -> Ran:
        """Run git mc where it meets the fakes."""
        told = {"GIT_MC_REPORT_PROTOCOL": "true"}
        return self.world.mc(*words, cwd=None, stdin=None, **self.env | told | env)

    def launch(self, *words: str, verb: str = "launch", **env: str) -> None:
        """Launch the job `one`, and wait until it has seen it all."""
        self.mc(verb, "one", *words, **env).ok()
        self.world.wait("one")
        closed(self.world, "one")

    @property
    def words(self) -> list[str]:
        """The words that arrived."""
        return (self.seen / "words").read_text().split("\0")[:-1]

    def text(self, name: str) -> str:
        """The content of what else was seen."""
        return (self.seen / name).read_text()


@pytest.fixture
def fakes(world: World, tmp_path: Path) -> Fakes:
    return Fakes(world, tmp_path)


def protocol(text: str) -> str:
    """What stands behind the prompt `do it`, once it is sure that it does."""
    assert text.startswith("do it\n\n"), text
    return text.removeprefix("do it\n\n")


def test_an_agent_is_told_how_to_report_and_the_prompt_stays_as_it_was(fakes: Fakes) -> None:
    fakes.launch("do it", "--agent", "claude")
    said = protocol(fakes.words[-1])
    assert all(word in said for word in ("working", "blocked", "needs_review", "completed"))
    assert f"{sys.executable} -m gitmc report" in said or "git mc report" in said
    assert fakes.text("file") == fakes.words[-1]
    assert fakes.world.job("one")["prompt"] == "do it"
    # A new session is told again, with what its user adds; nothing of it is kept.
    fakes.launch("--fresh", "-p", "and that", verb="relaunch")
    assert fakes.words[-1] == f"do it\n\nand that\n\n{said}"
    assert not list((fakes.world.root / "run").glob("*.md"))


@pytest.mark.parametrize("found", [False, True])
def test_what_it_is_told_to_run_is_what_it_may_run(fakes: Fakes, found: bool) -> None:
    if found:
        (fakes.bin / "git-mc").symlink_to(shutil.which("true") or "")
    fakes.launch("do it", "--agent", "claude", PATH=f"{fakes.bin}:/usr/bin:/bin")
    command = protocol(fakes.words[-1]).split("`")[1].removesuffix(" STATUS MESSAGE")
    assert command.startswith("git mc") is found
    permissions = json.loads(fakes.text("files"))["permissions"]
    prompt = fakes.text("path").strip()
    assert permissions == {"allow": [f"Bash({command}:*)", f"Read(/{prompt})"]}


def test_what_is_told_goes_the_way_that_the_prompt_goes(fakes: Fakes) -> None:
    fakes.launch("do it", "--headless", "--agent", "claude")
    said = protocol(fakes.text("stdin"))
    assert not any(said in word for word in fakes.words)
    fakes.world.mc("cleanup", "one", "--force").ok()
    long = "x" * 150_000
    (fakes.seen / "long").write_text(long)
    fakes.launch("-F", str(fakes.seen / "long"), "--agent", "claude")
    assert fakes.words[-1].startswith("Read ")
    assert fakes.text("file") == f"{long}\n\n{said}"


@pytest.mark.parametrize(
    ("setting", "behind"),
    [("false", ""), ("off", ""), ("Say it in verse.", "\n\nSay it in verse.")],
)
def test_the_protocol_is_the_users_to_say(fakes: Fakes, setting: str, behind: str) -> None:
    fakes.launch("do it", "--agent", "claude", GIT_MC_REPORT_PROTOCOL=setting)
    assert fakes.words[-1] == f"do it{behind}"
    fakes.world.mc("cleanup", "one", "--force").ok()
    fakes.launch("--agent", "claude")
    assert "do it" not in fakes.words
    assert fakes.text("file") == ""


def test_a_command_is_told_nothing_but_its_prompt(fakes: Fakes) -> None:
    fakes.launch("do it", "--", "/bin/sh", "-c", 'cat "$MC_PROMPT_FILE" >"$SEEN/words"')
    assert fakes.text("words") == "do it"


def test_what_an_agent_is_told_by_options_and_tables_arrives(fakes: Fakes) -> None:
    config = fakes.world.root / "config.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text(
        '[agent.mine]\nprogram = "claude"\n[agent.mine.start]\ninteractive = ["{prompt}"]\n'
        '[agent.mine.model]\nwords = ["-m", "{model}"]\n'
        '[agent.mine.unattended]\nwords = ["--yes"]\n'
    )
    options = ("--model", "m 1", "--unattended", "--agent-arg", "a b", "--agent", "mine")
    fakes.launch("do it", *options)
    assert sorted(fakes.words[:-1]) == sorted(["-m", "m 1", "--yes", "a b"])
    protocol(fakes.words[-1])


@pytest.mark.parametrize(
    ("plugin", "mode", "command"),
    [
        (PLUGIN, "ralph", "/goal do it"),
        (PLUGIN, "ulw", "/goal ulw do it"),
        (OLD_PLUGIN, "ralph", "/ralph-loop do it"),
        (OLD_PLUGIN, "ulw", "/ulw-loop do it"),
    ],
)
def test_a_mode_begins_by_the_command_of_the_version_that_is_there(
    fakes: Fakes, plugin: str, mode: str, command: str
) -> None:
    fakes.launch("do it", "--mode", mode, OPENCODE_CONFIG_CONTENT=plugin)
    assert fakes.words[fakes.words.index("--prompt") + 1].startswith(f"{command}\n\n")
    assert fakes.text("status") == ""
    job = fakes.world.job("one")
    assert (job["mode"], job["prompt"]) == (mode, "do it")


@pytest.mark.parametrize("plugin", [PLUGIN, OLD_PLUGIN], ids=["new", "old"])
def test_a_plan_is_copied_in_and_no_commit_takes_it_up(
    fakes: Fakes, tmp_path: Path, plugin: str
) -> None:
    (tmp_path / "plan.md").write_text(PLAN)
    words = ("--mode", "plan", "--plan-file", str(tmp_path / "plan.md"))
    fakes.launch(*words, OPENCODE_CONFIG_CONTENT=plugin)
    assert fakes.words[fakes.words.index("--prompt") + 1] == "/start-work one"
    assert (fakes.text("placed"), fakes.text("status")) == (PLAN, "")


def test_a_plan_of_the_project_is_found_by_name_and_what_was_done_of_it_stays(
    fakes: Fakes,
) -> None:
    for name in ("that", "other"):
        path = fakes.world.repo.path / ".sisyphus" / "plans" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PLAN if name == "that" else "- [ ] no\n")
    fakes.mc("launch", "one", "--mode", "plan", OPENCODE_CONFIG_CONTENT=PLUGIN).refused(
        1, "which plan", "other, that", "--plan-file"
    )
    fakes.mc("launch", "one", "this", "--mode", "plan", OPENCODE_CONFIG_CONTENT=PLUGIN).refused(
        1, "no plan called 'this'"
    )
    fakes.launch("that", "--mode", "plan", OPENCODE_CONFIG_CONTENT=PLUGIN)
    assert fakes.text("placed") == PLAN
    fakes.launch("--fresh", verb="relaunch", OPENCODE_CONFIG_CONTENT=PLUGIN)
    assert fakes.text("placed") == "- [x] done\n"
    assert fakes.words[fakes.words.index("--prompt") + 1] == "/start-work one"


def test_a_file_of_the_projects_own_is_not_written_over(fakes: Fakes, tmp_path: Path) -> None:
    fakes.world.repo.commit({".omo/plans/one.md": "ours"})
    (tmp_path / "plan.md").write_text(PLAN)
    words = ("--mode", "plan", "--plan-file", str(tmp_path / "plan.md"))
    refused = fakes.mc("launch", "one", *words, OPENCODE_CONFIG_CONTENT=PLUGIN)
    refused.refused(1, "a file of its own", "another name")
    assert fakes.world.mc("jobs", "--json").ok().json["jobs"] == []


def test_a_mode_that_cannot_be_is_refused_with_the_cure(fakes: Fakes, tmp_path: Path) -> None:
    world = fakes.world
    there = {"OPENCODE_CONFIG_CONTENT": PLUGIN}

    def refused(*words: str, says: tuple[str, ...], **env: str) -> None:
        fakes.mc("launch", "one", *words, **env).refused(1, *says)

    ralph = ("--mode", "ralph")
    refused("it", *ralph, says=("Oh-My-OpenCode", "mc.omo.enabled", "--mode vanilla"))
    refused("it", *ralph, "--agent", "claude", says=("'claude'", "--agent opencode"), **there)
    refused("it", *ralph, "--headless", says=("headless", "leave out --headless"), **there)
    refused("it", *ralph, "--", "true", says=("'command'", "leave out --mode"), **there)
    refused(*ralph, says=("needs a prompt", "--mode ralph"), **there)
    refused("--mode", "plan", says=("which plan", "none", "--plan-file"), **there)
    (tmp_path / "plan.md").write_text(PLAN)
    plan = ("--plan-file", str(tmp_path / "plan.md"))
    refused("it", *plan, says=("for mode 'plan'", "--mode plan"), **there)
    refused("it", *plan, "--mode", "plan", says=("a prompt was given too",), **there)
    assert world.mc("jobs", "--json").ok().json["jobs"] == []
    assert list((world.root / "prompts").glob("*")) == []


def test_the_setting_says_how_opencode_works_and_leaves_other_launches_alone(
    fakes: Fakes,
) -> None:
    env = {"GIT_MC_OMO_DEFAULT_MODE": "ralph", "GIT_MC_OMO_ENABLED": "true"}
    env |= {"GIT_MC_REPORT_PROTOCOL": "false"}
    fakes.launch("do it", **env)
    assert fakes.words[fakes.words.index("--prompt") + 1] == "/goal do it"
    for words in (("do it", "--agent", "claude"), ("do it", "--headless"), ()):
        fakes.world.mc("cleanup", "one", "--force").ok()
        fakes.launch(*words, **env)
        assert fakes.world.job("one")["mode"] == "vanilla"
        assert not any(word.startswith("/goal") for word in fakes.words)


def test_the_jobs_of_a_plan_have_modes_too(fakes: Fakes, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(
        'name = "p"\ntest = ""\n[[job]]\nname = "one"\nprompt = "do it"\nmode = "ulw"\n'
        'model = "p/m"\nunattended = true\n'
    )
    env = {"OPENCODE_CONFIG_CONTENT": PLUGIN, "GIT_MC_AGENT": "opencode"}
    fakes.mc("plan", "start", str(tmp_path / "plan.toml"), "--no-pr", **env).ok()
    fakes.world.wait("one")
    closed(fakes.world, "one")
    assert fakes.words[fakes.words.index("--prompt") + 1].startswith("/goal ulw do it\n\n")
    assert fakes.words[:3] == ["--auto", "--model", "p/m"]
