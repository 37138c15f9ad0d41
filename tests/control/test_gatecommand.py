"""The gate of a commit: what it says itself, whatever worktrees and other branches say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gitmc.control.gatecommand import gate_of, install_of
from gitmc.errors import Fatal, Refused
from tests.support.world import Repo, World

MAKE = {"Makefile": "test:\n\ttrue\n"}
NODE = {
    "package.json": json.dumps({"scripts": {"test": "node test.js"}}),
    "package-lock.json": "{}",
}
PYTHON = {"setup.py": "", "tests/unit/test_a.py": ""}


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, with git and tmux in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "tmux"):
        path = shutil.which(name)
        assert path is not None
        (folder / name).symlink_to(path)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str, script: str = "exit 0") -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def command_of(world: World, commit: str, name: str = "main") -> str | None:
    return gate_of(world.mission, commit, name).command


def test_an_option_a_setting_and_then_the_files(world: World, programs: Path) -> None:
    program(programs, "make")
    commit = world.repo.commit(MAKE)
    mission = world.mission
    found = gate_of(mission, commit, "main")
    assert (found.command, found.origin, found.detected) == ("make test", "Makefile", True)
    assert found.environment == {"CI": "true"}
    world.repo.git("config", "mc.testCommand", "mine")
    found = gate_of(mission, commit, "main")
    assert (found.command, found.origin, found.detected) == ("mine", "git config", False)
    assert found.environment == {}
    found = gate_of(mission, commit, "main", option="other")
    assert (found.command, found.origin) == ("other", "--test")
    world.repo.git("config", "mc.testCommand", " ")
    found = gate_of(mission, commit, "main")
    assert (found.command, found.origin, found.missing) == (None, "git config", None)


def test_the_files_are_those_of_the_commit(world: World, programs: Path) -> None:
    program(programs, "make")
    before, after = world.repo.head(), world.repo.commit(MAKE)
    (world.repo.path / "Makefile").unlink()
    assert (command_of(world, before), command_of(world, after)) == (None, "make test")


def test_committed_settings_are_those_of_the_commit(world: World) -> None:
    text = '[train]\nretries = 5\n[worktree_setup]\ncommands = ["a"]\n'
    commit = world.repo.commit({".mission-control.toml": text})
    world.repo.git("switch", "-q", "-c", "job")
    changed = world.repo.commit({".mission-control.toml": 'test_command = "true"\n'})
    settings = gate_of(world.mission, commit, "main").settings
    assert settings["train.retries"] == 5
    with pytest.raises(Refused, match=r"^main:\.mission-control\.toml: worktreeSetup") as refused:
        print(settings["worktreeSetup.commands"])
    assert "git mc trust main;" in (refused.value.hint or "")
    with pytest.raises(Refused, match="nobody has approved it"):
        gate_of(world.mission, changed, "job")
    world.mc("trust", "job").ok()
    assert command_of(world, changed, "job") == "true"
    assert command_of(world, commit) is None
    with pytest.raises(Refused):
        print(gate_of(world.mission, commit, "main").settings["worktreeSetup.commands"])
    world.mc("trust", "main").ok()
    assert gate_of(world.mission, commit, "main").settings["worktreeSetup.commands"] == ("a",)


def test_an_approval_is_of_a_commit_that_is_there(world: World) -> None:
    commit = world.repo.commit({".mission-control.toml": 'test_command = "true"\n'})
    (world.repo.path / ".mission-control.toml").write_text('test_command = "false"\n')
    shown = world.mc("trust", "HEAD", "--json").ok().json
    assert shown["file"] == "HEAD:.mission-control.toml"
    assert shown["commands"] == {"testCommand": "true"}
    assert command_of(world, commit) == "true"
    world.mc("trust", "nowhere").refused(1, "no commit called 'nowhere'")
    world.mc("trust", "--output=x").refused(129)
    world.mc("trust", "main", "--revoke").refused(129, "--revoke")


def link(repo: Repo) -> str:
    (repo.path / ".mission-control.toml").symlink_to("/etc/passwd")
    return repo.commit({})


def test_committed_settings_that_cannot_be_read_are_an_error(world: World) -> None:
    torn = world.repo.commit({".mission-control.toml": "= torn"})
    with pytest.raises(Fatal, match=r"^main:\.mission-control\.toml: not a TOML file"):
        gate_of(world.mission, torn, "main")
    (world.repo.path / ".mission-control.toml").unlink()
    with pytest.raises(Fatal, match=r"^main:\.mission-control\.toml: not a file"):
        gate_of(world.mission, link(world.repo), "main")


@pytest.mark.parametrize(
    ("files", "there", "command", "missing"),
    [
        (NODE, ["npm"], "npm test", None),
        (NODE, ["make"], None, "`npm test` cannot run: 'npm' is not on PATH"),
        # what comes first decides, whether it is there or not
        ({**NODE, **MAKE}, ["make"], None, "`npm test` cannot run: 'npm' is not on PATH"),
        (PYTHON, [], None, "`python3 -m pytest -q` cannot run: 'python3' is not on PATH"),
        ({"test_a.py": ""}, [], None, None),
    ],
)
def test_what_is_not_installed_is_not_set_and_said(
    world: World,
    programs: Path,
    files: dict[str, str],
    there: list[str],
    command: str | None,
    missing: str | None,
) -> None:
    for name in there:
        program(programs, name)
    gate = gate_of(world.mission, world.repo.commit(files), "main")
    assert (gate.command, gate.missing) == (command, missing)


@pytest.mark.parametrize("script", ["exit 1", "kill -9 $$"])
def test_a_python_without_pytest_is_not_one_that_tests(
    world: World, programs: Path, script: str
) -> None:
    commit = world.repo.commit(PYTHON)
    program(programs, "python3", script)
    gate = gate_of(world.mission, commit, "main")
    assert gate.command is None
    assert gate.missing is not None
    assert f"'{programs}/python3' has no module 'pytest'" in gate.missing


def test_a_python_with_pytest_is(world: World) -> None:
    assert command_of(world, world.repo.commit(PYTHON)) == "python3 -m pytest -q"


def installed(world: World, commit: str, *options: str) -> tuple[tuple[str, ...], str]:
    mission = world.mission
    return install_of(
        mission, gate_of(mission, world.repo.head("main"), "main"), commit, options or None
    )


def test_lock_files_of_the_commit_under_test_say_what_is_installed(
    world: World, programs: Path
) -> None:
    program(programs, "npm")
    commit = world.repo.commit(NODE)
    world.repo.git("switch", "-q", "-c", "job")
    same = world.repo.commit({"other": "x"})
    newer = world.repo.commit({"package-lock.json": '{"a": 1}'})
    python = world.repo.commit({"uv.lock": ""})
    first = installed(world, commit)
    assert first[0] == ("npm ci",)
    assert installed(world, same) == first
    assert installed(world, newer)[0] == ("npm ci",)
    assert installed(world, newer) != first
    assert installed(world, python)[0] == ("npm ci",)
    program(programs, "uv")
    assert installed(world, python)[0] == ("npm ci", "uv sync --frozen")


def test_what_somebody_wrote_is_run_in_place_of_lock_files(world: World, programs: Path) -> None:
    program(programs, "npm")
    commit = world.repo.commit({**NODE, "tools/set up.sh": "1"})
    words = "sh './tools/set up.sh' ../x"
    world.repo.git("config", "mc.worktreeSetup.commands", words)
    first = installed(world, commit)
    assert first[0] == (words,)
    assert installed(world, world.repo.commit({"other": "x"})) == first
    assert installed(world, world.repo.commit({"tools/set up.sh": "2"}))[1] != first[1]
    assert installed(world, commit, "one", "two")[0] == ("one", "two")
    world.repo.git("config", "--unset", "mc.worktreeSetup.commands")
    # A link into the main worktree is where `npm ci` would remove what is there.
    world.repo.git("config", "mc.worktreeSetup.symlinkDirs", "node_modules")
    assert installed(world, commit) == ((), "")
    world.repo.git("config", "--unset", "mc.worktreeSetup.symlinkDirs")
    assert installed(world, commit)[0] == ("npm ci",)
    world.repo.git("config", "mc.testCommand", "node test.js")
    assert installed(world, commit) == ((), "")


def test_hostile_names_beside_it_change_nothing(world: World, programs: Path) -> None:
    program(programs, "make")
    for name in ("new\nline", 'q"', "\udcff", "-x"):
        (world.repo.path / name).write_text("x")
    (world.repo.path / "tests").mkdir()
    (world.repo.path / "tests/test_\udcff\n.py").write_text("")
    assert command_of(world, world.repo.commit(MAKE)) == "make test"
    program(programs, "python3")
    assert command_of(world, world.repo.commit({"setup.py": ""})) == "python3 -m pytest -q"
