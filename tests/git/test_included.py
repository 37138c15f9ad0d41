"""Settings taken in from a file of ours: in force here and nowhere else, gone without a trace."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gitmc.git import included
from gitmc.git.run import Git
from tests.support.world import Repo


def put(repo: Repo, hooks_path: str = "/ours") -> tuple[Git, Path, Path]:
    """Have the repository take in a file that sets `core.hooksPath`."""
    common = (repo.path / ".git").resolve()
    file = common / "mission-control/git/config"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(included.text([("core", "hooksPath", hooks_path)], "a comment"))
    git = Git(common)
    included.take_in(git, common, file)
    return git, common, file


@pytest.mark.parametrize("value", ["/a b", "/quo\"te\\and 'more", "/new\nline", "/tab\t#;"])
def test_a_value_is_read_back_to_the_letter(repo: Repo, value: str) -> None:
    put(repo, value)
    assert repo.git("config", "core.hooksPath") == value


def test_it_wins_over_what_is_set_later_and_leaves_no_trace(repo: Repo, tmp_path: Path) -> None:
    config = repo.path / ".git/config"
    config.write_text(config.read_text() + "[Core]\n  HOOKSPATH=.husky/_ ; mine\n[x]\ny=1\n")
    before = config.read_bytes()
    git, common, file = put(repo)
    assert included.is_taken_in(git, common, file)
    included.take_in(git, common, file)
    assert repo.git("config", "core.hooksPath") == "/ours"
    assert included.said_by_others(git, "core.hooksPath", file) == ".husky/_"
    repo.git("config", "core.hooksPath", ".husky/_")
    assert repo.git("config", "core.hooksPath") == "/ours"
    repo.git("worktree", "add", "-q", str(tmp_path / "beside"))
    assert repo.git("config", "core.hooksPath", cwd=tmp_path / "beside") == "/ours"
    config.write_bytes(before)
    included.take_in(git, common, file)
    included.leave_out(git, common, file)
    assert config.read_bytes() == before
    assert not included.is_taken_in(git, common, file)


@pytest.mark.parametrize("name", ["a [x] b", "back\\slash*?", 'quo"te', "new\nline", "Ä é"])
def test_it_holds_in_a_repository_of_any_name(repo: Repo, tmp_path: Path, name: str) -> None:
    odd = Repo(tmp_path / name)
    odd.path.mkdir()
    odd.git("init", "-q")
    before = (odd.path / ".git/config").read_bytes()
    git, common, file = put(odd)
    assert odd.git("config", "core.hooksPath") == "/ours"
    included.leave_out(git, common, file)
    assert (odd.path / ".git/config").read_bytes() == before


def test_a_repository_that_was_moved_or_copied_believes_none_of_it(
    repo: Repo, tmp_path: Path
) -> None:
    before = (repo.path / ".git/config").read_bytes()
    put(repo)
    moved = Repo(shutil.copytree(repo.path, tmp_path / "moved"))
    assert moved.git("config", "--default", "none", "core.hooksPath") == "none"
    common = (moved.path / ".git").resolve()
    included.leave_out(Git(common), common, common / "mission-control/git/config")
    assert (moved.path / ".git/config").read_bytes() == before


def test_what_a_command_line_or_nobody_says_is_nothing(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    git, _, file = put(repo)
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.hookspath'='/once'")
    assert included.said_by_others(git, "core.hooksPath", file) is None
