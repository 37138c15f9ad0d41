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
from functools import cache

SPECIAL = frozenset("*?[{\\")

MOST_ALTERNATIVES = 1000
"""How many globs one with braces may stand for."""


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
    if not SPECIAL & set(glob):
        return re.escape(glob.rstrip("/")) + "(?:/.+)?"
    if glob.endswith("/"):
        glob += "**"
    parts: list[str] = []
    index = 0
    while index < len(glob):
        char = glob[index]
        if glob.startswith("**/", index) and (not index or glob[index - 1] == "/"):
            parts.append("(?:[^/]+/)*")
            index += 2
        elif glob[index:] == "**" and (not index or glob[index - 1] == "/"):
            parts.append(".+")
            index += 1
        elif char == "*":
            parts.append("[^/]*")
        elif char == "?":
            parts.append("[^/]")
        elif char == "[":
            end = _end_of_class(glob, index)
            parts.append(_class(glob[index + 1 : end]))
            index = end
        elif char == "\\":
            index += 1
            if index == len(glob):
                raise ValueError("it ends with a backslash, which stands for nothing")
            parts.append(re.escape(glob[index]))
        else:
            parts.append(re.escape(char))
        index += 1
    return "".join(parts)


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


def overlap(one: Sequence[str], other: Sequence[str]) -> str | None:
    """Two globs, as words, of which one path may match both; None where that cannot be.

    It is found out name by name, with what stands for any name taken for any: two globs of which
    no path matches both may be told, two that have one are never missed.
    """
    for first in one:
        for second in other:
            for a in alternatives(first):
                for b in alternatives(second):
                    if _may_meet(_parts(a), _parts(b)):
                        return first if first == second else f"{first} and {second}"
    return None


def _parts(glob: str) -> tuple[str, ...]:
    if not SPECIAL & set(glob):
        return (*glob.rstrip("/").split("/"), "**")
    return tuple((glob + "**" if glob.endswith("/") else glob).split("/"))


def _may_meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    if not one or not other:
        return set(one) | set(other) <= {"**"}
    if one[0] == "**":
        return _may_meet(one[1:], other) or _may_meet(one, other[1:])
    if other[0] == "**":
        return _may_meet(other, one)
    return _may_equal(one[0], other[0]) and _may_meet(one[1:], other[1:])


def _may_equal(one: str, other: str) -> bool:
    if SPECIAL & set(one) and SPECIAL & set(other):
        first, second = (re.split(r"[*?\[\\\\]", name)[0] for name in (one, other))
        return first.startswith(second) or second.startswith(first)
    glob, name = (one, other) if SPECIAL & set(one) else (other, one)
    return matches(glob, name) if SPECIAL & set(glob) else one == other
