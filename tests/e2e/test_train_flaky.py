"""A test command that fails now and then by itself, on real trains."""

from __future__ import annotations

import random
from math import comb
from pathlib import Path

import pytest

from tests.support.world import World

TRAINS, SIZE, FAILING, RETRIES = 50, 4, 0.2, 1

COIN = "for coin in {coins}/*; do mv $coin {coins}.spent/ 2>/dev/null && break; done;"
"""Takes the next of the coins: whoever moves it has it, however many ask at once."""


def most(count: int, share: float, doubt: float) -> int:
    """The least number that so many independent events, each of that probability, exceed with a
    probability below `doubt`."""
    left = 1.0
    for number in range(count + 1):
        left -= comb(count, number) * share**number * (1 - share) ** (count - number)
        if left < doubt:
            return number
    return count


def branches(world: World, names: list[str]) -> None:
    """Branches off main, each with a file of its own; made as objects, with no checkout."""
    lines = []
    for name in names:
        lines += [f"commit refs/heads/{name}", "committer x <x@example.invalid> 1750000000 +0000",
                  f"data {len(name)}", name, "from refs/heads/main^0",
                  f"M 100644 inline {name}", f"data {len(name)}", name, ""]  # fmt: skip
    world.repo.git("fast-import", "--quiet", stdin="\n".join(lines))


@pytest.mark.slow
def test_a_flaky_test_ejects_no_more_good_branches_than_it_must(
    world: World, tmp_path: Path
) -> None:
    """One run in five fails, drawn from a seed; 50 trains of four good branches, each tested by
    itself, since one that lands with others has been lucky.

    A branch is ejected only if the first `RETRIES + 1` runs of one tree fail, the target with just
    this branch: with a probability of at most f = 0.2 ** 2. Runs are independent of one another, so
    that of 200 branches no more are ejected than a binomial distribution of 200 and f allows. The
    bound is exceeded by it once in 10,000 seeds. That the target itself passes is known from the
    train before, so that no train is stopped by it.
    """
    coins, drawn = tmp_path / "coins", random.Random(20260101)
    coins.mkdir()
    (tmp_path / "coins.spent").mkdir()
    for number in range(2000):
        fails = number >= 1 and drawn.random() < FAILING
        (coins / f"{number:05}-{int(fails)}").touch()
    test = COIN.format(coins=coins) + " exit ${coin##*-}"
    branches(world, ["first"])
    world.mc("merge-train", "first", "--test", test).ok()
    landed = ejected = runs = 0
    for number in range(TRAINS):
        names = [f"b{number}-{at}" for at in range(SIZE)]
        branches(world, names)
        found = world.mc("merge-train", *names, "--every", "--test", test, "--json").json
        assert (found["state"], found["blocked"]) == ("done", []), found
        landed += len(found["landed"])
        ejected += len(found["ejected"])
        runs += sum(not run.get("cached") for run in found["runs"])
    assert landed + ejected == TRAINS * SIZE
    assert runs >= TRAINS
    failed = [coin for coin in (tmp_path / "coins.spent").iterdir() if coin.name.endswith("-1")]
    assert len(failed) > 10, "the test was not flaky at all"
    bound = most(TRAINS * SIZE, FAILING ** (RETRIES + 1), 1e-4)
    print(f"{ejected} of {TRAINS * SIZE} ejected, bound {bound}, {runs} runs, {len(failed)} failed")
    assert ejected <= bound


def test_the_bound_is_the_tail_of_a_binomial_distribution() -> None:
    assert most(1, 0.5, 0.6) == 0
    assert most(1, 0.5, 0.4) == 1
    assert most(4, 0.5, 0.1) == 3
    assert most(200, 0.04, 1e-4) == 20
