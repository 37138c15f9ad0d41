"""git mc trust"""

from __future__ import annotations

import os

import click

from gitmc.cli.options import outputs
from gitmc.cli.render import Output, mission_here, print_json
from gitmc.control.trust import approve, is_approved, revoke, wanted
from gitmc.errors import Refused, Usage


@click.command()
@click.argument("name", metavar="[COMMIT]", required=False)
@click.option("--revoke", "take_back", is_flag=True, help="Take every approval back.")
@click.option("--dry-run", is_flag=True, help="Show the commands; approve nothing.")
@outputs()
def command(name: str | None, take_back: bool, dry_run: bool, out: Output) -> int:
    """Approve the commands that the committed file .mission-control.toml wants to run.

    They are shown, and approved as they were shown. When they change, they are not run until they
    are approved again; other settings in the file may change freely. The file is that of the main
    worktree, or of COMMIT: a merge is tested by the one of the branch that it lands on.
    """
    if any(os.environ.get(name) for name in ("MC_JOB", "MC_RUN")):
        raise Refused(
            "this is inside a job, and an agent may not approve commands for its user",
            hint="run git mc trust in a terminal of your own",
        )
    if take_back and dry_run:
        raise Usage("--revoke and --dry-run exclude each other")
    if take_back and name is not None:
        raise Usage("--revoke takes every approval back, and no name")
    mission = mission_here(outside=True)
    asked = wanted(mission, name)
    if take_back:
        had = revoke(mission)
        out.say("every approval is taken back" if had else "nothing was approved")
    elif not asked.commands:
        out.say(f"nothing to approve: {asked.file} names no command")
    else:
        if not out.json:
            click.echo("\n".join(asked.lines))
        if not dry_run:
            approve(mission, asked)
            out.say(f"approved: git mc runs these commands of {asked.file}")
    if out.json:
        trusted = not asked.commands or is_approved(mission, asked)
        content = {"file": asked.file, "commands": dict(asked.commands), "trusted": trusted}
        print_json("mc.trust/1", content)
    return 0
