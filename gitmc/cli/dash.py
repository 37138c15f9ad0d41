"""git mc dash"""

from __future__ import annotations

import importlib.util
import os
import sys

import click

from gitmc.cli.render import mission_here
from gitmc.errors import Fatal, Refused


@click.command()
def command() -> int:
    """Show all jobs on one screen, with the terminal, diff, plan and train of the chosen one.

    Whoever waits for a person comes first. Enter goes to the job's terminal; letters merge, kill,
    send a message or answer what is asked; a merge and a kill ask first. It is redrawn as things
    happen, until q.
    """
    if importlib.util.find_spec("textual") is None:
        raise Fatal("the library for this screen is missing", hint="pip install 'git-mc[tui]'")
    mission = mission_here(outside="MC_RUN" in os.environ)
    # The library draws on stderr.
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise Refused("the dashboard is for a terminal, and this is none", hint="git mc jobs")
    from gitmc.cli.dashview import parts
    from gitmc.tui.app import Dash

    dash = Dash(mission.main_worktree, parts(mission))
    try:
        chosen = dash.run()
    finally:
        dash.close()
    if dash.fault is not None:
        raise dash.fault
    if dash.interrupted:
        raise KeyboardInterrupt
    if chosen is not None:
        from gitmc.cli.attach import go

        go(mission, mission.job(chosen.name))
    return 0
