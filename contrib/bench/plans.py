"""Benchmark of plans, beside what a shell script would do with the same work.

    python contrib/bench/plans.py [chain|twenty|accidents|decide]... [--rounds N] [--markdown]

    chain      a, b after a, c after b, agents of 0.3 s: from `plan start` until c has landed
    twenty     twenty jobs, no test: from the moment that all agents end until all have landed
    accidents  eight jobs, a test of 2 s, one red and one in conflict: until six have landed
    decide     one decision about a plan of 25 to 400 jobs, each after up to three others

The floor of the first is a loop that makes a worktree, works in it and merges; of the others, one
that merges the branches and tests after each merge. `decide` prints how long a decision takes for
each job and dependency; it has no floor.
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
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from bench import COMMAND, Row, show, timed
from trains import LOOP, TEST

from gitmc.model.job import Job, Launch, Queue, Run, State
from gitmc.model.plan import Mode, Plan, PlanJob, PlanState
from gitmc.model.planheard import Seen
from gitmc.model.planstep import step
from gitmc.store.lock import holder_pid

BY_HAND = """
set -e
for name in a b c; do
    git worktree add -q -b "$name" "../$name"
    (cd "../$name" && sleep 0.3 && echo "$name" >"$name" && git add . && git commit -qm "$name")
    git merge -q --no-ff -m "Merge $name" "$name"
done
"""


class Place:
    """A repository of 200 files, with a fifo that agents wait at."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "repo"
        self.folder.mkdir(parents=True)
        self.go = root / "go"
        os.mkfifo(self.go)
        self.up = root / "up"
        os.mkfifo(self.up)
        self.git("init", "-q", "-b", "main")
        for key, value in {
            "user.name": "Bench",
            "user.email": "bench@example.invalid",
            "gc.auto": "0",
            "mc.tmuxSocket": str(root / "s"),
            "mc.worktreeBase": str(root / "jobs"),
        }.items():
            self.git("config", key, value)
        for number in range(200):
            path = self.folder / f"d{number // 40}" / f"f{number:03}"
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{number}\n" * 200)
        self.git("add", "--all")
        self.git("commit", "-q", "-m", "files")

    def git(self, *args: str) -> None:
        subprocess.run(["git", *args], cwd=self.folder, check=True, capture_output=True)

    def shell(self, script: str, *words: str, test: str = ":") -> None:
        subprocess.run(
            ["sh", "-c", script, "sh", *words], cwd=self.folder,
            env={**os.environ, "TEST": test}, check=True, capture_output=True,
        )  # fmt: skip

    def branches(self, files: dict[str, str]) -> None:
        """A branch for each, that changes the file of that name."""
        for name, file in files.items():
            self.git("checkout", "-q", "-b", name, "main")
            (self.folder / file).write_text(f"{name}\n")
            self.git("add", "--all")
            self.git("commit", "-q", "-m", name)
        self.git("checkout", "-q", "main")

    def start(self, text: str) -> None:
        subprocess.run(
            [COMMAND, "plan", "start", "-"], cwd=self.folder, input=text.encode(), check=True,
            capture_output=True,
        )  # fmt: skip

    def wait(self) -> list[float | None]:
        """When each job landed, in seconds of the clock, once the plan has ended or waits."""
        done = subprocess.run(
            [COMMAND, "plan", "wait", "--json"], cwd=self.folder, check=False, capture_output=True
        )
        jobs = json.loads(done.stdout)["jobs"]
        return [
            datetime.fromisoformat(job["merged_at"]).timestamp() if "merged_at" in job else None
            for job in jobs
        ]

    def release(self, count: int) -> float:
        """Have all agents go on, once they are all there; when that was."""
        said = os.open(self.up, os.O_RDWR)
        there = 0
        while there < count:
            there += os.read(said, 4096).count(b"\n")
        line = os.open(self.go, os.O_RDWR)
        began = time.time()
        os.write(line, b"go\n" * count)
        return began

    def close(self) -> None:
        pid = holder_pid(self.folder / ".git/mission-control/run/observer.lock")
        if pid:
            os.kill(pid, signal.SIGTERM)
        subprocess.run(
            ["tmux", "-S", str(self.root / "s"), "kill-server"], check=False, capture_output=True
        )
        shutil.rmtree(self.root, ignore_errors=True)


def job(name: str, script: str, after: str = "") -> str:
    needs = f"depends_on = [{json.dumps(after)}]\n" if after else ""
    return f'[[job]]\nname = "{name}"\n{needs}command = {json.dumps(["/bin/sh", "-c", script])}\n'


