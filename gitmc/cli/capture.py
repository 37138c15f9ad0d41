"""git mc capture"""

from __future__ import annotations

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, current_jobs, find_job, mission_here, print_json
from gitmc.control.view import screen
from gitmc.errors import Refused


@click.command()
@click.argument("name", metavar="JOB", shell_complete=complete_job)
@click.option("-n", "--lines", default=100, show_default=True, type=click.IntRange(min=1))
@click.option("--ansi", is_flag=True, help="Keep colours and styles.")
@outputs()
def command(name: str, lines: int, ansi: bool, out: Output) -> int:
    """Print the last lines of a job's terminal, or of its kept log when the terminal is gone."""
    mission = mission_here()
    job = find_job(mission, name, current_jobs(mission, out, wait=False))
    text = screen(mission, job, lines, ansi=ansi)
    if text is None:
        off = " (mc.keepLogs is 0)" if mission.settings["keepLogs"] == 0 else ""
        raise Refused(
            f"the terminal of '{job.name}' is gone, and no log of it was kept{off}",
            hint=f"git mc log {job.name} tells what happened",
        )
    if out.json:
        print_json("mc.capture/1", {"name": job.name, "lines": text.split("\n")})
    else:
        click.echo(text)
    return 0
