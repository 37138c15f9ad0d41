"""git mc resurrect"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import click

from gitmc.cli.options import outputs
from gitmc.cli.render import Output, current_jobs, mission_here, print_json
from gitmc.control.apart import start_observer
from gitmc.control.relaunch import Found, find_lost, try_again
from gitmc.errors import McError
from gitmc.model.job import Job, State


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what could be brought back; start nothing.")
@click.option(
    "--spacing",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="S",
    help="Seconds between two starts, for the sake of rate limits.",
)
@outputs()
def command(dry_run: bool, spacing: float, out: Output) -> int:
    """Bring back the jobs whose terminals are gone, after a restart or with a dead server.

    Lists what is alive, what can be launched again, and what is lost; then launches.
    """
    mission = mission_here(outside=True)
    jobs = current_jobs(mission, out)
    alive = [job for job in jobs if job.state is State.RUNNING]
    found = find_lost(mission, jobs)
    _show(alive, found, out)
    back: list[Job] = []
    refused: list[tuple[Found, McError]] = []
    for one in () if dry_run else _spaced([one for one in found if one.how], spacing):
        outcome = try_again(mission, one)
        if isinstance(outcome, Job):
            back.append(outcome)
            out.say(f"relaunched {outcome.name}")
        else:
            refused.append((one, outcome))
            out.warn(outcome)
    if back or any(job.in_line for job in jobs):
        start_observer(mission)
    if out.json:
        print_json("mc.resurrect/1", _object(alive, found, back, refused))
    return 1 if refused else 0


def _spaced(found: Sequence[Found], seconds: float) -> Iterator[Found]:
    for number, one in enumerate(found):
        if number:
            threading.Event().wait(seconds)
        yield one


def _show(alive: Sequence[Job], found: Sequence[Found], out: Output) -> None:
    if out.json:
        return
    for job in alive:
        click.echo(f"{job.name}: alive")
    for one in found:
        way = f"resumable: would {one.how}" if one.how else "lost: neither worktree nor branch"
        click.echo(f"{one.job.name}: {way} ({one.job.reason})")
    if not alive and not found:
        out.say("nothing was lost")


def _object(
    alive: Sequence[Job],
    found: Sequence[Found],
    back: Sequence[Job],
    refused: Sequence[tuple[Found, McError]],
) -> dict[str, object]:
    return {
        "alive": [job.name for job in alive],
        "resumable": [{"name": one.job.name, "how": one.how} for one in found if one.how],
        "lost": [{"name": one.job.name, "reason": one.job.reason} for one in found if not one.how],
        "relaunched": [job.name for job in back],
        "refused": [{"name": one.job.name, "reason": error.message} for one, error in refused],
    }
