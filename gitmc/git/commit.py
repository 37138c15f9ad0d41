"""Commits made in memory, signed where the repository's settings say so."""

from __future__ import annotations

from collections.abc import Sequence

from gitmc.git.run import Git


def make(git: Git, tree: str, parents: Sequence[str], message: str) -> str:
    """A new commit of `tree`, by the user as git knows him."""
    parent = [word for commit in parents for word in ("-p", commit)]
    stdin = (message.rstrip() + "\n").encode("utf-8", "surrogateescape")
    return git("commit-tree", *_signing(git), *parent, "-F", "-", tree, stdin=stdin)


def _signing(git: Git) -> list[str]:
    # `git commit-tree` alone does not look at this setting.
    signed = git.answer("config", "--type=bool", "--get", "commit.gpgsign") == "true"
    return ["-S"] if signed else []


def with_trailer(git: Git, message: str, trailer: str) -> str:
    """`message` with `trailer`, such as "Mc-Job: one", unless it has that very one already."""
    options = ["--if-exists", "addIfDifferent", "--trailer", trailer]
    stdin = (message.rstrip() + "\n").encode("utf-8", "surrogateescape")
    return git("interpret-trailers", *options, stdin=stdin)
