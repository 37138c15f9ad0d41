"""A worktree of ours is made to hold exactly the files of a commit, whatever was done in it.

Nothing that was left there is believed: not the index (it is replaced by a copy from outside, so
that no flag in it hides a change), not the state of a merge or a rebase, not the branch that HEAD
was put on. What git does not track goes, be it ignored, read-only or a repository of its own, but
for the paths that are to be kept. Links are removed, and never followed.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from gitmc.git import trash
from gitmc.git.run import Git
from gitmc.git.worktree import git_dir, place

_OWN = {"HEAD", "commondir", "gitdir", "index", "info", "locked", "modules"}
"""What stays in the worktree's git directory; locks, logs and what is under way do not."""

_PLAIN = [
    word
    for setting in (
        *("core.fsmonitor=false", "core.untrackedCache=false", "core.splitIndex=false"),
        *("submodule.recurse=false", "advice.detachedHead=false"),
    )
    for word in ("-c", setting)
]
"""Settings under which git looks at every file itself, and keeps the index in one file."""

GITLINK = "160000 "


def is_sound(path: Path, own: Path, common_dir: Path) -> bool:
    """Whether the worktree at `path` has the git directory `own`, in this repository."""
    if path.is_symlink():
        return False
    try:
        common = os.fsdecode((own / "commondir").read_bytes()).removesuffix("\n")
        ours = (own / common).samefile(common_dir) and git_dir(path).samefile(own)
    except OSError:
        return False
    return ours and place(own) == path


def save_index(own: Path, copy: Path) -> None:
    """Keep a copy of the index, for `repoint` to start from."""
    draft = copy.with_name(f".{copy.name}.{os.getpid()}")
    # With its time, by which git tells which files changed too late for it to see.
    shutil.copy2(own / "index", draft)
    draft.replace(copy)


def repoint(path: Path, own: Path, index: Path, commit: str, kept: Collection[str]) -> list[str]:
    """Have the worktree hold the files of `commit` and, of all others, what is in `kept`.

    `index` is the copy that `save_index` made last. Returns what was removed. Raises OSError or
    CommandFailed where that cannot be done; nothing is then known of what is there.
    """
    _reset(own)
    shutil.copy2(index, own / "index")
    git = Git(path)
    submodules = (own / "modules").is_dir()
    wanted = _gitlinks(git("ls-tree", "-r", "-z", commit)) if submodules else set()
    strays = _strays(path, git, kept, wanted)
    for stray in strays:
        _delete(path / stray)
    options = ["--detach", "--force", "--quiet", "--no-recurse-submodules"]
    git(*_PLAIN, "checkout", *options, commit, "--")
    save_index(own, index)
    if submodules:
        git("submodule", "--quiet", "update", "--force", "--checkout", "--recursive")
        git("submodule", "--quiet", "foreach", "--recursive", "git clean -ffdxq")
    return strays


def _reset(own: Path) -> None:
    for entry in own.iterdir():
        if entry.name not in _OWN:
            trash.delete(entry)


def _delete(path: Path) -> None:
    try:
        trash.delete(path)
    except PermissionError:
        path.parent.chmod(0o700)
        trash.delete(path)


def _gitlinks(listed: str) -> set[str]:
    """The submodules among the entries of a tree or an index."""
    if GITLINK not in listed:
        return set()
    lines = (line for line in listed.split("\0") if line.startswith(GITLINK))
    return {line.partition("\t")[2] for line in lines}


def _strays(path: Path, git: Git, kept: Collection[str], submodules: Collection[str]) -> list[str]:
    """What is in the worktree and not in its index, folders as a whole.

    Git would not tell of all: whatever is called `.git` it takes for granted. What is in a
    submodule is left alone if it is one of `submodules`; any other has an empty folder.
    """
    known: dict[str, set[str]] = {"": {".git"}}
    listed = git(*_PLAIN, "ls-files", "--stage", "-z")
    links = _gitlinks(listed)
    for line in listed.split("\0"):
        folder, _, base = line.partition("\t")[2].rpartition("/")
        (known.get(folder) or _open(known, folder)).add(base)
    spared = {*kept, *links.intersection(submodules)}
    for name in spared:
        _open(known, name.rpartition("/")[0])
    for name in links - spared:
        folder, _, base = name.rpartition("/")
        known[folder].discard(base)
        _open(known, name)
    return list(_walk(path, known, spared))


def _open(known: dict[str, set[str]], folder: str) -> set[str]:
    """The names known in `folder`, which is one to look into, as are those above it."""
    above = folder
    while above not in known:
        known[above] = set()
        above = above.rpartition("/")[0]
    return known[folder]


def _walk(path: Path, known: dict[str, set[str]], spared: set[str]) -> Iterator[str]:
    left = [""]
    while left:
        folder = left.pop()
        before = f"{folder}/" if folder else ""
        # What is no file, and has a file's name, the checkout replaces.
        names = os.listdir(path / folder)  # noqa: PTH208 (thousands of paths take as many objects)
        for name in set(names) - known[folder]:
            inside = before + name
            if inside in spared:
                continue
            if inside in known and stat.S_ISDIR((path / inside).lstat().st_mode):
                left.append(inside)
            else:
                yield inside
