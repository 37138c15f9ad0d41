"""The command line: one file per command; parse, call one control function, render."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run git mc; the exit code."""
    from gitmc.cli.failures import guard

    words = list(sys.argv[1:] if argv is None else argv)
    return guard(lambda: _run(words))


def _run(words: list[str]) -> int:
    if words == ["jobs"]:
        # What status lines ask every few seconds: there is nothing to parse, and click's import
        # would take as long as all the rest.
        from gitmc.cli.listing import list_jobs
        from gitmc.cli.render import Output

        return list_jobs((), (), Output())
    from gitmc.cli.group import run

    return run(words)
