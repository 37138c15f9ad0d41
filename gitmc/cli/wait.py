"""git mc wait"""

from __future__ import annotations

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, current_jobs, match_jobs, mission_here, print_json
from gitmc.control.view import objects
from gitmc.control.wait import GOOD, wait
from gitmc.model.job import State


@click.command()
@click.argument("patterns", metavar="JOB...", nargs=-1, required=True, shell_complete=complete_job)
@click.option(
    "--for",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in State]),
    help="Wait for this state.",
)
@click.option("--any", "some", is_flag=True, help="One of the jobs is enough.")
@click.option(
    "--timeout", type=click.FloatRange(min=0), metavar="S", help="Give up after S seconds."
)
@outputs()
def command(
    patterns: tuple[str, ...],
    states: tuple[str, ...],
    some: bool,
    timeout: float | None,
    out: Output,
) -> int:
    """Wait until all of the jobs are completed.

    Ends with 0 when they are, with 1 when one failed or time is up.
    """
    mission = mission_here()
    names = [job.name for job in match_jobs(mission, patterns, current_jobs(mission, out))]
    wanted = frozenset(map(State, states)) or GOOD
    outcome = wait(mission, names, wanted, some=some, timeout=timeout)
    if out.json:
        found = [job for name in names if (job := mission.store.job(name))]
        print_json("mc.jobs/1", {"jobs": objects(mission, found)})
    elif outcome.why:
        out.say(outcome.why)
    return 0 if outcome.ok else 1
