"""Benchmarks: ratios against a floor that is measured in the same run.

    python contrib/bench/bench.py [launch|eight|warm|latency|jobs|hooks]... [--rounds N]
        [--files N,N] [--markdown]

Each row is measured in turn with its floor, round by round, so that a machine whose speed drifts
moves both. Medians are printed; absolute times are a reading aid. With --markdown the rows come as
a table. Everything happens in a temporary folder, on a tmux server of its own.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gitmc.control.apart import start_observer
from gitmc.control.launch import enlist, launch, launch_next
from gitmc.control.mission import Mission, open_mission
from gitmc.control.prepare import Request
from gitmc.control.spec import hooks_folder
from gitmc.control.warm import tend
from gitmc.model.job import State
from gitmc.store.lock import holder_pid

COMMAND = str(Path(sys.executable).with_name("git-mc"))
WHICH = ("launch", "eight", "warm", "latency", "jobs", "hooks")
IDLE = ("/bin/sh", "-c", "exec sleep 1000")


@dataclass(frozen=True)
class Row:
    """One comparison: medians in milliseconds, and how many times the floor ours takes."""

    what: str
    floor_name: str
    ours: float
    floor: float
    ratio: float
    budget: str


class Bench:
    """A repository of a given size with its tmux server."""

    def __init__(self, root: Path, files: int) -> None:
        self.root = root / str(files)
        self.repo = self.root / "repo"
        self.socket = root / f"s{files}"
        self.repo.mkdir(parents=True)
        self.count = 0
        for number in range(files):
            path = self.repo / f"d{number // 40:04}" / f"f{number:05}"
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{number}\n" * 200)
        self.git("init", "-q", "-b", "main")
        for key, value in {
            "user.name": "Bench",
            "user.email": "bench@example.invalid",
            "gc.auto": "0",
            "mc.tmuxSocket": str(self.socket),
            "mc.worktreeBase": str(self.root / "jobs"),
        }.items():
            self.git("config", key, value)
        self.git("add", "--all")
        self.git("commit", "-q", "-m", "files")
        self.git("repack", "-adq")
        self.tmux("new-session", "-d", "-s", "keep", *IDLE)

    def git(self, *args: str) -> None:
        subprocess.run(["git", *args], cwd=self.repo, check=True, capture_output=True)

    def tmux(self, *args: str) -> None:
        argv = ["tmux", "-S", str(self.socket), *args]
        subprocess.run(argv, check=True, capture_output=True)

    def name(self) -> str:
        self.count += 1
        return f"j{self.count}"

    @property
    def mission(self) -> Mission:
        return open_mission(self.repo)

    def floor_launch(self, name: str) -> None:
        """What anybody would type by hand."""
        path = str(self.root / "floor" / name)
        self.git("worktree", "add", "-q", "-b", f"floor/{name}", path)
        argv = ["tmux", "-S", str(self.socket), "new-session", "-d", "-s", f"floor-{name}", *IDLE]
        subprocess.run(argv, cwd=path, check=True, capture_output=True)

    def our_launch(self, name: str) -> None:
        """The launch itself, as it is called by a plan or by `launch --each`."""
        launch(self.mission, Request(name, b"do it", command=IDLE))

    def cli_launch(self, name: str) -> None:
        """The launch as a command, with Python's start."""
        argv = [COMMAND, "launch", name, "do it", "--", *IDLE]
        subprocess.run(argv, cwd=self.repo, check=True, capture_output=True)

    def close(self) -> None:
        subprocess.run(["tmux", "-S", str(self.socket), "kill-server"], check=False)
        pid = holder_pid(self.repo / ".git/mission-control/run/observer.lock")
        if pid:
            subprocess.run(["kill", str(pid)], check=False, capture_output=True)
        # What is in memory is scarce: 20,000 files are checked out some fifty times.
        shutil.rmtree(self.root, ignore_errors=True)


def timed(action: Callable[[], object]) -> float:
    """Milliseconds that `action` takes."""
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def pairs(
    rounds: int,
    ours: Callable[[], object],
    floor: Callable[[], object],
    before: Callable[[], object] = lambda: None,
) -> tuple[list[float], list[float]]:
    """Both in turn, `rounds` times, after one round that does not count.

    What comes `before` each round is not timed.
    """
    both = []
    for _ in range(rounds + 1):
        before()
        both.append((timed(ours), timed(floor)))
    return [one for one, _ in both[1:]], [other for _, other in both[1:]]


def compare(
    what: str,
    floor_name: str,
    budget: str,
    rounds: int,
    ours: Callable[[], object],
    floor: Callable[[], object],
    before: Callable[[], object] = lambda: None,
) -> Row:
    """The row for `ours` against `floor`."""
    mine, base = pairs(rounds, ours, floor, before)
    ratios = [one / other for one, other in zip(mine, base, strict=True)]
    median = statistics.median
    return Row(what, floor_name, median(mine), median(base), median(ratios), budget)


