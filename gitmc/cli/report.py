"""git mc report"""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click

from gitmc.cli.options import outputs
from gitmc.cli.render import Output
from gitmc.control.report import STATUSES, report
from gitmc.model.job import Report


@click.command()
@click.argument("status", type=click.Choice(STATUSES))
@click.argument("message", nargs=-1)
@click.option("--progress", type=click.IntRange(0, 100), metavar="N", help="Percent done.")
@outputs(json=False)
def command(status: str, message: tuple[str, ...], progress: int | None, out: Output) -> int:
    """Say how the job goes, from inside it.

    `blocked` and `needs_review` ask for a person; `completed` says that the work is done.
    """
    text = os.fsencode(" ".join(message)).decode("utf-8", "replace")
    report(Report(status, text, datetime.now(UTC), progress))
    out.detail("reported")
    return 0
