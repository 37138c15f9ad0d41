"""git mc demo"""

from __future__ import annotations

import sys

import click

from gitmc.cli.listing import activity, show
from gitmc.cli.options import outputs
from gitmc.cli.render import Output, note
from gitmc.control.demo import SCRIPTS, progress, scratch, start
from gitmc.control.land import Request, land
from gitmc.control.mission import Mission
from gitmc.control.view import ahead
from gitmc.model.job import Job, State


@click.command()
@click.option("--keep", is_flag=True, help="Leave the scratch repository for you to look at.")
@outputs(json=False)
def command(keep: bool, out: Output) -> int:
    """See it all in a scratch repository: three agents at once, one that fails, two merges.

    The agents are scripted: no account and no network is needed, and nothing of yours is touched.
    """
    with scratch(keep=keep) as mission:
        _title(f"three jobs at once, in {mission.main_worktree}")
        start(mission)
        jobs = _watch(mission)
        _title("how they ended")
        for job in jobs:
            status = "no exit status" if job.exit_status is None else f"exit {job.exit_status}"
            click.echo(f"{job.name}: {job.state}, {status}")
        _title("git mc merge")
        for job in jobs:
            if job.state is State.COMPLETED:
                outcome = land(mission, Request(job.name, strategy="merge"))
                click.echo(f"merged {job.name} into {outcome.target} as {outcome.commit[:12]}")
        _title("git log --graph")
        form = "--format=%h %s %(trailers:key=Mc-Job,separator=)"
        click.echo(mission.repo.here("log", "--graph", form))
        if keep:
            out.say(f"\nkept: cd {mission.main_worktree} && git mc")
    return 0


def _title(text: str) -> None:
    click.echo(f"\n== {text}")


def _watch(mission: Mission) -> list[Job]:
    """Show the jobs as they go on: a table that changes in place, or a line for each change."""
    jobs: list[Job] = []
    seen: dict[str, str] = {}
    drawn = False
    for jobs in progress(mission):
        if sys.stdout.isatty():
            if drawn:
                click.echo(f"\x1b[{len(SCRIPTS) + 1}A\x1b[J", nl=False)
            show(mission, jobs, ahead(mission, jobs))
            drawn = True
            continue
        for job in jobs:
            line = f"{job.name}: {job.state}  {note(job) or activity(job)}"
            if seen.get(job.name) != line:
                seen[job.name] = line
                click.echo(line)
    return jobs
