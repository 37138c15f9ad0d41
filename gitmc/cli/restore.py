"""git mc restore"""

from __future__ import annotations

from typing import Any

import click

from gitmc.cli.options import outputs
from gitmc.cli.render import (
    Output,
    current_jobs,
    mission_here,
    print_json,
    print_records,
    print_table,
)
from gitmc.control.mission import Mission, open_mission
from gitmc.control.restore import listed, restore
from gitmc.control.segment import refresh
from gitmc.errors import McError, Refused, Usage


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of jobs that were salvaged, for shells."""
    try:
        names = {str(one["name"]) for one in listed(open_mission())}
    except McError:
        return []
    return sorted(name for name in names if name.startswith(incomplete))


@click.command()
@click.argument("name", metavar="[JOB]", required=False, shell_complete=_complete)
@click.option("--at", metavar="TIME", help="An older salvage than the newest.")
@click.option("--dry-run", is_flag=True, help="Say what would be made; make nothing.")
@click.option("--porcelain", is_flag=True, help="Print tab-separated records.")
@click.option("-z", "nul", is_flag=True, help="End records with NUL; implies --porcelain.")
@outputs()
def command(
    name: str | None, at: str | None, dry_run: bool, porcelain: bool, nul: bool, out: Output
) -> int:
    """Bring back a job whose work was salvaged; without JOB, list what was.

    Record, prompt, branch and worktree come back, with what was committed, staged, uncommitted and
    untracked. The salvage is let go once it is sure that all of it is there again.

    The fields of --porcelain are name, ref, time, branch, commits, files.
    """
    if name is None:
        if at is not None or dry_run:
            raise Usage("name the job that is to be restored", hint="git mc restore lists them")
        return _list(mission_here(), out, porcelain=porcelain, nul=nul)
    if porcelain or nul:
        raise Usage("--porcelain and -z are for the list", hint="leave out the job, or use --json")
    mission = mission_here(outside=True)
    current_jobs(mission, out)
    done = restore(mission, name, at=at, dry_run=dry_run)
    if dry_run:
        click.echo(f"would restore {name} from {done.ref}")
        click.echo(f"would make worktree {done.job.worktree} on branch {done.job.branch}")
        return 0
    refresh(mission)
    if done.differs:
        out.warn(
            Refused(
                f"not all is as it was: {', '.join(done.differs)}",
                hint=f"{done.ref} still has it",
            )
        )
    if out.json:
        from gitmc.control.view import objects

        print_json("mc.job/1", objects(mission, [done.job])[0])
    else:
        out.say(f"restored {name} on {done.job.branch} in {done.job.worktree}")
    return 0


def _list(mission: Mission, out: Output, *, porcelain: bool, nul: bool) -> int:
    found = listed(mission)
    if out.json:
        print_json("mc.salvage/1", {"salvage": found})
    elif porcelain or nul:
        print_records([[_text(value) for value in one.values()] for one in found], nul=nul)
    elif found:
        keys = ("name", "at", "branch", "commits", "files")
        rows = [[_text(one[key]) or "?" for key in keys] for one in found]
        print_table([key.upper() for key in keys], rows, [0] * len(rows))
    else:
        out.say("nothing was salvaged")
    return 0


def _text(value: Any) -> str:
    return "" if value is None else str(value)
