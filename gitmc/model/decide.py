"""What is to be done, given what is stored and what was observed. Pure.

`decide` returns the actions that are due now and nothing else. Each action, once done, is recorded
in the job, so that deciding again returns an empty list. Doing an action twice does no harm: two
processes may decide the same thing at the same moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gitmc.model.facts import Facts
from gitmc.model.job import Job, Phase, State
from gitmc.model.line import ready


@dataclass(frozen=True)
class SweepRun:
    """End every process that a finished run has left behind."""

    job: str
    run: str


@dataclass(frozen=True)
class CloseRun:
    """Keep the last screen of a finished run; nothing more will come from its pane."""

    job: str
    run: str


@dataclass(frozen=True)
class UndoLaunch:
    """Remove what a killed launch had made so far."""

    job: str


@dataclass(frozen=True)
class LaunchQueued:
    """Launch a job that stood in line and has a place now."""

    job: str


@dataclass(frozen=True)
class FinishLanding:
    """Find out whether a killed landing moved its ref, and record the answer."""

    job: str


@dataclass(frozen=True)
class Tell:
    """Tell people what nobody has been told of a job."""

    job: str


Action = SweepRun | CloseRun | UndoLaunch | LaunchQueued | FinishLanding

OBSERVERS = (LaunchQueued,)
"""What is the observer's to do: it takes long, or must outlive the command that found it due."""


def decide(jobs: Iterable[Job], facts: Facts, most: int = 0) -> list[Action]:
    """The actions due for `jobs`, in the order of the jobs; then those that stood in line, of which
    no more than `most` run at once."""
    everyone = list(jobs)
    due = [action for job in everyone if (action := _due(job, facts)) is not None]
    # What an earlier run has left goes first.
    busy = {action.job for action in due}
    return [
        *due,
        *(LaunchQueued(job.name) for job in ready(everyone, most) if job.name not in busy),
    ]


def news(jobs: Iterable[Job]) -> list[Tell]:
    """What is to be told. It is due beside all else, and for an observer only."""
    return [Tell(job.name) for job in jobs if job.untold]


def _due(job: Job, facts: Facts) -> Action | None:
    if job.launch is not None and not job.in_line and job.name in facts.ownerless:
        return UndoLaunch(job.name)
    if job.landing is not None and job.name in facts.ownerless and job.state is State.MERGING:
        return FinishLanding(job.name)
    run = job.run
    if run is None or run.id not in facts.gone:
        return None
    if run.phase is Phase.ENDED:
        return SweepRun(job.name, run.id)
    if run.phase is Phase.SWEPT and run.id in facts.panes:
        pane = facts.panes[run.id]
        if pane is None or pane.dead:
            return CloseRun(job.name, run.id)
    return None
