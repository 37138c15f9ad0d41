"""Commits made in memory, signed where the repository's settings say so."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property

from gitmc.git.inprocess import InProcess
from gitmc.git.run import Git


class Commits:
    """Makes many commits by one person, all of the moment of the first, without a process for each.

    Git makes them where libgit2 cannot: signed ones, and such as are not in UTF-8.
    """

    def __init__(self, git: Git, in_process: InProcess | None) -> None:
        self._git = git
        self._in_process = in_process

    def make(self, tree: str, parents: Sequence[str], message: str) -> str:
        """A new commit of `tree`, by the user as git knows him."""
        made = None
        if self._in_process and self._ordinary and "\0" not in message:
            lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents), self._identity]
            text = "\n".join([*lines, "", message.rstrip() + "\n"])
            with suppress(UnicodeEncodeError):
                made = self._in_process.commit(text.encode())
        return made or make(self._git, tree, parents, message)

    @cached_property
    def _identity(self) -> str:
        author, committer = (
            self._git("var", f"GIT_{who}_IDENT") for who in ("AUTHOR", "COMMITTER")
        )
        return f"author {author}\ncommitter {committer}"

    @cached_property
    def _ordinary(self) -> bool:
        """Whether commits here have nothing but what all commits have."""
        coding = self._git.answer("config", "--get", "i18n.commitEncoding") or "UTF-8"
        return not _signing(self._git) and coding.lower() in ("utf-8", "utf8")


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
