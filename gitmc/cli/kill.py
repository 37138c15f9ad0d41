"""git mc kill"""

from __future__ import annotations

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, current_jobs, match_jobs, mission_here, print_json
from gitmc.control.end import kill
from gitmc.control.view import objects


@click.command()
@click.argument("patterns", metavar="JOB...", nargs=-1, required=True, shell_complete=complete_job)
@click.option("--force", is_flag=True, help="Do not ask the agent first.")
@click.option("--dry-run", is_flag=True, help="Say what would be ended; end nothing.")
@outputs()
def command(patterns: tuple[str, ...], force: bool, dry_run: bool, out: Output) -> int:
    """End jobs' agents, with every process below them. Worktrees and branches stay.

    A pattern ends those that run; a job that is named must be running.
    """
    mission = mission_here()
    jobs = match_jobs(mission, patterns, current_jobs(mission, out))
    named = [job for job in jobs if job.name in patterns or job.live]
    if dry_run:
        for job in named:
            click.echo(f"would end {job.name}")
        return 0
    ended = [kill(mission, job.name, force=force) for job in named]
    if out.json:
        print_json("mc.jobs/1", {"jobs": objects(mission, ended)})
    for job in ended:
        out.say(f"{job.name}: {job.state}")
    return 0
