"""Which remote is meant, and what a push replaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitmc.errors import CommandFailed, Refused
from gitmc.git import remote
from gitmc.git.remote import Upstream
from gitmc.git.run import Git
from tests.support.world import Repo


@pytest.fixture
def git(repo: Repo) -> Git:
    return Git(repo.path)


@pytest.fixture
def bare(repo: Repo, tmp_path: Path) -> Repo:
    """A server, which is the remote origin."""
    made = Repo(tmp_path / "o r'i\"g.git")
    repo.git("init", "-q", "--bare", str(made.path))
    repo.git("remote", "add", "origin", str(made.path))
    return made


def test_the_remote_that_is_meant(repo: Repo, git: Git) -> None:
    with pytest.raises(Refused, match="no remote"):
        remote.upstream_of(git, "main")
    repo.git("remote", "add", "one", "/one")
    assert remote.upstream_of(git, "main") == Upstream("one", "main")
    repo.git("remote", "add", "two", "/two")
    with pytest.raises(Refused, match="not clear which remote is meant: one, two"):
        remote.upstream_of(git, "main")
    repo.git("remote", "add", "origin", "/origin")
    assert remote.upstream_of(git, "main") == Upstream("origin", "main")
    repo.git("config", "remote.pushDefault", "two")
    assert remote.upstream_of(git, "main") == Upstream("two", "main")
    repo.git("config", "branch.main.remote", "one")
    assert remote.upstream_of(git, "main") == Upstream("one", "main")
    repo.git("config", "branch.main.merge", "refs/heads/trunk")
    assert remote.upstream_of(git, "main") == Upstream("one", "trunk")
    assert remote.upstream_of(git, "origin/a/b") == Upstream("origin", "a/b")
    repo.git("branch", "origin/a/b")
    assert remote.upstream_of(git, "origin/a/b") == Upstream("two", "origin/a/b")
    # A branch that follows another one here has no remote.
    repo.git("config", "branch.main.remote", ".")
    assert remote.upstream_of(git, "main") == Upstream("two", "main")


def test_a_url_is_told_as_it_is_configured_and_as_it_is_rewritten(repo: Repo, git: Git) -> None:
    repo.git("remote", "add", "origin", "hub:o/r")
    repo.git("config", "url.git@github.com:.insteadOf", "hub:")
    assert remote.urls(git, "origin") == ["hub:o/r", "git@github.com:o/r"]


def test_what_is_there_is_asked_by_whole_names(repo: Repo, git: Git, bare: Repo) -> None:
    assert remote.there(git, "origin", "refs/heads/main") == {}
    repo.git("push", "-q", "origin", "main", "main:a/refs/heads/main")
    found = remote.there(git, "origin", "refs/heads/main")
    assert found["refs/heads/main"] == repo.head()
    with pytest.raises(CommandFailed, match="ls-remote"):
        remote.there(git, "nowhere", "refs/heads/main")


def test_a_push_replaces_only_what_was_expected(repo: Repo, git: Git, bare: Repo) -> None:
    ref = "refs/heads/é\udcff"
    first = repo.head()
    came = remote.push(git, "origin", first, ref, over="")
    assert (came.done, came.new, came.ref) == (True, True, ref)
    second = repo.commit({"a": "1"})
    for expected in ("", second, "1" * 40):
        came = remote.push(git, "origin", second, ref, over=expected)
        assert (came.done, came.new) == (False, False)
        assert "stale info" in came.summary
    assert bare.head(ref) == first
    repo.git("checkout", "-q", "--orphan", "other")
    other = repo.commit({"b": "1"})
    came = remote.push(git, "origin", other, ref, over=first)
    assert (came.done, came.new, bare.head(ref)) == (True, False, other)
    assert remote.push(git, "origin", other, ref, over=other).done


def test_a_server_that_takes_no_options_is_told_from_one_that_refuses(
    repo: Repo, git: Git, bare: Repo
) -> None:
    for answer, refuses in (("false", True), ("true", False)):
        bare.git("config", "receive.advertisePushOptions", answer)
        came = remote.push(git, "origin", repo.head(), "refs/heads/x", over="", options=["a=b"])
        assert (came.takes_no_options, came.done) == (refuses, not refuses)


def test_a_remote_that_cannot_be_reached_is_an_error_without_the_options(
    repo: Repo, git: Git
) -> None:
    repo.git("remote", "add", "gone", "https://me:secret@127.0.0.1:1/o/r")
    with pytest.raises(CommandFailed) as failed:
        remote.push(git, "gone", repo.head(), "refs/heads/x", options=["long=" + "x" * 999])
    assert "127.0.0.1" in failed.value.message
    assert "secret" not in failed.value.message
    assert "xxx" not in failed.value.message


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("fatal: 'https://a:b@h/o' is", "fatal: 'https://h/o' is"),
        ("To ssh://git@h:22/o, https://a%40@h", "To ssh://h:22/o, https://h"),
        ("mail a@b", "mail a@b"),
    ],
)
def test_no_secret_is_shown(said: str, shown: str) -> None:
    assert remote.without_secrets(said) == shown
