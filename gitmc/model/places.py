"""Where in a text each key of it stands: TOML and JSON, for messages that name a line. Pure.

The readers of the standard library say what a text holds, and not where. These only look for keys,
and for the items of lists, in a text that was read without a fault.
"""

from __future__ import annotations

import json
import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator

Path = tuple[str | int, ...]
"""The keys that lead to a value, with numbers for items of a list: ("job", 0, "name")."""

STRING = re.compile(
    r"""
    "{3} (?: [^\\] | \\. )*? "{3,5}
    | '{3} .*? '{3,5}
    | " (?: [^"\\\n] | \\. )* "
    | ' [^'\n]* '
    """,
    re.DOTALL | re.VERBOSE,
)
BARE = re.compile(r"[\w-]+")
BETWEEN = re.compile(r"(?: [\s,] | \#[^\n]* )*", re.VERBOSE)
"""What stands between statements, and around the items of a list."""
BLANKS = re.compile(r"\s*")
DOT = re.compile(r"\.?\s*")
SCALAR = re.compile(r"[^,\]}\#\n]+")
JSON_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,\]}]+', re.DOTALL)


def in_toml(text: str) -> dict[Path, int]:
    """The line, from 1, on which each key, table and item of a list of `text` first stands."""
    reader = _Toml(text)
    reader.read()
    return reader.found


def in_json(text: str) -> Iterator[tuple[Path, int]]:
    """Each key and each item of a list of `text`, in order, and the line, from 1, that it is on."""
    return _Json(text).value(())


class _Text:
    """A text that is walked through from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._ends = [match.start() for match in re.finditer("\n", text)]

    @property
    def line(self) -> int:
        return bisect_right(self._ends, self.at - 1) + 1

    def next_is(self, some: str) -> bool:
        return self.text.startswith(some, self.at)

    def take(self, what: re.Pattern[str]) -> str:
        """Go past what is next; it, or nothing where it is something else."""
        match = what.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return match.group() if match else ""

    def ended(self) -> bool:
        """Go to the next item of a list or a table; past its end, where there is none."""
        self.take(BETWEEN)
        over = self.text[self.at : self.at + 1] in ("]", "}", "")
        self.at += over
        return over


class _Toml(_Text):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.found: dict[Path, int] = {}
        self._last: dict[Path, int] = {}
        """By list of tables, the number of the latest one."""

    def read(self) -> None:
        here: Path = ()
        self.take(BETWEEN)
        while self.at < len(self.text):
            if self.next_is("["):
                here = self._header()
            else:
                self._assignment(here)
            self.take(BETWEEN)

    def _header(self) -> Path:
        line = self.line
        many = self.next_is("[[")
        self.at += 2 if many else 1
        key = self._key()
        self.at += 2 if many else 1
        path: Path = ()
        for length, part in enumerate(key, 1):
            path = (*path, part)
            self.found.setdefault(path, line)
            if many and length == len(key):
                self._last[path] = self._last.get(path, -1) + 1
            if path in self._last:
                path = (*path, self._last[path])
                self.found.setdefault(path, line)
        return path

    def _assignment(self, here: Path) -> None:
        line = self.line
        path = here
        for part in self._key():
            path = (*path, part)
            self.found.setdefault(path, line)
        self.at += 1
        self.take(BLANKS)
        self._value(path)

    def _key(self) -> list[str]:
        """The parts of the key that is next, with what is blank around it."""
        parts: list[str] = []
        while not parts or self.next_is("."):
            self.take(DOT)
            parts.append(self.take(BARE) or tomllib.loads(f"key = {self.take(STRING)}")["key"])
            self.take(BLANKS)
        return parts

    def _value(self, path: Path) -> None:
        if self.next_is("[") or self.next_is("{"):
            table = self.next_is("{")
            self.at += 1
            number = 0
            while not self.ended():
                if table:
                    self._assignment(path)
                else:
                    self.found[(*path, number)] = self.line
                    self._value((*path, number))
                    number += 1
        elif not self.take(STRING):
            self.take(SCALAR)


class _Json(_Text):
    def value(self, path: Path) -> Iterator[tuple[Path, int]]:
        self.take(BLANKS)
        if not (self.next_is("[") or self.next_is("{")):
            self.take(JSON_SCALAR)
            return
        table = self.next_is("{")
        self.at += 1
        number = 0
        while not self.ended():
            line = self.line
            part: str | int = json.loads(self.take(JSON_SCALAR)) if table else number
            if table:
                self.take(BLANKS)
                self.at += 1
            number += 1
            yield (*path, part), line
            yield from self.value((*path, part))
