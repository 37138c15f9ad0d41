"""What was observed at one moment, and what that makes of a job (`advance`). Pure.

Three witnesses tell how a run ended. They are ranked, any one suffices, a repeat changes nothing:

1. `exit`: the launcher wrote the agent's status before it ended itself.
2. `died`: tmux saw the pane's command end, as a marker of its hook or as a pane that is dead.
3. the kernel: the launcher's process is gone. With neither of the others, the run is lost.

A launcher writes its marker before it ends, so whoever finds it gone must look for markers *after*
that, or a run that ended well would be called lost. `Facts` are gathered in that order.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from gitmc.errors import McError
from gitmc.model.activity import ORDER, committed, reported, rung
from gitmc.model.activity import signalled as after_signal
from gitmc.model.job import (
    REPORTED,
    Job,
    Phase,
    Process,
    Report,
    Run,
    State,
    Terminal,
    begun,
    move,
)
from gitmc.model.marker import Exited, Marker, exited, session_id, signalled, started

ACTIVITY_OF_REPORT = {
    "working": "working",
    "progress": "working",
    "blocked": "waiting",
    "needs_review": "waiting",
    "completed": "idle",
}

NOBODY = Process(0)
"""The launcher of a run whose launcher was gone before anybody learned its number."""


class PaneSeen(NamedTuple):
    """A job's pane as tmux shows it. `status` and `signal` are empty while tmux does not know."""

    dead: bool
    status: str = ""
    signal: str = ""


class Facts(NamedTuple):
    """What was observed. Runs and jobs that are not named in a field were not asked about."""

    now: datetime
    boot: str = ""
    markers: tuple[Marker, ...] = ()
    marker_times: Mapping[str, datetime] = MappingProxyType({})
    reports: Mapping[str, Report] = MappingProxyType({})
    """The words of each report marker, by the marker's name."""
    gone: frozenset[str] = frozenset()
    """Runs whose launcher's process is gone."""
    panes: Mapping[str, PaneSeen | None] = MappingProxyType({})
    """By run: its pane, or None where tmux no longer has it."""
    found: Mapping[str, tuple[Terminal, Process]] = MappingProxyType({})
    """By run: where a launcher was found whose launch was never recorded as done."""
    ownerless: frozenset[str] = frozenset()
    """Jobs whose launch or landing belongs to a process that is gone, and to no git of its own that
    goes on without it."""
    spec_taken: frozenset[str] = frozenset()
    """Runs whose launcher has taken its spec file: the agent starts, or has started."""

    troubles: tuple[McError, ...] = ()
    """What kept some of this from being asked."""

    @property
    def quiet(self) -> bool:
        """Whether no process is gone, so that nothing can be due."""
        return not self.gone and not self.ownerless


def advance(job: Job, facts: Facts) -> Job:
    """`job` after `facts`; the same object where they change nothing."""
    run = job.run
    if run is None or run.phase is Phase.CLOSED:
        return job
    mine = sorted((m for m in facts.markers if m.run == run.id), key=lambda m: m.name)
    for marker in mine:
        job = _hear_start(job, marker, facts)
    job = _adopt(job, facts)
    for marker in sorted(mine, key=lambda m: word_order(m, facts)):
        job = _hear_word(job, marker, facts)
    return _end(job, mine, facts)


def _adopt(job: Job, facts: Facts) -> Job:
    """Finish a launch whose process died after its launcher had started the agent."""
    run = job.run
    if job.launch is None or job.state is not State.QUEUED or run is None:
        return job
    if job.name not in facts.ownerless or run.id not in facts.spec_taken:
        return job
    terminal, process = facts.found.get(run.id, (None, NOBODY))
    return begun(job, facts.now, terminal, process)


def _hear_start(job: Job, marker: Marker, facts: Facts) -> Job:
    word = started(marker) if marker.kind == "start" else None
    if word is None or job.run is None:
        return job
    launcher = Process(word.pid, word.start, facts.boot)
    if job.run.launcher == launcher:
        return job
    return job._replace(run=job.run._replace(launcher=launcher))


def word_order(marker: Marker, facts: Facts) -> tuple[datetime, int, int, str]:
    """By time; at the same moment what asks for a person comes last, and reports after signals."""
    at = facts.marker_times.get(marker.name, facts.now)
    state = signalled(marker) if marker.kind == "activity" else None
    rank = len(ORDER) if state is None else ORDER.index(state)
    nanoseconds = marker.value.partition("-")[0] if marker.kind == "report" else ""
    return at, rank, int(nanoseconds) if nanoseconds.isdigit() else 0, marker.name


