"""Where in a text each key of it stands: TOML and JSON, for messages that name a line. Pure.

The readers of the standard library say what a text holds, and not where. These only look for keys,
in a text that was read without a fault.
"""

from __future__ import annotations

import json
import re
import tomllib
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
JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s"{}\[\],:]+')


def in_toml(text: str) -> dict[Path, int]:
    """The line, from 1, on which each key and each table of `text` begins."""
    found: dict[Path, int] = {}
    here: Path = ()
    tables: dict[str, int] = {}
    for at, statement in _statements(text):
        line = text.count("\n", 0, at) + 1
        if statement.startswith("["):
            here = _header(statement, tables)
            found[here] = line
        else:
            key = _key(statement)
            for length in range(1, len(key) + 1):
                found.setdefault((*here, *key[:length]), line)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Where each statement begins that is a header or an assignment, and its text."""
    start, depth, index = 0, 0, 0
    while index <= len(text):
        char = text[index] if index < len(text) else "\n"
        if char in "\"'" and (string := STRING.match(text, index)):
            index = string.end()
            continue
        if char == "#":
            alone = depth == 0 and not text[start:index].strip()
            end = text.find("\n", index)
            index = end if end >= 0 else len(text)
            start = index if alone else start
            continue
        depth += (char in "[{") - (char in "]}")
        if char == "\n" and depth == 0:
            statement = text[start:index]
            if statement.strip():
                yield start + len(statement) - len(statement.lstrip()), statement.strip()
            start = index + 1
        index += 1


def _header(statement: str, tables: dict[str, int]) -> Path:
    many = statement.startswith("[[")
    inner = statement.partition("]]" if many else "]")[0].lstrip("[").strip()
    key = _key(f"{inner} = 0")
    if not many:
        return key
    number = tables.get(inner, -1) + 1
    tables[inner] = number
    return (*key, number)


def _key(statement: str) -> tuple[str, ...]:
    """The parts of the key that `statement` assigns to."""
    index = 0
    while index < len(statement) and statement[index] != "=":
        string = STRING.match(statement, index)
        index = string.end() if string else index + 1
    table = tomllib.loads(f"{statement[:index]} = 0")
    parts: list[str] = []
    while isinstance(table, dict):
        name, table = next(iter(table.items()))
        parts.append(name)
    return tuple(parts)


def in_json(text: str) -> dict[Path, int]:
    """The line, from 1, on which each key and each item of a list of `text` begins."""
    found: dict[Path, int] = {}
    path: list[str | int] = []
    expecting_key: list[bool] = []
    tokens = list(JSON_TOKEN.finditer(text))
    for place, token in enumerate(tokens):
        word, line = token.group(), text.count("\n", 0, token.start()) + 1
        if word in "{[":
            if path:
                found.setdefault(tuple(path), line)
            expecting_key.append(word == "{")
            path.append("" if word == "{" else 0)
            if word == "[":
                found.setdefault(tuple(path), line)
        elif word in "}]":
            expecting_key.pop()
            path.pop()
        elif word == ",":
            last = path[-1]
            path[-1] = last + 1 if isinstance(last, int) else ""
        elif expecting_key and expecting_key[-1] and path[-1] == "":
            if place + 1 < len(tokens) and tokens[place + 1].group() == ":":
                path[-1] = json.loads(word)
                found[tuple(path)] = line
        elif word != ":" and path and isinstance(path[-1], int):
            found[tuple(path)] = line
    return found
