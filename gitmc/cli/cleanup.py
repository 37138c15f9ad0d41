"""git mc cleanup"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, current_jobs, match_jobs, mission_here, print_json
from gitmc.control.cleanup import Removed, cleanup, empty_trash
from gitmc.control.mission import Mission
from gitmc.control.segment import refresh
from gitmc.errors import Fatal, McError, Usage
from gitmc.model.job import Job, State


@click.command()
@click.argument("patterns", metavar="[JOB]...", nargs=-1, shell_complete=complete_job)
@click.option("--all", "everything", is_flag=True, help="All jobs that are not running.")
@click.option("--delete-branch", is_flag=True, help="Delete the branch too; its work must be safe.")
@click.option("--force", is_flag=True, help="Salvage work that is not landed, then remove it.")
@click.option("--keep-worktree", is_flag=True, help="Remove the record, leave the files.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed; remove nothing.")
@outputs()
def command(
    patterns: tuple[str, ...],
    everything: bool,
    delete_branch: bool,
    force: bool,
    keep_worktree: bool,
    dry_run: bool,
    out: Output,
) -> int:
    """Remove finished jobs: worktree, terminal and record.

    Refused where work is uncommitted or has not landed; with --force, a copy of it is pinned under
    refs/mc/salvage first, and git mc restore brings the job back from it. A removed worktree lies
    for a day in the folder .trash beside it; files that git ignores are only there.
    """
    if bool(patterns) == everything:
        raise Usage("give the jobs to clean up, or --all", hint="git mc jobs lists them")
    mission = mission_here(outside=True)
    jobs = current_jobs(mission, out)
    refused: list[tuple[str, McError]] = []
    chosen = _finished(jobs) if everything else _named(mission, patterns, jobs, out, refused)
    done: list[Removed] = []
    for job in chosen:
        try:
            done.append(
                cleanup(
                    mission,
                    job.name,
                    force=force,
                    delete_branch=delete_branch,
                    keep_worktree=keep_worktree,
                    dry_run=dry_run,
                )
            )
        except McError as error:
            refused.append((job.name, error))
        except OSError as fault:
            where = f"{fault.filename}: " if fault.filename else ""
            refused.append((job.name, Fatal(f"{where}{fault.strerror or fault}")))
    if out.json:
        turned_down = [_refusal(name, error) for name, error in refused]
        print_json("mc.cleanup/1", {"removed": list(map(_object, done)), "refused": turned_down})
    for one in done:
        out.say(_sentence(one, dry_run))
        if one.salvaged:
            out.say(f"hint: git mc restore {one.name}")
    sys.stdout.flush()
    if not dry_run:
        refresh(mission)
        for folder in sorted({str(Path(job.worktree).parent) for job in chosen}):
            empty_trash(Path(folder))
    for _, refusal in refused[:-1]:
        out.warn(refusal)
    if refused:
        raise refused[-1][1]
    return 0


def _finished(jobs: Sequence[Job]) -> list[Job]:
    at_work = (State.RUNNING, State.MERGING)
    return [job for job in jobs if not job.unstarted and job.state not in at_work]


def _named(
    mission: Mission,
    patterns: Sequence[str],
    jobs: Sequence[Job],
    out: Output,
    refused: list[tuple[str, McError]],
) -> list[Job]:
    """The jobs that are named; one that is gone already is done, unless its name is a pattern.

    What cannot be found goes to `refused`, and keeps nothing else from being found.
    """
    known = {job.name for job in jobs} | set(mission.store.job_names())
    found: dict[str, Job] = {}
    for word in patterns:
        if word not in known and not any(char in word for char in "*?["):
            out.say(f"{word}: there is no such job, so nothing is left to remove")
            continue
        try:
            found.update((job.name, job) for job in match_jobs(mission, [word], jobs))
        except McError as error:
            refused.append((word, error))
    return list(found.values())


def _refusal(name: str, error: McError) -> dict[str, object]:
    return {"name": name, "reason": error.message, "hint": error.hint}


def _object(one: Removed) -> dict[str, object]:
    return {
        "name": one.name,
        "worktree": one.worktree,
        "branch": one.branch,
        "salvaged": list(one.salvaged),
    }


def _sentence(one: Removed, dry_run: bool) -> str:
    parts = [
        f"worktree {one.worktree}" if one.worktree else "",
        f"branch {one.branch}" if one.branch else "",
    ]
    gone = " and ".join(part for part in parts if part) or "record"
    saved = f"; its work is kept at {', '.join(one.salvaged)}" if one.salvaged else ""
    return f"{one.name}: {'would remove' if dry_run else 'removed'} {gone}{saved}"
