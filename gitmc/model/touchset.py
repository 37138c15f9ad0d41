"""Touch sets: globs that say which files a job may change. Pure.

A glob is matched against the whole path from the top of the repository, letter case included:

    *   ?   [a-z]   [!a-z]    within one name, never across a slash
    **                        any number of folders: `src/**`, `**/*.md`, `src/**/test_*.py`
    {one,two}                 either; may be nested
    \\x                        the character itself
    docs   docs/              without any of these: that file, or all that is in that folder

An empty touch set allows everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import cache
from typing import NamedTuple

SPECIAL = frozenset("*?[{\\")

MOST_ALTERNATIVES = 1000
"""How many globs one with braces may stand for."""


class Kind(Enum):
    """How much of a path an atom stands for."""

    ONE = "a character"
    SOME = "any number of characters of one name"
    FOLDERS = "any number of folders, each with its slash"
    REST = "at least one character, to the end"
    BELOW = "nothing, or a slash and all after it"


class Atom(NamedTuple):
    """A part of a glob, and the expression that matches what it does."""

    kind: Kind
    expression: str


def breaches(paths: Iterable[str], touch_set: Sequence[str]) -> list[str]:
    """Those of `paths` that no glob of `touch_set` allows, in order."""
    if not touch_set:
        return []
    return [path for path in paths if not any(matches(glob, path) for glob in touch_set)]


def matches(glob: str, path: str) -> bool:
    """Whether `glob` allows a change of `path`. The glob has no fault."""
    return compiled(glob).fullmatch(path) is not None


def fault(glob: str) -> str | None:
    """Why `glob` can be no part of a touch set, in words; None where it can."""
    if not glob:
        return "it is empty"
    if glob.startswith("/") or ".." in glob.split("/") or "." in glob.split("/"):
        return "it must be a path from the top of the repository, without /, . or .. in front"
    try:
        compiled(glob)
    except ValueError as error:
        return str(error)
    return None


@cache
def compiled(glob: str) -> re.Pattern[str]:
    """The expression that matches what `glob` does. Raises ValueError, which says why not."""
    some = alternatives(glob)
    return re.compile("|".join(f"(?:{_expression(one)})" for one in some), re.DOTALL)


def alternatives(glob: str) -> list[str]:
    """The globs without braces that `glob` stands for. Raises ValueError."""
    at = _find(glob, "{", 0)
    if at < 0:
        return [glob]
    depth, start, parts, index = 0, at + 1, [], at
    while index < len(glob):
        char = glob[index]
        if char == "\\":
            index += 1
        elif char == "{":
            depth += 1
        elif char == "," and depth == 1:
            parts.append(glob[start:index])
            start = index + 1
        elif char == "}":
            depth -= 1
            if not depth:
                parts.append(glob[start:index])
                break
        index += 1
    else:
        raise ValueError("a brace is opened and never closed")
    rest = glob[index + 1 :]
    found = [one for part in parts for one in alternatives(glob[:at] + part + rest)]
    if len(found) > MOST_ALTERNATIVES:
        raise ValueError(f"its braces stand for more than {MOST_ALTERNATIVES} globs")
    return found


def _find(glob: str, wanted: str, start: int) -> int:
    """Where `wanted` first stands unescaped and in no brackets, from `start`; -1 if nowhere."""
    index = start
    while index < len(glob):
        if glob[index] == "\\":
            index += 1
        elif glob[index] == wanted:
            return index
        elif glob[index] == "[" and wanted != "]":
            index = _end_of_class(glob, index)
        index += 1
    return -1


def _end_of_class(glob: str, start: int) -> int:
    """Where the brackets that open at `start` close. Raises ValueError."""
    first = start + 1 + (glob[start + 1 : start + 2] in ("!", "^"))
    end = glob.find("]", first + 1)
    if end < 0:
        raise ValueError("a bracket is opened and never closed")
    return end


def _expression(glob: str) -> str:
    return "".join(atom.expression for atom in atoms(glob))


def atoms(glob: str) -> list[Atom]:
    """What a glob without braces is made of, in order. Raises ValueError."""
    if not SPECIAL & set(glob):
        return [*map(_itself, glob.rstrip("/")), Atom(Kind.BELOW, "(?:/.+)?")]
    if glob.endswith("/"):
        glob += "**"
    parts: list[Atom] = []
    index = 0
    while index < len(glob):
        char = glob[index]
        if glob.startswith("**/", index) and (not index or glob[index - 1] == "/"):
            parts.append(Atom(Kind.FOLDERS, "(?:[^/]+/)*"))
            index += 2
        elif glob[index:] == "**" and (not index or glob[index - 1] == "/"):
            parts.append(Atom(Kind.REST, ".+"))
            index += 1
        elif char == "*":
            parts.append(Atom(Kind.SOME, "[^/]*"))
        elif char == "?":
            parts.append(Atom(Kind.ONE, "[^/]"))
        elif char == "[":
            end = _end_of_class(glob, index)
            parts.append(Atom(Kind.ONE, _class(glob[index + 1 : end])))
            index = end
        elif char == "\\":
            index += 1
            if index == len(glob):
                raise ValueError("it ends with a backslash, which stands for nothing")
            parts.append(_itself(glob[index]))
        else:
            parts.append(_itself(char))
        index += 1
    return parts


def _itself(char: str) -> Atom:
    return Atom(Kind.ONE, re.escape(char))


def _class(inside: str) -> str:
    negated = inside[:1] in ("!", "^")
    body = (inside[1:] if negated else inside).replace("\\", "\\\\").replace("[", "\\[")
    body = body.replace("^", "\\^").replace("]", "\\]")
    for double in ("&&", "||", "~~", "--"):
        body = body.replace(double, double[0] + "\\" + double[1])
    try:
        re.compile(f"[{body}]")
    except re.error as error:
        raise ValueError(f"[{inside}] is no set of characters: {error.msg}") from error
    return f"(?!/)[{'^' if negated else ''}{body}]"
