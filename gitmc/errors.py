"""What can be refused, and how it is said.

Every error carries a message (lower case, no full stop), an optional hint that says what to type
next, and the exit code of the process: 1 an honest no, 3 a conflict, 128 fatal, 129 usage.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple


class McError(Exception):
    """Base of every error that is shown to a user."""

    label = "fatal"
    exit_code = 128

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Fatal(McError):
    """The command cannot work here at all: no repository, no tmux, broken state."""


CURES = {
    errno.ENOSPC: "make room on that disk, then try again",
    errno.EDQUOT: "make room within your quota, then try again",
    errno.EROFS: "make that file system writable, then try again",
    errno.EACCES: "see who owns it and who may write there, then try again",
}


def of_system(error: OSError) -> Fatal:
    """The error for what the system refused to do: names the file and the cause, and a cure."""
    where = f"{error.filename}: " if error.filename else ""
    return Fatal(f"{where}{error.strerror or error}", hint=CURES.get(error.errno or 0))


@contextmanager
def naming(path: object) -> Iterator[None]:
    """Have an OSError name `path` where the system itself does not: writing knows no names."""
    try:
        yield
    except OSError as fault:
        if fault.filename is None:
            fault.filename = str(path)
        raise


class Refused(McError):
    """The command could work, but this request is turned down and nothing was changed."""

    label = "error"
    exit_code = 1


class Clash(NamedTuple):
    """A path in conflict, and what kinds of conflict git says it is in: "content", "add/add"."""

    path: str
    kinds: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path} ({', '.join(self.kinds)})" if self.kinds else self.path


class Conflict(McError):
    """A merge conflict; `clashes` are the paths in conflict, as git lists them."""

    label = "error"
    exit_code = 3

    def __init__(self, message: str, clashes: Sequence[Clash], hint: str | None = None) -> None:
        super().__init__(message, hint)
        self.clashes = tuple(clashes)


class Usage(McError):
    """The command line itself is wrong."""

    label = "error"
    exit_code = 129


class CommandFailed(Fatal):
    """An outside program failed; says which command, how it ended, and what it said."""

    def __init__(self, argv: Sequence[str], status: int, stderr: str) -> None:
        said = stderr.strip() or "it said nothing"
        ended = f"exit {status}" if status >= 0 else f"signal {-status}"
        super().__init__(f"{' '.join(map(_quoted, argv))} failed ({ended}): {said}")
        self.argv = tuple(argv)
        self.status = status
        self.stderr = stderr


def _quoted(word: str) -> str:
    plain = word and not any(c.isspace() or c in "'\"\\$`" for c in word)
    return word if plain else repr(word)
