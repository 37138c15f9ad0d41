"""Removing a worktree: into the trash first, then looked at once more, then forgotten.

Nobody who knows its path can write into it any more when it is looked at for the last time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from gitmc.control.mission import Mission
from gitmc.control.risk import Place, place_of
from gitmc.errors import CommandFailed, Refused
from gitmc.git import trash, worktree
from gitmc.model.job import Job


def find(mission: Mission, job: Job, *, dry_run: bool) -> Place:
    """Where the job's work is. A removal that was interrupted is taken back, unless `dry_run`."""
    path = Path(job.worktree)
    entry = trash.interrupted(path)
    if entry is not None and not dry_run:
        with mission.store.worktrees_locked():
            entry = trash.interrupted(path)
            if entry is not None:
                trash.take_back(entry, path)
                entry = None
    return place_of(mission, entry or path, path)


def check_not_moved(mission: Mission, job: Job, place: Place) -> None:
    """Raises Refused where the job's worktree is in another folder than the job knows."""
    if place.own is not None or os.path.lexists(job.worktree):
        return
    entries = mission.repo.common_dir / "worktrees"
    for own in sorted(entries.iterdir()) if entries.is_dir() else []:
        label, home = own / "mc-job", worktree.place(own)
        if label.is_file() and label.read_text().strip() == job.name and home and home.exists():
            raise Refused(
                f"the worktree of '{job.name}' was moved to {home}",
                hint=f"git worktree move {home} {job.worktree}; "
                f"or keep it: git mc cleanup --keep-worktree {job.name}",
            )


def remove(
    mission: Mission, job: Job, *, force: bool, look_again: Callable[[Place], None]
) -> Path | None:
    """Remove the job's worktree; where it lies in the trash, or None where it does not.

    Raises Refused, with everything where it was, where it is locked or broken, or where
    `look_again` finds that somebody has worked in it.
    """
    path = Path(job.worktree)
    if not os.path.lexists(path):
        worktree.remove(mission.git, path, force=True)
        return None
    own = worktree.own_git_dir(path, mission.repo.common_dir)
    if own is None:
        raise Refused(
            f"git will not remove the worktree {path}: it is none any more",
            hint=f"look at {path}, then: git mc cleanup --keep-worktree {job.name}",
        )
    if (own / "locked").exists() and not force:
        why = (own / "locked").read_text("utf-8", "replace").strip()
        raise Refused(
            f"the worktree {path} is locked" + (f": {why}" if why else ""),
            hint=f"git worktree unlock {path}; or git mc cleanup --force {job.name}",
        )
    # Submodules find their git directory by a path that leads out of the worktree.
    entry = None if (own / "modules").exists() else _into_trash(mission, path)
    if entry is None:
        look_again(Place(path, own))
        _remove_directly(mission, path, force=force or (own / "modules").exists())
        return None
    try:
        look_again(place_of(mission, entry, path))
    except BaseException:
        _take_back(entry, path)
        raise
    try:
        worktree.remove(mission.git, path, force=True)
    except CommandFailed as failed:
        raise _in_the_way(entry, path) from failed
    trash.finish(entry)
    return entry


def _into_trash(mission: Mission, path: Path) -> Path | None:
    try:
        return trash.put(path, mission.now())
    except OSError as why:
        # Another file system, for example; git deletes it where it is.
        mission.store.journal.write(mission.now(), "failed", action="Trash", error=str(why))
        return None


def _take_back(entry: Path, path: Path) -> None:
    try:
        trash.take_back(entry, path)
    except OSError as why:
        raise _in_the_way(entry, path) from why


def _in_the_way(entry: Path, path: Path) -> Refused:
    return Refused(
        f"something has made {path} anew while it was removed; what was in it is in {entry}",
        hint=f"end what writes there, move {path} away, then try again",
    )


def _remove_directly(mission: Mission, path: Path, *, force: bool) -> None:
    try:
        worktree.remove(mission.git, path, force=force)
    except CommandFailed as failed:
        raise Refused(
            f"git will not remove the worktree {path}: {failed.stderr.strip()}",
            hint="git mc cleanup --force keeps a copy under refs/mc/salvage first",
        ) from failed
