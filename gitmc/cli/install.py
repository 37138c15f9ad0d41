"""git mc install"""

from __future__ import annotations

import sys

import click

from gitmc.cli.options import outputs
from gitmc.cli.render import Output, mission_here
from gitmc.control import installcopy, installtmux
from gitmc.control.install import AGENTS, install, place_of, remove
from gitmc.control.installcopy import Copy
from gitmc.errors import Refused, Usage


@click.command()
@click.argument("program", type=click.Choice((*AGENTS, "tmux")))
@click.option("--user/--project", "user", default=True, help="For all you do, or for this project.")
@click.option("--remove", "take_away", is_flag=True, help="Take it away again.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")
@outputs(json=False)
def command(
    program: str, user: bool, take_away: bool, yes: bool, dry_run: bool, out: Output
) -> int:
    """Install the plugin that gives an agent of your own, or tmux, the commands of git mc.

    For an agent it is a link to the plugin that came with git mc, where the agent looks for
    plugins; what is there already is never written over. With --project it is a copy, to be
    committed; the same again makes it new. The tools come from `git mc mcp`.

    For tmux it is a line between two comments in the tmux.conf that you have: keys for a picker
    and more in popups, and how the jobs stand in the status line.
    """
    if program == "tmux":
        if not user:
            raise Usage("tmux has no settings by project", hint="git mc install tmux")
        return _tmux(take_away, yes, dry_run, out)
    if not user:
        place = place_of(program, mission_here().main_worktree)
        return _copy(Copy(program, place), take_away, yes, dry_run, out)
    place = place_of(program)
    if place.installed is not take_away:
        out.say("nothing to do: it is not there" if take_away else f"{place.link} is there")
        return 0
    what = f"{'remove' if take_away else 'link'} {place.link}"
    what += "" if take_away else f" -> {place.source}"
    if dry_run:
        click.echo(f"would {what}")
        return 0
    _confirm(what, yes)
    (remove if take_away else install)(place)
    undo = f"git mc install {program} --remove"
    out.say(f"removed {place.link}" if take_away else f"linked {place.link}; undo: {undo}")
    return 0


def _copy(copy: Copy, take_away: bool, yes: bool, dry_run: bool, out: Output) -> int:
    path, state = copy.place.link, copy.state
    if state == ("missing" if take_away else "current"):
        out.say("nothing to do: it is not there" if take_away else f"{path} is there")
        return 0
    what = f"remove {path}" if take_away else f"copy {copy.place.source} to {path}"
    if dry_run:
        click.echo(f"would {what}")
        return 0
    _confirm(what, yes)
    if take_away:
        installcopy.take_away(copy)
        out.say(f"removed {path}")
        return 0
    installcopy.put(copy)
    out.say(f"copied to {path}: commit it for all who work on this")
    return 0


def _tmux(take_away: bool, yes: bool, dry_run: bool, out: Output) -> int:
    change = installtmux.change(take_away=take_away)
    if change.after == change.before:
        out.say("nothing to do: it is not there" if take_away else f"it is in {change.path}")
        return 0
    if dry_run:
        click.echo(change.diff(), nl=False)
        return 0
    asks = not yes and sys.stdin.isatty()
    if asks or not out.quiet:
        click.echo(change.diff(), nl=False, err=True)
    _confirm(f"change {change.path}", yes)
    loading = None if take_away else installtmux.loading()
    installtmux.apply(change)
    if take_away:
        out.say(f"removed it from {change.path}; a tmux that runs keeps it until that ends")
        return 0
    out.say(f"changed {change.path}; undo: git mc install tmux --remove")
    if loading:
        out.say(f"to have it in the tmux that runs: {loading}")
    return 0


def _confirm(what: str, yes: bool) -> None:
    if not yes and sys.stdin.isatty() and not click.confirm(what, err=True):
        raise Refused("nothing was changed")
