"""git mc sync"""

from __future__ import annotations

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, clashes_json, current_jobs, mission_here, print_json
from gitmc.control.sync import Outcome, Request, sync
from gitmc.errors import Conflict


@click.command()
@click.argument("name", metavar="JOB", shell_complete=complete_job)
@click.option(
    "--strategy", type=click.Choice(["rebase", "merge"]), default="rebase", help="How it comes in."
)
@click.option(
    "--source",
    type=click.Choice(["local", "origin"]),
    default="local",
    help="Take the base from here, or fetch it from its remote.",
)
@click.option("--autostash", is_flag=True, help="Carry over what a running agent has uncommitted.")
@click.option("--dry-run", is_flag=True, help="Say what would come of it; change nothing.")
@outputs()
def command(
    name: str, strategy: str, source: str, autostash: bool, dry_run: bool, out: Output
) -> int:
    """Bring a job's base into the job's branch and worktree.

    The job's commits are put on top of its base, or merged with it, in memory; on a conflict the
    job is left as it was. What is uncommitted in its worktree is carried over. While the agent runs
    that is done on request only. Of git's hooks, pre-rebase is asked.
    """
    mission = mission_here()
    current_jobs(mission, out)
    request = Request(name, strategy, source, autostash, dry_run)
    try:
        outcome = sync(mission, request)
    except Conflict as conflict:
        if out.json:
            print_json("mc.sync/1", {**_asked(request), **clashes_json(conflict)})
        raise
    if out.json:
        print_json("mc.sync/1", {**_asked(request), **_object(outcome)})
    else:
        click.echo(_sentence(outcome, request))
    return 0


def _asked(request: Request) -> dict[str, object]:
    return {"name": request.name, "strategy": request.strategy, "source": request.source}


def _object(outcome: Outcome) -> dict[str, object]:
    return {
        "base": outcome.base,
        "base_commit": outcome.base_commit,
        "old_head": outcome.old_head,
        "head": outcome.head,
        "changed": outcome.changed,
        "engine": outcome.engine,
    }


def _sentence(outcome: Outcome, request: Request) -> str:
    name, base = outcome.job.name, outcome.base
    if not outcome.changed:
        return f"{name}: nothing to sync, it has all of {base}"
    if request.strategy == "rebase":
        did, would = f"rebased {name} onto {base}", f"would rebase {name} onto {base}"
    else:
        did, would = f"merged {base} into {name}", f"would merge {base} into {name}"
    if request.dry_run:
        return f"{would} without conflict"
    return f"{did}: it is at {outcome.head[:12]} now"
