"""git mc capture"""

from __future__ import annotations

import sys

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, current_jobs, find_job, mission_here, print_json
from gitmc.control.mission import Mission
from gitmc.control.view import over, screen
from gitmc.errors import Refused, Usage
from gitmc.model.job import Job


@click.command()
@click.argument("name", metavar="JOB", shell_complete=complete_job)
@click.option("-n", "--lines", default=100, show_default=True, type=click.IntRange(min=1))
@click.option("--follow", is_flag=True, help="Go on printing until the run is over.")
@click.option("--ansi", is_flag=True, help="Keep colours and styles.")
@outputs()
def command(name: str, lines: int, follow: bool, ansi: bool, out: Output) -> int:
    """Print the last lines of a job's terminal, or of its kept log when the terminal is gone."""
    if follow and out.json:
        raise Usage("--json and --follow do not go together", hint="leave one of them out")
    mission = mission_here()
    job = find_job(mission, name, current_jobs(mission, out, wait=False))
    if follow and not over(job):
        _follow(mission, job, lines, ansi, out)
        return 0
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


def _follow(mission: Mission, job: Job, lines: int, ansi: bool, out: Output) -> None:
    from gitmc.control.stream import follow
    from gitmc.model.plain import Plain

    def write(data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def warn(what: str) -> None:
        out.say(f"warning: {job.name}: {what}")

    plain = Plain()
    for chunk in follow(mission, job, lines, warn, ansi=ansi):
        write(chunk if ansi else plain.feed(chunk))
    last = plain.finish()
    write(last + b"\n" if last else b"")
