"""Snapshots: all of a worktree in two trees, the worktree as it was, and back."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitmc.git.run import Git
from gitmc.git.snapshot import Snapshot, changes, put, take
from gitmc.git.worktree import uncommitted
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


def saved(tree: Path) -> Snapshot:
    """The snapshot, once it is sure that it left everything as it was."""
    before = state(tree)
    seen = take(tree)
    assert state(tree) == before
    return seen


def again(repo: Repo, tree: Path) -> Snapshot:
    """The snapshot, once it is sure that another worktree can be made the same by it."""
    seen = saved(tree)
    other = tree.parent / "other"
    repo.git("worktree", "add", "--quiet", "--detach", str(other), seen.head or "HEAD")
    (other / "untracked before").write_text("stays")
    put(other, seen.files, seen.staged, seen.marks)
    (other / "untracked before").unlink()
    assert take(other) == seen
    assert content(other) == content(tree)
    status = ["status", "--porcelain", "-z", "--untracked-files=all"]
    assert Git(other)(*status) == Git(tree)(*status)
    return seen


def content(tree: Path) -> dict[bytes, tuple[int, bytes]]:
    """Every file but git's own: whether it is a link or may be run, and its bytes."""
    found = {}
    for above, folders, names in os.walk(os.fsencode(tree)):
        for name in [*names, *folders]:
            path = Path(os.fsdecode(above), os.fsdecode(name))
            if path.is_symlink():
                found[os.fsencode(path.relative_to(tree))] = (2, os.fsencode(path.readlink()))
            elif path.is_file() and path != tree / ".git":
                mode = path.stat().st_mode >> 6 & 1
                found[os.fsencode(path.relative_to(tree))] = (mode, path.read_bytes())
    return found


def test_a_snapshot_holds_what_was_changed_made_and_deleted(repo: Repo, tree: Path) -> None:
    (tree / "b").write_text("changed")
    (tree / "c").unlink()
    (tree / "new dir").mkdir()
    (tree / "new dir/ü").write_text("new")
    (tree / "staged").write_text("staged")
    Git(tree)("add", "staged")
    seen = again(repo, tree)
    (tree / "x.o").write_text("ignored")
    assert saved(tree) == seen
    assert repo.files(seen.files) == {
        ".gitignore": "*.o", "README.md": "# A project", "b": "changed", "new dir/ü": "new",
        "staged": "staged", "sub/a": "1",
    }  # fmt: skip
    assert seen.head == repo.head("side")
    assert repo.files(seen.staged) == {**repo.files("side"), "staged": "staged"}


def test_what_is_staged_and_gone_from_the_files_is_kept(repo: Repo, tree: Path) -> None:
    (tree / "precious.o").write_text("ignored, and added by force")
    (tree / "g").write_text("staged, and removed")
    Git(tree)("add", "--force", "precious.o", "g")
    (tree / "g").unlink()
    seen = again(repo, tree)
    assert repo.files(seen.files)["precious.o"] == "ignored, and added by force"
    assert repo.files(seen.staged)["g"] == "staged, and removed"


def test_links_and_modes_are_kept(repo: Repo, tree: Path) -> None:
    (tree / "b").chmod(0o755)
    (tree / "link").symlink_to("nowhere")
    seen = again(repo, tree)
    modes = {
        line.split("\t")[1]: line.split()[0]
        for line in repo.git("ls-tree", seen.files).splitlines()
    }
    assert (modes["b"], modes["c"], modes["link"]) == ("100755", "100644", "120000")


def test_a_clean_worktree_is_its_own_commit(repo: Repo, tree: Path) -> None:
    (tree / "b").touch()
    seen = again(repo, tree)
    assert {seen.files, seen.staged} == {repo.head("side^{tree}")}
    assert (seen.head, seen.marks) == (repo.head("side"), ())


def unfinished_merge(repo: Repo, tree: Path) -> None:
    """A merge with a conflict in `b`, and `c` deleted on one side and changed on the other."""
    git = Git(tree)
    (tree / "b").write_text("ours\n")
    git("rm", "--quiet", "c")
    git("commit", "--quiet", "-am", "ours")
    theirs = repo.commit({"b": "theirs\n", "c": "changed\n"})
    assert git.result("merge", theirs).returncode == 1


def test_an_unfinished_merge_is_saved_as_it_lies(repo: Repo, tree: Path) -> None:
    unfinished_merge(repo, tree)
    before = Git(tree)("ls-files", "--unmerged")
    assert len(before.splitlines()) == 5
    seen = again(repo, tree)
    assert repo.git("show", f"{seen.files}:b").startswith("<<<<<<<")
    assert Git(tree.parent / "other")("ls-files", "--unmerged") == before
    assert len(seen.blobs) == 5


