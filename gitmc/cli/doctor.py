"""git mc doctor"""

from __future__ import annotations

import re
from typing import Any

import click

from gitmc.cli.options import outputs
from gitmc.cli.render import Output, current_jobs, mission_here, print_json
from gitmc.control.doctor import examine, mend
from gitmc.model.health import Finding


@click.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended without losing anything.")
@outputs()
def command(fix: bool, out: Output) -> int:
    """Find what is inconsistent, each with its cure.

    Looks at records, worktrees, branches, terminals, processes, refs, notes, hooks and settings.
    With --fix, mends what can be mended without losing a commit, a file of yours, a process or
    what a terminal shows; for all else it only tells what to do. Exits with 1 while anything is
    left.
    """
    mission = mission_here(outside=fix)
    current_jobs(mission, Output(quiet=True), wait=False)
    found = examine(mission)
    mended: list[Finding] = []
    if fix and any(one.fix for one in found):
        mended, troubles = mend(mission, found)
        for trouble in troubles:
            out.warn(trouble)
        found = examine(mission)
    if out.json:
        content = {
            "healthy": not found,
            "findings": [_object(one) for one in found],
            "mended": [_object(one) for one in mended],
        }
        print_json("mc.doctor/1", content)
        return 1 if found else 0
    for one in mended:
        out.say(f"mended: {one.id}: {_harmless(one.text)}")
    for one in found:
        click.echo(f"{one.id}: {_harmless(one.text)}\n    cure: {_harmless(one.cure)}")
    if not found:
        out.say("nothing is inconsistent")
    elif any(one.fix for one in found):
        count = sum(one.fix is not None for one in found)
        out.say(f"hint: git mc doctor --fix mends {count} of {len(found)}, and loses nothing")
    return 1 if found else 0


def _harmless(text: str) -> str:
    """`text`, in which a file's name may be anything, without what a terminal would obey."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "?", text)


def _object(one: Finding) -> dict[str, Any]:
    return {
        "id": one.id,
        "subject": one.subject,
        "text": one.text,
        "cure": one.cure,
        "fixable": one.fix is not None,
    }