def _hear_word(job: Job, marker: Marker, facts: Facts) -> Job:
    if marker.kind == "report":
        return _hear_report(job, facts.reports.get(marker.name))
    if marker.kind == "session":
        return job._replace(session_id=session_id(marker) or job.session_id)
    if marker.kind not in ("activity", "bell", "commit") or not _is_live(job) or job.run is None:
        return job
    at = facts.marker_times.get(marker.name, facts.now)
    if marker.kind in ("bell", "commit"):
        after = rung if marker.kind == "bell" else committed
        return job if job.run.signals else job._replace(activity=after(job.activity, at))
    state = signalled(marker)
    if state is None:
        return job
    activity = after_signal(job.activity, state, at)
    return job._replace(activity=activity, run=job.run._replace(signals=True))


def _is_live(job: Job) -> bool:
    return job.run is not None and job.run.phase is Phase.LIVE


def _hear_report(job: Job, report: Report | None) -> Job:
    if report is None:
        return job
    if report.progress is None and job.report is not None:
        report = report._replace(progress=job.report.progress)
    job = job._replace(report=report)
    if not _is_live(job):
        return job
    state = ACTIVITY_OF_REPORT.get(report.status, "unknown")
    job = job._replace(activity=reported(job.activity, state, report.at))
    if report.status == "completed" and job.state is State.RUNNING:
        return move(job, State.COMPLETED, ended_at=report.at, reason=REPORTED)
    return job


def _end(job: Job, mine: list[Marker], facts: Facts) -> Job:
    run = job.run
    if run is None or run.phase is not Phase.LIVE or job.state is State.QUEUED:
        return job
    by_launcher = [(m, word) for m in mine if m.kind == "exit" and (word := exited(m))]
    if by_launcher:
        marker, word = by_launcher[0]
        at = facts.marker_times.get(marker.name, facts.now)
        verdict = _verdict_of_exit(run, word)
        return _ended(job, run, verdict, word.code, at, lost=word.by is not None)
    died = [m for m in mine if m.kind == "died"]
    if died:
        # The last by name: one that tells the status comes after one that does not.
        status, _, sig = died[-1].value.partition("-")
        at = facts.marker_times.get(died[-1].name, facts.now)
        return _ended_by_tmux(job, run, status, sig, at)
    if run.id in facts.gone:
        pane = facts.panes.get(run.id)
        if pane is not None and pane.dead:
            return _ended_by_tmux(job, run, pane.status, pane.signal, facts.now)
        return _lost(job, run, "nothing is left of it", facts)
    return job


def _verdict_of_exit(run: Run, word: Exited) -> tuple[State, str | None]:
    if word.by is not None:
        if run.stop:
            return State.STOPPED, run.stop
        if word.by == signal.SIGHUP:
            return State.FAILED, "its terminal was closed (SIGHUP)"
        return State.FAILED, f"its launcher was sent {_signal_name(word.by)}"
    if word.signal is not None:
        if run.stop:
            return State.STOPPED, run.stop
        return State.FAILED, f"killed by {_signal_name(word.signal)}"
    if word.code == 0:
        return State.COMPLETED, None
    return State.FAILED, f"exit status {word.code}"


def _ended_by_tmux(job: Job, run: Run, status: str, sig: str, at: datetime) -> Job:
    if sig or not status.isdigit():
        said = f"killed by {_signal_name(sig)}" if sig else "killed"
        why = f"lost: its launcher was {said} and left no exit status"
        verdict = (State.STOPPED, run.stop) if run.stop else (State.FAILED, why)
        return _ended(job, run, verdict, None, at, lost=True)
    code = int(status)
    verdict = (State.FAILED, f"exit status {code}") if code else (State.COMPLETED, "")
    return _ended(job, run, (verdict[0], verdict[1] or None), code, at)


def _lost(job: Job, run: Run, why: str, facts: Facts) -> Job:
    if run.launcher is not None and run.launcher.boot not in ("", facts.boot):
        why = "the machine was restarted"
    reason = f"lost: {why} and no exit status was written"
    verdict = (State.STOPPED, run.stop) if run.stop else (State.FAILED, reason)
    return _ended(job, run, verdict, None, facts.now, lost=True)


def _ended(
    job: Job,
    run: Run,
    verdict: tuple[State, str | None],
    code: int | None,
    at: datetime,
    *,
    lost: bool = False,
) -> Job:
    state, reason = verdict
    run = run._replace(phase=Phase.ENDED, lost=lost and run.stop is None)
    job = job._replace(activity=None, run=run)
    if job.state is State.RUNNING:
        return move(job, state, exit_status=code, reason=reason, ended_at=at)
    if job.state is State.COMPLETED and state is State.FAILED and run.stop is None:
        return move(job, state, exit_status=code, reason=reason, ended_at=at)
    return job._replace(exit_status=code)


def _signal_name(number: int | str) -> str:
    try:
        return signal.Signals(int(number)).name
    except ValueError:
        return f"signal {number}"
