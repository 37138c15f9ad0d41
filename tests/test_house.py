"""House rules that a program can check, each with its reason."""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

import gitmc
from gitmc.cli.group import HELP
from gitmc.model.job import Job, State
from tests.support.world import World

ROOT = Path(__file__).parent.parent
PACKAGE = Path(gitmc.__file__).parent
LAUNCHER = PACKAGE / "tmux" / "launcher.py"
RECORDER = PACKAGE / "tmux" / "recorder.py"
RUNNER = PACKAGE / "control" / "runner.py"
HEAVY = {"pygit2", "watchdog", "filelock", "mcp", "textual"}


def modules(*folders: str) -> list[Path]:
    """The Python files under `folders`."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def parsed(*folders: str) -> Iterator[tuple[Path, ast.AST]]:
    """Every node of every Python file under `folders`."""
    for path in modules(*folders):
        for node in ast.walk(ast.parse(path.read_text(), str(path))):
            yield path.relative_to(ROOT), node


def tracked() -> list[Path]:
    """The files that are part of the project: in git, or about to be."""
    # `safe.directory`: the checkout may belong to somebody else, as it does in some containers.
    asked = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    argv = ["git", "-c", "safe.directory=*", *asked]
    printed = subprocess.run(argv, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    paths = [ROOT / name for name in printed.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {path.relative_to(ROOT): path.read_text().count("\n") for path in modules("gitmc")}
    assert lengths
    long = {str(path): lines for path, lines in lengths.items() if lines > 400}
    assert not long, f"a module this long has more than one subject; split it: {long}"


def test_nothing_sleeps() -> None:
    word = re.compile(r"\bsleep\s*\(")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in modules("gitmc", "tests", "contrib")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if word.search(line)
    ]
    assert not found, f"nothing waits on a timer; wait on an event: {found}"


def test_no_failure_is_passed_over() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, node in parsed("gitmc", "tests", "contrib")
        if isinstance(node, ast.ExceptHandler)
        and all(
            isinstance(step, ast.Pass)
            or (isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant))
            for step in node.body
        )
    ]
    assert not found, (
        f"an error that is caught is handled; one that is expected is named, with "
        f"contextlib.suppress, around the one line that raises it: {found}"
    )


def test_no_test_replaces_what_it_tests() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, node in parsed("tests")
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("unittest"))
        or (isinstance(node, ast.Import) and any(n.name.startswith("unittest") for n in node.names))
        or (isinstance(node, ast.Attribute) and node.attr in ("setattr", "delattr"))
        or (isinstance(node, ast.arg) and node.arg in ("mocker", "mock"))
    ]
    assert not found, f"tests drive the real git, tmux and git-mc; a mock only agrees: {found}"


def test_nothing_in_the_project_knows_the_machine_it_was_made_on() -> None:
    beside = "/".join(("..", "shared"))
    home = re.compile(r"(?<![\w.~/])/(?:work|root|home/\w|Users)/[\w.]")
    found = []
    for path in tracked():
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
            for number, line in enumerate(lines, 1)
            if beside in line or home.search(line)
        ]
    assert not found, f"a path of one machine means nothing on any other: {found}"


@pytest.mark.parametrize("name", HELP)
def test_every_command_loads_and_says_what_it_does(name: str) -> None:
    command = importlib.import_module(f"gitmc.cli.{name.replace('-', '_')}").command
    assert isinstance(command, click.Command)
    first = (command.help or "").strip().partition("\n")[0]
    assert first, f"git mc {name} -h would say nothing"
    assert HELP[name], "the list of commands would say nothing"


def test_every_command_is_in_the_table() -> None:
    files = (PACKAGE / "cli").glob("*.py")
    commands = {
        path.stem.replace("_", "-") for path in files if "\ndef command(" in path.read_text()
    }
    assert commands == set(HELP), "a command that is not in the table cannot be run"


def test_listing_jobs_imports_nothing_heavy(world: World) -> None:
    store = world.mission.store
    store.make()
    commit = world.repo.head()
    job = Job(
        name="one",
        state=State.COMPLETED,
        agent="command",
        branch="mc/one",
        base="main",
        base_commit=commit,
        worktree=str(world.repo.path / "none"),
        placement="session",
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    with store.locked() as held:
        store.save(held, job)
    argv = [sys.executable, "-X", "importtime", "-m", "gitmc", "jobs"]
    done = subprocess.run(
        argv, cwd=world.repo.path, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[1].split()[:2] == ["one", "completed"]
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in _times(done.stderr)}
    assert "gitmc" in imported
    assert not imported & HEAVY, "a list is to be there at once; import these where they are used"


def _times(printed: str) -> list[str]:
    return [line for line in printed.splitlines() if line.startswith("import time:")]


def hooks() -> list[Path]:
    """The scripts that tmux, git and agents call; a plugin is no script, and agents load it."""
    return sorted(
        path for path in (ROOT / "hooks").rglob("*") if path.is_file() and path.suffix != ".js"
    )


def test_there_are_hooks() -> None:
    assert ROOT / "hooks" / "tmux" / "marker" in hooks()


@pytest.mark.parametrize("path", hooks(), ids=lambda path: "/".join(path.parts[-2:]))
def test_a_hook_is_a_small_shell_script(path: Path) -> None:
    assert path.read_text().startswith("#!/bin/sh\n"), "bash is not everywhere, and starts slowly"
    assert os.access(path, os.X_OK), "whoever calls a hook runs it by its path"
    done = subprocess.run(["sh", "-n", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", [LAUNCHER, RECORDER, RUNNER], ids=lambda path: path.stem)
def test_what_is_started_by_itself_needs_the_standard_library_only(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    ours = imported - set(sys.stdlib_module_names)
    assert not ours, f"it runs with -I -S, where nothing else can be imported: {ours}"


def test_a_launcher_whose_run_is_over_says_so(tmp_path: Path) -> None:
    argv = [sys.executable, "-I", "-S", str(LAUNCHER), str(tmp_path / "missing.json")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "git mc: this run is over; a launcher works only once\n"
