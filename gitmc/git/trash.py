"""Where removed worktrees lie for a day: `.trash` beside them, as NAME-TIME.

    PATH ──rename──▶ .trash/NAME-TIME ──forget──▶ without its .git ──a day──▶ gone
                         │
                         └── still known to git: its removal was interrupted, and is taken back

As long as git knows the worktree, its entry in the trash is not swept, however old it is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from gitmc.git.run import Git, environment_for_others
from gitmc.git.worktree import place

FOLDER = ".trash"

KEPT = 24 * 3600.0
"""Seconds that an entry stays."""

_FORM = "%Y%m%dT%H%M%S%fZ"
_ENTRY = re.compile(r"(.+)-([0-9]{8}T[0-9]{12}Z)", re.DOTALL)


def put(path: Path, now: datetime) -> Path:
    """Move the worktree at `path` into the trash; where it is then.

    Raises OSError where it cannot be renamed; it is then where it was.
    """
    folder = path.parent / FOLDER
    folder.mkdir(exist_ok=True)
    if folder.is_symlink():
        raise NotADirectoryError(20, "is a link", str(folder))
    ignore = folder / ".gitignore"
    if not ignore.exists():
        # Worktrees may be inside a repository.
        ignore.write_text("*\n")
    entry = folder / f"{path.name}-{now.strftime(_FORM)}"
    if os.path.lexists(entry):
        raise FileExistsError(17, "is in the way", str(entry))
    path.rename(entry)
    os.utime(entry)
    return entry


def take_back(entry: Path, path: Path) -> None:
    """Undo `put`. Raises OSError where something else is at `path` now."""
    if os.path.lexists(path):
        raise FileExistsError(17, "is in the way", str(path))
    entry.rename(path)
    own = _known(path)
    if own is not None and place(own) != path:
        Git(path)("worktree", "repair")


def finish(entry: Path) -> None:
    """Mark that git has forgotten the entry: it is a plain folder from now on."""
    (entry / ".git").unlink(missing_ok=True)


def interrupted(path: Path) -> Path | None:
    """The trash's entry for the worktree at `path` that git still knows, while nothing is there."""
    folder = path.parent / FOLDER
    if os.path.lexists(path) or folder.is_symlink() or not folder.is_dir():
        return None
    for entry in sorted(folder.iterdir(), reverse=True):
        match = _ENTRY.fullmatch(entry.name)
        if match and match[1] == path.name and _unfinished(entry, path):
            return entry
    return None


def _known(entry: Path) -> Path | None:
    """The git directory that the folder's `.git` names, where there is one."""
    try:
        written = os.fsdecode((entry / ".git").read_bytes())
    except OSError:
        return None
    own = Path(written.removeprefix("gitdir: ").removesuffix("\n"))
    return own if (own / "gitdir").is_file() else None


def _unfinished(entry: Path, path: Path | None = None) -> bool:
    own = _known(entry)
    if own is None:
        return False
    home = place(own)
    if home == entry:
        return True
    # Another worktree may have the name, and the git directory, that this one had.
    return home is not None and not os.path.lexists(home) and path in (None, home)


def due(folder: Path, now: float) -> list[Path]:
    """The entries that are older than a day by their name and by their folder, at time `now`."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    return [entry for entry in sorted(folder.iterdir()) if _is_due(entry, now)]


def _is_due(entry: Path, now: float) -> bool:
    match = _ENTRY.fullmatch(entry.name)
    if match is None or entry.is_symlink() or not entry.is_dir():
        return False
    try:
        named = datetime.strptime(match[2], _FORM).replace(tzinfo=UTC).timestamp()
        moved = entry.stat().st_mtime
    except (ValueError, FileNotFoundError):
        return False
    # A clock that was set back, or was wrong, shows in one of the two.
    return now - named > KEPT and now - moved > KEPT and not _unfinished(entry)


def sweep(folder: Path, now: float) -> None:
    """Delete what is due. Links are deleted, and never followed; what cannot be deleted stays."""
    for entry in due(folder, now):
        with suppress(OSError):
            delete(entry)


def delete(path: Path) -> None:
    """Delete what is at `path`, with all in it. Raises OSError where something of it stays."""
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        # Folders that were made read-only, as caches of packages are.
        path.chmod(0o700)
        for above, folders, _ in os.walk(path):
            for inside in (Path(above, name) for name in folders):
                if not inside.is_symlink():
                    inside.chmod(0o700)
        shutil.rmtree(path)


def sweep_later(folder: Path) -> None:
    """Delete what is due in a process of its own, if anything is."""
    if not due(folder, time.time()):
        return
    mine = {k: v for k, v in environment_for_others().items() if not k.startswith("MC_")}
    subprocess.Popen(
        [sys.executable, "-P", "-m", "gitmc.git.trash", str(folder)],
        cwd="/",
        env=mine,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


if __name__ == "__main__":
    sweep(Path(sys.argv[1]), time.time())
