"""git mc plan approve, skip, drop, pause, resume, cancel"""

from __future__ import annotations

import click

from gitmc.cli.options import outputs
from gitmc.cli.planview import show
from gitmc.cli.render import Output, current_jobs, mission_here
from gitmc.control import planchange
from gitmc.control.mission import Mission
from gitmc.control.planstart import named
from gitmc.control.planview import shown
from gitmc.errors import Usage
from gitmc.model.plan import Plan


def _opened(plan_name: str | None, out: Output) -> tuple[Mission, Plan]:
    mission = mission_here()
    current_jobs(mission, out)
    return mission, named(mission, plan_name)


def _told(mission: Mission, plan: Plan, said: str, out: Output) -> int:
    from gitmc.control.apart import start_observer

    start_observer(mission)
    if out.json:
        show(mission, shown(mission, plan, mission.store.jobs()[0]), out)
    else:
        click.echo(said)
    return 0


@click.command("approve")
@click.argument("plan_name", metavar="[PLAN]", required=False)
@click.option("--checkpoint", metavar="C", help="pre_merge, on_error or pre_pr; or C:JOB.")
@click.option("--retry", metavar="JOB", help="Do again what went wrong with the job.")
@click.option("--relaunch", metavar="JOB", help="Have its agent go on, told what went wrong.")
@click.option("--accept", metavar="JOB", help="Take the job's work as it is.")
@click.option("--skip", metavar="JOB", help="Go on without the job.")
@outputs()
def approve(plan_name: str | None, checkpoint: str | None, out: Output, **answers: str) -> int:
    """Answer what a plan waits for: exactly what is named, and nothing else.

    Without options, that is the start of a copilot's plan, or the first checkpoint that it waits
    at. `git mc plan status` shows what each would be cleared with.
    """
    given = {answer: job for answer, job in answers.items() if job is not None}
    if len(given) + (checkpoint is not None) > 1:
        raise Usage("one answer at a time", hint="git mc plan status shows what it waits for")
    mission, plan = _opened(plan_name, out)
    if given:
        ((answer, job),) = given.items()
        now = planchange.answer(mission, plan, answer, job)
        return _told(mission, now, f"{plan.id}: {answer} {job}", out)
    now = planchange.approve(mission, plan, checkpoint)
    return _told(mission, now, f"{plan.id}: approved", out)


@click.command("skip")
@click.argument("plan_name", metavar="PLAN")
@click.argument("job", metavar="JOB")
@outputs()
def skip(plan_name: str, job: str, out: Output) -> int:
    """Go on without JOB: what depends on it starts without its work. Its branch is kept."""
    mission, plan = _opened(plan_name, out)
    now = planchange.skip(mission, plan, job, dependents_too=False)
    return _told(mission, now, f"{plan.id}: goes on without {job}", out)


@click.command("drop")
@click.argument("plan_name", metavar="PLAN")
@click.argument("job", metavar="JOB")
@outputs()
def drop(plan_name: str, job: str, out: Output) -> int:
    """Go on without JOB and without all that depends on it. Their branches are kept."""
    mission, plan = _opened(plan_name, out)
    now = planchange.skip(mission, plan, job, dependents_too=True)
    gone = [one.name for one in now.jobs if one.skipped and not (plan.job(one.name) or one).skipped]
    return _told(mission, now, f"{plan.id}: goes on without {', '.join(gone)}", out)


@click.command("pause")
@click.argument("plan_name", metavar="[PLAN]", required=False)
@outputs()
def pause(plan_name: str | None, out: Output) -> int:
    """Launch and merge nothing more of a plan for now; agents that run go on."""
    mission, plan = _opened(plan_name, out)
    now = planchange.pause(mission, plan, on=True)
    return _told(mission, now, f"{plan.id}: paused", out)


@click.command("resume")
@click.argument("plan_name", metavar="[PLAN]", required=False)
@outputs()
def resume(plan_name: str | None, out: Output) -> int:
    """Go on with a plan that was paused by hand."""
    mission, plan = _opened(plan_name, out)
    now = planchange.pause(mission, plan, on=False)
    return _told(mission, now, f"{plan.id}: goes on", out)


@click.command("cancel")
@click.argument("plan_name", metavar="[PLAN]", required=False)
@click.option("--delete", is_flag=True, help="Delete the integration branch too, salvaged first.")
@outputs()
def cancel(plan_name: str | None, delete: bool, out: Output) -> int:
    """End a plan: its agents and its train. All branches are kept, the integration branch too."""
    mission, plan = _opened(plan_name, out)
    now, said = planchange.cancel(mission, plan, delete=delete)
    return _told(mission, now, said, out)
