"""Moving the uncommitted changes of a worktree into a new job.

    TAKE   all of the worktree is written down as two trees, and nothing is changed
    PUT    the job's worktree gets the same files and the same index, merged onto its own commit
    LEAVE  once the agent runs, what was changed is moved aside, and HEAD's own files come back

Until LEAVE, a failure leaves the changes where they are. LEAVE renames files, so that whatever
somebody writes meanwhile is in one place or the other; what is not as it was taken stays aside, and
is told.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from gitmc.control.mission import Mission
from gitmc.errors import Conflict, Fatal, McError, Refused
from gitmc.git import snapshot
from gitmc.git.merge import Merged, Merger
from gitmc.git.refs import commit_of
from gitmc.git.run import Git
from gitmc.git.snapshot import Snapshot
from gitmc.model.job import Job

GITLINK = "160000"


def take(mission: Mission) -> Snapshot:
    """The changes of the worktree we stand in. Raises Refused for none, or for what cannot move."""
    path = mission.repo.top
    if not snapshot.changes(path):
        raise Refused(
            "there are no uncommitted changes to move into the job",
            hint="leave out --with-changes",
        )
    seen = snapshot.take(path)
    if any(mark.startswith("unmerged ") for mark in seen.marks):
        raise Refused(
            "the changes have unresolved conflicts, and cannot be moved",
            hint="resolve them first, or leave out --with-changes",
        )
    inner = [name for name, modes in _changed(Git(path), seen).items() if GITLINK in modes]
    if inner:
        raise Refused(
            f"a repository of its own is among the changes: {', '.join(inner[:3])}",
            hint="commit or undo that first, or leave out --with-changes",
        )
    return seen


def _changed(git: Git, seen: Snapshot) -> dict[str, tuple[str, str]]:
    """The paths that differ from the commit below, with their modes there and now."""
    below = seen.head or git("mktree", stdin=b"")
    printed = git("diff-tree", "-r", "-z", "--no-renames", below, seen.files).split("\0")
    facts = (fact.lstrip(":").split(" ") for fact in printed[:-1:2])
    return {name: (old, new) for name, (old, new, *_) in zip(printed[1::2], facts, strict=True)}


def put(mission: Mission, seen: Snapshot, job: Job) -> None:
    """Put the changes into the job's new worktree. Raises Conflict where they do not fit there."""
    path = Path(job.worktree)
    onto = commit_of(Git(path), "HEAD")
    if onto == seen.head or onto is None or seen.head is None:
        snapshot.put(path, seen.files, seen.staged, seen.marks)
        return
    merged = _merged(mission, seen.head, seen.files, onto)
    if merged.tree is None:
        raise Conflict(
            f"the changes conflict with '{job.branch}' in {', '.join(map(str, merged.conflicts))}",
            merged.conflicts,
            hint="launch from the commit that they were made on: leave out --base",
        )
    # What is staged may conflict where all changes together do not; then nothing is staged.
    staged = _merged(mission, seen.head, seen.staged, onto).tree
    snapshot.put(path, merged.tree, staged or f"{onto}^{{tree}}")


def _merged(mission: Mission, head: str, tree: str, onto: str) -> Merged:
    """What becomes of `onto` if it gets the changes from `head` to `tree`, and no commits."""
    merger = Merger(Git(mission.repo.top), mission.repo.common_dir)
    return merger.merge_trees(head, onto, tree)


def leave(mission: Mission, seen: Snapshot, job: Job) -> McError | None:
    """Take the changes out of the worktree we stand in; what is in the way of that, if anything."""
    path = mission.repo.top
    git = Git(path)
    aside = mission.store.root / "run" / f"moved-{job.name}-{os.getpid()}"
    changed = _changed(git, seen)
    try:
        for name in changed:
            if os.path.lexists(path / name):
                target = aside / name
                target.parent.mkdir(parents=True, exist_ok=True)
                (path / name).rename(target)
                with suppress(OSError):  # a folder that has other files too
                    (path / name).parent.rmdir()
        _come_back(git, seen)
    except (OSError, McError) as fault:
        return _left(aside, str(fault))
    others = [name for name in changed if not _same(git, seen, aside / name, name)]
    if others:
        return _left(aside, f"somebody changed {', '.join(others[:3])} meanwhile")
    shutil.rmtree(aside, ignore_errors=True)
    return None


def _come_back(git: Git, seen: Snapshot) -> None:
    git("read-tree", "--reset", seen.head or git("mktree", stdin=b""))
    # Without --force: what somebody has made there in this moment is left alone.
    git("checkout-index", "--all", "--quiet")
    git.result("update-index", "-q", "--refresh")


def _same(git: Git, seen: Snapshot, file: Path, name: str) -> bool:
    """Whether the file, which was moved aside, is what was taken."""
    taken = git.result("rev-parse", "--verify", "--quiet", f"{seen.files}:{name}")
    if not os.path.lexists(file):
        return taken.returncode != 0
    if file.is_symlink():
        content = os.fsencode(file.readlink())
        now = git("hash-object", "--stdin", stdin=content)
    else:
        now = git("hash-object", f"--path={name}", "--", str(file))
        raw = git("hash-object", "--no-filters", "--", str(file))
        if f"raw {raw} {name}" in seen.marks:
            return True
    return taken.stdout.decode().strip() == now


def _left(aside: Path, why: str) -> McError:
    return Fatal(
        f"the changes are in the job, and not all of them could be taken out here: {why}",
        hint=f"git status; what was here is in {aside}",
    )
