"""Whether one path can match two globs of touch sets. Pure, and exact.

Each glob is an automaton that reads a path; so are the rules that every path keeps: no name in it
is empty, `.` or `..`. A path that all three accept is looked for, shortest first. Characters are
tried by kinds: those between two that a glob names are all alike to it, and one stands for them.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from gitmc.model.touchset import SPECIAL, Atom, Kind, alternatives, atoms

NAME, ANY, SLASH = "[^/]", ".", "/"

EMPTY, WHOLE = 0, 3
"""How much there is of a name: nothing; dots alone, as many as the number says; a name."""

State = tuple[int, int, int]
"""Where the two globs are, and how much there is of the present name."""


def overlap(one: Sequence[str], other: Sequence[str]) -> str | None:
    """Two globs, as words, of which one path matches both; None where there are none."""
    for first in one:
        for second in other:
            if common(first, second) is not None:
                return first if first == second else f"{first} and {second}"
    return None


@cache
def common(one: str, other: str) -> str | None:
    """A shortest path that matches both globs, which have no fault; None where there is none."""
    start, begin = _literal(one), _literal(other)
    if not (start.startswith(begin) or begin.startswith(start)):
        return None
    return _search(_automaton(one), _automaton(other), _alphabet(one + other))


def _literal(glob: str) -> str:
    """What every path that matches begins with, less what may be a slash at its end."""
    index = next((at for at, char in enumerate(glob) if char in SPECIAL), len(glob))
    return glob[:index].rstrip("/")


class _Automaton(NamedTuple):
    """By state: the characters that it reads, as an expression, and the state after them."""

    moves: Sequence[Sequence[tuple[str, int]]]
    ends: frozenset[int]


@cache
def _automaton(glob: str) -> _Automaton:
    """What reads the paths that `glob` matches, from state 0 on."""
    moves: list[list[tuple[str, int]]] = []
    skips: list[list[int]] = []
    ends: set[int] = set()

    def state() -> int:
        moves.append([])
        skips.append([])
        return len(moves) - 1

    def after(here: int, atom: Atom) -> int:
        end = state()
        if atom.kind is Kind.ONE:
            moves[here].append((atom.expression, end))
        elif atom.kind is Kind.SOME:
            skips[here].append(end)
            moves[end].append((NAME, end))
        elif atom.kind is Kind.FOLDERS:
            inside = state()
            skips[here].append(end)
            moves[end].append((NAME, inside))
            moves[inside] += [(NAME, inside), (SLASH, end)]
        else:
            if atom.kind is Kind.BELOW:
                ends.add(here)
                slash = state()
                moves[here].append((SLASH, slash))
                here = slash
            moves[here].append((ANY, end))
            moves[end].append((ANY, end))
        return end

    first = state()
    # What alternatives begin with in common is there once.
    known: dict[tuple[int, Atom], int] = {}
    for one in alternatives(glob):
        here = first
        for atom in atoms(one):
            if (here, atom) not in known:
                known[here, atom] = after(here, atom)
            here = known[here, atom]
        ends.add(here)
    # A state that may be skipped to comes after the one that it is skipped from.
    for here in reversed(range(len(moves))):
        for end in skips[here]:
            moves[here] += moves[end]
            if end in ends:
                ends.add(here)
    return _Automaton(moves, frozenset(ends))


def _alphabet(globs: str) -> list[str]:
    """A character of each kind that the globs tell apart, those that read well first."""
    named = set(globs) | set("/.a")
    following = {chr(ord(char) + 1) for char in named if ord(char) < 0x10FFFF}
    chars = (named | following | {"\x01"}) - {"\0"}
    return sorted(chars, key=lambda char: (not char.isalnum(), not char.isprintable(), char))


def _search(one: _Automaton, other: _Automaton, alphabet: Sequence[str]) -> str | None:
    reads = cache(lambda word: [char for char in alphabet if _matches(word, char)])
    tried = cache(lambda a, b: _different([char for char in reads(a) if char in reads(b)]))
    start: State = (0, 0, EMPTY)
    came: dict[State, tuple[State, str] | None] = {start: None}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        if here[0] in one.ends and here[1] in other.ends and here[2] == WHOLE:
            return _path(came, here)
        for first, a in one.moves[here[0]]:
            for second, b in other.moves[here[1]]:
                for char in tried(first, second):
                    name = _name(here[2], char)
                    if name is not None and (a, b, name) not in came:
                        came[a, b, name] = (here, char)
                        queue.append((a, b, name))
    return None


def _matches(expression: str, char: str) -> bool:
    return re.fullmatch(expression, char, re.DOTALL) is not None


def _different(chars: Sequence[str]) -> list[str]:
    """Those that the rules of paths tell apart: a dot, a slash, and one of the others."""
    others = [char for char in chars if char not in "./"]
    return others[:1] + [char for char in chars if char in "./"]


def _name(so_far: int, char: str) -> int | None:
    """How much there is of the present name after `char`; None where no path goes on so."""
    if char == SLASH:
        return EMPTY if so_far == WHOLE else None
    return so_far + 1 if char == "." and so_far < WHOLE else WHOLE


def _path(came: Mapping[State, tuple[State, str] | None], end: State) -> str:
    chars: list[str] = []
    step = came[end]
    while step is not None:
        chars.append(step[1])
        step = came[step[0]]
    return "".join(reversed(chars))
