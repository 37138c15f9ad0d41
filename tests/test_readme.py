"""The README: what it shows is run, and what it lists is compared with the code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gitmc.cli.group import HELP
from gitmc.model.settingkeys import KEYS
from gitmc.tmux.process import boot_id, start_time, wait_gone
from tests.support.events import carriers
from tests.support.world import World

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
BOOTSTRAP = "sh contrib/bootstrap "
DEMO = "git mc demo"

OPENCODE = """#!/bin/sh
# Stands in for opencode: `opencode run` reads its prompt on standard input.
set -eu
[ "$*" = run ]
grep -q 'Refuse empty passwords'
printf 'def login(name, password):\\n    return bool(name and password)\\n' >login.py
git commit -qam 'Refuse empty passwords'
"""

SHOP = {
    "login.py": "def login(name, password):\n    return bool(name)\n",
    "test_login.py": (
        "import unittest\n\nimport login\n\n\n"
        "class LoginTest(unittest.TestCase):\n"
        "    def test_a_name_is_needed(self):\n"
        '        self.assertFalse(login.login("", "secret"))\n'
    ),
}


class Step(NamedTuple):
    """A command that the README shows, with what it prints; None where that is not shown."""

    command: str
    printed: list[str] | None


def steps() -> list[Step]:
    """The commands of all blocks that a reader may type, in order."""
    found: list[Step] = []
    for kind, text in re.findall(
        r"^```(console|sh|toml)\n(.*?)^```$", README.read_text(), re.M | re.S
    ):
        if kind == "sh":
            found += [Step(line, None) for line in text.splitlines() if line]
            continue
        if kind == "toml":
            name = text.partition("\n")[0].removeprefix("# ")
            found.append(Step(f"cat >{name} <<'END'\n{text}END", None))
            continue
        for line in text.splitlines():
            if line.startswith("$ "):
                found.append(Step(line.removeprefix("$ "), []))
            else:
                printed = found[-1].printed
                assert printed is not None
                printed.append(line)
    return found


def table(heading: str) -> list[list[str]]:
    """The rows of the table under `heading`, as fields."""
    _, _, after = README.read_text().partition(f"\n## {heading}\n")
    section = after.partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[field.strip() for field in row] for row in rows[2:]]


def plain(text: str) -> list[str]:
    """The lines of `text` without what differs from run to run."""
    for pattern, word in (
        (r"\S*/(git-mc(-demo)?)[/-]\S*?/(\S+)", r"PLACE/\3"),
        (r"\b[0-9a-f]{7,40}\b", "COMMIT"),
        (r"\b(\d+m)?\d+s\b", "TIME"),
        (r"\b[1-3] test runs\b", "TEST RUNS"),
        (r" +", " "),
    ):
        text = re.sub(pattern, word, text)
    return [line.strip() for line in text.splitlines()]


@pytest.fixture
def shop(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world with a little project, git mc as git finds it, and somebody in opencode's place."""
    programs = tmp_path / "bin"
    programs.mkdir()
    texts = {
        "opencode": OPENCODE,
        "git-mc": f'#!/bin/sh\nexec {sys.executable} -m gitmc "$@"\n',
    }
    for name, text in texts.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    world.repo.commit(SHOP, "Let people log in")
    return world


@pytest.mark.slow
def test_the_first_real_job_goes_as_shown(shop: World) -> None:
    ran = []
    for command, printed in steps():
        if command == DEMO or command.startswith(BOOTSTRAP):
            continue
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=shop.repo.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        if printed is not None:
            assert plain(done.stdout) == plain("\n".join(printed)), command
        ran.append(command.partition(" -")[0])
    assert {"git mc launch fix-login", "git mc merge changes"} <= set(ran)
    assert "password" in shop.repo.files()["login.py"].splitlines()[1]
    assert "CHANGES" in shop.repo.files()


def test_the_two_commands_are_there() -> None:
    shown = [command for command, _ in steps() if command.startswith(BOOTSTRAP)]
    verbs = [command.removeprefix(BOOTSTRAP).split()[0] for command in shown]
    assert verbs == ["demo", "test"]
    script = ROOT / "contrib" / "bootstrap"
    assert os.access(script, os.X_OK)
    for shell in ("sh", "dash"):
        if shutil.which(shell):
            done = subprocess.run([shell, "-n", script], capture_output=True, check=False)
            assert (done.returncode, done.stderr) == (0, b"")
    wrong = subprocess.run(["sh", script, "tset"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (129, "")
    assert "demo|test" in wrong.stderr


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files, with a path that is short enough for a socket in it."""
    folder = Path(tempfile.mkdtemp(prefix="mc-"))
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    shutil.rmtree(folder)


def test_the_demo_goes_as_shown_and_leaves_nothing(scratch: Path) -> None:
    (shown,) = (printed for command, printed in steps() if command == DEMO)
    assert shown is not None
    done = subprocess.run(
        [sys.executable, "-m", "gitmc", "demo"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=15,
    )
    assert (done.returncode, done.stderr) == (0, "")
    printed = plain(done.stdout)
    assert headings(printed) == headings(plain("\n".join(shown)))
    # Where nobody watches, a line is printed for each change, and not a table that changes.
    last = printed.index("== how they ended")
    missing = set(plain("\n".join(shown))[shown.index("== how they ended") :]) - set(printed[last:])
    assert not missing, done.stdout
    left = {path.name for path in scratch.iterdir()}
    assert not left, f"the demo left {left}"
    for pid in carriers("TMPDIR", str(scratch)):
        start = start_time(pid)
        assert start is None or wait_gone(pid, start, boot_id(), 5.0), f"the demo left {pid}"


def headings(lines: list[str]) -> list[str]:
    """Those of `lines` that say what follows."""
    return [line for line in lines if line.startswith("== ")]


def test_the_table_of_commands_is_that_of_the_program() -> None:
    rows = {name.strip("`"): says for name, says in table("Commands")}
    assert rows == HELP


def test_the_table_of_settings_is_that_of_the_program() -> None:
    rows = {
        name.strip("`"): (default.strip("`"), says) for name, default, says in table("Settings")
    }
    assert rows == {key.name: (_default(key.default), key.says) for key in KEYS}


def _default(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case None | ():
            return ""
    return str(value)


@pytest.mark.parametrize("name", ["README.md", ".github/CONTRIBUTING.md"])
def test_no_command_is_promised_that_is_not_there(name: str) -> None:
    named = set(re.findall(r"(?:`|\$ )git mc ([a-z][a-z-]*)", (ROOT / name).read_text()))
    assert named, name
    assert named <= set(HELP)
