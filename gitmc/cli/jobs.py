"""git mc jobs"""

from __future__ import annotations

import click

from gitmc.cli.listing import list_jobs
from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output
from gitmc.errors import Usage
from gitmc.model.job import State


@click.command()
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1, shell_complete=complete_job)
@click.option(
    "--status",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in State]),
    help="Only these states.",
)
@click.option("--plan", metavar="PLAN", help="Only the jobs of that plan.")
@click.option("--watch", is_flag=True, help="Show them anew whenever one changes.")
@click.option("--porcelain", is_flag=True, help="Print tab-separated records.")
@click.option("-z", "nul", is_flag=True, help="End records with NUL; implies --porcelain.")
@outputs()
def command(
    patterns: tuple[str, ...],
    states: tuple[str, ...],
    plan: str | None,
    watch: bool,
    porcelain: bool,
    nul: bool,
    out: Output,
) -> int:
    """List the jobs, or those whose name is like PATTERN.

    The fields of --porcelain are name, state, activity, agent, branch, base, commits ahead, exit
    status, worktree. New ones will be added at the end only.

    With --watch the list is redrawn as things happen until you interrupt it; where stdout is no
    terminal, it is printed again after each change, with --json as one document a line.
    """
    if watch:
        if porcelain or nul:
            raise Usage("--watch shows a table, or JSON with --json", hint="leave out one of them")
        from gitmc.cli.live import watch_jobs

        return watch_jobs(patterns, states, plan, out)
    return list_jobs(patterns, states, out, plan=plan, porcelain=porcelain, nul=nul)
