"""git mc hook"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from gitmc.cli.render import mission_here
from gitmc.control.githook import add_trailer, check_commit, check_push, note_commit, note_push
from gitmc.errors import Usage
from gitmc.model.pushes import Update, parse

NAMES = ("touch-set", "committed", "trailer", "verified-push", "pushed", "plan")


@click.command()
@click.argument("name", type=click.Choice(NAMES))
@click.argument("words", nargs=-1)
def command(name: str, words: tuple[str, ...]) -> int:
    """Answer a git hook: the hooks of `git mc init`, and of pre-commit.

    A refusal exits with 1. WORDS are what git gives the hook; a push is read from standard input,
    or from the variables that pre-commit sets.
    """
    if name == "trailer" and not words:
        raise Usage("a trailer goes into a file", hint="git mc hook trailer FILE")
    if name == "plan":
        return _check_plans(words)
    mission = mission_here()
    if name == "touch-set":
        check_commit(mission)
    elif name == "committed":
        note_commit(mission)
    elif name == "pushed":
        note_push(mission, words[::2])
    elif name == "trailer":
        add_trailer(mission, Path(words[0]))
    else:
        check_push(mission, _updates(words))
    return 0


def _check_plans(files: tuple[str, ...]) -> int:
    from gitmc.control.planstart import Source

    faulty = 0
    for file in files:
        source = Source(file)
        found = source.read()
        faulty |= found.plan is None
        for line in source.told(found.faults):
            click.echo(line)
    return faulty


def _updates(words: tuple[str, ...]) -> list[Update]:
    if words:
        return parse(os.fsdecode(sys.stdin.buffer.read()))
    said = [
        os.environ.get(f"PRE_COMMIT_{name}", "")
        for name in ("LOCAL_BRANCH", "TO_REF", "REMOTE_BRANCH", "FROM_REF")
    ]
    if not said[1]:
        raise Usage("it is not said what is pushed", hint="git mc hook verified-push REMOTE URL")
    return [Update(*said)]
