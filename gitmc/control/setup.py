"""Setting up a new worktree: which files of the main one are copied to it, and which linked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path, PurePath, PurePosixPath

from gitmc.control.copying import copy
from gitmc.control.mission import Mission
from gitmc.errors import Refused
from gitmc.git.ignored import ignored, included
from gitmc.git.worktree import listed
from gitmc.model.job import Setup

BEGIN = "# git mc: set up in job worktrees, and not to be committed there"

INCLUDE = ".worktreeinclude"
"""A file of ignore patterns: what they match is copied to every new worktree, if git ignores it."""


def merged(mission: Mission, own: Setup) -> Setup:
    """The set-up of the settings, followed by `own`, each thing once."""
    settings = mission.settings
    return Setup(
        _once(settings["worktreeSetup.copyFiles"], own.copy),
        _once(settings["worktreeSetup.symlinkDirs"], own.symlink),
        _once(settings["worktreeSetup.commands"], own.commands),
    )


def _once(*lists: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for one in lists for item in one))


def check(setup: Setup) -> None:
    """Raises Refused for a path that leads out of the repository, or is no pattern."""
    for pattern in (*setup.copy, *setup.symlink):
        path = PurePosixPath(pattern)
        if not pattern or path.is_absolute() or ".." in path.parts or _in_git(path):
            raise Refused(
                f"bad set-up path {pattern!r}: it must stay inside the repository",
                hint="give it relative to the top of the main worktree",
            )
        try:
            next(Path(os.devnull).glob(pattern), None)
        except ValueError as fault:
            raise Refused(f"bad set-up path {pattern!r}: {fault}") from fault


def _in_git(path: PurePath) -> bool:
    return any(part.casefold() == ".git" for part in path.parts)


def files(mission: Mission, setup: Setup, worktree: Path) -> None:
    """Copy and link from the main worktree; what is not there is passed over.

    Raises Refused for what a symbolic link leads out of the repository or the new worktree, and for
    what git does not ignore.
    """
    placing = _Placing(mission, worktree)
    for name in setup.symlink:
        placing.link(Path(name))
    for inside in to_copy(mission, setup):
        placing.copy(inside)
    _exclude(mission, worktree, placing.placed)


def to_copy(mission: Mission, setup: Setup) -> list[Path]:
    """What new worktrees get a copy of, by its place in the main one, each once.

    What is linked, and what is in it, is not copied.
    """
    source = mission.main_worktree
    every: list[Path] = []
    for pattern in setup.copy:
        found = {path.relative_to(source) for path in source.glob(pattern)}
        if (source / pattern).is_symlink():
            # Also one that leads nowhere now, which globbing takes for nothing.
            found.add(Path(pattern))
        every += sorted(found)
    if (source / INCLUDE).is_file():
        every += map(Path, included(source, source / INCLUDE))
    linked = {Path(name) for name in setup.symlink}
    return [path for path in dict.fromkeys(every) if linked.isdisjoint([path, *path.parents])]


def state(mission: Mission, setup: Setup) -> str:
    """What tells whether anything that is copied has changed since."""
    digest = hashlib.sha256()
    for inside in to_copy(mission, setup):
        top = mission.main_worktree / inside
        below = [Path(at, name) for at, *names in os.walk(top) for name in chain(*names)]
        for path in sorted([top, *below]):
            stat = path.lstat()
            seen = (path, stat.st_mode, stat.st_size, stat.st_mtime_ns)
            digest.update(os.fsencode("\0".join(map(str, seen)) + "\0"))
    return digest.hexdigest()[:16]


class _Placing:
    """Puts files of the main worktree where they belong in another, and knows which it put."""

    def __init__(self, mission: Mission, worktree: Path) -> None:
        self.placed: list[str] = []
        self._from, self._to = mission.main_worktree, worktree
        self._git = mission.git
        self._safe: set[Path] = set()

    @cached_property
    def _others(self) -> set[Path]:
        trees = {tree.path for tree in listed(self._git)} | {self._to}
        return trees - {self._from, self._from.resolve()}

    def copy(self, inside: Path) -> None:
        """Copy what is at `inside`, unless something is there already."""
        path = self._from / inside
        if not self._is_free(inside) or self._meets_worktree(path):
            return
        self._make_room(inside)
        copy(path, self._to / inside)
        self.placed.append(inside.as_posix())

    def link(self, inside: Path) -> None:
        """Link the folder at `inside`, unless something is there already."""
        path = self._from / inside
        if not self._is_free(inside) or not path.is_dir():
            return
        self._make_room(inside)
        (self._to / inside).symlink_to(path, target_is_directory=True)
        self.placed.append(inside.as_posix())

    def _is_free(self, inside: Path) -> bool:
        target = self._to / inside
        return not (target.exists() or target.is_symlink() or _in_git(inside))

    def _meets_worktree(self, path: Path) -> bool:
        """Whether a worktree is at, above or below `path`: none is ever copied into another."""
        return any(
            path == tree or path in tree.parents or tree in path.parents for tree in self._others
        )

    def _make_room(self, inside: Path) -> None:
        folder = inside.parent
        if folder in self._safe:
            return
        for top in (self._from, self._to):
            real, real_top = (top / folder).resolve(), top.resolve()
            if not real.is_relative_to(real_top) or _in_git(real.relative_to(real_top)):
                raise Refused(
                    f"bad set-up path '{inside}': {top / folder} leads out, to {real}",
                    hint="name what is there itself, or leave it out",
                )
        (self._to / folder).mkdir(parents=True, exist_ok=True)
        self._safe.add(folder)


def _exclude(mission: Mission, worktree: Path, paths: Sequence[str]) -> None:
    """See that `paths` stay out of `git status`, and of `git add --all`, in the worktree.

    Only what is ignored where it comes from may be set up: anything else would become a part of the
    job. A pattern for a folder (`lib/`) does not match a link to one, so linked folders are named
    in `info/exclude`, which belongs to the clone and is never committed.
    """
    if not paths:
        return
    at_home = ignored(mission.main_worktree, paths)
    for path in paths:
        if path not in at_home:
            raise Refused(
                f"git does not ignore {path!r}, so a copy of it would become a part of the job",
                hint="commit it on the base, or have git ignore it",
            )
    here = ignored(worktree, paths)
    wanted = ["/" + _escaped(path) for path in paths if path not in here]
    if not wanted:
        return
    exclude = mission.repo.common_dir / "info" / "exclude"
    with mission.store.worktrees_locked():
        exclude.parent.mkdir(exist_ok=True)
        text = exclude.read_text() if exclude.exists() else ""
        known = set(text.splitlines())
        new = [line for line in wanted if line not in known]
        if new:
            gap = "" if text.endswith("\n") or not text else "\n"
            head = [] if BEGIN in text else [BEGIN]
            with exclude.open("a") as stream:
                stream.write(gap + "\n".join([*head, *new]) + "\n")


def _escaped(path: str) -> str:
    # A pattern ends with its line; `?` stands for a newline, as for any other character.
    quoted = ("\\" + char if char in "*?[\\ " else char for char in path)
    return "".join(quoted).replace("\n", "?")
