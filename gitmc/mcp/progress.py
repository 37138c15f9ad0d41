"""What a command says on its way, as progress in numbers. Pure.

Some begin a line with how many are done, of how many (`git mc wait -v`); of others, the lines
themselves are counted. The protocol wants a value that grows with every message. So a line that
says more of the same number is worth a little more, and never as much as the next number; after the
last number, there is nothing more to say.
"""

from __future__ import annotations

import re
from typing import NamedTuple

COUNT = re.compile(r"([0-9]{1,9}) of ([0-9]{1,9}): ")

SMALL = 100
"""How many lines that say more of one number come half of the way to the next."""


class Step(NamedTuple):
    """How far it is. `total` is None where nobody knows."""

    value: float
    total: int | None = None


class Lines:
    """Gives each line a step; the value of each is above that of the one before.

    `counted` tells whether lines begin with numbers.
    """

    def __init__(self, *, counted: bool) -> None:
        self._counted = counted
        self._done = 0
        self._more = 0
        self._total: int | None = None

    def step(self, line: str) -> Step | None:
        """How far it is when the command says `line`; None where that is no progress."""
        if not self._counted:
            self._done += 1
            return Step(self._done)
        count = COUNT.match(line)
        done = int(count[1]) if count else 0
        if count:
            self._total = int(count[2])
        if done > self._done:
            self._done, self._more = done, 0
        elif self._total is not None and self._done >= self._total:
            return None
        else:
            self._more += 1
        return Step(self._done + self._more / (self._more + SMALL), self._total)
