"""Repositories that libgit2 does not see as git does are left to git, and it is told why."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gitmc.git.merge import Merger
from gitmc.git.reasons import opened
from gitmc.git.run import Git
from tests.support.world import Repo


def sides(repo: Repo) -> tuple[str, str]:
    """Two commits that libgit2 merges wherever it may."""
    root = repo.head()
    ours = repo.commit({"b": "2\n"})
    repo.git("checkout", "--quiet", "--detach", root)
    return ours, repo.commit({"c": "3\n"})


def left_to_git(repo: Repo, reason: str) -> None:
    """Make sure that git merges here, and that `reason` is why."""
    ours, theirs = sides(repo)
    merger = Merger(Git(repo.path), repo.path / ".git")
    assert (merger.reason, opened(repo.path / ".git")[1]) == (reason, reason)
    outcome = merger.merge(ours, theirs)
    assert (outcome.engine, outcome.tree) == (
        "git", repo.git("merge-tree", "--write-tree", ours, theirs)
    )  # fmt: skip
    assert merger.merge_trees(f"{ours}^", ours, theirs) == outcome
    assert merger.clashes(ours, theirs) == ()


def clone(repo: Repo, place: Path, *options: str) -> Repo:
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("clone", "--quiet", *options, f"file://{repo.path}", str(place))
    return Repo(place)


def test_an_ordinary_repository_needs_git_for_what_is_doubtful_only(repo: Repo) -> None:
    repo.git("pack-refs", "--all")
    ours, theirs = sides(repo)
    merger = Merger(Git(repo.path), repo.path / ".git")
    assert (merger.reason, merger.merge(ours, theirs).engine) == (None, "libgit2")


def test_a_linked_worktree_is_an_ordinary_repository(repo: Repo, tmp_path: Path) -> None:
    repo.git("config", "extensions.worktreeConfig", "true")
    repo.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    ours, theirs = sides(repo)
    merger = Merger(Git(tmp_path / "linked"), repo.path / ".git")
    assert merger.merge(ours, theirs).engine == "libgit2"


def test_a_shallow_clone(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a": "1"})
    left_to_git(clone(repo, tmp_path / "clone", "--depth=1"), "it is a shallow clone")


@pytest.mark.parametrize("filtered", ["blob:none", "tree:0"])
def test_a_partial_clone(repo: Repo, tmp_path: Path, filtered: str) -> None:
    for number in range(3):
        repo.commit({f"d{number}/f": f"{number}\n", "a": f"{number}\n"})
    partial = clone(repo, tmp_path / "clone", f"--filter={filtered}")
    left_to_git(partial, "it is a partial clone")


def test_a_treeless_clone_merges_what_it_has_not_got(repo: Repo, tmp_path: Path) -> None:
    root = repo.commit({"d/f": "1\n", "e/f": "1\n"})
    ours = repo.commit({"d/f": "2\n"})
    repo.git("branch", "ours")
    repo.git("checkout", "--quiet", "-b", "theirs", root)
    theirs = repo.commit({"e/f": "2\n"})
    bare = clone(repo, tmp_path / "clone", "--filter=tree:0", "--no-checkout")
    outcome = Merger(Git(bare.path), bare.path / ".git").merge(ours, theirs)
    assert (outcome.engine, bare.files(outcome.tree or "")) == (
        "git", {"README.md": "# A project", "d/f": "2", "e/f": "2"}
    )  # fmt: skip


def test_objects_that_are_missing_leave_it_to_git(repo: Repo, tmp_path: Path) -> None:
    """A clone that nobody knows to be partial: git says what is missing."""
    ours, theirs = sides(repo)
    tree = repo.head(f"{theirs}^{{tree}}")
    (repo.path / ".git/objects" / tree[:2] / tree[2:]).unlink()
    merger = Merger(Git(repo.path), repo.path / ".git")
    with pytest.raises(Exception, match=r"merge-tree .* failed"):
        merger.merge(ours, theirs)


def test_names_by_sha256(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--object-format=sha256", tmp_path], check=True)
    repo = Repo(tmp_path)
    repo.commit({"a": "1"})
    reason = opened(tmp_path / ".git")[1]
    assert reason is not None
    assert "object format" in reason or "SHA-1" in reason
    left_to_git(repo, reason)


def test_refs_in_a_reftable(repo: Repo) -> None:
    repo.git("config", "core.repositoryFormatVersion", "1")
    config = repo.path / ".git/config"
    config.write_text(config.read_text() + "[extensions]\n\trefStorage = reftable\n")
    reason = opened(repo.path / ".git")[1]
    assert reason is not None
    assert "refstorage" in reason or "refs" in reason
    (repo.path / ".git/reftable").mkdir()
    assert opened(repo.path / ".git")[1] == "it keeps its refs in a reftable"


@pytest.mark.parametrize("packed", [False, True])
def test_replaced_objects(repo: Repo, packed: bool) -> None:
    ours, theirs = sides(repo)
    repo.git("checkout", "--quiet", "--detach", f"{theirs}^")
    other = repo.commit({"c": "other\n"})
    repo.git("replace", theirs, other)
    if packed:
        repo.git("pack-refs", "--all")
    merger = Merger(Git(repo.path), repo.path / ".git")
    assert merger.reason == "it has replaced objects"
    outcome = merger.merge(ours, theirs)
    assert outcome.engine == "git"
    assert repo.files(outcome.tree or "")["c"] == "other"


def test_replaced_objects_that_are_kept_elsewhere(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_REPLACE_REF_BASE", "refs/elsewhere/")
    left_to_git(repo, "GIT_REPLACE_REF_BASE is set")


def test_grafts(repo: Repo) -> None:
    ours, theirs = sides(repo)
    cut = repo.git("commit-tree", "-m", "cut", f"{ours}^^{{tree}}")
    (repo.path / ".git/info").mkdir(exist_ok=True)
    (repo.path / ".git/info/grafts").write_text(f"{theirs} {cut}\n{ours} {cut}\n")
    left_to_git(repo, "it has grafts")


def turned_on(key: str, value: str | None) -> Callable[[Repo], None]:
    def set_it(repo: Repo) -> None:
        section, _, name = key.partition(".")
        line = name if value is None else f"{name} = {value}"
        with (repo.path / ".git/config").open("a") as config:
            config.write(f"[{section}]\n\t{line}\n")

    return set_it


@pytest.mark.parametrize("value", ["group", "0660", "all", None])
def test_a_shared_repository(repo: Repo, value: str | None) -> None:
    turned_on("core.sharedRepository", value)(repo)
    left_to_git(repo, "it is shared, and libgit2 would lock the others out")


def test_the_last_word_of_the_settings_counts(repo: Repo) -> None:
    turned_on("core.sharedRepository", "group")(repo)
    turned_on("core.sharedRepository", "umask")(repo)
    turned_on("user.name", "\udcff\udcfe")
    repo.git("config", "--add", "user.nickname", "\udcff")
    assert opened(repo.path / ".git")[1] is None


def test_what_is_no_repository_says_so(tmp_path: Path) -> None:
    reason = opened(tmp_path)[1]
    assert reason is not None
    assert reason.startswith("libgit2 cannot read it: ")
