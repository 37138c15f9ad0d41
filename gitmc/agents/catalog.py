"""The catalog: one TOML file per agent, read when a job is started with it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from gitmc.errors import Refused

COMMAND = "command"
"""The agent that is whatever command the user gives."""

ARGUMENT_LIMIT = 100_000
"""Bytes. Linux refuses a single argument of 131,072; this leaves room for what is around it."""


class Start(NamedTuple):
    """How to start an agent: its words, and whether it reads the prompt as standard input.

    The word "{prompt}" stands for the whole prompt; whoever starts the agent fills it in.
    """

    argv: tuple[str, ...]
    stdin: bool = False


def names() -> list[str]:
    """The agents there are, in order."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.toml"))


def check(agent: str) -> None:
    """Raises Refused where there is no such agent."""
    if agent not in names():
        raise Refused(f"there is no agent called '{agent}'", hint="known: " + ", ".join(names()))


def start(
    agent: str,
    prompt_file: Path,
    prompt_size: int,
    command: Sequence[str] = (),
    *,
    headless: bool = False,
) -> Start:
    """How to start `agent` on the prompt of `prompt_size` bytes in `prompt_file`.

    `command` is for the agent `command`, which is nothing else. Raises Refused where the two do not
    fit together, or where there is no such agent.
    """
    check(agent)
    if agent == COMMAND:
        if not command:
            raise Refused(
                "the agent 'command' needs a command to run",
                hint="git mc launch NAME [PROMPT…] -- COMMAND [ARGUMENT…]",
            )
        return Start(tuple(command))
    if command:
        raise Refused(
            f"a command was given, and the agent '{agent}' has its own",
            hint="leave out --agent, or leave out what comes after --",
        )
    table = _table(agent)["start"]
    if headless:
        return Start(tuple(table["headless"]), stdin=table["headless_stdin"])
    large = prompt_size > ARGUMENT_LIMIT
    words = table["interactive_by_file" if large else "interactive"]
    return Start(tuple(word.replace("{prompt_file}", str(prompt_file)) for word in words))


def resume(agent: str, session: str, *, headless: bool, told: bool) -> Start | None:
    """How `agent` takes up its session; None where it cannot.

    Raises Refused where it is to be `told` something with that, and takes nothing.
    """
    if agent == COMMAND or "resume" not in (table := _table(agent)):
        return None
    table = table["resume"]
    takes = headless or any("{prompt}" in word for word in table["interactive"])
    if told and not takes:
        raise Refused(
            f"'{agent}' takes no prompt when it resumes a session",
            hint="relaunch it without -p, and then: git mc send JOB TEXT; or use --fresh",
        )
    words = table["headless" if headless else "interactive"]
    argv = tuple(word.replace("{session}", session) for word in words)
    return Start(argv, stdin=headless and table["headless_stdin"])


@cache
def screen_patterns(agent: str) -> Mapping[str, Sequence[str]]:
    """By state: regular expressions for what `agent` shows in it; empty where none are known."""
    patterns: Mapping[str, Sequence[str]] = (_table(agent) if agent in names() else {}).get(
        "screen", {}
    )
    return patterns


@cache
def title_patterns(agent: str) -> Mapping[str, Sequence[str]]:
    """By state: regular expressions for what `agent` has as its terminal's title in it."""
    patterns: Mapping[str, Sequence[str]] = (_table(agent) if agent in names() else {}).get(
        "title", {}
    )
    return patterns


def _table(agent: str) -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / f"{agent}.toml").read_text())
