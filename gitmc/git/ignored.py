"""What git ignores, by its own word."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gitmc.git.run import Git, failure

AT_ONCE = 500
"""Paths that are given to one command as words."""


def ignored(folder: Path, paths: Sequence[str]) -> set[str]:
    """Those of `paths`, relative to the worktree `folder`, that git ignores there."""
    words = ("check-ignore", "-z", "--stdin")
    listed = Git(folder).result(*words, stdin=os.fsencode("\0".join(paths)))
    if listed.returncode not in (0, 1):
        raise failure(("git", *words), listed.returncode, listed.stderr)
    return set(_paths(os.fsdecode(listed.stdout)))


def included(top: Path, patterns: Path) -> list[str]:
    """What git ignores in the worktree at `top` and the file `patterns` of ignore patterns matches.

    A folder is named instead of its files where all of it is meant. Nothing tracked is named.
    """
    git = Git(top)
    listing = ("ls-files", "-z", "--others", "--ignored", f"--exclude-from={patterns}")
    matched = _paths(git(*listing, "--directory"))
    meant = ignored(top, matched) if matched else set()
    # A folder that git does not ignore may hold files that it does.
    open_folders = [path for path in matched if path.endswith("/") and path not in meant]
    for begin in range(0, len(open_folders), AT_ONCE):
        chunk = open_folders[begin : begin + AT_ONCE]
        inside = _paths(git("--literal-pathspecs", *listing, "--", *chunk))
        meant |= ignored(top, inside) if inside else set()
    folders = {path for path in meant if path.endswith("/")}
    return sorted(path.rstrip("/") for path in meant if not _is_below(path, folders))


def everything(top: Path) -> list[str]:
    """All that git ignores in the worktree at `top`; a folder instead of its files, if all are."""
    listing = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    return [path.rstrip("/") for path in _paths(Git(top)(*listing))]


def _paths(printed: str) -> list[str]:
    return [path for path in printed.split("\0") if path]


def _is_below(path: str, folders: set[str]) -> bool:
    parts = path.rstrip("/").split("/")
    return any("/".join(parts[:depth]) + "/" in folders for depth in range(1, len(parts)))
