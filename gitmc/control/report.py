"""Report: the agent's own word, left as a marker. Needs no lock, no observer and no git."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from gitmc.control.mission import open_mission
from gitmc.errors import McError, Refused
from gitmc.events.markers import drop
from gitmc.model.facts import ACTIVITY_OF_REPORT
from gitmc.model.job import Report
from gitmc.model.marker import Marker
from gitmc.store.codec import encode_report

STATUSES = tuple(ACTIVITY_OF_REPORT)


def report(word: Report) -> None:
    """Leave `word` for whoever settles next. Raises Refused outside a job."""
    run, events = _run_here()
    value = f"{time.time_ns()}-{os.getpid()}"
    drop(events, Marker(run, "report", "cli", value), encode_report(word))


def _run_here() -> tuple[str, Path]:
    """The run that we are part of, by its environment or else by the worktree we stand in."""
    run, folder = os.environ.get("MC_RUN", ""), os.environ.get("MC_DIR", "")
    if re.fullmatch(r"[0-9a-f]+", run) and folder and Path(folder, "jobs").is_dir():
        return run, Path(folder, "events")
    try:
        mission = open_mission()
        name = job_of_worktree(mission.repo.git_dir)
    except McError as error:
        raise _outside() from error
    job = mission.store.job(name) if name else None
    if job is None or job.run is None:
        raise _outside()
    return job.run.id, mission.store.events


def job_of_worktree(git_dir: Path) -> str | None:
    """The name of the job whose worktree has this git directory, or None."""
    try:
        return (git_dir / "mc-job").read_text().strip() or None
    except FileNotFoundError:
        return None


def _outside() -> Refused:
    return Refused(
        "this is not inside a job",
        hint="git mc report is for agents: run it in a job's worktree",
    )
