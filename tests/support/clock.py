"""What a queue takes on the virtual clock: by the train, and by the simpler ways beside it.

The unit is one test run. Branches are bad independently of one another, the target is known to
pass, the tests are not flaky, and merging costs nothing. A failure counts after `retries` more runs
of the same tree, for every way alike.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import comb

from gitmc.model.train import Clash, Item, Known, Policy
from tests.support.trains import Train, Words, World

BRANCHES = 64
SLOTS = (1, 2, 4, 8)
TABLE = {0.05: (20.1, 13.3, 8.6, 8.1), 0.1: (31.5, 20.4, 15.0, 12.1)}
"""By the share of bad branches: what the train should take with each of `SLOTS`."""


def queues(seed: int, count: int, share: float, branches: int = BRANCHES) -> list[list[bool]]:
    """`count` queues by chance: for each branch, whether it is bad.

    How many are bad is spread as evenly over what chance would bring as `count` allows, so that the
    mean of a few queues is near that of many.
    """
    rng = random.Random(seed)
    found = []
    for number in range(count):
        few = _quantile((number + 0.5) / count, share, branches)
        bad = set(rng.sample(range(branches), few))
        found.append([at in bad for at in range(branches)])
    return found


def _quantile(part: float, share: float, branches: int) -> int:
    """The number of bad branches that so large a part of all queues does not exceed."""
    below = 0.0
    for few in range(branches):
        below += comb(branches, few) * share**few * (1 - share) ** (branches - few)
        if below >= part:
            return few
    return branches


@dataclass
class Remembering(Train):
    """A train of branches that nobody pushes to: each tree is made once."""

    grown: dict[tuple[Words, Words, str], str | Clash] = field(default_factory=dict)

    def grow(self, names: Words, name: str) -> str | Clash:
        key = (self.target, names, name)
        if key not in self.grown:
            self.grown[key] = super().grow(names, name)
        return self.grown[key]


def by_train(bad: Sequence[bool], slots: int, retries: int) -> Train:
    """The train that has brought the queue to its end."""
    names = [f"b{number}" for number in range(len(bad))]
    world = World(bad=frozenset(name for name, is_bad in zip(names, bad, strict=True) if is_bad))
    queue = [Item(name, "0") for name in names]
    known = {"main0": Known(passes=1)}
    chance = random.Random(0)
    policy = Policy(slots, retries)
    return Remembering(world, queue, policy, chance, jitter=0, known=known).run()


def by_serial(bad: Sequence[bool], slots: int, retries: int) -> int:
    """One branch after another; more slots are of no use."""
    return len(bad) + retries * sum(bad)


def by_bisecting(bad: Sequence[bool], slots: int, retries: int) -> int:
    """All that is left at once; if that fails, the half of it that fails, down to one branch.

    More slots are of no use.
    """

    def first_bad(start: int, end: int) -> tuple[int, int]:
        """The runs that find the first bad branch in a batch that is known to fail, and it."""
        if end - start == 1:
            return 0, start
        middle = (start + end) // 2
        failed = any(bad[start:middle])
        runs, found = first_bad(start, middle) if failed else first_bad(middle, end)
        return runs + 1, found

    at, total = 0, 0
    while at < len(bad):
        total += 1
        if not any(bad[at:]):
            break
        runs, found = first_bad(at, len(bad))
        total += runs + retries
        at = found + 1
    return total


def by_speculation(bad: Sequence[bool], slots: int, retries: int) -> int:
    """As many prefixes at once as there are slots, one branch apart.

    What passes lands; at the first that fails, that branch goes once it has failed again, while
    nothing else is tested, and what was tested behind it is tested anew.
    """
    at, total = 0, 0
    while at < len(bad):
        window = bad[at : at + slots]
        total += 1
        if True in window:
            total += retries
            at += window.index(True) + 1
        else:
            at += len(window)
    return total


Way = Callable[[Sequence[bool], int, int], int]
WAYS: dict[str, Way] = {
    "serial": by_serial,
    "bisecting": by_bisecting,
    "speculation": by_speculation,
}


def mean(times: Sequence[float]) -> float:
    return sum(times) / len(times)
