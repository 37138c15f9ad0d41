"""What a tool is, and what several of them share. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gitmc.mcp.params import Param

Given = Mapping[str, Any]


class Call(NamedTuple):
    """A command to run: the words after `git mc`, and what it reads."""

    words: list[str]
    stdin: bytes = b""


class Tool(NamedTuple):
    """One tool. `call` gets arguments that were checked."""

    name: str
    title: str
    about: str
    params: tuple[Param, ...]
    call: Callable[[Given], Call]
    schema: str | None = None
    """Which document the command prints; None where it prints text."""
    reads_only: bool = False
    destroys: bool = False
    repeatable: bool = False
    """Whether the second of two equal calls changes nothing."""
    open_world: bool = False
    """Whether it speaks to others than this machine."""
    says_no: bool = False
    """Whether its document tells how it ended, so that exit status 1 or 3 is no error."""
    counts: bool = False
    """Whether its command says with -v how many are done, of how many."""
    retold: Callable[[Call, str], str] = lambda _, said: said
    """What its command says on stderr, in words for whoever called the tool."""
    inside: bool = False
    """Whether it is for an agent in a job's worktree too."""


def options(given: Given, **named: str) -> list[str]:
    """A word for each parameter that was given: flags that are true, values, lists of values."""
    words: list[str] = []
    for name, option in named.items():
        value = given.get(name)
        if value is True:
            words.append(option)
        elif isinstance(value, list):
            words += [f"{option}={item}" for item in value]
        elif value is not None and value is not False:
            words.append(f"{option}={value}")
    return words


NAME = Param("name", "job", "The job's name", required=True)
PLAN = Param(
    "plan", "text", "Which plan: its id, name or unique beginning. Default: the one active"
)
PLACEMENT = Param(
    "placement", "text", "A tmux session, or a window of the current one. Default: the setting",
    choices=("session", "window"),
)  # fmt: skip
LANDS = Param(
    "strategy", "text", "How it lands: one commit, moved ahead only, or a merge commit. Default: "
    "the setting mergeStrategy (squash)", choices=("squash", "ff-only", "merge"),
)  # fmt: skip
TOUCH = "Globs of the files that the job may change"
COPY = "Files to copy from the main worktree, such as .env"
LINK = "Folders of the main worktree to link, such as node_modules"
RUN = "Shell commands to run in the new worktree first, such as bun install"
