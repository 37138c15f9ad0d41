"""What the table of an agent may say, and what it comes to. Pure.

How such a table is written is told in `catalog`. Here it is checked: every fault names the key and
the rule that it breaks; who reads the file adds its name and the cure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from gitmc.agents.words import PLACES, faults_in

STATES = ("working", "waiting", "idle", "error")
"""What an agent can be seen to do."""

SIGNALS = (*STATES, "session")
"""What its hooks can tell."""

Patterns = Mapping[str, tuple[str, ...]]
Content = str | Mapping[str, Any]
"""A text, or a table that is written as JSON."""

NONE: Mapping[str, Any] = MappingProxyType({})


class Fault(ValueError):
    """A table that is not an agent's: the text names the key and the rule."""


class Way(NamedTuple):
    """One way to start a program: the words after its name."""

    words: tuple[str, ...]
    by_file: tuple[str, ...] | None = None
    """For a prompt that is too long for a word."""
    bare: tuple[str, ...] | None = None
    """For no prompt at all."""
    stdin: bool = False
    """Whether the prompt is its standard input."""


class Addition(NamedTuple):
    """What is added to a launch for one purpose."""

    words: tuple[str, ...] = ()
    environment: Mapping[str, Content] = NONE
    files: Mapping[str, Content] = NONE


class Agent(NamedTuple):
    """One agent. What it cannot do is None, or empty."""

    name: str
    program: str
    version: tuple[str, ...]
    """The words that make it print its version."""
    about: str
    tested: bool
    ignored: tuple[str, ...] = ()
    """Folders that it makes in its worktree, and that belong in no commit."""
    start: Mapping[str, Way] = NONE
    """By `interactive` and `headless`."""
    resume: Mapping[str, Way] = NONE
    environment: Mapping[str, Content] = NONE
    unattended: Addition | None = None
    model: Addition | None = None
    hooks: Addition | None = None
    signals: tuple[str, ...] = ()
    title: Patterns = NONE
    screen: Patterns = NONE


WAYS = ("interactive", "headless")

_WAY_KEYS = {
    f"{way}{end}": kind
    for way in WAYS
    for end, kind in (("", "words"), ("_by_file", "words"), ("_bare", "words"), ("_stdin", "flag"))
}
_ADDITION = {"words": "words", "environment": "contents", "files": "contents"}
_PATTERNS = dict.fromkeys(STATES, "patterns")

KEYS: Mapping[str, str | Mapping[str, str]] = {
    "program": "text",
    "version": "words",
    "about": "text",
    "tested": "flag",
    "ignored": "folders",
    "environment": "contents",
    "start": _WAY_KEYS,
    "resume": _WAY_KEYS,
    "unattended": _ADDITION,
    "model": _ADDITION,
    "hooks": {**_ADDITION, "signals": "signals"},
    "title": _PATTERNS,
    "screen": _PATTERNS,
}
"""By key: its kind, or the keys of the table in it."""

OFF = frozenset({"resume", "unattended", "model", "hooks", "title", "screen"})
"""Tables in whose place `false` takes away what there was."""


def check(table: Mapping[str, Any]) -> None:
    """Raises Fault for a key that is not one, and for a value that is not of its kind."""
    _check(table, KEYS, "")


def _check(table: Mapping[str, Any], keys: Mapping[str, Any], where: str) -> None:
    for key, value in table.items():
        if key not in keys:
            raise Fault(f"unknown key '{where}{key}'; known are {', '.join(sorted(keys))}")
        kind = keys[key]
        if isinstance(kind, str):
            rule = _KINDS[kind](value)
            if rule:
                raise Fault(f"'{where}{key}' is {value!r}, and must be {rule}")
            place = PLACES.get(where.partition(".")[0] or key, ())
            for fault in faults_in(value, place):
                raise Fault(f"'{where}{key}': {fault}")
        elif isinstance(value, Mapping):
            _check(value, kind, f"{where}{key}.")
        elif value is not False or key not in OFF:
            raise Fault(f"'{where}{key}' is {value!r}, and must be a table")


