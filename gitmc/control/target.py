"""Moving a target: one compare-and-swap, and whoever has it checked out is brought along.

A target that is checked out nowhere is a ref that moves. One that is checked out, in the main or a
linked worktree, is moved there by git, which takes the index first, runs hooks and filters, and
refuses as a whole where that would touch what is modified or untracked. Two things are refused
beforehand: a target that a rebase is about to move, and one that two worktrees have checked out,
of which the other would seem to take back what has landed.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from gitmc.control.mission import Mission
from gitmc.errors import CommandFailed, Fatal, Refused
from gitmc.git import refs, worktree
from gitmc.git.run import Git
from gitmc.tmux.process import running, wait_gone

DAY = 86400.0


def check(mission: Mission, target: str) -> Path | None:
    """The worktree that has `target` checked out, if one has.

    Raises Refused where `target` cannot be moved now, whatever it is to be moved to.
    """
    for own, place in _worktrees(mission):
        for folder in ("rebase-merge", "rebase-apply"):
            head = own / folder / "head-name"
            if head.is_file() and head.read_bytes().strip() == f"refs/heads/{target}".encode():
                raise Refused(
                    f"'{target}' is being rebased in {place}, which will move it",
                    hint=shlex.join(["git", "-C", str(place), "rebase", "--continue"])
                    + ", or --abort",
                )
    listed = worktree.listed(mission.git)
    homes = [tree.path for tree in listed if tree.branch == target and tree.path.exists()]
    if len(homes) > 1:
        raise Refused(
            f"'{target}' is checked out in several worktrees: {', '.join(map(str, homes))}",
            hint=shlex.join(["git", "-C", str(homes[-1]), "switch", "--detach"]),
        )
    return homes[0] if homes else None


def advance(mission: Mission, target: str, expected: str, commit: str, why: str) -> bool:
    """Move `target` from `expected` to `commit`, which contains it.

    False where it is no longer there. Raises Refused where it is checked out and git will not
    update it, and Fatal where git says that it did and did not; nothing has moved then.
    """
    home = check(mission, target)
    if home is None:
        return refs.swap(mission.git, f"refs/heads/{target}", commit, expected, why)
    # `git merge` reads the index before it locks it: two at once in one worktree would leave the
    # index without what the first one brought.
    with mission.store.worktrees_locked():
        return _update(mission, target, expected, commit, home, why)


def others(commit: str) -> list[tuple[int, str]]:
    """The gits, with their start, that are about to move a branch to `commit`, as one still is
    whose starter was killed."""
    return [*running("git", "merge", commit), *running("git", "update-ref", commit)]


def await_others(commit: str) -> None:
    """Return once no git is about to move a branch to `commit`."""
    for pid, start in others(commit):
        while not wait_gone(pid, start, "", DAY):
            continue


def _worktrees(mission: Mission) -> Iterator[tuple[Path, Path]]:
    """The git directory of every worktree, and where it is."""
    yield mission.repo.common_dir, mission.main_worktree
    for own in (mission.repo.common_dir / "worktrees").glob("*"):
        yield own, worktree.place(own) or own


def _update(
    mission: Mission, target: str, expected: str, commit: str, home: Path, why: str
) -> bool:
    if refs.branch_tip(mission.git, target) != expected:
        return False
    git = Git(home).with_environment(GIT_REFLOG_ACTION=why)
    try:
        git("merge", "--ff-only", "--no-overwrite-ignore", "--quiet", commit)
    except CommandFailed as failed:
        if refs.branch_tip(mission.git, target) != expected:
            return False
        raise Refused(
            f"'{target}' is checked out in {home}, and git will not update it there: "
            + failed.stderr.strip(),
            hint=f"commit or stash what is in the way in {home}, then try again",
        ) from failed
    tip = refs.branch_tip(mission.git, target)
    if tip is None or not refs.is_ancestor(mission.git, commit, tip):
        raise Fatal(
            f"git reported success, but '{target}' does not contain {commit}",
            hint="another branch was checked out there at that moment; nothing is lost, try again",
        )
    return True
