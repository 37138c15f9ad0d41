"""git mc config: every setting with its value, what set it and what it means."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gitmc.model.settingkeys import KEYS
from tests.support.world import World


def origins(found: dict[str, Any]) -> dict[str, str]:
    """By key: what set it, of those that are not at their default."""
    assert found["schema"] == "mc.config/1"
    return {one["key"]: one["origin"] for one in found["settings"] if one["origin"] != "default"}


def test_every_setting_is_told_with_its_meaning(world: World) -> None:
    settings = world.mc("config", "--json", GIT_MC_TMUX_SOCKET="x").ok().json["settings"]
    assert [one["key"] for one in settings] == [key.name for key in KEYS]
    assert all(one["meaning"] for one in settings)
    plain = world.mc("config").ok().stdout
    assert all(f"{key.name} =" in plain and key.says in plain for key in KEYS)


def test_what_set_a_setting_is_told(world: World, tmp_path: Path) -> None:
    repo = world.repo
    repo.git("config", "mc.warm", "2")
    repo.git("config", "--add", "mc.kill.spare", "a")
    repo.git("config", "--add", "mc.kill.spare", "b c")
    world.mission.store.make()
    (world.root / "config.toml").write_text("idle_threshold = 7\n")
    (repo.path / ".mission-control.toml").write_text('test_command = "make"\nwarm = 9\n')
    home = tmp_path / "xdg"
    (home / "git-mc").mkdir(parents=True)
    (home / "git-mc" / "config.toml").write_text("max_parallel = 5\n")
    asked = world.mc("config", "--json", XDG_CONFIG_HOME=str(home), GIT_MC_TEST_TIMEOUT="12")
    found = origins(asked.ok().json)
    assert found.pop("tmuxSocket") == "GIT_MC_TMUX_SOCKET"
    assert found.pop("reportProtocol") == "GIT_MC_REPORT_PROTOCOL"
    local = f"git config (local, {repo.path}/.git/config)"
    assert found == {
        "warm": local,
        "kill.spare": local,
        "idleThreshold": str(world.root / "config.toml"),
        "testCommand": str(repo.path / ".mission-control.toml"),
        "maxParallel": str(home / "git-mc" / "config.toml"),
        "testTimeout": "GIT_MC_TEST_TIMEOUT",
    }
    assert "not run: nobody has approved it" in world.mc("config").ok().stdout
    assert world.mc("config", "kill.spare").ok().stdout == "a\nb c\n"
    assert world.mc("config", "mc.idlethreshold").ok().stdout == "7\n"
    record = next(
        line
        for line in world.mc("config", "-z").ok().stdout.split("\0")
        if line.startswith("kill.spare\t")
    )
    assert record == f"kill.spare\t{local}\ta\tb c"


def test_a_key_without_a_value_is_an_honest_no(world: World) -> None:
    assert world.mc("config", "testCommand").refused(1).stdout == ""
    world.mc("config", "testComand").refused(1, "no setting called", "did you mean testCommand?")
    world.mc("config", "--json", "--porcelain").refused(129)


def test_all_faults_are_told_and_all_else_is_shown(world: World) -> None:
    world.repo.git("config", "mc.warm", "many")
    world.mission.store.make()
    (world.root / "config.toml").write_text("idle_threshold = -7\nnonsense = 1\n")
    (world.repo.path / ".mission-control.toml").write_text("test_command = \n")
    ran = world.mc("config", "--porcelain")
    ran.refused(1, "warm is 'many'", "idleThreshold is -7", "unknown setting 'nonsense'")
    ran.refused(1, ".mission-control.toml: not a TOML file")
    assert "warm\tdefault\t0\n" in ran.stdout


@pytest.mark.parametrize("how", ["-C", "GIT_DIR", "worktree", "submodule", "-c"])
def test_git_says_which_repository_and_which_settings(
    world: World, tmp_path: Path, how: str, git_mc: Path
) -> None:
    repo = world.repo
    repo.git("config", "mc.warm", "4")
    environment = {**os.environ, "PATH": f"{git_mc}{os.pathsep}{os.environ['PATH']}"}
    argv, cwd = ["git", "mc", "config", "warm"], repo.path
    if how == "-C":
        argv, cwd = ["git", "-C", str(repo.path), *argv[1:]], tmp_path
    elif how == "GIT_DIR":
        environment |= {"GIT_DIR": str(repo.path / ".git"), "GIT_WORK_TREE": str(repo.path)}
        cwd = tmp_path
    elif how == "worktree":
        cwd = tmp_path / "other"
        repo.git("worktree", "add", "--quiet", "--detach", str(cwd))
    elif how == "submodule":
        sub = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add")
        repo.git(*sub, str(repo.path), "sub")
        cwd = repo.path / "sub"
        repo.git("config", "mc.warm", "4", cwd=cwd)
        repo.git("config", "mc.warm", "5")
    else:
        argv = ["git", "-c", "mc.warm=4", *argv[1:]]
        repo.git("config", "mc.warm", "5")
    done = subprocess.run(
        argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("4\n", "")


@pytest.fixture
def git_mc(tmp_path: Path) -> Path:
    """A folder for PATH that has git mc, as git finds it, and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git-mc").write_text(f'#!/bin/sh\nexec {sys.executable} -m gitmc "$@"\n')
    (folder / "git-mc").chmod(0o755)
    return folder
