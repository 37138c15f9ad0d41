"""What `fzf --filter` does, for tests on machines without fzf; and a PATH with one or another fzf.

    python fzf.py --read0 --print0 -i --tiebreak=begin --filter=QUERY

Lines in which the letters of each word of QUERY follow each other are printed, the closest first;
among those, the one nearer the beginning.
Like fzf it exits 1 where nothing is like that, and 2 where its options, to which those of the
environment belong, are none.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

from tests.support.agents import script_at

KNOWN = {"--read0", "--print0", "-i", "--tiebreak=begin"}


def distance(word: str, line: str) -> tuple[int, int] | None:
    """How far apart the letters of `word` are in `line`, and where; None where they are not."""
    spans = re.finditer(f"(?=({'.*?'.join(map(re.escape, word))}))", line)
    return min(((len(span[1]), span.start()) for span in spans), default=None)


def main(*options: str) -> int:
    """Filter stdin; the exit status."""
    told = [*options, *shlex.split(os.environ.get("FZF_DEFAULT_OPTS", ""))]
    query = next((word[9:] for word in told if word.startswith("--filter=")), None)
    if query is None or {word for word in told if not word.startswith("--filter=")} != KNOWN:
        return 2
    found = []
    for line in os.fsdecode(sys.stdin.buffer.read()).split("\0"):
        far = [distance(word, line.lower()) for word in query.lower().split()]
        near = [one for one in far if one is not None]
        if len(near) == len(far):
            found.append((near, line))
    for _, line in sorted(found, key=lambda one: one[0]):
        sys.stdout.buffer.write(os.fsencode(f"{line}\0"))
    return 0 if found else 1


def path_with_fzf(folder: Path, script: str = "") -> str:
    """A PATH whose fzf runs `script` with sh; without one, it filters as this does."""
    root = Path(__file__).parent.parent.parent
    run = f"cd {shlex.quote(str(root))}; exec {shlex.quote(sys.executable)} -m tests.support.fzf"
    script_at(folder / "fzf-bin" / "fzf", script or f'{run} "$@"')
    return f"{folder / 'fzf-bin'}:{os.environ['PATH']}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
