"""By what a pull request is opened. Pure.

    host or setting         with its program    without
    github                  gh                  none: the page where a person opens it
    gitlab                  glab                gitlab: options of the push
    gitea                                       gitea: a push to refs/for/BASE (AGit)
    anything else, a path                       none

A word in brackets in what follows is one of these; only `none` leaves the last step to a person.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from gitmc.forge.address import Address, kind_of, parse

PROGRAMS = {"github": "gh", "gitlab": "glab"}
"""The program that opens pull requests, by kind of forge."""

_WITHOUT = {"gitlab": "gitlab", "gitea": "gitea"}


class Way(NamedTuple):
    """How a pull request is opened: by gh, glab, gitlab, gitea or none, on what kind of forge."""

    forge: str
    kind: str | None
    address: Address | None


def choose(urls: Sequence[str], setting: str, installed: Collection[str]) -> Way:
    """The way to the forge that a remote's `urls` name: as they are configured, then as git
    rewrites them. `setting` is auto, github, gitlab, gitea or none; anything but auto overrides
    what the host's name says."""
    address = _most_telling([parse(url) for url in urls])
    kind = kind_of(address)
    if setting == "none":
        return Way("none", kind, address)
    kind = kind if setting == "auto" else setting
    if address is None or kind is None:
        return Way("none", kind, address)
    program = PROGRAMS.get(kind)
    if program is not None and program in installed:
        return Way(program, kind, address)
    return Way(_WITHOUT.get(kind, "none"), kind, address)


def _most_telling(addresses: Sequence[Address | None]) -> Address | None:
    """The first whose host says what it is, else the last that is one: what git rewrites is an
    abbreviation more often than not."""
    known = [address for address in addresses if address is not None]
    telling = [address for address in known if kind_of(address) is not None]
    return next(iter(telling), known[-1] if known else None)
