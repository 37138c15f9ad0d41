"""git mc overview"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from gitmc.cli.conflicts import MOST, as_json, sentence
from gitmc.cli.group import HELP
from gitmc.cli.listing import show
from gitmc.cli.options import outputs
from gitmc.cli.render import (
    COLOURS,
    Output,
    current_jobs,
    duration,
    mission_here,
    one_line,
    print_json,
    print_table,
)
from gitmc.control.answer import asked
from gitmc.control.mission import Mission
from gitmc.control.radar import predict
from gitmc.control.trainlist import of_interest
from gitmc.control.view import ahead, objects
from gitmc.errors import McError
from gitmc.model.job import Job
from gitmc.model.overview import RECENT, Overview, overview, since, suggestions, why
from gitmc.model.radar import Predicted
from gitmc.store.lock import is_held

if TYPE_CHECKING:
    from gitmc.control.planview import Shown
    from gitmc.model.trainrecord import Train

WAITING = ("NAME", "STATE", "SINCE", "WHY")

FEW = 50
"""How many merges somebody who only looks around would wait for."""


@click.command()
@outputs()
def command(out: Output) -> int:
    """Show who waits for you, what runs, what is done, and what to do next."""
    mission = mission_here(outside=True)
    jobs = current_jobs(mission, out, wait=False)
    found, predicted = overview(jobs), _predicted(mission, jobs, out)
    trains, faults = of_interest(mission)
    plans = _plans(mission, jobs, out)
    for fault in faults:
        out.warn(fault)
    answerable = {job.name for job in found.waiting if _can_be_answered(mission, job)}
    # A command that this git mc does not have is no help to anybody.
    following = [
        line for line in suggestions(found, predicted, answerable) if line.split()[2] in HELP
    ]
    shown = found._replace(finished=found.finished[:RECENT], failed=found.failed[:RECENT])
    if out.json:
        _print_json(mission, found, shown, predicted, trains, plans, following)
    elif not any(found) and not trains and not plans:
        click.echo("no jobs; start one with: git mc launch NAME PROMPT")
    else:
        _print(mission, found, shown, predicted, trains, plans, following)
    return 0


def _can_be_answered(mission: Mission, job: Job) -> bool:
    return job.live and any(ask.answerable for ask in asked(mission, job))


def _predicted(mission: Mission, jobs: Sequence[Job], out: Output) -> Predicted:
    """Which jobs would conflict, as far as that is known or soon found out."""
    try:
        return predict(mission, jobs, most=FEW)
    except McError as trouble:
        out.warn(trouble)
        return Predicted(complete=False)


def _print_json(
    mission: Mission,
    found: Overview,
    shown: Overview,
    predicted: Predicted,
    trains: Sequence[Train],
    plans: Sequence[Shown],
    following: Sequence[str],
) -> None:
    jobs = list({job.name: job for section in shown for job in section}.values())
    by_name = {job["name"]: job for job in objects(mission, jobs)}
    sections = shown._asdict().items()
    print_json(
        "mc.overview/1",
        {title: [by_name[job.name] for job in section] for title, section in sections}
        | {"conflicts": as_json(predicted) | {"complete": predicted.complete}}
        | {"trains": _train_objects(mission, trains), "plans": _plan_objects(mission, plans)}
        | {"next": following, "counts": {t: len(s) for t, s in found._asdict().items()}},
    )


def _print(
    mission: Mission,
    found: Overview,
    shown: Overview,
    predicted: Predicted,
    trains: Sequence[Train],
    plans: Sequence[Shown],
    following: Sequence[str],
) -> None:
    asking = {job.name for job in shown.waiting}
    tables = {
        "running": [job for job in shown.running if job.name not in asking],
        "queued": shown.queued,
        "finished": [job for job in shown.finished if job.name not in asking],
        "failed": shown.failed,
    }
    counts = ahead(mission, [job for table in tables.values() for job in table])
    if shown.waiting:
        click.echo("waiting for a person:")
        _show_waiting(mission, shown.waiting)
        click.echo()
    for title, table in tables.items():
        if table:
            total = len(getattr(found, title))
            over = title in ("finished", "failed") and total > RECENT
            click.echo(f"{title}, the last {RECENT} of {total}:" if over else f"{title}:")
            show(mission, table, counts)
            click.echo()
    _show_plans(mission, plans)
    _show_trains(mission, trains)
    _show_predicted(mission, predicted)
    for line in following:
        click.echo(f"next: {line}")


def _show_waiting(mission: Mission, jobs: Sequence[Job]) -> None:
    now = mission.now()
    rows = [
        (
            job.name,
            str(job.state),
            duration(max(0.0, (now - since(job)).total_seconds())),
            one_line(why(job), 100),
        )
        for job in jobs
    ]
    print_table(WAITING, rows, [COLOURS[job.state] for job in jobs])


def _plans(mission: Mission, jobs: list[Job], out: Output) -> list[Shown]:
    """The plans that have not ended."""
    if not (mission.store.root / "plans").is_dir():
        return []
    from gitmc.control.planview import shown
    from gitmc.model.plan import FINAL
    from gitmc.store.plans import Plans

    plans, faults = Plans(mission.store.root).all()
    for fault in faults:
        out.warn(fault)
    return [shown(mission, plan, jobs) for plan in plans if plan.state not in FINAL]


def _plan_objects(mission: Mission, plans: Sequence[Shown]) -> list[dict[str, Any]]:
    if not plans:
        return []
    from gitmc.control.planview import plan_object

    return [plan_object(mission, found, None) for found in plans]


def _show_plans(mission: Mission, plans: Sequence[Shown]) -> None:
    if not plans:
        return
    from gitmc.cli.planview import summary

    click.echo("plans:")
    for found in plans:
        click.echo("\n".join(summary(mission, found)))
    click.echo()


def _train_objects(mission: Mission, trains: Sequence[Train]) -> list[dict[str, Any]]:
    if not trains:
        return []
    from gitmc.cli.trainview import train_object

    objects = [train_object(train, mission.now()) for train in trains]
    return [{key: one[key] for key in one if key != "runs"} for one in objects]


def _show_trains(mission: Mission, trains: Sequence[Train]) -> None:
    if not trains:
        return
    from gitmc.cli.trainpicture import summary
    from gitmc.cli.trainview import show_command

    click.echo("trains:")
    for train in trains:
        click.echo(summary(train, mission.now()))
        if train.out:
            click.echo(f"  why: {show_command(train)}")
    click.echo()


def _show_predicted(mission: Mission, found: Predicted) -> None:
    total = len(found.conflicts)
    if not total and found.complete:
        return
    click.echo(f"conflicts, {RECENT} of {total}:" if total > RECENT else "conflicts:")
    for one in found.conflicts[:RECENT]:
        click.echo(sentence(one, MOST))
    if total > RECENT:
        click.echo("all of them: git mc conflicts")
    if not found.complete:
        under_way = is_held(mission.store.radar_lock)
        left = "the rest is being looked at" if under_way else "not all pairs have been looked at"
        click.echo(f"{left}: git mc conflicts")
    click.echo()
