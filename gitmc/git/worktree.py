"""Worktrees: made, found and removed by git itself.

Callers hold one lock around `add`, `remove` and `prune`: git's own locking does not keep two of
them from meeting half-made files of one another.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from gitmc.errors import CommandFailed
from gitmc.git.refs import NOTHING
from gitmc.git.run import Git


class Worktree(NamedTuple):
    """One line of `git worktree list`. `branch` is without `refs/heads/`; None when detached."""

    path: Path
    head: str | None
    branch: str | None


def listed(git: Git) -> list[Worktree]:
    """All worktrees, the main one first, those whose folder is missing included."""
    found: list[Worktree] = []
    for record in git("worktree", "list", "--porcelain", "-z").split("\0\0"):
        pairs = (line.partition(" ") for line in record.split("\0"))
        lines = {key: value for key, _, value in pairs}
        if "worktree" in lines and "bare" not in lines:
            branch = lines.get("branch")
            found.append(
                Worktree(
                    Path(lines["worktree"]),
                    lines.get("HEAD"),
                    branch.removeprefix("refs/heads/") if branch else None,
                )
            )
    return found


def add(git: Git, path: Path, branch: str, start: str | None) -> None:
    """Add an empty worktree at `path` on `branch`, made at `start` or, without one, existing."""
    made = (
        ["-b", branch, "--no-track", "--", str(path), start] if start else ["--", str(path), branch]
    )
    git("worktree", "add", "--no-checkout", "--quiet", *made)


def add_detached(git: Git, path: Path, commit: str) -> None:
    """Add an empty worktree at `path` with no branch, at `commit`."""
    git("worktree", "add", "--no-checkout", "--quiet", "--detach", "--", str(path), commit)


def fill(path: Path) -> Path:
    """Check out the files of a worktree that `add` made: the long part, which needs no lock.

    These are the two steps that `git worktree add` itself takes after the worktree is registered.
    Returns the worktree's own git directory.
    """
    git = Git(path)
    git("reset", "--hard", "--quiet", "--no-recurse-submodules")
    hooks, own = git("rev-parse", "--git-path", "hooks", "--mc", "--absolute-git-dir").split(
        "\n--mc\n"
    )
    if os.access(path / hooks / "post-checkout", os.X_OK):
        head = git("rev-parse", "HEAD")
        git("hook", "run", "--ignore-missing", "post-checkout", "--", NOTHING, head, "1")
    return Path(own)


def remove(git: Git, path: Path, *, force: bool) -> None:
    """Remove the worktree at `path`; one that is already gone is done. Raises CommandFailed.

    Without `force`, git itself refuses once more where files are modified or untracked.
    """
    if not path.exists():
        force = True  # Nothing is left to lose. `prune` would forget whatever else is away, too.
    try:
        git("worktree", "remove", *(["--force", "--force"] if force else []), "--", str(path))
    except CommandFailed:
        if path.exists() or any(tree.path == path for tree in listed(git)):
            raise


def is_worktree(path: Path) -> bool:
    """Whether `path` is the top of a worktree."""
    if not path.is_dir():
        return False
    found = Git(path).result("rev-parse", "--show-toplevel")
    return found.returncode == 0 and os.fsdecode(found.stdout).removesuffix("\n") == str(path)


def forget(git: Git, path: Path) -> None:
    """Take the worktree at `path` off git's list, if its folder is missing."""
    if not path.exists() and any(tree.path == path for tree in listed(git)):
        remove(git, path, force=True)


def uncommitted(path: Path) -> list[str]:
    """The paths in the worktree at `path` that differ from its commit, untracked ones included."""
    # Without optional locks: refreshing the index would meet the agent's own use of it.
    git = Git(path).with_environment(GIT_OPTIONAL_LOCKS="0")
    printed = git("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames")
    return [entry[3:] for entry in printed.split("\0") if entry]
