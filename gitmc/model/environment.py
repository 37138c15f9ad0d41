"""What a test ran under, as far as it may decide how the test comes out. Pure.

A pass counts only where all of this is the same: the platform, the versions of the tools that the
command names, the set-up commands that somebody wrote, and the variables that `train.environment`
lists.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from typing import NamedTuple


class Environment(NamedTuple):
    """What is the same wherever `key` is: `parts` says it to a person, secrets left out."""

    key: str
    parts: tuple[str, ...] = ()


ASKED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    **{
        name: ((name, "--version"),)
        for name in (
            *("bun", "clang", "cmake", "ctest", "deno", "gcc", "hatch", "make", "node", "nox"),
            *("pdm", "perl", "php", "poetry", "prove", "pytest", "ruby", "tox", "uv"),
        )
    },
    # What these install is pinned, and they take half a second to say who they are.
    **dict.fromkeys(("npm", "npx", "pnpm", "yarn"), (("node", "--version"),)),
    "cargo": (("cargo", "--version"), ("rustc", "--version")),
    "go": (("go", "version"),),
    "java": (("java", "-version"),),
    "bundle": (("ruby", "--version"),),
}
"""By the first word of a command: what is asked. No program that is not known to have such an
option is ever run for its version; a script of the project would do something else."""

_PYTHON = re.compile(r"python(\d+(\.\d+)*)?")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_BEFORE = frozenset(
    {"!", "{", "command", "do", "else", "env", "exec", "if", "nice", "then", "time", "while"}
)
"""Words behind which a command begins."""

_OPERATORS = frozenset("();|&")


def questions(command: str) -> list[tuple[str, ...]]:
    """The commands that tell the versions of the tools that `command` names, in order."""
    asked: set[tuple[str, ...]] = set()
    for word in _programs(command):
        asked.update(ASKED.get(word, ()))
        if _PYTHON.fullmatch(word):
            asked.add((word, "--version"))
        if word in ("pytest", "tox", "nox"):
            asked.add(("python3", "--version"))
    return sorted(asked)


def _programs(command: str) -> list[str]:
    """The first word of each simple command."""
    lexer = shlex.shlex(command.replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    found: list[str] = []
    begins = True
    try:
        for word in lexer:
            if _OPERATORS.issuperset(word):
                begins = True
            elif begins and not (word in _BEFORE or word[:1] == "-" or _ASSIGNMENT.match(word)):
                found.append(word.rpartition("/")[2] if word.startswith("/") else word)
                begins = False
    except ValueError:
        # A quote that is not closed: what comes before it has been seen.
        return found
    return found


_SECRET = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)


def environment(
    platform: str,
    versions: Mapping[str, str],
    variables: Mapping[str, str | None],
    setup: tuple[str, ...] = (),
) -> Environment:
    """What a test runs under; a variable of None is not set."""
    content = json.dumps(
        [platform, sorted(versions.items()), sorted(variables.items()), list(setup)]
    )
    parts = [
        platform,
        *(f"{name}: {version}" for name, version in sorted(versions.items())),
        *(f"{name}{_value(name, value)}" for name, value in sorted(variables.items())),
        *(f"set up by: {command}" for command in setup),
    ]
    shown = (part.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for part in parts)
    return Environment(hashlib.sha256(content.encode()).hexdigest()[:16], tuple(shown))


def _value(name: str, value: str | None) -> str:
    """Notes may be pushed: what looks like a secret counts, and is not written down."""
    if value is None:
        return " is not set"
    return " is set" if _SECRET.search(name) else f"={value}"
