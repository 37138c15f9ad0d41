"""Pinning work that is about to be removed, so that it can be found again."""

from __future__ import annotations

import tempfile
from pathlib import Path

from gitmc.git.refs import NOTHING, commit_of, swap
from gitmc.git.run import Git
from gitmc.git.worktree import uncommitted


def snapshot(path: Path, message: str) -> str | None:
    """A commit that holds all of the worktree at `path`, on top of its HEAD.

    Files that git ignores are not in it. Returns HEAD itself where nothing is uncommitted, None
    where there is no commit at all. The worktree and its index stay as they are.
    """
    git = Git(path)
    head = commit_of(git, "HEAD")
    if head is not None and not uncommitted(path):
        return head
    with tempfile.TemporaryDirectory(prefix="git-mc-") as folder:
        aside = git.with_environment(GIT_INDEX_FILE=str(Path(folder, "index")))
        if head is not None:
            aside("read-tree", head)
        aside("add", "--all")
        tree = aside("write-tree")
    parents = ["-p", head] if head is not None else []
    return git("commit-tree", tree, *parents, "-m", message)


def pin(git: Git, ref: str, commit: str) -> None:
    """Keep `commit` under `ref`, which must be new."""
    if not swap(git, ref, commit, NOTHING, "mc salvage"):
        raise FileExistsError(ref)
