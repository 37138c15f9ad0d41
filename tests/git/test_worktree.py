"""Worktrees: made in two steps as git makes them in one, and removed only when clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitmc.errors import CommandFailed
from gitmc.git.refs import NOTHING
from gitmc.git.run import Git
from gitmc.git.worktree import Worktree, add, add_detached, fill, listed, remove, uncommitted
from tests.support.world import Repo


def git_dir(path: Path) -> Path:
    """The worktree's own git directory."""
    return Path(Git(path)("rev-parse", "--absolute-git-dir"))


@pytest.fixture
def git(repo: Repo) -> Git:
    return Git(repo.path / ".git")


@pytest.fixture
def tree(repo: Repo, git: Git, tmp_path: Path) -> Path:
    """A filled worktree on the branch `side`."""
    repo.commit({"sub/a": "1", "b": "2"})
    path = tmp_path / "trees" / "side"
    add(git, path, "side", repo.head())
    fill(path)
    return path


def test_a_worktree_is_empty_when_added_and_clean_when_filled(
    repo: Repo, git: Git, tmp_path: Path
) -> None:
    repo.commit({"sub/a": "1"})
    path = tmp_path / "w"
    add(git, path, "mc/one", repo.head())
    assert [entry.name for entry in path.iterdir()] == [".git"]
    fill(path)
    assert (path / "sub/a").read_text() == "1"
    assert uncommitted(path) == []
    assert listed(git) == [
        Worktree(repo.path, repo.head(), "main"),
        Worktree(path, repo.head(), "mc/one"),
    ]
    assert git_dir(path) == repo.path / ".git/worktrees/w"
    assert git.answer("config", "branch.mc/one.merge") is None


def test_an_existing_branch_is_taken_up_where_it_is(repo: Repo, git: Git, tmp_path: Path) -> None:
    first = repo.head()
    repo.git("branch", "old")
    repo.commit({"new": "1"})
    add(git, tmp_path / "w", "old", None)
    fill(tmp_path / "w")
    assert listed(git)[1] == Worktree(tmp_path / "w", first, "old")
    assert not (tmp_path / "w" / "new").exists()


def test_a_detached_worktree_is_on_no_branch(repo: Repo, git: Git, tmp_path: Path) -> None:
    add_detached(git, tmp_path / "w", repo.head())
    fill(tmp_path / "w")
    assert listed(git)[1] == Worktree(tmp_path / "w", repo.head(), None)


@pytest.mark.parametrize("name", ["new\nline", 'it\'s "q"', "größe", "ends\n", "-x", "a  b"])
def test_a_worktree_may_be_called_anything(repo: Repo, git: Git, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    add(git, path, "side", repo.head())
    fill(path)
    assert listed(git)[1] == Worktree(path, repo.head(), "side")
    (path / name).write_text("x")
    assert uncommitted(path) == [name]
    remove(git, path, force=True)
    assert not path.exists()
    assert len(listed(git)) == 1


def test_a_branch_that_is_checked_out_is_not_given_to_another(tree: Path, git: Git) -> None:
    with pytest.raises(CommandFailed, match=r"already checked out|already used by"):
        add(git, tree.parent / "two", "side", None)
    assert len(listed(git)) == 2


HOOK = '#!/bin/sh\necho "$1 $2 $3" >> "{log}"\nls >> "{log}"\n'


def hook(repo: Repo, folder: Path, log: Path, script: str = HOOK) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "post-checkout").write_text(script.format(log=log))
    (folder / "post-checkout").chmod(0o755)


@pytest.mark.parametrize("configured", [None, "hooks elsewhere"])
def test_the_post_checkout_hook_runs_once_in_the_filled_worktree(
    repo: Repo, git: Git, tmp_path: Path, configured: str | None
) -> None:
    if configured:
        repo.git("config", "core.hooksPath", str(tmp_path / configured))
    folder = tmp_path / configured if configured else repo.path / ".git/hooks"
    hook(repo, folder, tmp_path / "log")
    add(git, tmp_path / "w", "side", repo.head())
    assert not (tmp_path / "log").exists()
    fill(tmp_path / "w")
    assert (tmp_path / "log").read_text() == f"{NOTHING} {repo.head()} 1\nREADME.md\n"


