"""Moving a branch that is checked out to a commit that is no fast-forward, with its worktree.

Somebody may work there. What is uncommitted comes along, as trees that were merged before; what is
written or committed at that moment is never lost. In this order:

    LOCK    `index.lock` is taken: git commits nothing there until the end
    LOOK    the worktree is compared with what was seen when the trees were merged; git's own lock
            on the branch is taken, which is where it was
    PLAN    what is about to be done is written down beside the index, in `mc-repoint`; what would
            be overwritten in the files is pinned as `refs/worktree/mc-repoint`
    FILES   git updates the files, all of them or, where one has just changed, none
    INDEX   the new index is written into `index.lock`
    MOVE    the branch moves, with its reflog, HEAD's, and ORIG_HEAD at the old commit
    DONE    `index.lock` becomes the index

`mc-repoint` is locked by whoever does this and by the git that updates the files for him, so that a
later one knows whether both are gone. What a kill leaves, and what `mend` makes of it:

    before FILES   branch, index and files as they were, and an index.lock, which `mend` takes away
    before MOVE    branch and index as they were, files that are partly new: `mend` takes back each
                   file that is as it was to become, and leaves alone what has changed since. Where
                   somebody has committed or staged meanwhile, it takes back nothing
    after MOVE     branch and files new, and the new index in `index.lock`: `mend` puts it in place
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from gitmc.errors import CommandFailed, Refused
from gitmc.git import refs
from gitmc.git.run import Git
from gitmc.git.salvage import under_way
from gitmc.git.snapshot import Look, looking, stage, take

PLAN, DRAFT = "mc-repoint", "mc-repoint.index"
PIN = "refs/worktree/mc-repoint"


class Move(NamedTuple):
    """A branch, by its whole name, and where it goes: `files` and `staged` are trees, those of the
    worktree and of its index once it is there."""

    ref: str
    old: str
    new: str
    files: str
    staged: str
    why: str
    """The reflog's message."""


class _Plan(NamedTuple):
    ref: str
    old: str
    new: str
    staged: str
    """The index as it was."""
    files: str
    """The files as they were."""
    after: str


def repoint(look: Look, move: Move) -> bool:
    """Move the branch and its worktree; False, with nothing changed, where it is not as seen.

    Raises Refused where git is at work there, or a file that git ignores is in the way, and
    CommandFailed where git or one of its hooks refuses; then, too, all is as it was.
    """
    git = Git(look.path)
    own = _own(git)
    with _alone(own) as plan:
        _mend(look.path, own, plan)
        _lock(look.path, own)
        try:
            there = git.answer("symbolic-ref", "-q", "HEAD") == move.ref and not under_way(own)
            if not there or not look.holds():
                return False
            _check_way(look.git, look.path, look.seen.files, move.files)
            also = {"ORIG_HEAD": move.old}
            with refs.prepared(git, move.ref, move.new, move.old, move.why, also) as commit:
                if commit is None:
                    return False
                seen = look.seen
                told = _Plan(move.ref, move.old, move.new, seen.staged, seen.files, move.files)
                os.pwrite(plan, os.fsencode("\n".join([*told, ""])), 0)
                os.fsync(plan)
                if seen.files != git("rev-parse", f"{move.old}^{{tree}}"):
                    git("update-ref", PIN, seen.files)
                look.git.with_descriptor(plan)(*_UPDATE, seen.files, move.files)
                stage(look.git, move.staged, seen.marks)
                _fill(look.git, own)
                commit()
        except CommandFailed:
            _mend(look.path, own, plan)
            if take(look.path) == look.seen:
                raise
            return False
        finally:
            _mend(look.path, own, plan)
    return True


_UPDATE = ("-c", "core.fsmonitor=false", "read-tree", "-m", "-u", "--no-recurse-submodules")


def mend(path: Path) -> None:
    """Finish or take back what was killed in the worktree at `path`.

    Raises Refused where somebody is about it at this moment.
    """
    own = _own(Git(path))
    if any((own / name).exists() for name in (PLAN, DRAFT)):
        with _alone(own) as plan:
            _mend(path, own, plan)


def _own(git: Git) -> Path:
    return Path(git("rev-parse", "--absolute-git-dir"))


