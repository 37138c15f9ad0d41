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
class FinishLanding:
    """Find out whether a killed landing moved its ref, and record the answer."""

    job: str


Action = SweepRun | CloseRun | UndoLaunch | FinishLanding


def decide(jobs: Iterable[Job], facts: Facts) -> list[Action]:
    """The actions due for `jobs`, in the order of the jobs."""
    return [action for job in jobs if (action := _due(job, facts)) is not None]


def _due(job: Job, facts: Facts) -> Action | None:
    if job.launch is not None and job.name in facts.ownerless:
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