def test_the_hook_sees_what_that_of_git_worktree_add_sees(
    repo: Repo, git: Git, tmp_path: Path
) -> None:
    script = '#!/bin/sh\necho "$@" >> "{log}"; pwd >> "{log}"\n'
    hook(repo, repo.path / ".git/hooks", tmp_path / "log", script)
    repo.git("worktree", "add", "--quiet", "-b", "theirs", str(tmp_path / "w"))
    theirs = (tmp_path / "log").read_text()
    repo.git("worktree", "remove", str(tmp_path / "w"))
    (tmp_path / "log").unlink()
    add(git, tmp_path / "w", "ours", repo.head())
    fill(tmp_path / "w")
    assert (tmp_path / "log").read_text() == theirs


def test_a_hook_that_may_not_run_does_not(repo: Repo, git: Git, tmp_path: Path) -> None:
    hook(repo, repo.path / ".git/hooks", tmp_path / "log")
    (repo.path / ".git/hooks/post-checkout").chmod(0o644)
    add(git, tmp_path / "w", "side", repo.head())
    fill(tmp_path / "w")
    assert not (tmp_path / "log").exists()


def test_a_hook_that_fails_is_an_error(repo: Repo, git: Git, tmp_path: Path) -> None:
    hook(repo, repo.path / ".git/hooks", tmp_path, "#!/bin/sh\necho no >&2\nexit 3\n")
    add(git, tmp_path / "w", "side", repo.head())
    with pytest.raises(CommandFailed, match="no"):
        fill(tmp_path / "w")


def test_all_that_differs_from_the_commit_is_uncommitted(tree: Path) -> None:
    (tree / "b").write_text("changed")
    (tree / "sub/a").unlink()
    (tree / "new dir").mkdir()
    (tree / "new dir/ü").write_text("x")
    (tree / "staged").write_text("x")
    Git(tree)("add", "staged")
    assert sorted(uncommitted(tree)) == ["b", "new dir/ü", "staged", "sub/a"]


def test_untracked_files_count_even_where_status_hides_them(repo: Repo, tree: Path) -> None:
    repo.git("config", "status.showUntrackedFiles", "no")
    repo.git("config", "status.renames", "true")
    (tree / "new").write_text("x")
    Git(tree)("mv", "b", "c")
    assert sorted(uncommitted(tree)) == ["b", "c", "new"]


def test_ignored_files_do_not_count(repo: Repo, tree: Path) -> None:
    (repo.path / ".git/info/exclude").write_text("*.o\n")
    (tree / "x.o").write_text("x")
    assert uncommitted(tree) == []


def test_looking_does_not_write_the_index(tree: Path) -> None:
    index = git_dir(tree) / "index"
    (tree / "b").touch()
    before = (index.read_bytes(), index.stat().st_mtime_ns)
    assert uncommitted(tree) == []
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before


def test_a_clean_worktree_is_removed_and_its_branch_stays(repo: Repo, git: Git, tree: Path) -> None:
    remove(git, tree, force=False)
    assert not tree.exists()
    assert len(listed(git)) == 1
    assert repo.head("side") == repo.head("main")


@pytest.mark.parametrize("kind", ["modified", "untracked", "locked"])
def test_a_worktree_with_work_in_it_is_removed_by_force_only(
    repo: Repo, git: Git, tree: Path, kind: str
) -> None:
    if kind == "modified":
        (tree / "b").write_text("changed")
    elif kind == "untracked":
        (tree / "new").write_text("x")
    else:
        repo.git("worktree", "lock", str(tree))
    with pytest.raises(CommandFailed, match="git worktree remove"):
        remove(git, tree, force=False)
    assert (tree / "sub/a").read_text() == "1"
    assert len(listed(git)) == 2
    remove(git, tree, force=True)
    assert not tree.exists()
    assert len(listed(git)) == 1


def test_a_worktree_that_is_gone_is_forgotten(repo: Repo, git: Git, tree: Path) -> None:
    tree.rename(tree.parent / "moved")
    assert listed(git)[1].path == tree
    remove(git, tree, force=False)
    remove(git, tree, force=False)
    assert len(listed(git)) == 1


def test_forgetting_one_leaves_another_that_is_away_alone(
    repo: Repo, git: Git, tree: Path, tmp_path: Path
) -> None:
    away = tmp_path / "on a drive"
    add_detached(git, away, repo.head())
    away.rename(tmp_path / "unplugged")
    tree.rename(tmp_path / "gone")
    remove(git, tree, force=False)
    assert [found.path for found in listed(git)] == [repo.path, away]
    (tmp_path / "unplugged").rename(away)
    assert Git(away)("rev-parse", "HEAD") == repo.head()


def test_a_folder_that_is_no_worktree_is_not_removed(git: Git, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(CommandFailed, match="is not a working tree"):
        remove(git, tmp_path / "mine", force=True)
    assert (tmp_path / "mine").is_dir()
