"""Names: which ones a job may have, and the plain form that is safe to show tmux."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from gitmc.errors import Refused

LONGEST_NAME = 60
"""Characters. `<name>.toml` and `refs/heads/mc/<name>` then fit every file system."""

_NOT_PLAIN = re.compile(r"[^a-z0-9]+")


def check_job_name(name: str) -> None:
    """Raises Refused, naming the broken rule, unless `name` can be a file, a branch and a word."""
    rule = _broken_rule(name)
    if rule:
        raise Refused(
            f"bad job name {name!r}: {rule}",
            hint="use letters, digits, '-', '_' and '.', for example fix-login",
        )


def _broken_rule(name: str) -> str | None:
    if not name:
        return "it is empty"
    if len(name) > LONGEST_NAME:
        return f"it is longer than {LONGEST_NAME} characters"
    if unicodedata.normalize("NFC", name) != name:
        return "it is not in Unicode normal form C, so file systems would disagree about it"
    for char in name:
        if not (char.isalnum() or char in "-_."):
            return f"{char!r} is not a letter, digit, '-', '_' or '.'"
    if not (name[0].isalnum() or name[0] == "_"):
        return "it must begin with a letter, a digit or '_'"
    if ".." in name:
        return "git forbids '..' in a branch"
    if name.endswith((".", ".lock")):
        return "git forbids a branch that ends in '.' or '.lock'"
    return None


_NEVER_IN_BRANCHES = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{")


def broken_branch_rule(name: str) -> str | None:
    """Which of git's rules for branches `name` breaks, in words; None where it breaks none."""
    if not name:
        return "it is empty"
    never = _NEVER_IN_BRANCHES.search(name)
    if never is not None:
        return f"git forbids {never.group()!r} in a branch"
    if name == "HEAD" or name.startswith("-"):
        return "git forbids HEAD, and a '-' at the beginning"
    if not all(name.split("/")):
        return "git forbids a branch to begin or end with a slash, or to have two in a row"
    for part in name.split("/"):
        if part.startswith(".") or part.endswith(".lock"):
            return "git forbids a part of a branch to begin with '.' or to end in '.lock'"
    return "git forbids a branch that ends in '.'" if name.endswith(".") else None


def same_file(name: str, others: Iterable[str]) -> str | None:
    """The one of `others` that a file system blind to case would confuse with `name`, if any."""
    folded = name.casefold()
    return next((other for other in others if other.casefold() == folded), None)


def slug(text: str, longest: int = 30) -> str:
    """`text` reduced to [a-z0-9-], so that neither tmux nor a shell can read anything into it."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return _NOT_PLAIN.sub("-", decomposed).strip("-")[:longest].strip("-") or "job"


def printable(text: str) -> str:
    """`text` with what a terminal would obey, or could not be sent, spelled out."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
