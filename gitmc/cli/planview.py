"""Plans as they are shown: as lines, and as JSON."""

from __future__ import annotations

import click

from gitmc.cli.render import COLOURS, Output, duration, one_line, print_json, use_colour
from gitmc.cli.trainpicture import summary as train_line
from gitmc.cli.trainview import train_object
from gitmc.control.mission import Mission
from gitmc.control.planview import Shown, plan_object
from gitmc.model.job import Job, State
from gitmc.model.plan import PlanJob, PlanState
from gitmc.model.planask import commands_of
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
    width = max((len(one.name) for one in plan.jobs), default=0)
    rows += [_job_line(found, one, width, mission, colour=colour) for one in plan.jobs]
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


def _job_line(found: Shown, one: PlanJob, width: int, mission: Mission, *, colour: bool) -> str:
    job = found.jobs.get(one.name)
    state = str(job.state) if job else ("merged" if one.merged_at else "gone")
    if one.skipped:
        state = "skipped"
    elif one.joined and job and job.state is State.READY_TO_MERGE:
        state = "in train"
    shown = f"{state:<13}"
    if colour and job:
        shown = f"\x1b[{COLOURS.get(job.state, 0)}m{shown}\x1b[0m"
    parts = [f"  {one.name:<{width}}  {shown}", _time(job, mission)]
    if one.depends_on:
        parts.append(f"after {', '.join(one.depends_on)}")
    why = one.trouble.reason if one.trouble else (job.reason if job and job.reason else "")
    if why:
        parts.append(one_line(why, 160))
    elif job and job.report and not one.done:
        parts.append(one_line(job.report.message, 80))
    return "  ".join(part for part in parts if part).rstrip()


def _time(job: Job | None, mission: Mission) -> str:
    seconds = job.seconds(mission.now()) if job else None
    return f"{duration(seconds):>6}" if seconds is not None else " " * 6


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
