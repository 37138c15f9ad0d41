"""Ending a run that is asked to end: its whole process tree, then its pane."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterable, Sequence

from gitmc.control.act import clear_files, keep_log
from gitmc.control.loop import catch_up
from gitmc.control.mission import Mission
from gitmc.errors import Refused
from gitmc.model.job import Job, Phase, Run, State, move, with_phase
from gitmc.tmux.process import end, sweep, wait_gone
from gitmc.tmux.session import kill_run

REASON = "killed by git mc kill"

PATIENCE = 6.0
"""Seconds. The launcher asks the agent, insists after 2, then does the same with what is left."""


def kill(mission: Mission, name: str, *, force: bool = False) -> Job:
    """End the job's agent and everything below it; the job as it is then.

    Without `force` the agent is asked first (SIGTERM) and has two seconds. Raises Refused where
    nothing runs.
    """
    spare = mission.settings["kill.spare"]
    job = _ask(mission, name)
    if job.run is None:
        return job
    if job.state in (State.STOPPED, State.CANCELED):
        # If it is being launched: that fails with the set-up command that it waits for, and undoes
        # itself.
        sweep("MC_RUN", job.run.id)
        return job
    _end_processes(job.run, spare, force=force)
    catch_up(mission)
    return close(mission, name)


def _ask(mission: Mission, name: str) -> Job:
    """Store that the run was asked to stop, so that whoever sees its end knows why."""
    with mission.store.locked() as held:
        job = mission.job(name)
        if job.state is State.QUEUED or job.held:
            ended = State.CANCELED if job.held else State.STOPPED
            stopped = move(job, ended, reason=REASON, ended_at=mission.now())
            if job.in_line or job.held:
                assert job.run is not None
                stopped = with_phase(stopped._replace(launch=None), Phase.CLOSED)
                mission.store.clear_run(job.run.id)
            # Else its launch is under way. Whoever makes it sees this, or is gone and it is undone.
            return mission.save(held, job, stopped, "kill")
        if not job.live or job.run is None:
            raise Refused(f"the job '{name}' is not running: it is {job.state}")
        asked = job._replace(run=job.run._replace(stop=REASON))
        mission.store.save(held, asked)
    mission.store.journal.write(mission.now(), "action", action="Kill", job=name, run=job.run.id)
    return asked


def _end_processes(run: Run, spare: Sequence[str], *, force: bool) -> None:
    launcher = run.launcher
    if launcher is not None:
        identity = (launcher.pid, launcher.start, launcher.boot)
        asked = end(*identity, signal.SIGKILL if force else signal.SIGTERM)
        if asked and not wait_gone(*identity, PATIENCE):
            end(*identity, signal.SIGKILL)
            wait_gone(*identity, PATIENCE)
    sweep("MC_RUN", run.id, spare=spare)


def ask_to_end(mission: Mission, name: str, why: str) -> None:
    """Ask the job's agent to end, and do not wait for it; its launcher insists."""
    with mission.store.locked() as held:
        job = mission.job(name)
        if not job.live or job.run is None or job.run.launcher is None:
            return
        mission.store.save(held, job._replace(run=job.run._replace(stop=why)))
    launcher = job.run.launcher
    end(launcher.pid, launcher.start, launcher.boot, signal.SIGTERM)


def expire(mission: Mission, jobs: Iterable[Job]) -> float:
    """Ask those to end whose time is over; seconds until the next one's is, infinite if none."""
    left = math.inf
    for job in jobs:
        if job.timeout is None or job.state is not State.RUNNING or job.started_at is None:
            continue
        if job.run is None or job.run.phase is not Phase.LIVE or job.run.stop is not None:
            continue
        rest = job.timeout - (mission.now() - job.started_at).total_seconds()
        if rest > 0:
            left = min(left, rest)
            continue
        why = f"its time of {job.timeout:g} s was over"
        write = mission.store.journal.write
        write(mission.now(), "action", action="Expire", job=job.name, run=job.run.id)
        ask_to_end(mission, job.name, why)
    return left


def insist(mission: Mission) -> None:
    """Ask those again to end who were asked by a process that may have been killed meanwhile."""
    for job in mission.store.jobs()[0]:
        run = job.run
        if run is not None and run.phase is Phase.LIVE and run.stop and run.launcher:
            end(run.launcher.pid, run.launcher.start, run.launcher.boot, signal.SIGTERM)


def close(mission: Mission, name: str) -> Job:
    """Keep the last screen of the job's finished run and close its pane; the job after that."""
    job = mission.job(name)
    if job.run is None or job.live:
        return job
    if job.run.phase is not Phase.CLOSED:
        try:
            keep_log(mission, job)
        except OSError as fault:
            # A log that cannot be written is no reason to keep a job for ever.
            now = mission.now()
            mission.store.journal.write(now, "failed", job=name, error=f"no log kept: {fault}")
    if job.terminal is not None:
        kill_run(mission.tmux_of(job.terminal), job.run.id)
    clear_files(mission, job.run.id)
    with mission.store.locked() as held:
        job = mission.job(name)
        if job.run is not None and job.run.phase is Phase.SWEPT:
            job = with_phase(job, Phase.CLOSED)
        job = job._replace(terminal=None)
        mission.store.save(held, job)
    return job
