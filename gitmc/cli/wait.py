"""git mc wait"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, current_jobs, match_jobs, mission_here, note, print_json
from gitmc.control.view import objects
from gitmc.control.wait import GOOD, wait
from gitmc.model.job import Job, State


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

    Ends with 0 when they are, with 1 when one failed or time is up. With -v, it says on the way
    what becomes of each, and how many are there.
    """
    mission = mission_here()
    names = [job.name for job in match_jobs(mission, patterns, current_jobs(mission, out))]
    wanted = frozenset(map(State, states)) or GOOD
    news = News(len(names), wanted)

    def tell(jobs: list[Job]) -> None:
        for line in news.of(jobs):
            out.detail(line)

    outcome = wait(mission, names, wanted, some=some, timeout=timeout, on_look=tell)
    if out.json:
        found = [job for name in names if (job := mission.store.job(name))]
        print_json("mc.jobs/1", {"jobs": objects(mission, found)})
    elif outcome.why:
        out.say(outcome.why)
    return 0 if outcome.ok else 1


class News:
    """What becomes of jobs that are waited for, in lines. Pure, but for what it remembers.

    Each line begins with how many are in a state that is wanted, of how many. Where a job was at
    first is no news, unless it is there already.
    """

    def __init__(self, total: int, wanted: Collection[State]) -> None:
        self._total = total
        self._wanted = wanted
        self._seen: dict[str, Job] = {}

    def of(self, jobs: Sequence[Job]) -> Iterator[str]:
        """The lines for what is new since the last time."""
        for job in jobs:
            before = self._seen.get(job.name)
            self._seen[job.name] = job
            if self._is_news(before, job):
                reached = sum(one.state in self._wanted for one in self._seen.values())
                yield f"{reached} of {self._total}: {_sentence(job)}"

    def _is_news(self, before: Job | None, job: Job) -> bool:
        there = job.state in self._wanted
        if before is None or (there and before.state is job.state):
            # Why it got there may be found out later, and matters no more.
            return there and before is None
        return _sentence(before) != _sentence(job)


def _sentence(job: Job) -> str:
    waits = " (waiting)" if job.activity and job.activity.state == "waiting" else ""
    why = note(job)
    return f"{job.name} is {job.state}{waits}" + (f": {why}" if why else "")
