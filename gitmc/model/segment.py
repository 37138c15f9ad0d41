"""How the jobs of a repository stand, for tmux's status line. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from gitmc.model.job import Job
from gitmc.model.overview import needs_person, overview

LONGEST = 20
"""Characters of a repository's name that are shown."""

_NOT_PLAIN = re.compile(r"[^\w.-]", re.ASCII)


class Counts(NamedTuple):
    """How many jobs run by themselves, wait for a person, and came to nothing so far."""

    running: int
    waiting: int
    failed: int


def counts(jobs: Iterable[Job]) -> Counts:
    """The counts of `jobs`; each is counted once."""
    found = overview(jobs)
    alone = [job for job in found.running if not needs_person(job)]
    return Counts(len(alone), len(found.waiting), len(found.failed))


def segment(name: str, found: Counts) -> str:
    """What tmux is to show for the repository called `name`; nothing where there is nothing to.

    It is a format, in which tmux would run commands, so a name is reduced to plain characters. How
    a count looks is up to the option `@mc_style_running` and its like.
    """
    told = [
        f"#[#{{@mc_style_{word}}}]{count} {word}#[default]"
        for word, count in found._asdict().items()
        if count
    ]
    plain = _NOT_PLAIN.sub("?", name)[:LONGEST]
    return f" {plain}: {' '.join(told)}" if told else ""
