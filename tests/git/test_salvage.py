"""Salvage: what is pinned stays, and can be read back."""

from __future__ import annotations

from itertools import count

from gitmc.git import salvage
from gitmc.git.run import Git
from tests.support.world import Repo


def test_a_pin_keeps_a_commit_and_is_never_moved(repo: Repo) -> None:
    git = Git(repo.path / ".git")
    tree = salvage.tree_of(git, {"new": b"x", "git/a b": b""}, [repo.head("HEAD:README.md")])
    commit = salvage.commit(git, tree, [], "kept\n")

    def pin() -> str:
        return salvage.pin(git, (f"refs/mc/salvage/one/{n}" for n in count()), commit)

    assert pin() == "refs/mc/salvage/one/0"
    assert pin() == "refs/mc/salvage/one/1"
    repo.git("gc", "--quiet", "--prune=now")
    assert salvage.files_of(git, commit) == {"new": b"x", "git/a b": b""}
    assert repo.git("show", f"{commit}:blobs/{repo.head('HEAD:README.md')}") == "# A project"
    found = salvage.pinned(git, "refs/mc/salvage")
    assert found == [(f"refs/mc/salvage/one/{n}", commit, "kept\n") for n in (0, 1)]


def test_nobody_need_be_known_to_git(repo: Repo) -> None:
    git = Git(repo.path / ".git")
    nobody = {f"GIT_{role}_{key}": "" for role in ("AUTHOR", "COMMITTER") for key in ("NAME",)}
    git = git.with_environment(**nobody, GIT_AUTHOR_EMAIL="", GIT_COMMITTER_EMAIL="")
    commit = salvage.commit(git, repo.head("HEAD^{tree}"), [], "kept\n")
    assert repo.git("show", "--no-patch", "--format=%an, %cn", commit) == "git mc, git mc"


def test_only_what_head_does_not_hold_is_pinned_beside_it(repo: Repo) -> None:
    git = Git(repo.path / ".git")
    first = repo.head()
    second = repo.commit({"a": "1"})
    third = repo.commit({"a": "2"})
    assert salvage.beyond(git, second, [first, second]) == []
    assert salvage.beyond(git, first, [second, third, first]) == [third]
    assert salvage.beyond(git, None, [second, third]) == [third]
