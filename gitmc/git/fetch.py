"""Fetching one branch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from gitmc.git.refs import NOTHING, swap
from gitmc.git.run import Git


class Source(NamedTuple):
    """A branch of a remote."""

    remote: str
    branch: str

    def __str__(self) -> str:
        return f"{self.remote}/{self.branch}"


def upstream(git: Git, branch: str) -> Source:
    """Where the local `branch` is fetched from: as configured, else its namesake at origin."""
    remote = git.answer("config", "--get", f"branch.{branch}.remote") or "origin"
    theirs = git.answer("config", "--get", f"branch.{branch}.merge") or branch
    return Source(remote, theirs.removeprefix("refs/heads/"))


@contextmanager
def fetched(git: Git, source: Source, ref: str, *, tracking: bool) -> Iterator[str]:
    """The commit that the branch has there now, kept as `ref` meanwhile.

    With `tracking`, the remote-tracking branches are brought up to date as well. Raises
    CommandFailed with git's own words.
    """
    words = [] if tracking else ["--refmap="]
    branch = f"+refs/heads/{source.branch}:{ref}"
    git("fetch", "--quiet", "--no-write-fetch-head", *words, "--", source.remote, branch)
    commit = git("rev-parse", "--verify", f"{ref}^{{commit}}")
    try:
        yield commit
    finally:
        swap(git, ref, NOTHING, commit, "mc sync")
