"""The files of a commit, read without a checkout. Paths may have any character but a newline."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from gitmc.git.run import Git, failure


def top(git: Git, commit: str) -> dict[str, str]:
    """By name: the objects at the top of `commit`."""
    lines = git("ls-tree", "-z", commit).split("\0")
    pairs = (line.partition("\t") for line in lines if line)
    return {name: words.rpartition(" ")[2] for words, _, name in pairs}


def below(git: Git, commit: str, folders: Collection[str]) -> list[str]:
    """The paths of all files in `folders` of `commit`."""
    if not folders:
        return []
    asked = ["ls-tree", "-r", "-z", "--name-only", commit, "--", *(f"{f}/" for f in folders)]
    return [path for path in git(*asked).split("\0") if path]


def ids(git: Git, commit: str, paths: Sequence[str]) -> dict[str, str]:
    """The objects at those of `paths` that are in `commit`."""
    if not paths:
        return {}
    lines = git("cat-file", "--batch-check=%(objectname)", stdin=_asked(commit, paths)).split("\n")
    return {path: line for path, line in zip(paths, lines, strict=True) if " " not in line}


def texts(git: Git, commit: str, paths: Sequence[str]) -> dict[str, bytes | None]:
    """The content of those of `paths` that are in `commit`; None where one is not a file there.

    Links are followed as long as they stay in the commit.
    """
    if not paths:
        return {}
    argv = ("cat-file", "--batch=%(objecttype) %(objectsize)", "--follow-symlinks")
    done = git.result(*argv, stdin=_asked(commit, paths))
    if done.returncode != 0:
        raise failure(("git", *argv), done.returncode, done.stderr)
    found: dict[str, bytes | None] = {}
    left = done.stdout
    for path in paths:
        line, _, left = left.partition(b"\n")
        kind, _, size = line.rpartition(b" ")
        if not size.isdigit():
            continue
        # Of a link that leads nowhere, the kind is `symlink`, `dangling`, `loop` or `notdir`.
        found[path] = left[: int(size)] if kind == b"blob" else None
        left = left[int(size) + 1 :]
    return found


def _asked(commit: str, paths: Sequence[str]) -> bytes:
    return os.fsencode("".join(f"{commit}:{path}\n" for path in paths))
