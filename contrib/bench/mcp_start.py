"""How long `git mc mcp` takes until it answers, and how much memory it holds then.

Prints medians, and ratios to `python -c pass` and to `git mc --version` of the same run.
Run it as: python contrib/bench/mcp_start.py [ROUNDS]
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "bench", "version": "1"},
    },
}


def plain(*words: str) -> float:
    """Seconds that the program takes from start to end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def server() -> tuple[float, float]:
    """Seconds until the first answer, and MiB that are resident then."""
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "gitmc", "mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(HELLO).encode() + b"\n")
        process.stdin.flush()
        assert b'"result"' in process.stdout.readline()
        took = time.perf_counter() - start
        status = Path(f"/proc/{process.pid}/status").read_text()
        process.stdin.close()
    return took, int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    python, version, first, memory = [], [], [], []
    for _ in range(rounds):
        python.append(plain("-c", "pass"))
        version.append(plain("-m", "gitmc", "--version"))
        took, held = server()
        first.append(took)
        memory.append(held)
    base, mc, ours = map(statistics.median, (python, version, first))
    print(f"python -c pass    {base * 1000:6.0f} ms")
    print(f"git mc --version  {mc * 1000:6.0f} ms  {mc / base:5.1f} x python")
    print(f"first answer      {ours * 1000:6.0f} ms  {ours / base:5.1f} x python", end="")
    print(f", {ours / mc:.1f} x git mc --version")
    print(f"memory            {statistics.median(memory):6.0f} MiB")


if __name__ == "__main__":
    main()
