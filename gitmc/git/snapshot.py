"""All of a worktree as two trees, and back: its files as they are, and its index.

What no tree can say is in `marks`, words such as "assumed PATH":

    unmerged   a line of the index for a path in conflict: mode, blob, stage, path
    intended   mode and path of a file that `git add -N` announced
    assumed    a path whose changes git was told not to look for
    skipped    the same for one that is not even to be there, but is
    raw        blob and path: the bytes of a file that filters would not give back

Looking changes nothing in the worktree, nor in its index; objects are written.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from gitmc.errors import CommandFailed
from gitmc.git.refs import commit_of
from gitmc.git.run import Git, failure
from gitmc.git.worktree import uncommitted

PROGRAM, LINK, SUBMODULE = "100755", "120000", "160000"
"""Modes, as git writes them."""


class Snapshot(NamedTuple):
    """A worktree at one moment: `files` and `staged` are trees, `head` the commit below."""

    head: str | None
    files: str
    staged: str
    marks: tuple[str, ...] = ()

    @property
    def blobs(self) -> list[str]:
        """Objects that `marks` name and that need not be in a tree."""
        words = [mark.split(" ") for mark in self.marks]
        staged = [word[2] for word in words if word[0] == "unmerged" and word[1] != SUBMODULE]
        return sorted({*staged, *(word[1] for word in words if word[0] == "raw")})


class Unread(CommandFailed):
    """Git could not read a file: it came and went meanwhile, or may not be read."""


class _Entry(NamedTuple):
    tag: str
    mode: str
    blob: str
    stage: str
    path: str


class Look:
    """A worktree as it was `seen`. `git` has an index of its own: the files as they were seen."""

    def __init__(self, path: Path, seen: Snapshot, git: Git, entries: Sequence[_Entry]) -> None:
        self.path = path
        self.seen = seen
        self.git = git
        self._entries = entries

    def holds(self) -> bool:
        """Whether all is still as it was seen: commit, index and files."""
        git = Git(self.path)
        if commit_of(git, "HEAD") != self.seen.head or _entries(git) != self._entries:
            return False
        return _files_tree(self.git) == self.seen.files


def take(path: Path) -> Snapshot:
    """The worktree at `path` as it is. Raises CommandFailed where git cannot read some of it."""
    with looking(path) as look:
        return look.seen


@contextmanager
def looking(path: Path) -> Iterator[Look]:
    """The same, with what it takes to look again, and to go on from there."""
    git = Git(path)
    with _aside(git) as aside:
        entries = _entries(aside)
        index, unmerged = _index_tree(aside, entries)
    with _aside(git) as aside:
        # The index itself and not an empty one: it knows of ignored files added by force.
        hidden = _show_all(aside, path, entries)
        files = _files_tree(aside)
        head = commit_of(git, "HEAD")
        known = set(_split(git("ls-tree", "-r", "-z", "--name-only", index)))
        intended = [e for e in entries if e.stage == "0" and e.path not in known]
        marks = [
            *unmerged,
            *(f"intended {entry.mode} {entry.path}" for entry in intended),
            *hidden,
            *_raw(git, path, head, index, files),
        ]
        yield Look(path, Snapshot(head, files, index, tuple(sorted(marks))), aside, entries)


def _files_tree(aside: Git) -> str:
    argv = ("-c", "core.fsmonitor=false", "add", "--all", "--sparse")
    done = aside.result(*argv)
    if done.returncode != 0:
        raise Unread(("git", *argv), done.returncode, os.fsdecode(done.stderr))
    return aside("write-tree")


def take_index(git: Git) -> Snapshot:
    """The same of a worktree whose files are away: what its index holds. `git` is told where."""
    with _aside(git) as aside:
        index, unmerged = _index_tree(aside, _entries(aside))
    return Snapshot(commit_of(git, "HEAD"), index, index, tuple(sorted(unmerged)))


def changes(path: Path) -> list[str]:
    """The paths that differ from the worktree's commit.

    Those are among them that git was told not to look at, which `git status` passes over.
    """
    git = Git(path)
    entries = _entries(git)
    if not any(_is_hidden(entry) for entry in entries):
        return uncommitted(path)
    with _aside(git) as aside:
        _show_all(aside, path, entries)
        return uncommitted(path, aside)


@contextmanager
def looked_at_whole(path: Path) -> Iterator[tuple[Git, list[str]]]:
    """git in the worktree at `path` with a copy of its index, by which `git diff` shows every file.

    Untracked files are announced there, and what git was told not to look at is looked at. With it
    the untracked repositories in the worktree, which no commit can hold.
    """
    git = Git(path)
    with _aside(git) as aside:
        _show_all(aside, path, _entries(git))
        names = _split(aside("ls-files", "--others", "--exclude-standard", "-z"))
        inner = [name for name in names if name.endswith("/")]
        # The mode is git's to find: it looks at the file itself when it shows it.
        files = [f"100644 {name}" for name in names if not name.endswith("/")]
        if files:
            index = Path(aside("rev-parse", "--path-format=absolute", "--git-path", "index"))
            stat = index.stat()
            _announce(aside, files)
            # Announcing looks at no other file. A file that is as old as the index may have changed
            # since, and git knows that by the index's own time.
            os.utime(index, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        yield aside, inner


def put(path: Path, files: str, index: str, marks: Sequence[str] = ()) -> None:
    """Make the worktree at `path` hold `files`, and its index `index`; untracked files stay.

    Whatever was changed in tracked files before is gone. No hook runs.
    """
    git = Git(path)
    git("read-tree", "--reset", "-u", "--no-recurse-submodules", files)
    for value in _marked(marks, "raw"):
        blob, _, name = value.partition(" ")
        _write_raw(git, path / name, blob)
    stage(git, index, marks)


def stage(git: Git, tree: str, marks: Sequence[str] = ()) -> None:
    """Make git's index hold `tree`, and what `marks` tell of an index. No file is touched.

    What they tell of a path that is not in the index is left out.
    """
    git("read-tree", "--reset", "--no-recurse-submodules", tree)
    _feed(git, _marked(marks, "unmerged"), "update-index", "-z", "--index-info")
    there = set(_split(git("ls-files", "-z"))) if marks else set()
    intended = {value.partition(" ")[2]: value for value in _marked(marks, "intended")}
    if fresh := [value for name, value in intended.items() if name not in there]:
        _announce(git, fresh)
    there |= set(intended)
    git.result("update-index", "-q", "--refresh")
    for kind, option in (("assumed", "--assume-unchanged"), ("skipped", "--skip-worktree")):
        names = [name for name in _marked(marks, kind) if name in there]
        _feed(git, names, "update-index", option, "-z", "--stdin")


def _marked(marks: Iterable[str], kind: str) -> list[str]:
    return [mark[len(kind) + 1 :] for mark in marks if mark.startswith(kind + " ")]


def _announce(git: Git, values: Sequence[str]) -> None:
    """Have the index announce files, as `git add -N` does, be they there or not."""
    own = git("rev-parse", "--absolute-git-dir")
    names = []
    with tempfile.TemporaryDirectory(prefix="git-mc-") as folder:
        # Git takes a file's kind from the file: there is one of each, in a worktree of its own.
        for value in values:
            mode, _, name = value.partition(" ")
            if mode == SUBMODULE:
                continue
            file = Path(folder, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            if mode == LINK:
                file.symlink_to("anywhere")
            else:
                file.touch(0o777 if mode == PROGRAM else 0o666)
            names.append(name)
        there = git.with_environment(GIT_DIR=own, GIT_WORK_TREE=folder)
        announce = ["--intent-to-add", "--force", "--sparse"]
        from_stdin = ["--pathspec-from-file=-", "--pathspec-file-nul"]
        command = ["-C", folder, "--literal-pathspecs", "add", *announce, *from_stdin]
        _feed(there, names, *command)


@contextmanager
def _aside(git: Git) -> Iterator[Git]:
    """git with a copy of the index, which may be changed."""
    own = Path(git("rev-parse", "--path-format=absolute", "--git-path", "index"))
    with tempfile.TemporaryDirectory(prefix="git-mc-") as folder:
        index = Path(folder, "index")
        if own.exists():
            shutil.copy2(own, index)
        yield git.with_environment(GIT_INDEX_FILE=str(index))


def _entries(git: Git) -> list[_Entry]:
    found = []
    for line in _split(git("ls-files", "-v", "--stage", "-z")):
        facts, _, path = line.partition("\t")
        tag, mode, blob, stage = facts.split(" ")
        found.append(_Entry(tag, mode, blob, stage, path))
    return found


def _split(printed: str) -> list[str]:
    return [item for item in printed.split("\0") if item]


def _feed(git: Git, lines: Sequence[str] | None, *command: str) -> None:
    if lines:
        git(*command, stdin=os.fsencode("\0".join([*lines, ""])))


def _index_tree(aside: Git, entries: Sequence[_Entry]) -> tuple[str, list[str]]:
    """The tree of the index but for its conflicts, and these as marks."""
    unmerged = [entry for entry in entries if entry.stage != "0"]
    paths = sorted({entry.path for entry in unmerged})
    _feed(aside, paths, "update-index", "--force-remove", "-z", "--stdin")
    marks = [f"unmerged {e.mode} {e.blob} {e.stage}\t{e.path}" for e in unmerged]
    return aside("write-tree"), marks


def _is_hidden(entry: _Entry) -> bool:
    return entry.tag.islower() or entry.tag == "S"


def _show_all(aside: Git, path: Path, entries: Sequence[_Entry]) -> list[str]:
    """Have git look at every file again; what it was told not to look at, as marks.

    A file that is not there because the checkout is sparse is not deleted.
    """
    assumed = [entry.path for entry in entries if entry.tag.islower()]
    skipped = [
        entry.path for entry in entries if entry.tag in "sS" and os.path.lexists(path / entry.path)
    ]
    _feed(aside, assumed, "update-index", "--no-assume-unchanged", "-z", "--stdin")
    _feed(aside, skipped, "update-index", "--no-skip-worktree", "-z", "--stdin")
    return [f"assumed {name}" for name in assumed] + [f"skipped {name}" for name in skipped]


def _raw(git: Git, path: Path, head: str | None, index: str, files: str) -> list[str]:
    """The changed files whose bytes are not those of their blob: filters came in between."""
    below = head or git("mktree", stdin=b"")
    changed: dict[str, str] = {}
    for tree in (below, index):
        printed = _split(git("diff-tree", "-r", "-z", "--no-renames", tree, files))
        for facts, name in zip(printed[::2], printed[1::2], strict=True):
            _, mode, _, blob, _ = facts.split(" ")
            if mode.startswith("100"):
                changed[name] = blob
    marks = []
    for name, blob in changed.items():
        if _blob_of(path / name, blob) != blob:
            kept = git("hash-object", "-w", "--no-filters", "--", name)
            marks.append(f"raw {kept} {name}")
    return marks


def _blob_of(file: Path, like: str) -> str | None:
    """The name of the blob that has the file's bytes; None where there is no such file."""
    digest = hashlib.new("sha1" if len(like) == 40 else "sha256", usedforsecurity=False)
    try:
        with file.open("rb") as stream:
            digest.update(b"blob %d\0" % os.fstat(stream.fileno()).st_size)
            while block := stream.read(1 << 20):
                digest.update(block)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return digest.hexdigest()


def _write_raw(git: Git, file: Path, blob: str) -> None:
    if _blob_of(file, blob) == blob:
        return
    done = git.result("cat-file", "blob", blob)
    if done.returncode != 0:
        raise failure(("git", "cat-file", "blob", blob), done.returncode, done.stderr)
    file.write_bytes(done.stdout)
