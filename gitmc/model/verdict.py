"""The note on a tree that says that a test command passed on it. Pure.

A note is TOML: a `[[verdict]]` for each command and environment, the latest last, and passes only.
Text that somebody else wrote into it is kept, in front. What does not add up is no pass: a table
that is torn, that was edited, or that was written of another tree. That is for accidents; whoever
wants to cheat and may write here may as well move the branch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from gitmc.model.annotation import Dumps, joined, split
from gitmc.model.environment import Environment

KIND = "verdict"

MOST = 32
"""How many passes of one tree are kept; the oldest go first."""


class Pass(NamedTuple):
    """A test command passed: how many seconds it took, and when, as ISO 8601."""

    seconds: float
    flaky: bool
    """Whether it had failed on the same tree before."""
    at: str


def passed(note: str, tree: str, command: str | None, key: str | None) -> Pass | None:
    """The pass of `command` in the environment `key` that the note on `tree` tells of; for None of
    one of them, the latest of whatever command or in whatever environment."""
    for table in reversed(split(note, KIND)[1]):
        ran, under = table.get("command"), table.get("environment")
        if not (isinstance(ran, str) and isinstance(under, str)):
            continue
        if command in (None, ran) and key in (None, under):
            found = _pass(table)
            if found is not None and table.get("sum") == _sum(tree, ran, under, found):
                return found
    return None


def _pass(table: Mapping[str, Any]) -> Pass | None:
    seconds, flaky, at = table.get("seconds"), table.get("flaky"), table.get("at")
    if not (isinstance(seconds, float) and isinstance(flaky, bool) and isinstance(at, str)):
        return None
    try:
        zone = datetime.fromisoformat(at).tzinfo
    except ValueError:
        return None
    return Pass(seconds, flaky, at) if zone and 0 <= seconds < float("inf") else None


def noted(
    before: str, tree: str, command: str, under: Environment, told: Pass, dumps: Dumps
) -> str:
    """The note `before` on `tree` with `told` in it, in place of what it said of the same."""
    told = told._replace(seconds=round(float(told.seconds), 3))
    foreign, tables = split(before, KIND)
    same = (command, under.key)
    others = [t for t in tables if (t.get("command"), t.get("environment")) != same]
    new = {
        "command": command,
        "environment": under.key,
        "under": list(under.parts),
        **told._asdict(),
        "sum": _sum(tree, command, under.key, told),
    }
    return joined(foreign, KIND, [*others, new][-MOST:], dumps)


def _sum(tree: str, command: str, key: str, told: Pass) -> str:
    content = json.dumps([tree, command, key, *told])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
