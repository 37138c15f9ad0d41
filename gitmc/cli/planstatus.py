"""git mc plan status, list, wait"""

from __future__ import annotations

import sys

import click

from gitmc.cli.options import outputs
from gitmc.cli.planview import lines, show
from gitmc.cli.render import Output, current_jobs, duration, mission_here, print_json
from gitmc.control.planstart import named
from gitmc.control.planview import shown
from gitmc.model.plan import FINAL, PlanState


@click.command("status")
@click.argument("plan_name", metavar="[PLAN]", required=False)
@click.option("--watch", is_flag=True, help="Show it until it ends.")
@outputs()
def status(plan_name: str | None, watch: bool, out: Output) -> int:
    """Show a plan: its jobs and their states, its train, and what would clear what it waits for."""
    mission = mission_here(outside=True)
    jobs = current_jobs(mission, out, wait=False)
    plan = named(mission, plan_name)
    if watch and not out.json:
        return _watch(plan.id)
    show(mission, shown(mission, plan, jobs), out)
    return 0


def _watch(plan_id: str) -> int:
    from gitmc.control.planwatch import follow

    mission = mission_here(outside=True)
    drawn = 0
    tty = sys.stdout.isatty()
    for found in follow(mission, plan_id, tick=1.0 if tty else None):
        rows = lines(mission, found, colour=tty)
        if tty:
            back = f"\x1b[{drawn}A" if drawn else ""
            click.echo(back + "".join(f"\r{row}\x1b[K\n" for row in rows) + "\x1b[J", nl=False)
            drawn = len(rows)
        else:
            click.echo("\n".join(rows) + "\n")
    return 0


@click.command("list")
@outputs()
def list_plans(out: Output) -> int:
    """List the plans, the oldest first."""
    from gitmc.store.plans import Plans

    mission = mission_here(outside=True)
    jobs = current_jobs(mission, out, wait=False)
    plans, faults = Plans(mission.store.root).all()
    for fault in faults:
        out.warn(fault)
    now = mission.now()
    if out.json:
        rows = [
            {
                "id": plan.id,
                "name": plan.name,
                "mode": str(plan.mode),
                "state": str(plan.state),
                "jobs": len(plan.jobs),
                "landed": sum(one.merged_at is not None for one in plan.jobs),
                "clear_with": shown(mission, plan, jobs).clear_with,
            }
            for plan in plans
        ]
        print_json("mc.plans/1", {"plans": rows})
        return 0
    for plan in plans:
        landed = sum(one.merged_at is not None for one in plan.jobs)
        took = duration(plan.seconds(now))
        click.echo(f"{plan.id}  {plan.state}  {landed}/{len(plan.jobs)}  {took}  {plan.name}")
    return 0


@click.command("wait")
@click.argument("plan_name", metavar="[PLAN]", required=False)
@click.option("--timeout", type=click.FloatRange(min=0), metavar="S", help="Seconds at most.")
@outputs()
def wait(plan_name: str | None, timeout: float | None, out: Output) -> int:
    """Wait until a plan ends, or waits for a person; 0 only if it is completed."""
    from gitmc.control.planwatch import follow

    mission = mission_here(outside=True)
    current_jobs(mission, out)
    plan = named(mission, plan_name)
    found = None
    for found in follow(mission, plan.id, timeout=timeout):
        if found.plan.state in FINAL or found.waits:
            break
    assert found is not None
    if out.json:
        show(mission, found, out)
    elif found.plan.state is not PlanState.COMPLETED:
        if found.plan.state not in FINAL and not found.waits:
            out.say(f"time is up: the plan {plan.id} is {found.plan.state}")
        for row in lines(mission, found):
            click.echo(row)
    else:
        out.say(f"{plan.id}: {found.plan.state}")
    return 0 if found.plan.state is PlanState.COMPLETED else 1
