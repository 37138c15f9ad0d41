"""Benchmark of the observer beside panes that do not leave it alone.

    python contrib/bench/panes.py [--panes N] [--seconds S] [KIND]...

For each kind of agent, N of it are launched and the observer's cpu is measured over S seconds, its
children's (it asks tmux) included, as a share of one core. Ten times a second they print, ring
their bell, or change their title, which of `shows` is one that is read; `signals` say once a second
by their hooks that they work, and `quiet` do nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

from bench import COMMAND, Bench

from gitmc.control.launch import launch
from gitmc.control.prepare import Request

OFTEN = "while :; do {}; read -rt 0.1 _; done"
KINDS = {
    "quiet": "read -r _",
    "prints": OFTEN.format("echo more"),
    "rings": OFTEN.format(r"printf '\a'"),
    "titles": OFTEN.format(r"n=$((n+1)); printf '\033]2;title %s\007' $n"),
    "shows": OFTEN.format(r"w=${w}x; [ ${#w} -lt 40 ] || w=; printf '\033]2;✦ %s\007' $w"),
    "signals": 'while :; do "$MC_SIGNAL" working; read -rt 1 _; done',
}
BUDGET = 0.02


def spent(pid: int) -> float:
    """Seconds of cpu that a process and the children it has waited for have had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def measure(kind: str, panes: int, seconds: float) -> tuple[float, float]:
    """The observer's share of one core, and that of tmux's server meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), 10)
        request = Request("", b"", command=("/bin/bash", "-c", KINDS[kind]))
        if kind == "shows":
            # By this name it is an agent whose title is read.
            program = Path(folder, "gemini")
            program.write_text(f"#!/bin/bash\n{KINDS[kind]}\n")
            program.chmod(0o755)
            os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"
            request = Request("", b"do it", agent="gemini")
        for _ in range(panes):
            launch(bench.mission, replace(request, name=bench.name()))
        observer = subprocess.Popen([COMMAND, "watch", "--background"], cwd=bench.repo)
        asked = ["tmux", "-S", str(bench.socket), "display-message", "-p", "#{pid}"]
        server = int(subprocess.run(asked, check=True, capture_output=True).stdout)
        try:
            # What it does first, for each of them, is not what it costs.
            pause(5.0)
            before = spent(observer.pid), spent(server)
            pause(seconds)
            after = spent(observer.pid), spent(server)
        finally:
            observer.kill()
            observer.wait()
            bench.close()
    return (after[0] - before[0]) / seconds, (after[1] - before[1]) / seconds


def pause(seconds: float) -> None:
    """Let `seconds` pass: what is measured is what happens in them."""
    threading.Event().wait(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--panes", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    for kind in options.kinds or KINDS:
        observer, server = measure(kind, options.panes, options.seconds)
        verdict = "" if observer <= BUDGET else f", over {BUDGET:.0%}"
        shares = f"observer {observer:6.2%}{verdict}; tmux {server:6.2%} of a core"
        print(f"{options.panes} panes, {kind:8} {shares}", flush=True)


if __name__ == "__main__":
    main()
