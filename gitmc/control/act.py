"""Act: do what was decided. Each action is journalled before it is done and stored after.

An action that fails is journalled, is returned as the error it met, and stays due.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial

from gitmc.control.mission import Mission
from gitmc.control.view import without_work
from gitmc.errors import McError, of_system
from gitmc.model.decide import (
    Action,
    CloseRun,
    FinishLanding,
    LaunchQueued,
    SweepRun,
    UndoLaunch,
)
from gitmc.model.job import NO_CHANGES, Job, Phase, State, with_phase
from gitmc.model.keptlog import added
from gitmc.store.codec import time_text
from gitmc.store.files import replace_file
from gitmc.store.recording import clear
from gitmc.tmux.process import sweep
from gitmc.tmux.session import capture


def act_all(mission: Mission, actions: Iterable[Action]) -> Iterator[McError | None]:
    """Do `actions`, and tell after each step the error that kept it from being done, if one did.

    Sweeps are one step, and the first: each would look at every process of the machine.
    """
    due = list(actions)
    sweeps = [action for action in due if isinstance(action, SweepRun)]
    if sweeps:
        yield _step(mission, sweeps, partial(_sweep, mission, sweeps))
    for action in due:
        if not isinstance(action, SweepRun):
            yield _step(mission, [action], partial(_do, mission, action))


def _step(mission: Mission, actions: Sequence[Action], do: Callable[[], object]) -> McError | None:
    name = type(actions[0]).__name__
    write = mission.store.journal.write
    for action in actions:
        write(mission.now(), "action", action=name, **dataclasses.asdict(action))
    try:
        do()
    except (McError, OSError) as fault:
        error = fault if isinstance(fault, McError) else of_system(fault)
        for action in actions:
            write(mission.now(), "failed", action=name, job=action.job, error=error.message)
        return error
    return None


def _sweep(mission: Mission, actions: Sequence[SweepRun]) -> None:
    runs = [action.run for action in actions]
    sweep("MC_RUN", *runs, spare=mission.settings["kill.spare"])
    for run in runs:
        mission.store.clear_run(run)
    jobs = [job for action in actions if (job := mission.store.job(action.job))]
    idle = without_work(mission, [job for job in jobs if _ended_well(job)])
    _set_phase(mission, actions, Phase.ENDED, Phase.SWEPT, idle)


def _do(mission: Mission, action: Action) -> None:
    match action:
        case CloseRun():
            keep_log(mission, mission.store.job(action.job))
            clear_files(mission, action.run)
            _set_phase(mission, [action], Phase.SWEPT, Phase.CLOSED)
        case UndoLaunch():
            from gitmc.control.make import undo

            undo(mission, action.job)
        case LaunchQueued():
            mission.standby.launch(action.job)
        case FinishLanding():
            from gitmc.control.land import finish

            finish(mission, action.job)


def keep_log(mission: Mission, job: Job | None) -> None:
    """Keep what the job's pane shows, history included, behind what earlier runs left.

    Nothing is done where the pane is gone. With `keepLogs` at 0, no log is left.
    """
    if job is None or job.terminal is None or job.run is None:
        return
    text = capture(mission.tmux_of(job.terminal), job.terminal.pane, job.run.id, None)
    if text is None:
        return
    path = mission.store.log_path(job.name)
    kept = path.read_bytes() if path.exists() else b""
    started = time_text(job.started_at or job.created_at)
    content = text.encode("utf-8", "surrogateescape")
    log = added(kept, job.run.id, started, content, mission.settings["keepLogs"])
    if log:
        replace_file(path, log, mode=0o600)
    else:
        path.unlink(missing_ok=True)


def clear_files(mission: Mission, run: str) -> None:
    """Remove what a run that is over has needed beside its record."""
    mission.store.send_lock(run).unlink(missing_ok=True)
    mission.store.clear_run(run)
    clear(mission.store.recording(run))


def _known(job: Job, idle: Collection[str]) -> Job:
    return job._replace(reason=NO_CHANGES) if job.name in idle and _ended_well(job) else job


def _ended_well(job: Job) -> bool:
    """Whether it ended so, and nothing more is known of that."""
    return job.state is State.COMPLETED and job.reason is None


def _set_phase(
    mission: Mission,
    actions: Iterable[SweepRun | CloseRun],
    old: Phase,
    new: Phase,
    idle: Collection[str] = (),
) -> None:
    """Store that the runs are in phase `new`, and that the jobs called `idle` have done nothing."""
    store = mission.store
    with store.locked() as held:
        pairs = [(store.job(action.job), action.run) for action in actions]
        store.save_all(
            held,
            [
                with_phase(_known(job, idle), new)
                for job, run in pairs
                if job and job.run and job.run.id == run and job.run.phase is old
            ],
        )
