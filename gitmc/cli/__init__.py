"""The command line: one file per command; parse, call one control function, render."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run git mc; the exit code. Nothing but this turns an error into words."""
    from gitmc.cli.failures import run
    from gitmc.cli.group import group

    return run(group, list(sys.argv[1:] if argv is None else argv))
