"""Verdicts: which trees a test command has passed on, kept in notes on the trees.

Passes only. `git notes --ref mc-verdicts show TREE` shows them, and no lock is needed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

from gitmc.control.mission import Mission
from gitmc.git import notes
from gitmc.model.environment import Environment
from gitmc.model.verdict import Pass, noted, passed

REF = "refs/notes/mc-verdicts"


def known(
    mission: Mission, trees: Collection[str], command: str | None, under: Environment | None
) -> dict[str, Pass]:
    """By tree: the pass of `command` on it, without the trees that have none. Without `under`, a
    pass in any environment is one, and without `command` one of any command.

    Asks git twice, however many trees there are. Raises McError.
    """
    found = {
        tree: passed(text.decode("utf-8", "surrogateescape"), tree, command, under and under.key)
        for tree, text in notes.read(mission.git, REF, trees).items()
    }
    return {tree: one for tree, one in found.items() if one is not None}


def remember(
    mission: Mission, passes: Mapping[str, Pass], command: str, under: Environment
) -> None:
    """Note that `command` passed on these trees, all in one commit. Raises McError."""
    import tomli_w

    def changed(tree: str, told: Pass, before: bytes) -> bytes:
        text = before.decode("utf-8", "surrogateescape")
        new = noted(text, tree, command, under, told, tomli_w.dumps)
        return new.encode("utf-8", "surrogateescape")

    changes = {tree: partial(changed, tree, told) for tree, told in passes.items()}
    if changes:
        notes.edit(mission.git, REF, changes, "mc: tests passed")
