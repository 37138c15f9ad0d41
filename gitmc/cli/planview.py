"""Plans as they are shown: as lines, and as JSON."""

from __future__ import annotations

import click

from gitmc.cli.render import COLOURS, Output, duration, one_line, print_json, use_colour
from gitmc.cli.trainpicture import summary as train_line
from gitmc.cli.trainview import train_object
from gitmc.control.mission import Mission
from gitmc.control.planview import Shown, plan_object, state_word
from gitmc.model.job import Job
from gitmc.model.plan import PlanJob, PlanState
from gitmc.model.planask import commands_of
from gitmc.model.plangraph import Node, text
from gitmc.model.trainrecord import TrainState


def show(mission: Mission, found: Shown, out: Output) -> None:
    """Print the plan on standard output."""
    if out.json:
        train = train_object(found.train, mission.now()) if found.train else None
        print_json("mc.plan/1", plan_object(mission, found, train))
    else:
        import sys

        click.echo("\n".join(lines(mission, found, colour=use_colour(sys.stdout))))


def lines(mission: Mission, found: Shown, *, colour: bool = False) -> list[str]:
    """The plan, for people."""
    plan, now = found.plan, mission.now()
    rows = [_head(mission, found), f"  {plan.branch}, for {plan.base}"]
    nodes = [Node(one.name, one.depends_on, state_word(found, one)) for one in plan.jobs]
    known = {one.name: one for one in plan.jobs}
    rows += [
        f"  {row}"
        for row in text(nodes, lambda node: _job(found, known[node.name], mission, colour=colour))
    ]
    if found.train is not None and found.train.state is TrainState.RUNNING and found.train.queue:
        rows.append(f"  train {train_line(found.train, now)}")
    rows += _ends(found)
    return rows


def summary(mission: Mission, found: Shown) -> list[str]:
    """The plan in few lines: where it stands, and what would have it go on."""
    rows = [_head(mission, found)]
    if found.checkpoints:
        one = found.checkpoints[0]
        whose = f" {one.job}" if one.job else ""
        rows.append(f"  waits at {one.type}{whose}: {one_line(one.reason, 160)}")
    return [*rows, *([f"  {found.clear_with}"] if found.clear_with else [])]


def _head(mission: Mission, found: Shown) -> str:
    plan = found.plan
    took = duration(plan.seconds(mission.now()))
    landed = sum(one.merged_at is not None for one in plan.jobs)
    head = f"{plan.id} ({plan.mode}): {plan.state}, {landed} of {len(plan.jobs)} landed, {took}"
    return head + (f": {plan.reason}" if plan.reason else "")


def _job(found: Shown, one: PlanJob, mission: Mission, *, colour: bool) -> str:
    job = found.jobs.get(one.name)
    state = state_word(found, one)
    if colour and job:
        state = f"\x1b[{COLOURS.get(job.state, 0)}m{state}\x1b[0m"
    parts = [one.name, state, _time(job, mission)]
    why = one.trouble.reason if one.trouble else (job.reason if job and job.reason else "")
    if outside := found.outside.get(one.name):
        why = f"changes what is outside its touch set: {', '.join(outside)}"
    if why:
        parts.append(one_line(why, 160))
    elif job and job.report and not one.done:
        parts.append(one_line(job.report.message, 80))
    return "  ".join(part for part in parts if part)


def _time(job: Job | None, mission: Mission) -> str:
    seconds = job.seconds(mission.now()) if job else None
    return duration(seconds) if seconds is not None else ""


def _ends(found: Shown) -> list[str]:
    plan = found.plan
    rows: list[str] = []
    if plan.state is PlanState.PENDING:
        rows.append(f"waits to be approved: git mc plan approve {plan.id}")
    elif plan.paused:
        rows.append(f"paused by hand: git mc plan resume {plan.id}")
    for one in found.checkpoints:
        whose = f" {one.job}" if one.job else ""
        rows.append(f"waits at {one.type}{whose}: {one_line(one.reason, 200)}")
        rows += [f"  {line}" for line in commands_of(plan, one)]
    if plan.pr_url:
        rows.append(f"for review: {plan.pr_url}")
    if plan.landing:
        rows.append(f"land it: {plan.landing}")
    return rows
