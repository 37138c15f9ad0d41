"""Finding the repository, from anywhere that is in one, and saying why where there is none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gitmc.errors import Fatal
from gitmc.git.repo import find
from tests.support.world import Repo

GIT = shutil.which("git") or ""


def fatal(folder: Path, *words: str) -> None:
    """Finding one from `folder` fails, saying all of `words`."""
    with pytest.raises(Fatal) as raised:
        find(folder)
    assert raised.value.exit_code == 128
    assert raised.value.hint
    for word in words:
        assert word in f"{raised.value.message}\n{raised.value.hint}"


def made(path: Path) -> Repo:
    path.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", path], check=True)
    repo = Repo(path)
    repo.commit({"sub/file": "x"})
    return repo


@pytest.mark.parametrize("below", [".", "sub", "sub/sub"])
def test_a_repository_is_found_from_anywhere_in_it(repo: Repo, below: str) -> None:
    folder = repo.path / below
    folder.mkdir(parents=True, exist_ok=True)
    found = find(folder)
    assert (found.common_dir, found.git_dir) == (repo.path / ".git", repo.path / ".git")
    assert (found.top, found.name) == (repo.path, repo.path.name)
    assert found.current_branch() == "main"
    assert found.here("rev-parse", "HEAD") == found.common("rev-parse", "HEAD") == repo.head()


def test_a_linked_worktree_shares_the_common_directory(repo: Repo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "w"))
    found = find(tmp_path / "w")
    assert found.common_dir == repo.path / ".git"
    assert found.git_dir == repo.path / ".git/worktrees/w"
    assert (found.top, found.current_branch()) == (tmp_path / "w", "side")
    assert (found.id, found.name) == (find(repo.path).id, repo.path.name)


def test_a_worktree_of_a_bare_repository_will_do(repo: Repo, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    repo.git("clone", "--quiet", "--bare", str(repo.path), str(bare))
    repo.git("worktree", "add", "--quiet", str(tmp_path / "w"), "main", cwd=bare)
    found = find(tmp_path / "w")
    assert (found.common_dir, found.top, found.name) == (bare, tmp_path / "w", "bare")


def test_a_submodule_is_a_repository_of_its_own(repo: Repo, tmp_path: Path) -> None:
    other = made(tmp_path / "other")
    allow = ["-c", "protocol.file.allow=always"]
    repo.git(*allow, "submodule", "--quiet", "add", str(other.path), "part")
    found = find(repo.path / "part" / "sub")
    assert found.common_dir == found.git_dir == repo.path / ".git/modules/part"
    assert found.top == repo.path / "part"


def test_git_dir_in_the_environment_says_which_is_meant(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = made(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    found = find(repo.path)
    assert (found.common_dir, found.top) == (other.path / ".git", other.path)
    assert found.here("rev-parse", "HEAD") == other.git("rev-parse", "HEAD")


def test_what_git_sets_for_its_hooks_does_not_lead_astray(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index.other")
    found = find(repo.path)
    assert (found.common_dir, found.top) == (repo.path / ".git", repo.path)
    assert found.here("status", "--porcelain") == ""


@pytest.mark.parametrize(
    "name", ["new\nline", "ends\n", 'it\'s "quoted" $(x) \\', "größe 修理", " ", "-C", "a\tb"]
)
def test_any_path_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    repo = made(tmp_path / name / "repo")
    inner = made(tmp_path / "other" / name)
    linked = tmp_path / f"linked{name}"
    repo.git("worktree", "add", "--quiet", "-b", "side", str(linked))
    assert find(repo.path / "sub").top == repo.path
    assert find(repo.path / "sub").common_dir == repo.path / ".git"
    assert find(inner.path).top == inner.path
    assert (find(linked).top, find(linked).common_dir) == (linked, repo.path / ".git")
    assert find(linked).current_branch() == "side"


def test_a_symlink_leads_to_the_same_repository(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repo.path)
    found = find(tmp_path / "link")
    assert (found.common_dir, found.id) == (find(repo.path).common_dir, find(repo.path).id)


def test_repositories_of_one_name_differ_in_their_id(tmp_path: Path) -> None:
    one, two = made(tmp_path / "a/repo"), made(tmp_path / "b/repo")
    assert find(one.path).name == find(two.path).name == "repo"
    assert find(one.path).id != find(two.path).id
    assert len(find(one.path).id) == 8


def test_a_detached_head_is_on_no_branch(repo: Repo) -> None:
    repo.git("checkout", "--quiet", "--detach")
    assert find(repo.path).current_branch() is None


def test_a_repository_without_a_commit_is_found(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    assert find(tmp_path).current_branch() == "main"


def test_outside_of_any_there_is_none(tmp_path: Path) -> None:
    fatal(tmp_path, "not a git repository", "git init")


def test_a_bare_repository_is_refused_as_such(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", tmp_path / "bare"], check=True)
    for folder in ("bare", "bare/refs"):
        fatal(tmp_path / folder, "is in a bare repository", "clone")


@pytest.mark.parametrize("folder", [".git", ".git/refs"])
def test_the_git_directory_is_no_place_to_work_in(repo: Repo, folder: str) -> None:
    fatal(repo.path / folder, "must be run in a work tree")


def test_a_git_dir_that_is_none_is_refused(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/none")
    fatal(repo.path, "not a git repository", "/none")


@pytest.mark.parametrize("printed", ["git version 2.37.9", "git version 1.99", "hello", ""])
@pytest.mark.parametrize("works", [True, False])
def test_a_git_that_is_too_old_is_refused_by_the_version_needed(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, works: bool
) -> None:
    script = tmp_path / "git"
    rest = f'exec {GIT} "$@"' if works else "exit 129"
    script.write_text(f"#!/bin/sh\n[ \"$1\" = version ] && echo '{printed}' && exit\n{rest}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    fatal(repo.path, "git 2.38 or newer is needed", printed or "unknown", "PATH")


@pytest.mark.parametrize(
    "printed", ["git version 2.38.0", "git version 3.0", "git version 2.50.1 (Apple Git-155)"]
)
def test_a_git_that_is_new_enough_will_do(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str
) -> None:
    script = tmp_path / "git"
    known = f"[ \"$1\" = version ] && echo '{printed}' && exit"
    script.write_text(f'#!/bin/sh\n{known}\nexec {GIT} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert find(repo.path).top == repo.path


def test_without_git_it_is_said_to_be_missing(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Fatal, match="git is not installed, or not on PATH"):
        find(repo.path)
