"""Commits made in memory, signed where the repository's settings say so."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

from gitmc.errors import Fatal, Refused
from gitmc.git.inprocess import InProcess
from gitmc.git.run import Git, failure


class Commit(NamedTuple):
    """What of a commit is its author's, byte for byte, and where it stands.

    `author` is the whole line: name, mail, seconds and zone. Other headers, such as signatures, are
    of that one commit only.
    """

    tree: str
    parents: tuple[str, ...]
    author: bytes
    message: bytes
    encoding: bytes | None = None
    """The encoding of all the rest, where that is not UTF-8."""


def read(git: Git, names: Sequence[str]) -> list[Commit]:
    """The commits with these full names, in one call. Raises Fatal for one that is not there."""
    argv = ("cat-file", "--batch")
    done = git.result(*argv, stdin="".join(f"{name}\n" for name in names).encode())
    if done.returncode != 0:
        raise failure(("git", *argv), done.returncode, done.stderr)
    found, rest = [], done.stdout
    for name in names:
        line, _, rest = rest.partition(b"\n")
        words = line.split()
        if words[1:2] != [b"commit"]:
            raise Fatal(f"the commit {name} is missing in this repository")
        size = int(words[2])
        found.append(_parsed(rest[:size]))
        rest = rest[size + 1 :]
    return found


def _parsed(raw: bytes) -> Commit:
    head, _, message = raw.partition(b"\n\n")
    pairs = [line.partition(b" ")[::2] for line in head.split(b"\n") if line[:1] != b" "]
    values = dict(pairs)
    parents = tuple(value.decode() for key, value in pairs if key == b"parent")
    tree, author = values[b"tree"].decode(), values[b"author"]
    return Commit(tree, parents, author, message, values.get(b"encoding"))


class Writer:
    """Writes commits of others anew: theirs as they are, committed by the user, now."""

    def __init__(self, git: Git) -> None:
        self._git = git

    @cached_property
    def _committer(self) -> bytes:
        return os.fsencode(self._git("var", "GIT_COMMITTER_IDENT"))

    @cached_property
    def _signing(self) -> list[str]:
        return _signing(self._git)

    def write(self, commit: Commit) -> str:
        """Write `commit`; its name. Raises CommandFailed where git cannot sign it."""
        committer = _encoded(self._committer, commit.encoding)
        if self._signing:
            return self._sign(commit, committer)
        lines = [f"tree {commit.tree}".encode()]
        lines += [f"parent {parent}".encode() for parent in commit.parents]
        lines += [b"author " + commit.author, b"committer " + committer]
        lines += [b"encoding " + commit.encoding] if commit.encoding else []
        raw = b"\n".join(lines) + b"\n\n" + commit.message
        return self._git("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw)

    def _sign(self, commit: Commit, committer: bytes) -> str:
        who = _variables("AUTHOR", commit.author) | _variables("COMMITTER", committer)
        encoding = os.fsdecode(commit.encoding or b"UTF-8")
        words = ["-c", f"i18n.commitEncoding={encoding}", "commit-tree", *self._signing]
        words += [word for parent in commit.parents for word in ("-p", parent)]
        git = self._git.with_environment(**who)
        return git(*words, "-F", "-", commit.tree, stdin=commit.message)


def _encoded(line: bytes, encoding: bytes | None) -> bytes:
    """The user's name, which git has in UTF-8, as a commit of another encoding needs it."""
    if encoding is None or line.isascii():
        return line
    try:
        made = line.decode().encode(os.fsdecode(encoding))
    except (UnicodeError, LookupError):
        return line
    return line if b"\0" in made else made


def _variables(role: str, line: bytes) -> dict[str, str]:
    found = re.fullmatch(rb"(.*?) ?<(.*)> (-?\d+ [+-]\d+)", line)
    if found is None:
        raise Refused(
            f"git cannot sign a commit again whose {role.lower()} is {os.fsdecode(line)!r}",
            hint="git -c commit.gpgSign=false mc …",
        )
    name, mail, date = map(os.fsdecode, found.groups())
    return {
        f"GIT_{role}_NAME": name,
        f"GIT_{role}_EMAIL": mail,
        f"GIT_{role}_DATE": f"@{date}",
    }


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
