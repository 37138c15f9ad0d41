"""git mc install"""

from __future__ import annotations

import sys

import click

from gitmc.cli.options import outputs
from gitmc.cli.render import Output, mission_here
from gitmc.control.install import AGENTS, install, place_of, remove
from gitmc.errors import Refused


@click.command()
@click.argument("agent", type=click.Choice(AGENTS))
@click.option("--user/--project", "user", default=True, help="For all you do, or for this project.")
@click.option("--remove", "take_away", is_flag=True, help="Take it away again.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")
@outputs(json=False)
def command(agent: str, user: bool, take_away: bool, yes: bool, dry_run: bool, out: Output) -> int:
    """Install the plugin that gives an agent of your own the tools and commands of git mc.

    It is a link to the plugin that came with git mc, where the agent looks for plugins. What is
    there already is never written over. The tools themselves come from `git mc mcp`.
    """
    place = place_of(agent, None if user else mission_here().main_worktree)
    if place.installed is not take_away:
        out.say("nothing to do: it is not there" if take_away else f"{place.link} is there")
        return 0
    what = f"{'remove' if take_away else 'link'} {place.link}"
    what += "" if take_away else f" -> {place.source}"
    if dry_run:
        click.echo(f"would {what}")
        return 0
    if not yes and sys.stdin.isatty() and not click.confirm(what, err=True):
        raise Refused("nothing was changed")
    (remove if take_away else install)(place)
    undo = f"git mc install {agent}{'' if user else ' --project'} --remove"
    out.say(f"removed {place.link}" if take_away else f"linked {place.link}; undo: {undo}")
    return 0
