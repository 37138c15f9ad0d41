"""Completion, in the shells themselves: keys are typed at a terminal, and TAB is pressed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.shells import Shell
from tests.support.world import World

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = ROOT / "contrib" / "completions"
OF_GIT = Path("/usr/share/bash-completion/completions/git")
CLEAR = "\x15"

START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "-i"],
}

READY = {
    # In two parts, so that it is not seen while it is typed.
    "bash": "PS1='READY''> '; . {git}; . {scripts}/git-mc.bash",
    "zsh": "PS1='READY''> '; fpath=({scripts} $fpath); autoload -U compinit; compinit -u -D",
    "fish": "function fish_prompt; echo 'READY''> '; end; source {scripts}/git-mc.fish",
}


@pytest.fixture
def jobs(world: World) -> World:
    """A world with two jobs whose names begin differently."""
    world.sh("alpha-job", "exit 0")
    world.sh("beta", "exit 0")
    world.wait("alpha-job", "beta").ok()
    return world


@pytest.fixture(params=START)
def shell(request: pytest.FixtureRequest, jobs: World, tmp_path: Path) -> Iterator[Shell]:
    """Each shell with its completions loaded, in the world's repository."""
    name = str(request.param)
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    if name == "bash" and not OF_GIT.is_file():
        pytest.skip("git's own completion for bash is not installed")
    programs, home = tmp_path / "programs", tmp_path / "home"
    programs.mkdir()
    home.mkdir()
    (programs / "git-mc").write_text(f'#!/bin/sh\nexec {sys.executable} -m gitmc "$@"\n')
    (programs / "git-mc").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
    }
    started = Shell(START[name], jobs.repo.path, environment)
    started.type(READY[name].format(git=OF_GIT, scripts=SCRIPTS) + "\n")
    started.until("READY> ")
    yield started
    started.close()


@pytest.mark.slow
def test_tab_completes(shell: Shell, jobs: World) -> None:
    repo = jobs.repo.path
    elsewhere = f"git -C {repo} mc diff alp"
    for keys, rest in (
        ("git mc stat", "us"),
        ("git-mc stat", "us"),
        ("git mc status alp", "ha-job"),
        ("git-mc merge be", "ta"),
        ("git mc config idleT", "hreshold"),
        ("git mc launch x --agent openc", "ode"),
        ("git mc jobs --porc", "elain"),
        ("git mc jobs --status needs_reb", "ase"),
        ("git mc jobs --status=needs_reb", "ase"),
        ("git-mc jobs --status=needs_reb", "ase"),
        (elsewhere, "ha-job"),
    ):
        if keys == elsewhere:
            shell.type("cd /\n")
            shell.until("READY> ")
        shell.type(keys + "\t")
        shell.until(re.escape(keys + rest))
        shell.type(CLEAR)


def test_what_is_completed_is_that_of_the_repository_that_is_meant(jobs: World) -> None:
    words = "git-mc status "
    environment = {"_GIT_MC_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "gitmc"],
        cwd=jobs.repo.path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["plain,alpha-job", "plain,beta"]
    names = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines()]
    heavy = {name.partition(".")[0] for name in names} & {"pygit2", "watchdog", "filelock", "mcp"}
    assert not heavy, "a key that is pressed is to be answered at once"
    commands = {name for name in names if name.startswith("gitmc.cli.")}
    assert "gitmc.cli.merge" not in commands, "only the command that is completed is loaded"


def test_commands_are_completed_without_loading_any(world: World) -> None:
    environment = {"_GIT_MC_COMPLETE": "zsh_complete", "COMP_WORDS": "git-mc ", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "gitmc"],
        cwd=world.repo.path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "plain\nmerge-train\nland many branches, testing many at once\n" in done.stdout
    assert "gitmc.cli.launch" not in done.stderr
