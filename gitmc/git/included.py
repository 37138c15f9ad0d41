"""Settings that a repository takes in from a file of ours, by lines of its own configuration.

What the user has set stays as he wrote it, and taking the lines away leaves all as it was. They
only hold where the repository is: a copy of it elsewhere, or a moved one, does not believe paths
that were written down here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gitmc.git.run import Git

Setting = tuple[str, str, str]
"""Section, name and value."""


def text(settings: Sequence[Setting], comment: str) -> bytes:
    """The file with these settings."""
    lines = [f"# {comment}"]
    section = None
    for here, name, value in settings:
        if here != section:
            lines.append(f"[{here}]")
            section = here
        lines.append(f'\t{name} = "{_escaped(value)}"')
    return os.fsencode("\n".join(lines) + "\n")


def take_in(git: Git, common_dir: Path, file: Path) -> None:
    """Have the repository take in `file`. Doing it again changes nothing. Raises CommandFailed."""
    there = _lines(git)
    for line in _wanted(common_dir, file):
        if line not in there:
            git("config", "--local", "--add", *line)


def leave_out(git: Git, common_dir: Path, file: Path) -> None:
    """Undo `take_in`, also where the repository has been moved since. Raises CommandFailed."""
    for key, value in _lines(git):
        if value == _relative(common_dir, file):
            git("config", "--local", "--unset-all", "--fixed-value", key, value)


def is_taken_in(git: Git, common_dir: Path, file: Path) -> bool:
    """Whether the repository takes in `file`."""
    return set(_wanted(common_dir, file)) <= set(_lines(git))


def said_by_others(git: Git, key: str, file: Path) -> str | None:
    """What `key` is set to, where neither `file` nor a command line says so; None if nowhere.

    A path in it is expanded as git expands it.
    """
    asked = ["--show-scope", "--show-origin", "--type=path", "-z", "--get-all", key]
    words = (git.answer("config", *asked) or "").split("\0")[:-1]
    found = zip(words[::3], words[1::3], words[2::3], strict=True)
    values = [
        value
        for scope, origin, value in found
        if scope != "command" and not _is_file(git, origin, file)
    ]
    return values[-1] if values else None


def _is_file(git: Git, origin: str, file: Path) -> bool:
    path = git.folder / origin.removeprefix("file:")
    try:
        return path.samefile(file)
    except OSError:
        return False


def _lines(git: Git) -> list[tuple[str, str]]:
    asked = ["--local", "-z", "--get-regexp", r"^include(if\..*)?\.path$"]
    printed = git.answer("config", *asked) or ""
    pairs = (entry.partition("\n") for entry in printed.split("\0") if entry)
    return [(_spelled(key), value) for key, _, value in pairs]


def _spelled(key: str) -> str:
    """git prints the first and last part of a key in lower case."""
    return key.replace("includeif.", "includeIf.", 1)


def _wanted(common_dir: Path, file: Path) -> list[tuple[str, str]]:
    """One line for the repository's own worktree, and one for all others."""
    real, relative = str(common_dir.resolve()), _relative(common_dir, file)
    if "\n" in real:
        # No condition can say that.
        return [("include.path", relative)]
    escaped = "".join(f"\\{char}" if char in "*?[\\" else char for char in real)
    where = (escaped, f"{escaped}/worktrees/")
    return [(f"includeIf.gitdir:{folder}.path", relative) for folder in where]


def _relative(common_dir: Path, file: Path) -> str:
    return str(file.relative_to(common_dir))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
