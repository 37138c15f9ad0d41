"""The seal around every test, and the worlds that tests are given."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.support.fzf import path_with_fzf
from tests.support.world import Repo, World

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("git-mc", deadline=None)
hypothesis.settings.load_profile("git-mc")

KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "COVERAGE_PROCESS_START", "VIRTUAL_ENV")
FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada Author",
    "GIT_AUTHOR_EMAIL": "ada@example.invalid",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_NAME": "Col Committer",
    "GIT_COMMITTER_EMAIL": "col@example.invalid",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "false",
    "TERM": "xterm-256color",
    "LC_ALL": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "",
}


@pytest.fixture(autouse=True)
def seal(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the machine's settings, home, clock zone or tmux; the new home."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if not name.startswith(("PYTEST_", "HYPOTHESIS_")) and name not in KEPT:
            monkeypatch.delenv(name)
    (home / "gitconfig").write_text("[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n")
    for name, value in FIXED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    return home


@pytest.fixture
def repo(seal: Path, git_repo: Any) -> Repo:
    """A repository with one commit."""
    made = Repo(Path(git_repo.workspace).resolve())
    made.commit({"README.md": "# A project\n"}, "first")
    return made


@pytest.fixture
def world(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A repository with a tmux server of its own, and git mc to run in it."""
    # A socket's path has room for some hundred bytes only, so it cannot be among the test's files.
    socket = Path(tempfile.mkdtemp(prefix="mc-")) / "s"
    monkeypatch.setenv("GIT_MC_TMUX_SOCKET", str(socket))
    # Who looks at what an agent is told by us says so: all else is about prompts as they are.
    monkeypatch.setenv("GIT_MC_REPORT_PROTOCOL", "false")
    made = World(repo, socket)
    yield made
    made.close()


@pytest.fixture(params=["like it", "real"])
def any_fzf(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An fzf on PATH, and a user who has set much for the one that he works with."""
    if request.param == "like it":
        monkeypatch.setenv("PATH", path_with_fzf(tmp_path))
    elif shutil.which("fzf") is None:
        pytest.skip("fzf is not on PATH")
    monkeypatch.setenv("FZF_DEFAULT_OPTS", "--no-such-option")
    monkeypatch.setenv("FZF_DEFAULT_OPTS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("FZF_DEFAULT_COMMAND", "false")
