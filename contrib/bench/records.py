"""Benchmark of a long memory: commands with a thousand job records against the same with fifty.

    python contrib/bench/records.py [--rounds N] [--many N] [--loose]

The jobs are settled: completed, failed and merged ones, each with a branch of its own that has one
commit. Each row is measured in turn with its floor, in the same run, as in bench.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import tomli_w
from bench import COMMAND, Bench, Row, compare, show

from gitmc.model.job import Job, Landed, Phase, Process, Report, Run, State, Terminal
from gitmc.store.codec import encode_job

FEW = 50
STATES = (State.COMPLETED, State.FAILED, State.MERGED)
T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def record(bench: Bench, number: int, base: str, head: str) -> Job:
    """The job of this number as it is stored when all about it is over."""
    name, at = f"job-{number:04}", T0 + timedelta(seconds=number)
    state = STATES[number % len(STATES)]
    return Job(
        name=name,
        state=state,
        agent="command",
        branch=f"mc/{name}",
        base="main",
        base_commit=base,
        worktree=str(bench.root / "jobs" / name),
        placement="session",
        created_at=at,
        command=("/bin/sh", "-c", ":"),
        started_at=at + timedelta(seconds=1),
        ended_at=at + timedelta(seconds=60),
        exit_status=int(state is State.FAILED),
        reason="exit status 1" if state is State.FAILED else None,
        run=Run(f"{number:012x}", Phase.CLOSED, Process(number + 1, "12345", "boot")),
        terminal=Terminal(str(bench.socket), "$1", "@1", "%1"),
        report=Report("completed", "all went well", at + timedelta(seconds=59)),
        landed=Landed("main", head, head) if state is State.MERGED else None,
    )


def fill(bench: Bench, count: int, *, loose: bool) -> None:
    """Make `count` branches of one commit, and their records."""
    stream = "".join(
        f"commit refs/heads/mc/job-{number:04}\nmark :{number + 1}\n"
        f"committer Bench <bench@example.invalid> {1767322000 + number} +0000\n"
        "data 3\nadd\nfrom refs/heads/main\n"
        f"M 100644 inline new-{number}\ndata 2\n{number % 10}\n\n"
        for number in range(count)
    )
    limit = "0" if not loose else str(2 * count * 10)
    subprocess.run(
        ["git", "-c", f"fastimport.unpackLimit={limit}", "fast-import", "--quiet"],
        cwd=bench.repo,
        input=stream.encode(),
        check=True,
    )
    if not loose:
        bench.git("pack-refs", "--all")
    asked = ["git", "rev-parse", "main", *(f"mc/job-{number:04}" for number in range(count))]
    printed = subprocess.run(asked, cwd=bench.repo, check=True, capture_output=True, text=True)
    base, *heads = printed.stdout.split()
    store = bench.mission.store
    store.make()
    for number, head in enumerate(heads):
        job = record(bench, number, base, head)
        store.job_path(job.name).write_text(tomli_w.dumps(encode_job(job)))


def rows(few: Bench, many: Bench, count: int, rounds: int) -> list[Row]:
    def run(bench: Bench, *words: str) -> None:
        subprocess.run([COMMAND, *words], cwd=bench.repo, check=True, capture_output=True)

    return [
        compare(
            f"git mc {' '.join(words)}, {count} records",
            f"{FEW} records",
            "2 x",
            rounds,
            lambda words=words: run(many, *words),  # type: ignore[misc]
            lambda words=words: run(few, *words),  # type: ignore[misc]
        )
        for words in (("jobs",), ("overview",), ("jobs", "--porcelain"))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="git mc with a thousand records, as ratios")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--many", type=int, default=1000)
    parser.add_argument("--loose", action="store_true", help="leave refs and objects unpacked")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    for name in [name for name in os.environ if name.startswith(("GIT_MC_", "MC_"))]:
        del os.environ[name]
    root = Path(tempfile.mkdtemp(prefix="git-mc-bench-"))
    made: list[Bench] = []
    try:
        for count in (FEW, options.many):
            bench = Bench(root / f"with-{count}", 20)
            made.append(bench)
            fill(bench, count, loose=options.loose)
        few, many = made
        show(rows(few, many, options.many, options.rounds), markdown=options.markdown)
    finally:
        for bench in made:
            bench.close()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