def bench_launch(bench: Bench, files: int, rounds: int) -> list[Row]:
    floor = "git worktree add + tmux new-session"
    budget = "2 x" if files <= 2000 else "1.15 x"
    return [
        compare(
            f"launch, {files} files",
            floor,
            budget,
            rounds,
            lambda: bench.our_launch(bench.name()),
            lambda: bench.floor_launch(bench.name()),
        ),
        compare(
            f"launch, {files} files, as a command",
            floor,
            budget,
            rounds,
            lambda: bench.cli_launch(bench.name()),
            lambda: bench.floor_launch(bench.name()),
        ),
    ]


def bench_eight(bench: Bench, files: int, rounds: int) -> list[Row]:
    def eight(one: Callable[[str], None]) -> Callable[[], object]:
        def run() -> None:
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(one, [bench.name() for _ in range(8)]))

        return run

    return [
        compare(
            f"eight launches at once, {files} files",
            "one launch",
            "2 x",
            rounds,
            eight(bench.our_launch),
            lambda: bench.our_launch(bench.name()),
        ),
    ]


def bench_warm(bench: Bench, files: int, rounds: int) -> list[Row]:
    """Launches that find a worktree ready for each of them; making these is not timed."""
    bench.git("config", "mc.warm", "8")
    bench.our_launch(bench.name())

    def cold() -> None:
        # A branch that is there already is checked out in the ordinary way.
        name = bench.name()
        bench.git("branch", f"mc/{name}")
        launch(bench.mission, Request(name, b"do it", command=IDLE))

    def eight() -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(bench.our_launch, [bench.name() for _ in range(8)]))

    def one_command() -> None:
        mission = bench.mission
        requests = [Request(bench.name(), b"do it", command=IDLE) for _ in range(8)]
        queue = enlist(mission, requests, 8)[0].queue
        assert queue is not None
        list(launch_next(mission, queue.batch, 8))

    def refill() -> None:
        tend(bench.mission)

    rows = [
        compare(
            f"launch into a warm worktree, {files} files",
            "git worktree add + tmux new-session",
            "",
            rounds,
            lambda: bench.our_launch(bench.name()),
            lambda: bench.floor_launch(bench.name()),
            refill,
        ),
        compare(
            f"eight at once into warm worktrees, {files} files",
            "one launch, cold",
            "2 x",
            max(3, rounds // 3),
            eight,
            cold,
            refill,
        ),
        compare(
            f"eight of one command into warm worktrees, {files} files",
            "one launch, cold",
            "2 x",
            max(3, rounds // 3),
            one_command,
            cold,
            refill,
        ),
    ]
    bench.git("config", "mc.warm", "0")
    return rows


def bench_latency(bench: Bench, rounds: int) -> list[Row]:
    """From the moment the agent ends to the new state on disk, the observer running."""
    mission = bench.mission
    fifo = bench.root / "go"
    os.mkfifo(fifo)
    lags = []
    for _ in range(rounds + 1):
        name = bench.name()
        ended = bench.root / f"{name}.ended"
        script = 'read x <"$1"; date +%s%N >"$2"'
        command = ("/bin/sh", "-c", script, "sh", str(fifo), str(ended))
        launch(mission, Request(name, command=command))
        start_observer(mission)
        seen = _when_over(mission, name)
        fifo.write_text("go\n")
        lags.append((seen() - int(ended.read_text())) / 1e6)
    # In the first round the observer was still starting.
    lags = sorted(lags[1:])
    exits = [timed(lambda: subprocess.run(["/bin/sh", "-c", ":"], check=True)) for _ in lags]
    floor = statistics.median(exits)
    median, high = statistics.median(lags), lags[int(len(lags) * 0.99)]
    name = "sh -c :"
    return [
        Row("agent ends -> state on disk", name, median, floor, median / floor, "50 ms"),
        Row("the same, 99th percentile", name, high, floor, high / floor, "250 ms"),
    ]


def _when_over(mission: Mission, name: str) -> Callable[[], int]:
    """A function that waits for the job's end, and returns when its new state was written."""
    from gitmc.events.bell import Bell

    found: list[int] = []
    ready = threading.Event()

    def watch() -> None:
        with Bell([mission.store.jobs_dir]) as bell:
            ready.set()
            while True:
                job = mission.store.job(name)
                if job is not None and job.state is State.COMPLETED:
                    found.append(time.time_ns())
                    return
                bell.wait(10)

    thread = threading.Thread(target=watch)
    thread.start()
    ready.wait()

    def result() -> int:
        thread.join()
        return found[0]

    return result


def bench_jobs(bench: Bench, rounds: int) -> list[Row]:
    mission = bench.mission
    for _ in range(50):
        command = ("/bin/sh", "-c", ":")
        launch(mission, Request(bench.name(), command=command))
    start_observer(mission)
    argv = [COMMAND, "jobs"]
    many = [f"j{number}" for number in range(1, 51)]
    subprocess.run([COMMAND, "wait", "--timeout", "60", *many], cwd=bench.repo, check=False)
    plain = [sys.executable, "-c", "pass"]
    return [
        compare(
            "git mc jobs, 50 jobs",
            "python -c pass",
            "6 x",
            rounds,
            lambda: subprocess.run(argv, cwd=bench.repo, check=True, capture_output=True),
            lambda: subprocess.run(plain, check=True),
        )
    ]


def bench_hooks(bench: Bench, rounds: int) -> list[Row]:
    events = bench.root / "events"
    (events / "new").mkdir(parents=True)
    environment = {**os.environ, "MC_DIR": str(bench.root), "MC_RUN": "abc"}
    shell = hooks_folder()
    hooks = {
        "the tmux hook": [str(shell / "tmux/marker"), str(events), "abc", "0", ""],
        "the agent hook": [str(shell / "agent/signal"), "working"],
        **git_hooks(bench),
    }
    return [
        compare(
            what,
            "sh -c :",
            "3 x",
            rounds * 5,
            partial(
                subprocess.run,
                ["/bin/sh", *words],
                cwd=bench.repo,
                env=environment if "git" not in what else None,
                stdin=subprocess.DEVNULL,
                check=True,
            ),
            partial(subprocess.run, ["/bin/sh", "-c", ":"], stdin=subprocess.DEVNULL, check=True),
        )
        for what, words in hooks.items()
    ]


def git_hooks(bench: Bench) -> dict[str, list[str]]:
    """Those of `git mc init` as git calls them in the user's own worktree."""
    subprocess.run([COMMAND, "init", "-q"], cwd=bench.repo, check=True)
    message = bench.root / "message"
    message.write_text("subject\n")
    folder = bench.repo / ".git/hooks"
    words = {
        "pre-commit": [],
        "prepare-commit-msg": [str(message), "message"],
        "commit-msg": [str(message)],
        "post-commit": [],
        "post-rewrite": ["amend"],
        "pre-push": ["origin", "url"],
        "reference-transaction": ["committed"],
    }
    return {f"git's {name}": [str(folder / name), *more] for name, more in words.items()}


def show(rows: list[Row], *, markdown: bool) -> None:
    """Print the rows."""
    head = ("what", "median", "floor", "ratio", "budget")
    table = [
        (
            r.what,
            f"{r.ours:.1f} ms",
            f"{r.floor_name}: {r.floor:.1f} ms",
            f"{r.ratio:.2f}",
            r.budget,
        )
        for r in rows
    ]
    if markdown:
        print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
        for row in table:
            print("| " + " | ".join(row) + " |")
        return
    widths = [max(map(len, column)) for column in zip(head, *table, strict=True)]
    for line in (head, *table):
        print("  ".join(f.ljust(w) for f, w in zip(line, widths, strict=True)).rstrip(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="benchmarks of git mc, as ratios")
    parser.add_argument("which", nargs="*", default=list(WHICH))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--files", default="200,20000")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for name in [name for name in os.environ if name.startswith(("GIT_MC_", "MC_"))]:
        del os.environ[name]
    root = Path(tempfile.mkdtemp(prefix="git-mc-bench-"))
    rows: list[Row] = []
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    try:
        for files in map(int, options.files.split(",")):
            bench = Bench(root, files)
            try:
                rounds = options.rounds if files <= 2000 else max(3, options.rounds // 3)
                if "launch" in options.which:
                    rows += bench_launch(bench, files, rounds)
                if "eight" in options.which:
                    rows += bench_eight(bench, files, max(3, rounds // 3))
            finally:
                bench.close()
            if "warm" in options.which:
                # A repository without an observer, which would make new spares at the same time.
                bench = Bench(root / "warm", files)
                try:
                    rows += bench_warm(bench, files, rounds)
                finally:
                    bench.close()
        for which, run, rounds in (
            ("latency", bench_latency, options.rounds * 4),
            ("jobs", bench_jobs, options.rounds),
            ("hooks", bench_hooks, options.rounds),
        ):
            if which in options.which:
                bench = Bench(root / which, 200)
                try:
                    rows += run(bench, rounds)
                finally:
                    bench.close()
    finally:
        shutil.rmtree(root, ignore_errors=True)
    show(rows, markdown=options.markdown)


if __name__ == "__main__":
    main()