@contextmanager
def _alone(own: Path) -> Iterator[int]:
    """The file of the plan, locked."""
    descriptor = os.open(own / PLAN, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            raise Refused(
                f"another process moves the branch in {own} at this moment", hint="try again"
            ) from busy
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(path: Path, own: Path) -> None:
    """Take `index.lock`. It is one file with the draft, by which `mend` knows that it is ours."""
    draft = own / DRAFT
    draft.touch(exist_ok=False)
    try:
        (own / "index.lock").hardlink_to(draft)
    except FileExistsError as held:
        draft.unlink()
        raise Refused(
            f"git is at work in {path} at this moment",
            hint=f"try again; if no git runs there any more, remove {own / 'index.lock'}",
        ) from held


def _fill(aside: Git, own: Path) -> None:
    """Write the new index into the lock, with the time of its making, by which git tells which
    files may have changed since."""
    made = Path(aside("rev-parse", "--path-format=absolute", "--git-path", "index"))
    shutil.copyfile(made, own / DRAFT)
    shutil.copystat(made, own / DRAFT)


def _mend(path: Path, own: Path, plan: int) -> None:
    lock, draft = own / "index.lock", own / DRAFT
    written = os.fsdecode(os.pread(plan, 1 << 16, 0))
    ours = False
    with suppress(FileNotFoundError):
        ours = lock.samefile(draft)
    if written.count("\n") == len(_Plan._fields):
        told = _Plan(*written.split("\n")[:-1])
        git = Git(path)
        tip = refs.commit_of(git, told.ref)
        if tip is not None and refs.is_ancestor(git, told.new, tip):
            if ours:
                lock.replace(own / "index")
                ours = False
        elif tip == told.old:
            _take_back(path, told, plan)
        if git.result("rev-parse", "--verify", "--quiet", PIN).returncode == 0:
            git("update-ref", "-d", PIN)
    if ours:
        lock.unlink()
    draft.unlink(missing_ok=True)
    os.ftruncate(plan, 0)


def _take_back(path: Path, told: _Plan, plan: int) -> None:
    with looking(path) as look:
        now = look.seen
        if (now.head, now.staged) != (told.old, told.staged):
            return
        changed = _changed(look.git, told.files, told.after)
        others = _changed(look.git, now.files, told.after)
        back = [entry for name, entry in changed.items() if name not in others]
        if not back:
            return
        removed = [entry for entry in back if entry.old == _NONE]
        kept = [entry for entry in back if entry.old != _NONE]
        git = look.git
        lines = [f"0 {'0' * len(told.old)}\t{entry.name}\0" for entry in removed]
        lines += [f"{entry.old} {entry.blob}\t{entry.name}\0" for entry in kept]
        index = Path(git("rev-parse", "--path-format=absolute", "--git-path", "index"))
        with_index = git.with_environment(GIT_INDEX_FILE=f"{index}.back")
        with_index("read-tree", now.files)
        stdin = os.fsencode("".join(lines))
        with_index("update-index", "-z", "--index-info", stdin=stdin)
        before = with_index("write-tree")
        _check_way(git, path, now.files, before)
        git.with_descriptor(plan)(*_UPDATE, now.files, before)


_NONE = "000000"


class _Change(NamedTuple):
    """What `name` was in one tree: mode and blob; and its mode in the other."""

    name: str
    old: str
    blob: str
    new: str


def _changed(git: Git, one: str, other: str) -> dict[str, _Change]:
    printed = git("diff-tree", "-r", "-z", "--no-renames", one, other).split("\0")
    found = {}
    for facts, name in zip(printed[:-1:2], printed[1::2], strict=True):
        old, new, blob, *_ = facts.lstrip(":").split(" ")
        found[name] = _Change(name, old, blob, new)
    return found


def _check_way(git: Git, path: Path, now: str, after: str) -> None:
    """Raises Refused where a file is in the way that git does not know: one that it ignores.

    Git itself would overwrite it.
    """
    changes = _changed(git, now, after).values()
    leaving = {change.name for change in changes if change.new == _NONE}
    coming = [change.name for change in changes if change.old == _NONE]
    found = _in_the_way(path, coming, leaving)
    if found:
        raise Refused(
            f"a file that git ignores is in the way: {found}",
            hint=f"move it away: it is in {path}",
        )


def _in_the_way(path: Path, coming: Sequence[str], leaving: set[str]) -> str | None:
    plain: set[str] = {""}
    for name in coming:
        for above in reversed(Path(name).parents):
            folder = "" if above == Path() else str(above)
            if folder in plain:
                continue
            there = path / folder
            if os.path.lexists(there) and (there.is_symlink() or not there.is_dir()):
                if folder not in leaving:
                    return folder
                break
            plain.add(folder)
        there = path / name
        if there.is_dir() and not there.is_symlink():
            for inside in sorted(there.rglob("*")):
                inner = str(inside.relative_to(path))
                real_folder = inside.is_dir() and not inside.is_symlink()
                if not real_folder and inner not in leaving:
                    return inner
        elif os.path.lexists(there) and name not in leaving:
            return name
    return None
