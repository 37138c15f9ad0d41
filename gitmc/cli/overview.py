"""git mc overview"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from gitmc.cli.listing import show
from gitmc.cli.options import outputs
from gitmc.cli.render import Output, current_jobs, mission_here, print_json
from gitmc.control.mission import Mission
from gitmc.control.view import objects, urgent_first
from gitmc.model.job import Job, State

FAILED = (State.FAILED, State.STOPPED, State.CONFLICT, State.NEEDS_REBASE)
RECENT = 5


@click.command()
@outputs()
def command(out: Output) -> int:
    """Show what runs, what is done, and what to do next."""
    mission = mission_here(outside=True)
    jobs = current_jobs(mission, out, wait=False)
    running = urgent_first(jobs)
    over = sorted(
        (job for job in jobs if job not in running),
        key=lambda job: job.ended_at or job.created_at,
        reverse=True,
    )
    failed = [job for job in over if job.state in FAILED]
    finished = [job for job in over if job.state not in FAILED]
    if out.json:
        sections = {"running": running, "finished": finished, "failed": failed}
        print_json("mc.overview/1", _objects(mission, sections) | {"next": suggestions(jobs)})
        return 0
    if not jobs:
        click.echo("no jobs; start one with: git mc launch NAME PROMPT")
        return 0
    for title, section in (("running", running), ("finished", finished), ("failed", failed)):
        if section:
            more = f", the last {RECENT} of {len(section)}" if len(section) > RECENT else ""
            click.echo(f"{title}{more if section is not running else ''}:")
            show(mission, section if section is running else section[:RECENT])
            click.echo()
    for line in suggestions(jobs):
        click.echo(f"next: {line}")
    return 0


def _objects(mission: Mission, sections: dict[str, list[Job]]) -> dict[str, Any]:
    return {title: objects(mission, section) for title, section in sections.items()}


def suggestions(jobs: Sequence[Job]) -> list[str]:
    """Commands that somebody who sees `jobs` is likely to want, the most pressing first."""
    waiting = [j for j in jobs if j.activity and j.activity.state == "waiting"]
    lines = [f"git mc attach {job.name}" for job in waiting]
    lines += [f"git mc status {job.name}" for job in jobs if job.state in FAILED]
    lines += [f"git mc merge {job.name}" for job in jobs if job.state is State.COMPLETED]
    if any(job.state is State.MERGED for job in jobs):
        lines.append("git mc cleanup " + " ".join(j.name for j in jobs if j.state is State.MERGED))
    return lines[:RECENT]
