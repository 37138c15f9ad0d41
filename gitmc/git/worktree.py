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
    locked: bool = False
    """Whether `git worktree lock` protects it."""


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
                    "locked" in lines,
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


def forget(git: Git, path: Path) -> None:
    """Take the worktree at `path` off git's list, if its folder is missing."""
    if not path.exists() and any(tree.path == path for tree in listed(git)):
        remove(git, path, force=True)


def own_git_dir(path: Path, common_dir: Path) -> Path | None:
    """The git directory of the worktree at `path`, where that is one of this repository's."""
    if not (path / ".git").is_file():
        return None
    asked = ["--path-format=absolute", "--git-common-dir", "--mc", "--absolute-git-dir"]
    found = Git(path).result("rev-parse", *asked, "--mc", "--show-toplevel")
    answers = os.fsdecode(found.stdout).removesuffix("\n").split("\n--mc\n")
    if found.returncode != 0 or Path(answers[0]).resolve() != common_dir.resolve():
        return None
    return Path(answers[1]) if Path(answers[2]) == path else None


def registered(common_dir: Path, path: Path) -> Path | None:
    """The git directory of the worktree that git knows at `path`, be it there or not."""
    entries = common_dir / "worktrees"
    for own in sorted(entries.iterdir()) if entries.is_dir() else []:
        if place(own) == path:
            return own
    return None


def place(own: Path) -> Path | None:
    """Where the worktree with the git directory `own` is, or was when git last knew."""
    try:
        written = os.fsdecode((own / "gitdir").read_bytes()).removesuffix("\n")
    except OSError:
        return None
    return Path(os.path.normpath(own / written)).parent


def git_dir(path: Path) -> Path:
    """The git directory that the linked worktree at `path` names."""
    written = os.fsdecode((path / ".git").read_bytes())
    return path / written.removeprefix("gitdir: ").removesuffix("\n")


def standing(path: Path) -> tuple[str | None, list[str]]:
    """The commit at which the worktree at `path` is detached, and what differs from it.

    None for the commit where HEAD is a branch.
    """
    heads, left = _status(path)
    return heads.get("branch.oid") if heads.get("branch.head") == "(detached)" else None, left


def is_clean_at(path: Path, commit: str) -> bool:
    """Whether the worktree at `path` is at `commit`, on whatever branch, and nothing differs."""
    heads, left = _status(path)
    return heads.get("branch.oid") == commit and not left


def _status(path: Path) -> tuple[dict[str, str], list[str]]:
    git = Git(path).with_environment(GIT_OPTIONAL_LOCKS="0")
    printed = git("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all")
    words = [word for word in printed.split("\0") if word]
    heads = dict(w.removeprefix("# ").split(" ", 1) for w in words if w.startswith("# "))
    return heads, [word for word in words if not word.startswith("# ")]


def uncommitted(path: Path, git: Git | None = None) -> list[str]:
    """The paths in the worktree at `path` that differ from its commit, untracked ones included.

    `git` may be one that uses another index.
    """
    # Without optional locks: refreshing the index would meet the agent's own use of it.
    git = (git or Git(path)).with_environment(GIT_OPTIONAL_LOCKS="0")
    options = ["--porcelain", "-z", "--untracked-files=all", "--no-renames"]
    printed = git(
        "-c", "core.fsmonitor=false", "status", *options, "--ignore-submodules=none"
    )  # fmt: skip
    return [entry[3:] for entry in printed.split("\0") if entry]
