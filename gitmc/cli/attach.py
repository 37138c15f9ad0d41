"""git mc attach"""

from __future__ import annotations

import os
import shlex

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, current_jobs, find_job, mission_here
from gitmc.control.mission import Mission
from gitmc.errors import Refused
from gitmc.model.job import Job
from gitmc.tmux.session import attach_command, find_runs


@click.command()
@click.argument("name", metavar="JOB", shell_complete=complete_job)
@click.option("--print", "show", is_flag=True, help="Print the command instead of running it.")
@outputs(json=False)
def command(name: str, show: bool, out: Output) -> int:
    """Go to a job's terminal: inside tmux by switching to it, outside by attaching."""
    mission = mission_here(outside=True)
    job = find_job(mission, name, current_jobs(mission, out, wait=False))
    if show:
        click.echo(shlex.join(_command(mission, job)))
        return 0
    go(mission, job)
    return 0


def go(mission: Mission, job: Job) -> None:
    """Become the tmux client that shows `job`."""
    argv = _command(mission, job)
    os.execvp(argv[0], argv)


def _command(mission: Mission, job: Job) -> list[str]:
    if job.terminal is not None and job.run is not None:
        tmux = mission.tmux_of(job.terminal)
        made = find_runs(tmux).get(job.run.id)
        if made is not None:
            return attach_command(tmux, made.socket, made.session, made.window)
    log = mission.store.log_path(job.name)
    raise Refused(
        f"the terminal of '{job.name}' is gone",
        hint=f"its last screen is in {log}" if log.exists() else f"git mc log {job.name}",
    )
