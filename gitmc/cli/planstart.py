"""git mc plan start, check, add; and finish, which observers start"""

from __future__ import annotations

import sys
from contextlib import suppress

import click

from gitmc.cli.options import outputs
from gitmc.cli.render import Output, current_jobs, mission_here, print_json
from gitmc.control.mission import Mission
from gitmc.errors import Fatal

PLAN_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)


@click.command("start")
@click.argument("file", type=PLAN_FILE)
@click.option("--mode", type=click.Choice(["autopilot", "copilot", "supervisor"]),
              help="How much it asks.")  # fmt: skip
@click.option("--base", metavar="BRANCH", help="What it is for (the current branch).")
@click.option("--placement", type=click.Choice(["session", "window"]), help="Its terminals.")
@click.option("--no-pr", is_flag=True, help="Push nothing in the end.")
@click.option("--dry-run", is_flag=True, help="Say what would be made; make nothing.")
@outputs()
def start(
    file: str,
    mode: str | None,
    base: str | None,
    placement: str | None,
    no_pr: bool,
    dry_run: bool,
    out: Output,
) -> int:
    """Start the plan in FILE (- for standard input).

    What the file says is stored; it may change afterwards. Jobs start as soon as what they depend
    on has landed on the integration branch. In mode copilot, it waits to be approved first.
    """
    from gitmc.cli.planview import show
    from gitmc.control import planstart
    from gitmc.control.planview import shown

    mission = mission_here()
    source = planstart.Source(file)
    jobs = current_jobs(mission, out)
    wishes = planstart.Wishes(mode, base, placement, push=not no_pr)
    if dry_run:
        plan, requests, warnings = planstart.prepare(mission, source, wishes)
        for line in warnings:
            out.say(f"warning: {line}")
        click.echo(f"would make branch {plan.branch} at {plan.base_commit[:12]} ({plan.base})")
        for request, one in zip(requests, plan.jobs, strict=True):
            after = f" after {', '.join(one.depends_on)}" if one.depends_on else ""
            click.echo(f"would launch {request.name}{after}")
        return 0
    plan, warnings = planstart.start(mission, source, wishes)
    for line in warnings:
        out.say(f"warning: {line}")
    if out.json:
        jobs = mission.store.jobs()[0]
        show(mission, shown(mission, plan, jobs), out)
        return 0
    click.echo(f"started plan {plan.id}: {len(plan.jobs)} jobs onto {plan.branch}")
    if not plan.approved:
        out.say(f"hint: it waits for you: git mc plan approve {plan.id}")
    else:
        out.say(f"hint: git mc plan status {plan.id} --watch")
    return 0


@click.command("check")
@click.argument("file", type=PLAN_FILE)
@outputs()
def check(file: str, out: Output) -> int:
    """Say everything that is wrong with a plan's FILE, each with its line; change nothing.

    In a repository, it also says what starting the plan there would be warned of.
    """
    from gitmc.control.planstart import Source, doubts

    source = Source(file)
    found = source.read()
    if found.plan is not None and (mission := _mission_if_any()) is not None:
        found = found._replace(warnings=(*found.warnings, *doubts(mission, found.plan)))
    if out.json:
        print_json(
            "mc.plan-check/1",
            {
                "ok": found.plan is not None,
                "name": found.plan.name if found.plan else None,
                "jobs": [job.name for job in found.plan.jobs] if found.plan else [],
                "faults": [one._asdict() for one in found.faults],
                "warnings": [one._asdict() for one in found.warnings],
            },
        )
    else:
        for line in source.told(found.faults):
            click.echo(line)
        for line in source.told(found.warnings):
            out.say(f"warning: {line}")
        if found.plan is not None:
            out.say(f"{source.name}: a plan of {len(found.plan.jobs)} jobs, with no fault")
    return 0 if found.plan is not None else 1


def _mission_if_any() -> Mission | None:
    with suppress(Fatal):
        return mission_here()
    return None


@click.command("add")
@click.argument("plan_name", metavar="PLAN")
@click.argument("file", type=PLAN_FILE)
@outputs()
def add(plan_name: str, file: str, out: Output) -> int:
    """Add the jobs in FILE to a PLAN under way; they may depend on those that it has."""
    from gitmc.control import planstart
    from gitmc.control.apart import start_observer

    mission = mission_here()
    current_jobs(mission, out)
    plan = planstart.named(mission, plan_name)
    names, warnings = planstart.add(mission, plan, planstart.Source(file))
    start_observer(mission)
    for line in warnings:
        out.say(f"warning: {line}")
    if out.json:
        print_json("mc.plan-add/1", {"id": plan.id, "jobs": names})
    else:
        click.echo(f"added to {plan.id}: {', '.join(names)}")
    return 0


@click.command("finish", hidden=True)
@click.argument("plan_id")
def finish(plan_id: str) -> int:
    """Push a plan for review, once whoever started this process says so."""
    from gitmc.control.apart import GO
    from gitmc.control.planfinish import finish as end

    if sys.stdin.buffer.readline() != GO:
        return 1
    end(mission_here(), plan_id)
    return 0
