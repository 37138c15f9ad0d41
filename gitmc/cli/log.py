"""git mc log"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, current_jobs, mission_here, print_json
from gitmc.control.mission import Mission, unknown_job
from gitmc.model.job import Job


@click.command()
@click.argument("name", metavar="[JOB]", required=False, shell_complete=complete_job)
@click.option("--follow", is_flag=True, help="Go on printing as things happen.")
@outputs()
def command(name: str | None, follow: bool, out: Output) -> int:
    """Show the journal: every transition and action, with its time and cause."""
    mission = mission_here()
    jobs = current_jobs(mission, out, wait=False)
    if name is not None:
        _check_known(mission, name, jobs)
    entries = _follow(mission) if follow else (e for _, e in mission.store.journal.entries())
    mine = (entry for entry in entries if name is None or entry.get("job") == name)
    if out.json and not follow:
        print_json("mc.log/1", {"entries": list(mine)})
        return 0
    for entry in mine:
        if out.json:
            import json

            click.echo(json.dumps(entry))
        else:
            click.echo(sentence(entry))
    return 0


def _check_known(mission: Mission, name: str, jobs: Sequence[Job]) -> None:
    """Raises Refused for a name that no job has or had."""
    if any(job.name == name for job in jobs):
        return
    if not any(entry.get("job") == name for _, entry in mission.store.journal.entries()):
        raise unknown_job(name, [job.name for job in jobs])


def sentence(entry: dict[str, Any]) -> str:
    """One entry as a line."""
    at, event = entry.get("at", "?"), entry.get("event", "?")
    rest = {k: v for k, v in entry.items() if k not in ("at", "event", "job", "run")}
    who = f" {entry['job']}" if "job" in entry else ""
    if event == "plan" and "to" in rest:
        who, event = f" plan {rest['plan']}", "transition"
    if event == "transition":
        came = f"{rest['from']} -> " if "from" in rest else ""
        why = f" ({rest['reason']})" if "reason" in rest else ""
        return f"{at}{who}: {came}{rest.get('to')}{why}, by {rest.get('cause')}"
    details = " ".join(f"{key}={value}" for key, value in rest.items())
    return f"{at}{who}: {event} {details}".rstrip()


def _follow(mission: Mission) -> Iterator[dict[str, Any]]:
    from gitmc.control.loop import catch_up
    from gitmc.control.settle import live_pids
    from gitmc.events.bell import Bell

    mission.store.make()
    offset = 0
    with Bell([mission.store.root, mission.store.events / "new"], changes=True) as bell:
        while True:
            jobs, _ = catch_up(mission, wait=False)
            bell.watch(live_pids(jobs))
            for end, entry in mission.store.journal.entries(offset):
                offset = end
                yield entry
            bell.wait(mission.settings["pollInterval"])
