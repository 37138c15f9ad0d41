"""Whether merges come out as git has them: all merges of real histories made again, and a fuzz.

    python contrib/bench/fidelity.py [PATH]... [--limit N] [--fuzz N] [--seed S] [--show N]

Every merge of two parents in the repositories at PATH is made by git mc and by `git merge-tree`,
and once more from the trees alone; trees, outcomes and paths in conflict are compared. The fuzz
makes situations like those of agents that work in the same few folders. A table is printed, and the
first few differences; the exit status is 1 where there are any. Objects are written to each
repository, as any merge does, and nothing else.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gitmc.errors import McError
from gitmc.git.merge import Merged, Merger
from gitmc.git.run import Git
from tests.support.situations import ATTRIBUTES, Chance, stored

COLUMNS = (
    *("merges", "same tree", "other tree", "ours clean, git conflict"),
    *("ours conflict, git clean", "both conflict", "of these other paths"),
    *("same from trees", "other from trees", "git failed", "only ours failed"),
    *("by libgit2", "by git"),
)
WRONG = (
    *("other tree", "ours clean, git conflict", "ours conflict, git clean"),
    *("of these other paths", "other from trees", "only ours failed"),
)
AT_ONCE = 500


class Case(NamedTuple):
    """Two commits, with their merge base where there is one only."""

    base: str | None
    ours: str
    theirs: str


class Answer(NamedTuple):
    """What git says: a tree, or the paths in conflict."""

    tree: str | None
    paths: tuple[str, ...]


def by_git(git: Git, case: Case) -> Answer | None:
    """The word of plain git; None where it has none."""
    argv = ("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z")
    done = git.result(*argv, case.ours, case.theirs)
    tree, *paths = os.fsdecode(done.stdout).split("\0")
    if done.returncode == 0:
        return Answer(tree.strip(), ())
    if done.returncode == 1 and tree:
        return Answer(None, tuple(sorted({path for path in paths if path})))
    return None


def answer(merged: Merged) -> Answer:
    return Answer(merged.tree, tuple(clash.path for clash in merged.conflicts))


def nameless(said: Answer) -> Answer:
    """The same without the names of the commits, which git adds to a file that is in the way."""
    paths = {re.sub("~[0-9a-f]{40,64}", "~", path) for path in said.paths}
    return Answer(said.tree, tuple(sorted(paths)))


def column(ours: Answer, git: Answer) -> str:
    if ours.tree and git.tree:
        return "same tree" if ours.tree == git.tree else "other tree"
    if ours.tree or git.tree:
        return "ours clean, git conflict" if ours.tree else "ours conflict, git clean"
    return "both conflict"


def compare(git: Git, merger: Merger, case: Case, counts: Counter[str]) -> bool:
    """Count one case; whether all of it is as git has it."""
    counts["merges"] += 1
    expected = by_git(git, case)
    try:
        merged = merger.merge(case.ours, case.theirs)
    except McError:
        counts["only ours failed" if expected else "git failed"] += 1
        return expected is None
    counts[f"by {merged.engine}"] += 1
    if expected is None:
        # It may lack an object, or have a fault of its own, where ours had no need to look.
        counts["git failed"] += 1
        return True
    ours = answer(merged)
    where = column(ours, expected)
    counts[where] += 1
    counts["of these other paths"] += ours.paths != expected.paths
    same = ours == expected
    if case.base:
        again = answer(merger.merge_trees(case.base, case.ours, case.theirs))
        from_trees = nameless(again) == nameless(expected)
        counts["same from trees" if from_trees else "other from trees"] += 1
        same = same and from_trees
    return same


def history(git: Git, limit: int | None) -> Iterator[Case]:
    """The merges of two parents, newest first."""
    most = [f"--max-count={limit}"] if limit else []
    words = ("rev-list", "--all", "--parents", "--min-parents=2", "--max-parents=2")
    for line in git(*words, *most).splitlines():
        _, ours, theirs = line.split()
        bases = (git.answer("merge-base", "--all", ours, theirs) or "").split()
        yield Case(bases[0] if len(bases) == 1 else None, ours, theirs)


def fuzz(repository: Path, count: int, seed: int) -> Iterator[Case]:
    """Situations drawn from `seed`, stored in `repository`."""
    chance = Chance(random.Random(seed))
    for begin in range(0, count, AT_ONCE):
        size = min(AT_ONCE, count - begin)
        for commits in stored(repository, [chance.situation() for _ in range(size)]):
            yield Case(*commits)


def run(git: Git, common: Path, cases: Iterator[Case], show: int) -> Counter[str]:
    """All cases of one repository, counted."""
    counts: Counter[str] = Counter()
    merger = Merger(git, common)
    for case in cases:
        if not compare(git, merger, case, counts) and show > 0:
            show -= 1
            print(f"{common}: {' '.join(map(str, case))}", file=sys.stderr)
    if merger.reason:
        print(f"{common}: left to git: {merger.reason}", file=sys.stderr)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description="merges of git mc beside those of git")
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--limit", type=int, help="at most so many merges of each repository")
    parser.add_argument("--fuzz", type=int, default=0, help="so many made-up situations")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=5, help="differences to name")
    options = parser.parse_args()
    table: list[tuple[str, Counter[str], float]] = []

    def add(name: str, git: Git, common: Path, cases: Iterator[Case]) -> None:
        start = time.perf_counter()
        counts = run(git, common, cases, options.show)
        table.append((name, counts, time.perf_counter() - start))

    for path in options.paths:
        git = Git(path)
        common = (path / git("rev-parse", "--git-common-dir")).resolve()
        add(path.resolve().name, git, common, history(git, options.limit))
    if options.fuzz:
        place = Path(tempfile.mkdtemp(prefix="git-mc-fuzz-"))
        try:
            subprocess.run(["git", "init", "-q", place], check=True)
            (place / ".git/info/attributes").write_text(ATTRIBUTES)
            cases = fuzz(place, options.fuzz, options.seed)
            add(f"fuzz, seed {options.seed}", Git(place), place / ".git", cases)
        finally:
            shutil.rmtree(place, ignore_errors=True)
    total: Counter[str] = Counter()
    for _, counts, _ in table:
        total += counts
    table.append(("all", total, sum(seconds for *_, seconds in table)))
    print(
        "| repository | "
        + " | ".join(COLUMNS)
        + " | seconds |\n|---|"
        + "--:|" * (len(COLUMNS) + 1)
    )
    for name, counts, seconds in table:
        cells = (str(counts[column]) for column in COLUMNS)
        print(f"| {name} | {' | '.join(cells)} | {seconds:.0f} |")
    return int(any(total[column] for column in WRONG))


if __name__ == "__main__":
    sys.exit(main())