def works(name: str, file: str) -> str:
    return f"echo {name} >{file} && git add . && git commit -qm {name}"


def chain(root: Path) -> tuple[float, float]:
    """Milliseconds of ours and of the loop."""
    by_hand, ours = Place(root / "loop"), Place(root / "plan")
    try:
        floor = timed(lambda: by_hand.shell(BY_HAND))
        jobs = [("a", ""), ("b", "a"), ("c", "b")]
        text = "".join(job(n, f"sleep 0.3; {works(n, n)}", after) for n, after in jobs)
        began = time.time()
        ours.start('name = "p"\ntest = ""\n' + text)
        landed = [at for at in ours.wait() if at]
        assert len(landed) == 3, landed
        return (max(landed) - began) * 1000, floor
    finally:
        by_hand.close()
        ours.close()


def finished(
    root: Path, files: dict[str, str], test: str | None, landing: int
) -> tuple[float, float]:
    """The same for branches whose agents all end at once."""
    by_hand, ours = Place(root / "loop"), Place(root / "plan")
    try:
        by_hand.branches(files)
        floor = timed(lambda: by_hand.shell(LOOP, *files, test=test or ":"))
        text = "".join(
            job(name, f"{works(name, file)}; echo up >{ours.up}; read -r _ <{ours.go}; exit 0")
            for name, file in files.items()
        )
        about = f'name = "p"\ntest = {json.dumps(test or "")}\nmax_parallel = {len(files)}\n'
        ours.start(about + text)
        began = ours.release(len(files))
        landed = [at for at in ours.wait() if at]
        assert len(landed) == landing, landed
        return (max(landed) - began) * 1000, floor
    finally:
        by_hand.close()
        ours.close()


EIGHT = {name: {"red": "bad", "clash": "b1"}.get(name, name)
         for name in ("b0", "b1", "red", "b2", "b3", "clash", "b4", "b5")}  # fmt: skip

CASES: dict[str, tuple[str, str, Callable[[Path], tuple[float, float]]]] = {
    "chain": ("a chain of three, agents of 0.3 s", "2 s", chain),
    "twenty": (
        "20 finished jobs, no test", "1 s",
        lambda root: finished(root, {f"b{n}": f"b{n}" for n in range(20)}, None, 20),
    ),
    "accidents": (
        "8 finished jobs, test of 2 s, one red and one in conflict", "9 s",
        lambda root: finished(root, EIGHT, TEST, 6),
    ),
}  # fmt: skip


def decide() -> None:
    """Print what a decision costs, for plans of different sizes."""
    now = datetime(2026, 1, 2, tzinfo=UTC)
    for size in (25, 50, 100, 200, 400):
        random = Random(size)
        names = [f"j{n}" for n in range(size)]
        known = tuple(
            PlanJob(name, tuple(random.sample(names[max(0, n - 20) : n], min(n, 3))))
            for n, name in enumerate(names)
        )
        plan = Plan("p", "p", Mode.AUTOPILOT, PlanState.RUNNING, "main", "c", "i", now, known)
        jobs = {
            name: Job(
                name, State.WAITING_DEPS, "command", name, "i", "c", "/w", "session", now,
                run=Run(name), queue=Queue("p", 5), launch=Launch(None, new_branch=True),
            )
            for name in names
        }  # fmt: skip
        seen = Seen(now, "tip")
        took = []
        for _ in range(50):
            began = time.perf_counter()
            step(plan, jobs, seen)
            took.append(time.perf_counter() - began)
        parts = size + sum(len(one.depends_on) for one in known)
        each = statistics.median(took)
        print(f"{size} jobs: {each * 1000:.2f} ms, {each / parts * 1e6:.2f} us a job or dependency")


def main() -> None:
    parser = argparse.ArgumentParser(description="plans, as ratios")
    parser.add_argument("which", nargs="*", default=[*CASES, "decide"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for name in [name for name in os.environ if name.startswith(("GIT_MC_", "MC_"))]:
        del os.environ[name]
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    root = Path(tempfile.mkdtemp(prefix="git-mc-bench-"))
    rows: list[Row] = []
    try:
        for name in options.which:
            if name == "decide":
                decide()
                continue
            what, budget, measure = CASES[name]
            took = [measure(root / f"{name}{at}") for at in range(options.rounds)]
            ours, floor = (statistics.median(one[at] for one in took) for at in (0, 1))
            ratio = statistics.median(one[0] / one[1] for one in took)
            rows.append(Row(what, "a shell loop", ours, floor, ratio, budget))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    show(rows, markdown=options.markdown)


if __name__ == "__main__":
    main()
