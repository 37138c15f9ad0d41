"""git mc status"""

from __future__ import annotations

import shlex
from datetime import datetime
from typing import Any

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import (
    Output,
    current_jobs,
    duration,
    find_job,
    mission_here,
    one_line,
    paint,
    print_json,
    since,
)
from gitmc.control.trainlist import left_behind
from gitmc.control.view import objects, screen
from gitmc.model.job import VANILLA, WAYS_OUT, Job

LINES = 10


@click.command()
@click.argument("name", metavar="JOB", shell_complete=complete_job)
@outputs()
def command(name: str, out: Output) -> int:
    """Show everything about one job."""
    mission = mission_here()
    job = find_job(mission, name, current_jobs(mission, out, wait=False))
    found = objects(mission, [job])[0]
    if out.json:
        print_json("mc.job/1", found)
        return 0
    _show(job, found, mission.now(), left_behind(mission, job))
    text = screen(mission, job, LINES)
    if text and text.strip():
        click.echo("\nlast lines:")
        for line in text.split("\n"):
            click.echo(f"    {line}".rstrip())
    if job.unknown:
        path = mission.store.job_path(job.name)
        click.echo(f"warning: {path}: unknown keys are kept: {', '.join(job.unknown)}", err=True)
    return 0


def _show(job: Job, found: dict[str, Any], now: datetime, train: str | None) -> None:
    state = paint(job, str(job.state))
    status = "" if job.exit_status is None else f", exit status {job.exit_status}"
    activity = f", {_activity(job, now)}" if "activity" in found else ""
    reason = f" ({job.reason})" if job.reason and job.reason not in status else ""
    click.echo(f"{job.name}: {state}{activity}{status}{reason}", color=True)
    ahead = "?" if found["ahead"] is None else found["ahead"]
    dirty = {True: ", uncommitted changes", False: "", None: ", no worktree"}[found["dirty"]]
    lines = [
        ("agent", job.agent + _how(job)),
        ("branch", f"{job.branch}, {ahead} ahead of {job.base_commit[:12]}{dirty}"),
        ("base", job.base),
        ("worktree", job.worktree),
        ("terminal", _terminal(job)),
        ("created", found["created_at"]),
        ("ran for", duration(found["seconds"]) if "seconds" in found else "-"),
    ]
    if job.landed:
        lines.append(("landed", f"{job.landed.commit[:12]} on {job.landed.target}"))
    if train:
        lines.append(("train", f"{train}; why it did not land: {_show_command(train, job)}"))
    if job.pr:
        pushed = f"none yet; {job.pr.branch} was pushed to {job.pr.remote}"
        lines.append(("pr", job.pr.url or pushed))
    if job.report:
        lines.append(("report", f"{job.report.status}: {one_line(job.report.message)}"))
    if found.get("prompt"):
        lines.append(("prompt", one_line(found["prompt"], 80)))
    if job.state in WAYS_OUT:
        lines.append(
            ("next", ", ".join(f"git mc {verb} {job.name}" for verb in WAYS_OUT[job.state]))
        )
    for label, value in lines:
        click.echo(f"  {label:9} {value}")


def _how(job: Job) -> str:
    """How its agent runs, where that is not the ordinary way."""
    ways = [
        *(["headless"] if job.headless else []),
        *(["unattended"] if job.unattended else []),
        *([f"mode {job.mode}"] if job.mode != VANILLA else []),
        *([f"model {one_line(job.model)}"] if job.model else []),
        *([f"with {one_line(shlex.join(job.arguments), 60)}"] if job.arguments else []),
    ]
    return f" ({', '.join(ways)})" if ways else ""


def _show_command(train: str, job: Job) -> str:
    return f"git mc merge-train show {train} {job.name}"


def _activity(job: Job, now: datetime) -> str:
    if job.activity is None:
        return "activity unknown"
    activity = job.activity
    return f"{activity.state} for {since(activity.since, now)} ({activity.source})"


def _terminal(job: Job) -> str:
    if job.terminal is None:
        return "-"
    return f"tmux {job.placement} {job.terminal.session}:{job.terminal.window}.{job.terminal.pane}"
