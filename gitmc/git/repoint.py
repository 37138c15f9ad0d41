"""Moving a branch that is checked out to a commit that is no fast-forward, with its worktree.

Somebody may work there. What is uncommitted comes along, as trees that were merged before; what is
written or committed at that moment is never lost. In this order:

    LOCK    `index.lock` is taken: git commits nothing there until the end
    LOOK    the worktree is compared with what was seen when the trees were merged; git's own lock
            on the branch is taken, which is where it was
    PLAN    what is about to be done is written down beside the index, in `mc-repoint`; all that it
            takes to finish it or take it back is pinned under `refs/mc/repoint`
    FILES   git updates the files, all of them or, where one has just changed, none
    DRAFT   the new index is written beside the old one
    MOVE    the branch moves, with its reflog, HEAD's, and ORIG_HEAD at the old commit
    INDEX   the draft becomes the index
    DONE    the pin and the plan go, and `index.lock` last: a git that had read the old index, and
            would write it back, finds it locked

`mc-repoint` is locked by whoever does this and by the git that updates the files for him, so that a
later one knows whether both are gone. What a kill leaves, and what `mend` makes of it:

    before FILES   branch, index and files as they were, and an index.lock, which `mend` takes away
    before MOVE    branch and index as they were, files that are partly new: `mend` takes back those
                   that are gone or as they were to become. Those that are neither were written to
                   since, or torn: they stay, and are kept as they were under `refs/mc/kept`. Where
                   somebody has committed or staged meanwhile, all files stay
    before INDEX   branch and files new, and the index as it was: `mend` puts the draft in place
    before DONE    all is new, and the index.lock is there: `mend` takes it away
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from gitmc.errors import CommandFailed, Refused
from gitmc.git import refs, salvage
from gitmc.git.run import Git
from gitmc.git.snapshot import Look, looking, stage, take

PLAN, MARK, DRAFT = "mc-repoint", "mc-repoint.lock", "mc-repoint.index"
PINS, KEPT = "refs/mc/repoint", "refs/mc/kept"
"""Refs of the whole repository: git prunes what only another worktree's own refs hold."""


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
    pin = move.new
    for tree in dict.fromkeys([move.staged, move.files, look.seen.files]):
        pin = salvage.commit(git, tree, [pin], "mc sync\n")
    with _alone(own) as plan:
        _mend(look.path, own, plan)
        try:
            _lock(look.path, own)
            on = git.answer("symbolic-ref", "-q", "HEAD")
            if on != move.ref or salvage.under_way(own) or not look.holds():
                return False
            _check_way(look.git, look.path, look.seen.files, move.files)
            also = {"ORIG_HEAD": move.old}
            with refs.prepared(git, move.ref, move.new, move.old, move.why, also) as commit:
                if commit is None:
                    return False
                seen = look.seen
                told = _Plan(move.ref, move.old, move.new, seen.staged, seen.files, move.files)
                git("update-ref", _pin(own), pin)
                os.pwrite(plan, os.fsencode("\n".join([*told, ""])), 0)
                os.fsync(plan)
                look.git.with_descriptor(plan)(*_UPDATE, seen.files, move.files)
                stage(look.git, move.staged, seen.marks)
                _draft(look.git, own)
                commit()
        except CommandFailed:
            _mend(look.path, own, plan, killed=False)
            if take(look.path) == look.seen:
                raise
            return False
        finally:
            _mend(look.path, own, plan)
    return True


_UPDATE = ("-c", "core.fsmonitor=false", "read-tree", "-m", "-u", "--no-recurse-submodules")


def mend(path: Path) -> None:
    """Finish or take back what was killed in the worktree at `path`.

    Raises Refused where somebody is about it at this moment, and once, with all mended, where files
    are neither as they were nor as they were to become; a ref then has them as they were.
    """
    own = _own(Git(path))
    if (own / PLAN).exists():
        with _alone(own) as plan:
            _mend(path, own, plan)


