"""git mc trust: a committed file says what is run only once its reader has said so."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gitmc.control.trust import approve, wanted
from gitmc.errors import Refused
from tests.support.agents import Agent, names
from tests.support.world import World

NOTHING = ("--", "/bin/sh", "-c", ":")
EVIL = 'test_command = "rm -rf x \\u001b[2J\\u202e"\n[worktree_setup]\ncommands = ["one", "two"]\n'


def commit(world: World, text: str) -> None:
    """Write the committed file."""
    (world.repo.path / ".mission-control.toml").write_text(text)


def test_commands_are_withheld_until_they_are_approved_and_again_when_they_change(
    world: World,
) -> None:
    commit(world, '[worktree_setup]\ncommands = ["echo yes >made"]\n')
    world.mc("launch", "one", *NOTHING).refused(
        1, ".mission-control.toml: worktreeSetup.commands", "'echo yes >made'", "git mc trust"
    )
    assert world.mc("trust").ok().stdout == "worktreeSetup.commands = 'echo yes >made'\n"
    world.mc("launch", "one", *NOTHING).ok()
    assert (world.worktree("one") / "made").read_text() == "yes\n"
    commit(world, 'idle_threshold = 5\nworktree_setup = {commands = ["echo yes >made"]}\n')
    world.mc("launch", "two", "--dry-run", *NOTHING).ok()
    commit(world, '[worktree_setup]\ncommands = ["echo no >made"]\n')
    world.mc("launch", "two", *NOTHING).refused(1, "'echo no >made'", "nobody has approved it")


def test_whoever_needs_no_command_is_not_asked(world: World, tmp_path: Path) -> None:
    agent = Agent(world, "one", tmp_path)
    assert agent.do("git commit -q --allow-empty -m work; echo x >f; git add f") == 0
    text = 'test_command = "false"\n[notify]\ncommand = "false"\n'
    world.repo.commit({".mission-control.toml": text})
    for words in (["jobs"], ["status", "one"], ["overview"], ["log"], ["jobs", "--json"]):
        world.mc(*words).ok()
    world.mc("kill", "one").ok()
    world.mc("merge", "one").refused(
        1, "main:.mission-control.toml: testCommand is 'false'", "git mc trust main"
    )
    world.mc("merge", "one", "--no-test").ok()
    world.mc("cleanup", "one").ok()


def test_a_stronger_source_needs_no_trust(world: World) -> None:
    world.sh("one", "echo x >f")
    world.wait("one").ok()
    world.repo.commit({".mission-control.toml": 'test_command = "false"\n'})
    world.mc("merge", "one", GIT_MC_TEST_COMMAND="test -f f").ok()


def test_a_command_is_shown_so_that_nothing_in_it_hides(world: World) -> None:
    commit(world, EVIL)
    shown = world.mc("trust", "--dry-run").ok()
    assert shown.stdout.splitlines() == [
        "testCommand = 'rm -rf x \\x1b[2J\\u202e'",
        "worktreeSetup.commands = 'one'",
        "worktreeSetup.commands = 'two'",
    ]
    ran = world.mc("launch", "one", "--dry-run", *NOTHING).refused(1, "['one', 'two']")
    assert ran.stderr.count("\n") == 2
    assert not (world.root / "trusted.toml").exists()


def test_what_is_approved_can_be_read_and_taken_back(world: World) -> None:
    commit(world, EVIL)
    asked = world.mc("trust", "--json").ok().json
    assert (asked["schema"], asked["trusted"]) == ("mc.trust/1", True)
    assert asked["file"] == str(world.repo.path / ".mission-control.toml")
    assert asked["commands"]["worktreeSetup.commands"] == ["one", "two"]
    world.mc("trust").ok()
    kept = tomllib.loads((world.root / "trusted.toml").read_text())
    assert kept["version"] == 1
    assert [set(one) for one in kept["approved"]] == [{"sha256", "text", "at"}]
    world.mc("launch", "one", "--dry-run", *NOTHING).ok()
    world.mc("trust", "--revoke").ok()
    assert world.mc("trust", "--dry-run", "--json").ok().json["trusted"] is False
    world.mc("launch", "one", "--dry-run", *NOTHING).refused(1, "nobody has approved it")
    assert "nothing was approved" in world.mc("trust", "--revoke").ok().stderr
    world.mc("trust", "--revoke", "--dry-run").refused(129, "--revoke")


def test_without_a_command_there_is_nothing_to_approve(world: World) -> None:
    assert "nothing to approve" in world.mc("trust").ok().stderr
    commit(world, 'agent = "codex"\n')
    ran = world.mc("trust", "--json").ok()
    assert "nothing to approve" in ran.stderr
    assert (ran.json["commands"], ran.json["trusted"]) == ({}, True)
    assert not (world.root / "trusted.toml").exists()
    commit(world, "test_command = 3\n")
    world.mc("trust").refused(1, "testCommand is 3")
    commit(world, "test_command = \n")
    world.mc("trust").refused(128, ".mission-control.toml: not a TOML file")


def test_an_agent_cannot_approve_for_its_user(world: World, tmp_path: Path) -> None:
    agent = Agent(world, "one", tmp_path)
    commit(world, EVIL)
    outside = f"(cd {world.repo.path} && env -u MC_RUN {world.command} trust)"
    assert agent.do(outside) == 1
    assert agent.do(outside.replace("MC_RUN", "MC_JOB")) == 1
    bare = f"env -u MC_RUN -u MC_JOB {world.command} trust"
    assert agent.do(bare) == 128
    assert world.mc("trust", "--dry-run", "--json").ok().json["trusted"] is False


@pytest.mark.parametrize(
    "text", ["= torn", "version = 2\n", "version = 1\napproved = 3\n", "version=1\n[[approved]]\n"]
)
def test_a_torn_list_of_approvals_is_named_and_approves_nothing(world: World, text: str) -> None:
    commit(world, EVIL)
    world.mc("trust").ok()
    path = world.root / "trusted.toml"
    path.write_text(text)
    world.mc("launch", "one", "--dry-run", *NOTHING).refused(1, "['one', 'two']", str(path))
    world.mc("trust").refused(128, str(path), "move it away")
    assert path.read_text() == text
    assert names(world.mc("jobs", "--json")) == []


def test_what_was_shown_is_approved_and_not_what_is_there_by_then(world: World) -> None:
    mission = world.mission
    commit(world, 'test_command = "good"\n')
    asked = wanted(mission)
    commit(world, 'test_command = "bad"\n')
    approve(mission, asked)
    with pytest.raises(Refused, match="testCommand is 'bad'"):
        print(world.mission.settings["testCommand"])
    commit(world, 'test_command = "good"\n')
    assert world.mission.settings["testCommand"] == "good"
