"""git mc relaunch"""

from __future__ import annotations

import os

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, current_jobs, mission_here, print_json
from gitmc.control.apart import start_observer
from gitmc.control.relaunch import Request, foresee, relaunch
from gitmc.control.view import objects


@click.command()
@click.argument("name", metavar="JOB", shell_complete=complete_job)
@click.option("-p", "--prompt", "more", metavar="MORE", help="Say this to the agent as well.")
@click.option("--fresh", is_flag=True, help="Start afresh, without the agent's old session.")
@click.option("--dry-run", is_flag=True, help="Say how it would start; start nothing.")
@outputs()
def command(name: str, more: str | None, fresh: bool, dry_run: bool, out: Output) -> int:
    """Start a job's agent again, in the worktree that it has.

    An agent that has told its session takes it up again; any other is given the job's prompt, or
    runs the job's command, once more.
    """
    mission = mission_here(outside=True)
    current_jobs(mission, out)
    request = Request(name, os.fsencode(more or ""), fresh)
    if dry_run:
        click.echo(f"{name}: would {foresee(mission, request)}")
        return 0
    job = relaunch(mission, request)
    start_observer(mission)
    if out.json:
        print_json("mc.job/1", objects(mission, [job])[0])
    else:
        out.say(f"relaunched {job.name} on {job.branch} in {job.worktree}")
    return 0