def _pin(own: Path) -> str:
    return f"{PINS}/{own.name.strip('.')}"


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
    """Take `index.lock`. It is the same file as the mark, by which `mend` knows that it is ours."""
    mark = own / MARK
    mark.touch(exist_ok=False)
    try:
        (own / "index.lock").hardlink_to(mark)
    except FileExistsError as held:
        raise Refused(
            f"git is at work in {path} at this moment",
            hint=f"try again; if no git runs there any more, remove {own / 'index.lock'}",
        ) from held


def _draft(aside: Git, own: Path) -> None:
    """Write the new index, with the time of its making, by which git tells which files may have
    changed since."""
    shutil.copy2(_index(aside), own / DRAFT)


def _index(git: Git) -> Path:
    return Path(git("rev-parse", "--path-format=absolute", "--git-path", "index"))


def _mend(path: Path, own: Path, plan: int, *, killed: bool = True) -> None:
    lock, mark, draft = own / "index.lock", own / MARK, own / DRAFT
    written = os.fsdecode(os.pread(plan, 1 << 16, 0))
    ours = False
    with suppress(FileNotFoundError):
        ours = lock.samefile(mark)
    torn: list[str] = []
    if written.count("\n") == len(_Plan._fields):
        told = _Plan(*written.split("\n")[:-1])
        git = Git(path)
        tip = refs.commit_of(git, told.ref)
        if tip == told.new or (tip and refs.is_ancestor(git, told.new, tip)):
            # Whoever took away the lock may have used the index since.
            if draft.exists() and (ours or _staged(git) == told.staged):
                draft.replace(own / "index")
        elif tip == told.old:
            torn = _take_back(path, told, plan, killed=killed)
        kept = _keep(git, told) if torn else ""
        if refs.commit_of(git, _pin(own)) is not None:
            git("update-ref", "-d", _pin(own))
    draft.unlink(missing_ok=True)
    os.ftruncate(plan, 0)
    if ours:
        lock.unlink()
    mark.unlink(missing_ok=True)
    if torn:
        raise Refused(
            f"files in {path} were cut off in an update, or written to since, and are neither old "
            f"nor new: {', '.join(torn[:3])}",
            hint=f"compare: git -C {shlex.quote(str(path))} diff {kept}; then try again",
        )


def _keep(git: Git, told: _Plan) -> str:
    """Keep the files as they were; the name of the ref."""
    made = salvage.commit(git, told.files, [told.old], "files as they were before a sync\n")
    ref = f"{KEPT}/{made[:12]}"
    git("update-ref", ref, made)
    return ref


def _staged(git: Git) -> str | None:
    """The tree of the index; None where it has conflicts."""
    done = git.result("write-tree")
    return done.stdout.decode().strip() if done.returncode == 0 else None


def _take_back(path: Path, told: _Plan, plan: int, *, killed: bool) -> list[str]:
    """Have the files as they were; the paths of those that are neither so nor as planned.

    Unless git was `killed`, it has updated none where it has not updated others.
    """
    with looking(path) as look:
        git, now = look.git, look.seen
        changed = _changed(git, told.files, told.after)
        undone = _changed(git, now.files, told.after)
        done = _changed(git, now.files, told.files)
        gone = {name for name, change in done.items() if change.old == _NONE}
        torn = sorted(name for name in changed if name in undone and name in {*done} - gone)
        back = [change for name, change in changed.items() if name not in undone or name in gone]
        if back and (now.head, now.staged) == (told.old, told.staged):
            before = _with(git, now.files, back)
            _check_way(git, path, now.files, before)
            git.with_descriptor(plan)(*_UPDATE, now.files, before)
        return torn if killed or back else []


def _with(git: Git, tree: str, changes: Sequence[_Change]) -> str:
    """The tree with the old side of `changes`."""
    aside = git.with_environment(GIT_INDEX_FILE=f"{_index(git)}.back")
    aside("read-tree", tree)
    lines = [
        f"{'0' if change.old == _NONE else change.old} {change.blob}\t{change.name}\0"
        for change in changes
    ]
    # Files first leave, so that others can be where a folder was.
    lines.sort(key=lambda line: not line.startswith("0 "))
    aside("update-index", "-z", "--index-info", stdin=os.fsencode("".join(lines)))
    return aside("write-tree")


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
