"""Pinning work that is about to be removed, so that it can be found again."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from gitmc.git.refs import NOTHING, commit_of, swap
from gitmc.git.run import Git
from gitmc.git.worktree import uncommitted


def snapshot(path: Path, message: str) -> str | None:
    """A commit that holds all of the worktree at `path`, on top of its HEAD.

    What is staged and differs from the files comes as a commit below. Files that git ignores, and
    that were never added, are not in it. Returns HEAD itself where nothing is uncommitted, None
    where there is no commit at all. The worktree and its index stay as they are.
    """
    git = Git(path)
    head = commit_of(git, "HEAD")
    if head is not None and not uncommitted(path):
        return head
    parents = ["-p", head] if head is not None else []
    own = Path(git("rev-parse", "--path-format=absolute", "--git-path", "index"))
    with tempfile.TemporaryDirectory(prefix="git-mc-") as folder:
        index = Path(folder, "index")
        aside = git.with_environment(GIT_INDEX_FILE=str(index))
        if own.exists():
            # The index itself: it knows of ignored files that were added by force.
            shutil.copy2(own, index)
        staged = aside.result("write-tree").stdout.decode().strip()
        aside("add", "--all")
        tree = aside("write-tree")
    known = git("rev-parse", f"{head}^{{tree}}") if head is not None else git("mktree", stdin=b"")
    # While paths are unmerged there is no tree of the index.
    if staged and staged not in (tree, known):
        parents = ["-p", git("commit-tree", staged, *parents, "-m", f"{message} (staged)")]
    return git("commit-tree", tree, *parents, "-m", message)


def pin(git: Git, ref: str, commit: str) -> None:
    """Keep `commit` under `ref`, which must be new."""
    if not swap(git, ref, commit, NOTHING, "mc salvage"):
        raise FileExistsError(ref)
