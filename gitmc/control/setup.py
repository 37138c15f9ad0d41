"""Setting up a new worktree: files copied, folders linked, commands run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from gitmc.control.mission import Mission
from gitmc.errors import CommandFailed, Refused
from gitmc.git.run import Git
from gitmc.model.job import Setup

BEGIN = "# git mc: set up in job worktrees, and not to be committed there"


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
    """Raises Refused for a path that leads out of the repository."""
    for pattern in (*setup.copy, *setup.symlink):
        path = PurePosixPath(pattern)
        if not pattern or path.is_absolute() or ".." in path.parts or ".git" in path.parts:
            raise Refused(
                f"bad set-up path {pattern!r}: it must stay inside the repository",
                hint="give it relative to the top of the main worktree",
            )


def files(mission: Mission, setup: Setup, worktree: Path) -> None:
    """Copy and link from the main worktree; what is not there is passed over."""
    source = mission.main_worktree
    ours: list[str] = []
    for pattern in setup.copy:
        for path in sorted(source.glob(pattern)):
            inside = path.relative_to(source)
            if _copy(path, worktree / inside):
                ours.append(inside.as_posix())
    for name in setup.symlink:
        target = worktree / name
        if (source / name).is_dir() and not target.exists() and not target.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source / name, target_is_directory=True)
            ours.append(PurePosixPath(name).as_posix())
    _exclude(mission, worktree, ours)


def _copy(path: Path, target: Path) -> bool:
    if target.exists() or target.is_symlink():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.copytree(path, target, symlinks=True)
    else:
        shutil.copy2(path, target, follow_symlinks=False)
    return True


def _ignored(folder: Path, paths: Sequence[str]) -> set[str]:
    listed = Git(folder).result(
        "check-ignore", "-z", "--stdin", stdin=os.fsencode("\0".join(paths))
    )
    return set(os.fsdecode(listed.stdout).split("\0"))


def _exclude(mission: Mission, worktree: Path, paths: Sequence[str]) -> None:
    """See that `paths` stay out of `git status`, and of `git add --all`, in the worktree.

    Only what is ignored where it comes from may be set up: anything else would become a part of the
    job. A pattern for a folder (`lib/`) does not match a link to one, so linked folders are named
    in `info/exclude`, which belongs to the clone and is never committed.
    """
    if not paths:
        return
    at_home = _ignored(mission.main_worktree, paths)
    for path in paths:
        if path not in at_home:
            raise Refused(
                f"git does not ignore {path!r}, so a copy of it would become a part of the job",
                hint="commit it on the base, or have git ignore it",
            )
    here = _ignored(worktree, paths)
    wanted = ["/" + _escaped(path) for path in paths if path not in here]
    if not wanted:
        return
    exclude = mission.repo.common_dir / "info" / "exclude"
    with mission.store.worktrees_locked():
        exclude.parent.mkdir(exist_ok=True)
        text = exclude.read_text() if exclude.exists() else ""
        new = [line for line in wanted if line not in text.splitlines()]
        if new:
            gap = "" if text.endswith("\n") or not text else "\n"
            head = [] if BEGIN in text else [BEGIN]
            with exclude.open("a") as stream:
                stream.write(gap + "\n".join([*head, *new]) + "\n")


def _escaped(path: str) -> str:
    # A pattern ends with its line; `?` stands for a newline, as for any other character.
    quoted = ("\\" + char if char in "*?[\\ " else char for char in path)
    return "".join(quoted).replace("\n", "?")


def commands(setup: Setup, worktree: Path, environment: Mapping[str, str]) -> None:
    """Run the commands in the worktree, in order. Raises CommandFailed for the first that fails."""
    for command in setup.commands:
        argv = ["/bin/sh", "-c", command]
        done = subprocess.run(
            argv,
            cwd=worktree,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode != 0:
            raise CommandFailed([command], done.returncode, os.fsdecode(done.stdout)[-4000:])
