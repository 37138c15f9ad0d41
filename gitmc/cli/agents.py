"""git mc agents"""

from __future__ import annotations

from typing import Any

import click

from gitmc.cli.options import outputs
from gitmc.cli.render import Output, mission_here, print_json, print_records, table
from gitmc.control.agents import Surveyed, survey
from gitmc.errors import Usage

HEAD = ("NAME", "VERSION", "SIGNALS", "CAN", "NOTE")


@click.command()
@click.option("--porcelain", is_flag=True, help="Print tab-separated records.")
@click.option("-z", "nul", is_flag=True, help="End records with NUL; implies --porcelain.")
@outputs()
def command(porcelain: bool, nul: bool, out: Output) -> int:
    """List the agents that can be run, which are installed, and what each can tell.

    SIGNALS is what an agent's own hooks tell as it happens; in brackets, what can be seen by its
    terminal. CAN is what may be asked of it: see `git mc launch -h`. Add one, or change one, in
    .git/mission-control/config.toml, in a table [agent.NAME].

    The fields of --porcelain are name, path, version, signals, what can be seen, what it can, and
    whether it is tested; lists are separated by commas.
    """
    if out.json and (porcelain or nul):
        raise Usage("--json and --porcelain exclude each other")
    mission = mission_here()
    found, faults = survey(mission)
    for fault in faults:
        out.warn(fault)
    if out.json:
        print_json("mc.agents/1", {"agents": [_object(one) for one in found]})
    elif porcelain or nul:
        print_records([_record(one) for one in found], nul=nul)
    else:
        chosen = mission.settings["agent"]
        click.echo("\n".join(table(HEAD, [_row(one, chosen) for one in found], None)))
    return 1 if faults else 0


def _tested(one: Surveyed) -> bool:
    return one.agent is not None and one.agent.tested


def _object(one: Surveyed) -> dict[str, Any]:
    return {
        "name": one.name,
        "installed": one.path is not None,
        "version": one.version,
        "signals": one.signals,
        "shows": one.shows,
        "can": one.can,
        "path": one.path,
        "tested": _tested(one),
        "about": one.agent.about if one.agent and one.agent.about else None,
    }


def _record(one: Surveyed) -> list[str]:
    lists = (one.signals, one.shows, one.can)
    tested = "tested" if _tested(one) else "untested"
    return [one.name, one.path or "", one.version or "", *map(",".join, lists), tested]


def _row(one: Surveyed, chosen: str) -> list[str]:
    seen = [state for state in one.shows if state not in one.signals]
    signals = " ".join((*one.signals, *(f"({state})" for state in seen))) or "-"
    return [
        one.name + (" *" if one.name == chosen else ""),
        one.version or ("unknown" if one.path else "-"),
        signals,
        " ".join(one.can) or "-",
        _note(one),
    ]


def _note(one: Surveyed) -> str:
    if one.agent is None:
        return "its description has a fault"
    notes = [] if one.path else [f"not installed: {one.agent.about or one.agent.program}"]
    return ", ".join([*notes, *([] if one.agent.tested else ["not tested"])])
