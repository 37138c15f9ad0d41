"""Spare worktrees: made beforehand, so that a launch need not wait for a checkout. Pure.

A spare is checked out at one commit and set up in one way; a launch that wants just that takes it
over, and any other goes the ordinary way. States: making → ready → taken (its record is gone). The
one process that makes spares holds a lock for as long as it does, so that a spare which is `making`
when another process gets the lock was left half-made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple

from gitmc.model.job import Setup


class Spare(NamedTuple):
    """One spare worktree."""

    id: str
    path: str
    commit: str
    key: str
    """What it was made for; see `key_of`."""
    copied: str = ""
    """A digest of what was copied into it, and of when that was last changed."""
    ready: bool = False


class Wanted(NamedTuple):
    """What the last launch wanted, and so probably the next one: the pool fills on use."""

    base: str
    setup: Setup = Setup()
    failed: str = ""
    """The key that could not be made; it is not tried again until something changes."""


class Due(NamedTuple):
    """What the pool is away from what it should be."""

    discard: tuple[Spare, ...]
    make: int

    def __bool__(self) -> bool:
        return bool(self.discard or self.make)


def key_of(commit: str, setup: Setup) -> str:
    """What tells spares apart: the same key, the same worktree."""
    return hashlib.sha256(json.dumps([commit, setup]).encode()).hexdigest()[:16]


def due(spares: Sequence[Spare], key: str | None, count: int) -> Due:
    """How to come to `count` spares for `key`; None for `key` wants none.

    To be asked by the one process that makes spares: what is `making` was then left half-made.
    """
    good = [spare for spare in spares if spare.ready and spare.key == key][: max(0, count)]
    return Due(
        tuple(spare for spare in spares if spare not in good),
        max(0, count) - len(good) if key is not None else 0,
    )
