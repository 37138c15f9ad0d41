"""git mc merge"""

from __future__ import annotations

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, clashes_json, current_jobs, mission_here, print_json
from gitmc.control.land import Outcome, Request, land
from gitmc.control.segment import refresh
from gitmc.errors import Conflict
from gitmc.model.job import State


@click.command()
@click.argument("name", metavar="JOB", shell_complete=complete_job)
@click.option("--strategy", type=click.Choice(["squash", "ff-only", "merge"]), help="How it lands.")
@click.option("-m", "--message", metavar="MSG", help="The message of the commit that is made.")
@click.option("--into", metavar="BRANCH", help="Land on this branch, not on the job's base.")
@click.option("--test/--no-test", default=None, help="Test the merged files first, or do not.")
@click.option("--dry-run", is_flag=True, help="Say what would land; change nothing.")
@outputs()
def command(
    name: str,
    strategy: str | None,
    message: str | None,
    into: str | None,
    test: bool | None,
    dry_run: bool,
    out: Output,
) -> int:
    """Land a job's work on its base.

    What the agent left uncommitted is committed first. The merge is made in memory and tested by
    the command that is set (mc.testCommand) or that the target's files ask for (package.json, tox,
    nox, pytest, cargo, go, make); only then the target moves. Files that passed before are not
    tested again. A target that is checked out somewhere is updated there, or not at all.
    """
    mission = mission_here(outside=True)
    current_jobs(mission, out)
    job = mission.job(name)
    if job.state in (State.FAILED, State.STOPPED):
        out.say(f"warning: the job '{name}' is {job.state} ({job.reason}); what it did is merged")
    try:
        outcome = land(mission, Request(name, strategy, message, into, test, dry_run))
    except Conflict as conflict:
        if out.json:
            print_json("mc.merge/1", {"name": name, **clashes_json(conflict)})
        raise
    if not dry_run:
        refresh(mission)
    _say_gate(outcome, out)
    if outcome.trouble:
        out.warn(outcome.trouble)
    if out.json:
        print_json("mc.merge/1", _object(outcome))
    else:
        click.echo(_sentence(outcome, dry_run))
    return 0


def _say_gate(outcome: Outcome, out: Output) -> None:
    gate = outcome.gate
    if gate is None:
        return
    if gate.missing:
        out.say(f"hint: not tested: {gate.missing} ({gate.origin} asks for it)")
    elif gate.command is None:
        out.detail("there is no test command: none is set, and none was found")
    else:
        known = ", which has passed on the same files before" if outcome.cached else ""
        out.detail(f"the test command is `{gate.command}`, from {gate.origin}{known}")


def _object(outcome: Outcome) -> dict[str, object]:
    return {
        "name": outcome.job.name,
        "state": str(outcome.job.state),
        "target": outcome.target,
        "commit": outcome.commit,
        "changed": outcome.changed,
        "tested": outcome.tested,
        "cached": outcome.cached,
        "engine": outcome.engine,
    }


def _sentence(outcome: Outcome, dry_run: bool) -> str:
    name, target = outcome.job.name, outcome.target
    if not outcome.changed:
        return f"{name}: nothing to merge, {target} has it all"
    if dry_run:
        return f"would merge {name} into {target} without conflict"
    tested = ", tested" if outcome.tested else ""
    return f"merged {name} into {target} as {outcome.commit[:12]}{tested}"
