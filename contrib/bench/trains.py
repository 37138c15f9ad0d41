"""Benchmark of the merge train, beside what anybody would type: merge, test, and the next one.

    python contrib/bench/trains.py [first|every|accidents|untested]... [--rounds N] [--slots N]
        [--markdown]

Each round has two new repositories with the same branches. In one, a shell loop merges each branch
and runs the tests, and takes the merge back where these fail. In the other, `git mc merge-train`
runs three times, and between the times everything goes back to where it began, but for what it has
learned of the tests: a cold train, and two more (their passes are forgotten, so that each of them
tests what it lands). How many tests run at once is measured by git mc itself, and grows at most
twofold from train to train; `--slots` sets it. The tests sleep for two seconds, which needs no CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import COMMAND, Row, show, timed

from gitmc.store.lock import holder_pid

TEST = "sleep 2; test ! -e bad"
LOOP = """
for branch do
    if git merge -q --no-ff -m "Merge $branch" "$branch"; then
        sh -c "$TEST" || git reset -q --hard HEAD~1
    else
        git merge --abort
    fi
done
"""


@dataclass(frozen=True)
class Case:
    """A queue, how it is landed, and in how many seconds it should be."""

    what: str
    branches: tuple[str, ...]
    budget: str
    options: tuple[str, ...] = ()
    test: str | None = TEST
    landing: int = 8


def named(count: int) -> tuple[str, ...]:
    return tuple(f"b{number}" for number in range(count))


CASES = {
    "first": Case("8 branches, test of 2 s", named(8), "4.5 s"),
    "every": Case("the same, --every --slots 8", named(8), "3 s", ("--every", "--slots", "8")),
    "accidents": Case(
        "the same, one red and one in conflict",
        ("b0", "b1", "red", "b2", "b3", "clash", "b4", "b5"),
        "9 s",
        landing=6,
    ),
    "untested": Case("20 branches, no test", named(20), "1 s", ("--no-test",), None, 20),
}


class Place:
    """A repository of 200 files with a case's branches."""

    def __init__(self, folder: Path, case: Case) -> None:
        self.folder = folder
        self.case = case
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        for key, value in {
            "user.name": "Bench",
            "user.email": "bench@example.invalid",
            "gc.auto": "0",
            "mc.tmuxSocket": str(folder / "s"),
        }.items():
            self.git("config", key, value)
        for number in range(200):
            path = folder / f"d{number // 40}" / f"f{number:03}"
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{number}\n" * 200)
        self.commit("files")
        for name in case.branches:
            self.git("checkout", "-q", "-b", name, "main")
            changed = {"red": "bad", "clash": "b1"}.get(name, name)
            (folder / changed).write_text(f"{name}\n")
            self.commit(f"Add {changed}")
        self.git("checkout", "-q", "main")
        self.base = self.git("rev-parse", "main")

    def git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", "--all", ":!s")
        self.git("commit", "-q", "-m", message)

    def again(self) -> None:
        """Back to where it began, with nothing known to pass."""
        self.git("reset", "-q", "--hard", self.base)
        self.git("update-ref", "-d", "refs/notes/mc-verdicts")

    def loop(self) -> None:
        test = self.case.test or ":"
        subprocess.run(
            ["sh", "-c", LOOP, "sh", *self.case.branches],
            cwd=self.folder,
            env={**os.environ, "TEST": test},
            check=True,
            capture_output=True,
        )

    def train(self, options: Sequence[str]) -> dict[str, object]:
        tested = [] if self.case.test is None else ["--test", self.case.test]
        words = ["merge-train", *self.case.branches, *tested, *options, "--json"]
        done = subprocess.run(
            [COMMAND, *words], cwd=self.folder, check=False, capture_output=True, text=True
        )
        found: dict[str, object] = json.loads(done.stdout)
        landed = found["landed"]
        assert isinstance(landed, list)
        assert len(landed) == self.case.landing, done.stdout + done.stderr
        return found

    def close(self) -> None:
        pid = holder_pid(self.folder / ".git/mission-control/run/observer.lock")
        if pid:
            os.kill(pid, signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)


def one_round(root: Path, case: Case, slots: int | None) -> tuple[list[float], list[str]]:
    """Milliseconds of the loop and of three trains, and how many tests each train ran, and how."""
    by_hand, ours = Place(root / "loop", case), Place(root / "train", case)
    given = ["--slots", str(slots)] if slots and case.test and "--slots" not in case.options else []
    took = [timed(by_hand.loop)]
    said = []
    try:
        for _ in range(3):
            found: list[dict[str, object]] = []
            took.append(timed(lambda found=found: found.append(  # type: ignore[misc]
                ours.train([*case.options, *given]))))  # fmt: skip
            said.append(f"{len(found[0]['runs'])} runs, {found[0]['slots']} slots")  # type: ignore[arg-type]
            assert ours.git("rev-list", "--count", "--first-parent", f"{ours.base}..main") == str(
                by_hand.git("rev-list", "--count", "--first-parent", f"{by_hand.base}..main")
            )
            ours.again()
    finally:
        ours.close()
        by_hand.close()
    return took, said


def rows(root: Path, case: Case, rounds: int, slots: int | None) -> list[Row]:
    """Of the three trains, each against the loop."""
    all_rounds = [one_round(root, case, slots) for _ in range(rounds)]
    said = all_rounds[-1][1]
    median = statistics.median
    return [
        Row(
            f"{case.what}, {which} ({said[at - 1]})",
            "git merge && test, in a loop",
            median(took[at] for took, _ in all_rounds),
            median(took[0] for took, _ in all_rounds),
            median(took[at] / took[0] for took, _ in all_rounds),
            case.budget,
        )
        for at, which in ((1, "cold"), (2, "second"), (3, "third"))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="the merge train, as ratios")
    parser.add_argument("which", nargs="*", default=list(CASES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", type=int)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for name in [name for name in os.environ if name.startswith(("GIT_MC_", "MC_"))]:
        del os.environ[name]
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    root = Path(tempfile.mkdtemp(prefix="git-mc-bench-"))
    found: list[Row] = []
    try:
        for name in options.which:
            found += rows(root / name, CASES[name], options.rounds, options.slots)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    show(found, markdown=options.markdown)


if __name__ == "__main__":
    main()
