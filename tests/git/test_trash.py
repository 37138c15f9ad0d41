"""The trash: what is swept, and what never is."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitmc.git import trash, worktree
from gitmc.git.run import Git
from tests.support.world import Repo

DAY = timedelta(hours=25)


@pytest.fixture
def tree(repo: Repo, tmp_path: Path) -> Path:
    """A worktree called `one`."""
    path = tmp_path / "trees" / "one"
    repo.git("worktree", "add", "--quiet", "-b", "side", str(path))
    return path


def own_of(repo: Repo, path: Path) -> Path:
    """The worktree's git directory."""
    own = worktree.own_git_dir(path, repo.path / ".git")
    assert own is not None
    return own


def old(entry: Path, age: timedelta = DAY) -> float:
    """Make the entry as old as that by its folder; now."""
    now = time.time()
    os.utime(entry, (now - age.total_seconds(),) * 2)
    return now


def put(repo: Repo, path: Path, age: timedelta = DAY) -> Path:
    """Put a worktree into the trash, so long ago by its name, and have git forget it."""
    entry = trash.put(path, datetime.now(UTC) - age)
    worktree.remove(Git(repo.path), path, force=True)
    trash.finish(entry)
    return entry


def test_git_works_in_the_trash_and_after_it(repo: Repo, tree: Path) -> None:
    own = own_of(repo, tree)
    (tree / "new").write_text("x")
    entry = trash.put(tree, datetime.now(UTC))
    assert not tree.exists()
    assert worktree.uncommitted(entry) == ["new"]
    assert worktree.place(own) == tree
    assert trash.interrupted(tree) == entry
    trash.take_back(entry, tree)
    assert worktree.own_git_dir(tree, repo.path / ".git") == own
    assert worktree.uncommitted(tree) == ["new"]
    assert trash.interrupted(tree) is None


def test_git_that_wrote_down_the_trash_is_told_better(repo: Repo, tree: Path) -> None:
    own = own_of(repo, tree)
    entry = trash.put(tree, datetime.now(UTC) - DAY)
    Git(entry)("worktree", "repair")
    assert worktree.place(own) == entry
    assert trash.due(entry.parent, old(entry)) == []
    assert trash.interrupted(tree) == entry
    trash.take_back(entry, tree)
    assert worktree.place(own) == tree


def test_what_is_a_day_old_by_name_and_by_folder_is_swept(repo: Repo, tree: Path) -> None:
    entry = put(repo, tree)
    (entry / "read-only/inside").mkdir(parents=True)
    (entry / "read-only").chmod(0o500)
    trash.sweep(entry.parent, time.time())
    assert entry.exists()
    trash.sweep(entry.parent, old(entry))
    assert not entry.exists()
    assert [path.name for path in (tree.parent / trash.FOLDER).iterdir()] == [".gitignore"]


@pytest.mark.parametrize("age", [timedelta(0), timedelta(hours=23), timedelta(days=-400)])
def test_what_is_young_by_its_name_stays(repo: Repo, tree: Path, age: timedelta) -> None:
    entry = put(repo, tree, age)
    assert trash.due(entry.parent, old(entry)) == []


def test_what_git_still_knows_is_never_swept(repo: Repo, tree: Path) -> None:
    entry = trash.put(tree, datetime.now(UTC) - DAY)
    assert trash.due(entry.parent, old(entry)) == []
    worktree.remove(Git(repo.path), tree, force=True)
    assert trash.due(entry.parent, old(entry)) == [entry]


def test_a_later_worktree_of_the_name_does_not_keep_it(repo: Repo, tree: Path) -> None:
    entry = trash.put(tree, datetime.now(UTC) - DAY)
    worktree.remove(Git(repo.path), tree, force=True)
    repo.git("worktree", "add", "--quiet", str(tree), "side")
    assert trash.due(entry.parent, old(entry)) == [entry]
    assert trash.interrupted(tree) is None


def test_links_are_not_followed(repo: Repo, tree: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    (precious / "deep").mkdir(parents=True)
    (precious / "deep/file").write_text("mine")
    (tree / "link").symlink_to(precious)
    entry = put(repo, tree)
    other = entry.with_name(entry.name.replace("one-", "two-"))
    other.symlink_to(precious)
    now = old(entry)
    os.utime(other, (0, 0), follow_symlinks=False)
    trash.sweep(entry.parent, now)
    assert not entry.exists()
    assert other.is_symlink()
    moved = tmp_path / "real trash"
    entry.parent.rename(moved)
    (moved / entry.name).mkdir()
    old(moved / entry.name)
    (tree.parent / trash.FOLDER).symlink_to(moved)
    assert trash.due(tree.parent / trash.FOLDER, now) == []
    assert (precious / "deep/file").read_text() == "mine"


def test_what_is_not_ours_stays(repo: Repo, tree: Path) -> None:
    entry = put(repo, tree)
    names = ["mine", "one-2026", "one-20269999T999999999999Z", "one-20260101T000000000000Z.bak"]
    for name in names:
        (entry.parent / name).mkdir()
        old(entry.parent / name)
    (entry.parent / "file-20200101T000000000000Z").write_text("a file")
    assert trash.due(entry.parent, old(entry)) == [entry]


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_trash_that_is_no_folder_is_not_used(repo: Repo, tree: Path, kind: str) -> None:
    folder = tree.parent / trash.FOLDER
    if kind == "link":
        (tree.parent / "elsewhere").mkdir()
        folder.symlink_to(tree.parent / "elsewhere")
    else:
        folder.write_text("mine")
    with pytest.raises(OSError, match=r"\.trash"):
        trash.put(tree, datetime.now(UTC))
    assert (tree / "README.md").exists()