def test_before_the_first_commit_all_files_are_saved(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / "a").write_text("1")
    seen = take(tmp_path)
    assert Repo(tmp_path).files(seen.files) == {"a": "1"}
    assert Repo(tmp_path).files(seen.staged) == {}
    assert seen.head is None


def test_files_outside_of_a_sparse_checkout_are_not_taken_for_deleted(
    repo: Repo, tree: Path
) -> None:
    Git(tree)("sparse-checkout", "set", "sub")
    (tree / "sub/a").write_text("changed")
    (tree / "outside").mkdir()
    (tree / "outside/new").write_text("untracked")
    expected = {**repo.files("side"), "sub/a": "changed", "outside/new": "untracked"}
    assert repo.files(saved(tree).files) == expected


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_what_git_was_told_not_to_look_at_is_seen(repo: Repo, tree: Path, flag: str) -> None:
    Git(tree)("update-index", flag, "b", "c")
    assert changes(tree) == []
    (tree / "b").write_text("changed in secret")
    assert uncommitted(tree) == []
    assert changes(tree) == ["b"]
    seen = again(repo, tree)
    assert repo.files(seen.files)["b"] == "changed in secret"
    assert repo.files(seen.staged)["b"] == "2"


def test_a_submodule_that_git_was_told_to_ignore_is_seen(repo: Repo, tree: Path) -> None:
    modules = '[submodule "s"]\n\tpath = s\n\turl = ./s\n\tignore = all\n'
    (tree / ".gitmodules").write_text(modules)
    git = Git(tree)
    git("add", ".gitmodules")
    git("update-index", "--add", "--cacheinfo", f"160000,{repo.head()},s")
    git("commit", "--quiet", "-m", "a submodule")
    (tree / "s").mkdir(exist_ok=True)
    git("update-index", "--cacheinfo", f"160000,{repo.head('HEAD~1')},s")
    assert changes(tree) == ["s"]


def test_an_announced_file_is_announced_again(repo: Repo, tree: Path) -> None:
    (tree / "b").unlink()
    for name in ("later", "gone", "b/inside"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text("not staged yet")
        Git(tree)("add", "--intent-to-add", name)
    (tree / "gone").unlink()
    (tree / "link").symlink_to("b")
    (tree / "program").touch(0o777)
    Git(tree)("add", "--intent-to-add", "link", "program")
    (tree / "program").unlink()
    shutil.rmtree(tree / "b")
    (tree / "b").write_text("a file again")
    assert again(repo, tree).marks == (
        "intended 100644 b/inside",
        "intended 100644 gone",
        "intended 100644 later",
        "intended 100755 program",
        "intended 120000 link",
    )


def test_bytes_that_a_filter_would_not_give_back_are_kept(repo: Repo, tree: Path) -> None:
    (tree / ".gitattributes").write_text("*.txt text eol=lf\n")
    (tree / "a.txt").write_bytes(b"one\r\ntwo\n")
    seen = again(repo, tree)
    assert repo.git("show", f"{seen.files}:a.txt") == "one\ntwo"
    assert len(seen.blobs) == 1


ODD = [b"new\nline", b"\xff\xfe", b"-rf", b":(top)x", b" ", b"a\tb", "ü".encode(), b'q"\\', b"*"]


def test_odd_names_are_kept(repo: Repo, tree: Path) -> None:
    for name in ODD:
        (tree / os.fsdecode(name)).write_bytes(name)
    names = [os.fsdecode(name) for name in ODD]
    Git(tree)("--literal-pathspecs", "add", "--", *names[:3])
    Git(tree)("--literal-pathspecs", "add", "--intent-to-add", "--", *names[3:6])
    seen = again(repo, tree)
    assert {f"intended 100644 {name}" for name in names[3:6]} == set(seen.marks)


def test_files_and_folders_that_changed_places_are_kept(repo: Repo, tree: Path) -> None:
    (tree / "b").unlink()
    (tree / "b").mkdir()
    (tree / "b/inside").write_text("1")
    shutil.rmtree(tree / "sub")
    (tree / "sub").write_text("a file now")
    Git(tree)("rm", "--quiet", "--cached", "c")
    again(repo, tree)
    assert content(tree)[b"b/inside"] == (0, b"1")


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
    seen = saved(tree)
    for name, content in work.items():
        shown = subprocess.run(
            ["git", "show", f"{seen.files}:{name}"], cwd=tree, capture_output=True, check=False
        )
        assert (shown.stdout if shown.returncode == 0 else None) == content
