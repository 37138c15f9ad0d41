"""What the merge train takes on a virtual clock, beside what it should and beside simpler ways.

    PYTHONPATH=. python contrib/bench/train_table.py [--queues N] [--seed N] [--markdown]

The unit is one test run; nothing is run. Queues of 64 branches, of which a share is bad by chance,
are brought to their end with 1, 2, 4 and 8 slots, with retries and without. Beside the train stand
one branch after another, all at once with a search for the bad ones, and as many prefixes at once
as there are slots. `due` is what the train should take without retries.
"""

from __future__ import annotations

import argparse

from tests.support.clock import BRANCHES, SLOTS, TABLE, WAYS, by_train, mean, queues

HEAD = ("p", "retries", "slots", "train", "due", "ratio", *WAYS, "ratio to the best", "runs")


def rows(count: int, seed: int) -> list[tuple[str, ...]]:
    """A row of the table for each share of bad branches, number of slots, and of retries."""
    found = []
    for share, all_due in TABLE.items():
        some = queues(seed, count, share)
        many = queues(seed, 20 * count, share)
        for retries in (0, 1):
            for slots, due in zip(SLOTS, all_due, strict=True):
                trains = [by_train(bad, slots, retries) for bad in some]
                took = mean([train.clock for train in trains])
                others = [mean([way(bad, slots, retries) for bad in many]) for way in WAYS.values()]
                numbers = (
                    f"{took:.1f}", f"{due:.1f}", f"{took / due:.2f}",
                    *(f"{other:.1f}" for other in others), f"{took / min(others):.2f}",
                    f"{mean([train.runs for train in trains]):.0f}",
                )  # fmt: skip
                found.append((f"{share:g}", str(retries), str(slots), *numbers))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="the merge train on a virtual clock")
    parser.add_argument("--queues", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    print(f"{BRANCHES} branches, {options.queues} queues, seed {options.seed}")
    table = rows(options.queues, options.seed)
    if options.markdown:
        print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
        for row in table:
            print("| " + " | ".join(row) + " |")
        return
    widths = [max(map(len, column)) for column in zip(HEAD, *table, strict=True)]
    for line in (HEAD, *table):
        print("  ".join(word.rjust(width) for word, width in zip(line, widths, strict=True)))


if __name__ == "__main__":
    main()
