"""git mc conflicts"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import (
    Output,
    current_jobs,
    find_job,
    match_jobs,
    mission_here,
    one_line,
    print_json,
    print_records,
)
from gitmc.control.mission import Mission
from gitmc.control.radar import predict
from gitmc.errors import Clash
from gitmc.model.job import Job
from gitmc.model.radar import Finding, Predicted

MOST = 8
"""How many files of one conflict are shown; -v shows all."""


@click.command()
@click.argument("patterns", metavar="[JOB]...", nargs=-1, shell_complete=complete_job)
@click.option("--exit-code", is_flag=True, help="Exit with 3 if there are conflicts, as git does.")
@click.option("--porcelain", is_flag=True, help="Print tab-separated records.")
@click.option("-z", "nul", is_flag=True, help="End records with NUL; implies --porcelain.")
@outputs()
def command(
    patterns: tuple[str, ...], exit_code: bool, porcelain: bool, nul: bool, out: Output
) -> int:
    """Show which jobs would conflict: with their base, or with one another.

    Every job whose work has not landed is merged in memory with its base and with every other one;
    with JOB only what involves that job. What is not committed is not looked at.

    The fields of --porcelain, one record for each file, are job, other job or base, `job` or
    `base`, kinds of the conflict with commas in between, path. New ones will be added at the end.
    With --exit-code it is 1 if there is no conflict, but some could not be merged at all.
    """
    mission = mission_here()
    jobs = current_jobs(mission, out, wait=False)
    named = _named(mission, patterns, jobs) if patterns else None
    found = predict(mission, jobs, named)
    for name in sorted((named or set()) - set(found.names)):
        out.say(f"'{name}' has no commits that are not on its base")
    for trouble in found.troubles:
        out.say(f"warning: {title(trouble)}: {trouble.answer.trouble}")
    if out.json:
        print_json("mc.conflicts/1", {"jobs": list(found.names), **as_json(found)})
    elif porcelain or nul:
        print_records(_records(found), nul=nul)
    elif found.conflicts:
        most = None if out.verbose else MOST
        for one in found.conflicts:
            click.echo(sentence(one, most))
    elif not out.quiet:
        count = len(found.names)
        click.echo(f"no conflicts among {count} job{'' if count == 1 else 's'}")
    if not exit_code:
        return 0
    return 3 if found.conflicts else 1 if found.troubles else 0


def _named(mission: Mission, patterns: Sequence[str], jobs: Sequence[Job]) -> set[str]:
    named: set[str] = set()
    for pattern in patterns:
        if any(char in pattern for char in "*?["):
            named |= {job.name for job in match_jobs(mission, [pattern], jobs)}
        else:
            named.add(find_job(mission, pattern, jobs).name)
    return named


def title(finding: Finding) -> str:
    """Between whom it is."""
    return f"{finding.job} × {finding.other}"  # noqa: RUF001 - it reads as "meets"


def sentence(finding: Finding, most: int | None) -> str:
    """The conflict as a line, with at most so many files."""
    clashes = finding.answer.clashes
    shown = clashes if most is None or len(clashes) <= most else clashes[: most - 1]
    left = len(clashes) - len(shown)
    files = [one_line(str(clash), 200) for clash in shown]
    return f"{title(finding)}: {', '.join(files)}" + (f", and {left} more" if left else "")


def as_json(found: Predicted) -> dict[str, list[dict[str, Any]]]:
    """What would conflict, and what could not be told."""
    return {
        "base": [
            {"job": one.job, "target": one.other, "files": _files(one.answer.clashes)}
            for one in found.conflicts
            if one.on_base
        ],
        "pairs": [
            {"jobs": [one.job, one.other], "files": _files(one.answer.clashes)}
            for one in found.conflicts
            if not one.on_base
        ],
        "troubles": [
            {"job": one.job, "target": one.other, "message": one.answer.trouble}
            if one.on_base
            else {"jobs": [one.job, one.other], "message": one.answer.trouble}
            for one in found.troubles
        ],
    }


def _files(clashes: Sequence[Clash]) -> list[dict[str, Any]]:
    return [{"path": clash.path, "kinds": list(clash.kinds)} for clash in clashes]


def _records(found: Predicted) -> list[tuple[str, ...]]:
    return [
        (one.job, one.other, "base" if one.on_base else "job", ",".join(clash.kinds), clash.path)
        for one in found.conflicts
        for clash in one.answer.clashes
    ]
