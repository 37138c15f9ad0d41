"""Salvage: all of a worktree in a commit, and the worktree as it was."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitmc.git.refs import commit_of
from gitmc.git.run import Git
from gitmc.git.salvage import pin, snapshot
from tests.support.world import Repo


@pytest.fixture
def tree(repo: Repo, tmp_path: Path) -> Path:
    """A worktree with a commit of some files, and `*.o` ignored."""
    repo.commit({".gitignore": "*.o\n", "sub/a": "1", "b": "2", "c": "3"})
    repo.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "w"))
    return tmp_path / "w"


def git_dir(path: Path) -> Path:
    """The worktree's own git directory."""
    return Path(Git(path)("rev-parse", "--absolute-git-dir"))


def state(tree: Path) -> dict[str, tuple[int, str]]:
    """Every file of the worktree and its index: mode and content, or where it links to."""
    found = {}
    for path in [*tree.rglob("*"), git_dir(tree) / "index", git_dir(tree) / "HEAD"]:
        stat = path.lstat()
        if path.is_symlink():
            content = os.fsencode(path.readlink())
        else:
            content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (stat.st_mode, hashlib.sha256(content).hexdigest())
    return found


def saved(tree: Path) -> str:
    """The snapshot, once it is sure that it left everything as it was."""
    before = state(tree)
    commit = snapshot(tree, "work that was uncommitted")
    assert state(tree) == before
    assert commit is not None
    return commit


def test_a_snapshot_holds_what_was_changed_made_and_deleted(repo: Repo, tree: Path) -> None:
    (tree / "b").write_text("changed")
    (tree / "c").unlink()
    (tree / "new dir").mkdir()
    (tree / "new dir/ü").write_text("new")
    (tree / "staged").write_text("staged")
    (tree / "x.o").write_text("ignored")
    Git(tree)("add", "staged")
    commit = saved(tree)
    assert repo.files(commit) == {
        ".gitignore": "*.o", "README.md": "# A project", "b": "changed", "new dir/ü": "new",
        "staged": "staged", "sub/a": "1",
    }  # fmt: skip
    assert repo.head(f"{commit}^^") == repo.head("side")
    subjects = repo.git("log", "-2", "--format=%s", commit).splitlines()
    assert subjects == ["work that was uncommitted", "work that was uncommitted (staged)"]


def test_what_is_staged_and_gone_from_the_files_is_kept_below(repo: Repo, tree: Path) -> None:
    (tree / "precious.o").write_text("ignored, and added by force")
    (tree / "g").write_text("staged, and removed")
    Git(tree)("add", "--force", "precious.o", "g")
    (tree / "g").unlink()
    commit = saved(tree)
    assert repo.files(commit)["precious.o"] == "ignored, and added by force"
    assert repo.files(f"{commit}^")["g"] == "staged, and removed"


def test_links_and_modes_are_kept(repo: Repo, tree: Path) -> None:
    (tree / "b").chmod(0o755)
    (tree / "link").symlink_to("nowhere")
    modes = {
        line.split("\t")[1]: line.split()[0]
        for line in repo.git("ls-tree", saved(tree)).splitlines()
    }
    assert (modes["b"], modes["c"], modes["link"]) == ("100755", "100644", "120000")


def test_a_clean_worktree_is_its_own_commit(repo: Repo, tree: Path) -> None:
    (tree / "b").touch()
    assert saved(tree) == repo.head("side")


def test_a_detached_worktree_is_saved_on_its_own_commit(repo: Repo, tree: Path) -> None:
    Git(tree)("checkout", "--quiet", "--detach", "HEAD~1")
    (tree / "new").write_text("x")
    assert repo.head(f"{saved(tree)}^") == repo.head("side~1")


def test_an_unfinished_merge_is_saved_as_it_lies(repo: Repo, tree: Path) -> None:
    git = Git(tree)
    (tree / "b").write_text("ours\n")
    git("commit", "--quiet", "-am", "ours")
    theirs = repo.commit({"b": "theirs\n"})
    assert git.result("merge", theirs).returncode == 1
    commit = saved(tree)
    assert repo.git("show", f"{commit}:b").startswith("<<<<<<<")


def test_before_the_first_commit_all_files_are_saved_on_none(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / "a").write_text("1")
    commit = snapshot(tmp_path, "first")
    assert commit is not None
    assert Repo(tmp_path).files(commit) == {"a": "1"}
    assert Repo(tmp_path).git("rev-list", "--count", commit) == "1"
    assert commit_of(Git(tmp_path), "HEAD") is None


def test_files_outside_of_a_sparse_checkout_are_not_taken_for_deleted(
    repo: Repo, tree: Path
) -> None:
    Git(tree)("sparse-checkout", "set", "sub")
    (tree / "sub/a").write_text("changed")
    assert repo.files(saved(tree)) == {**repo.files("side"), "sub/a": "changed"}


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15
)
@given(
    st.dictionaries(
        st.sampled_from(["b", "c", "sub/a", "sub/new", "n e w", "z/y/x"]),
        st.none() | st.binary(max_size=20),
    )
)
def test_any_work_is_saved_byte_for_byte(
    repo: Repo, tree: Path, work: dict[str, bytes | None]
) -> None:
    for name, content in work.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).unlink(missing_ok=True)
        if content is not None:
            (tree / name).write_bytes(content)
    commit = saved(tree)
    for name, content in work.items():
        shown = subprocess.run(
            ["git", "show", f"{commit}:{name}"], cwd=tree, capture_output=True, check=False
        )
        assert (shown.stdout if shown.returncode == 0 else None) == content


def test_a_pin_keeps_a_commit_and_is_never_moved(repo: Repo, tree: Path) -> None:
    (tree / "new").write_text("x")
    commit = saved(tree)
    git = Git(repo.path / ".git")
    pin(git, "refs/mc/salvage/one/1", commit)
    repo.git("gc", "--quiet", "--prune=now")
    assert repo.git("show", "refs/mc/salvage/one/1:new") == "x"
    with pytest.raises(FileExistsError, match="refs/mc/salvage/one/1"):
        pin(git, "refs/mc/salvage/one/1", repo.head())
    assert commit_of(git, "refs/mc/salvage/one/1") == commit