def _rule(holds: bool, rule: str) -> str | None:
    return None if holds else rule


def _is_words(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(
        isinstance(word, str) and "\0" not in word for word in value
    )


def _signals(value: Any) -> str | None:
    known = _is_words(value) and set(value) <= set(SIGNALS)
    return _rule(known, "a list of some of " + ", ".join(SIGNALS))


def _folders(value: Any) -> str | None:
    plain = _is_words(value) and all(
        name and "/" not in name and name not in (".", "..", ".git") for name in value
    )
    return _rule(plain, "a list of names of folders")


def _patterns(value: Any) -> str | None:
    if not _is_words(value):
        return "a list of regular expressions"
    for pattern in value:
        try:
            re.compile(pattern)
        except re.error as fault:
            return f"a list of regular expressions ({pattern!r}: {fault})"
    return None


def _contents(value: Any) -> str | None:
    whole = isinstance(value, Mapping) and all(
        name
        and not set(name) & {"/", "\0", "="}
        and name not in (".", "..")
        and isinstance(content, (str, Mapping))
        for name, content in value.items()
    )
    return _rule(whole, "a table of names, each with a text or a table")


_KINDS: Mapping[str, Callable[[Any], str | None]] = {
    "text": lambda value: _rule(isinstance(value, str) and bool(value), "a text"),
    "flag": lambda value: _rule(isinstance(value, bool), "true or false"),
    "words": lambda value: _rule(_is_words(value), "a list of words"),
    "signals": _signals,
    "folders": _folders,
    "patterns": _patterns,
    "contents": _contents,
}


def over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`below` with what `above` says; tables are joined, all else is replaced."""
    joined = dict(below)
    for key, value in above.items():
        old = joined.get(key)
        both = isinstance(value, Mapping) and isinstance(old, Mapping)
        joined[key] = over(old, value) if both and old is not None else value
    return joined


def agent(name: str, table: Mapping[str, Any]) -> Agent:
    """The agent that a whole table describes. Raises Fault."""
    check(table)
    if "program" not in table:
        raise Fault("'program' is missing")
    if not table.get("start"):
        raise Fault("'start' is missing: it says how the program takes a prompt")
    hooks = table.get("hooks") or {}
    return Agent(
        name,
        table["program"],
        version=tuple(table.get("version", ("--version",))),
        about=table.get("about", ""),
        tested=table.get("tested", True),
        ignored=tuple(table.get("ignored", ())),
        start=_ways(table["start"], "start"),
        resume=_ways(table.get("resume") or {}, "resume"),
        environment=table.get("environment", {}),
        unattended=_addition(table.get("unattended")),
        model=_addition(table.get("model")),
        hooks=_addition(hooks),
        signals=tuple(hooks.get("signals", ())),
        title=_states(table.get("title") or {}),
        screen=_states(table.get("screen") or {}),
    )


def _states(table: Mapping[str, Sequence[str]]) -> Patterns:
    return {state: tuple(patterns) for state, patterns in table.items()}


def _addition(table: Mapping[str, Any] | None) -> Addition | None:
    if not table:
        return None
    return Addition(
        tuple(table.get("words", ())), table.get("environment", {}), table.get("files", {})
    )


def _ways(table: Mapping[str, Any], where: str) -> dict[str, Way]:
    ways: dict[str, Way] = {}
    for way in WAYS:
        if way not in table:
            left = [key for key in table if key.startswith(way)]
            if left:
                raise Fault(f"'{where}.{left[0]}' is there, and '{where}.{way}' is not")
            continue
        lists = [table.get(f"{way}{end}") for end in ("", "_by_file", "_bare")]
        words, by_file, bare = (None if found is None else tuple(found) for found in lists)
        assert words is not None
        ways[way] = Way(words, by_file, bare, table.get(f"{way}_stdin", False))
    return ways
