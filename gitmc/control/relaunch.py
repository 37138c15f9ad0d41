"""Launching a job again: a new run in the worktree that it has.

What the job was stays stored until the new agent runs, so that a launch that comes to nothing
leaves the job as it stood. A worktree or branch that is gone is made again first: the worktree from
the branch, the branch from the commit that the job started from.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gitmc.agents.catalog import Start
from gitmc.control import agents
from gitmc.control.end import close
from gitmc.control.make import make, step
from gitmc.control.mission import Mission, this_process
from gitmc.control.prepare import check_program, new_run
from gitmc.control.spec import write_spec
from gitmc.control.told import started, tell
from gitmc.errors import McError, Refused
from gitmc.git import refs, worktree
from gitmc.model.job import Job, Launch, Run, State, move
from gitmc.tmux import session
from gitmc.tmux.run import VersionCheck

GO_ON = b"Go on where you stopped.\n"
"""What an agent without a user interface is told when it resumes and nobody tells it more."""


@dataclass(frozen=True)
class Request:
    """What was asked for: `more` is said to the agent, `fresh` leaves its old session alone."""

    name: str
    more: bytes = b""
    fresh: bool = False


class Found(NamedTuple):
    """A job whose run was lost, and what can be done for it."""

    job: Job
    how: str | None
    """How it would be launched again; None where nothing is left of it."""


def relaunch(mission: Mission, request: Request) -> Job:
    """Launch the job again; the running job. Raises Refused, or StepFailed, as it was before."""
    version = VersionCheck()
    job = mission.job(request.name)
    _check(job)
    run = Run(new_run(), lost=job.run is not None and job.run.lost)
    prompt, text, start = _start(mission, job, run, request)
    check_program(start.program)
    version.result()
    _check_worktree(mission, job)
    host = _host(mission, job)
    gone = refs.branch_tip(mission.git, job.branch) is None
    again = job._replace(
        run=run,
        placement=job.placement if host else "session",
        session_id=None if request.fresh else job.session_id,
        queue=None,
        launch=Launch(this_process(), new_branch=gone, back=job.state),
    )
    close(mission, job.name)
    with step(job, "writing its files"):
        if prompt != mission.store.prompt_path(job.name):
            mission.store.write_prompt(prompt, text)
        write_spec(mission, again, start, prompt)
    try:
        again = _reserve(mission, job, again)
    except BaseException:
        mission.store.clear_run(run.id)
        raise
    made = make(mission, again, host)
    return mission.store.job(made.name) or made


def enlist_again(mission: Mission, request: Request) -> Job:
    """Have the job stand in line for another run, where it has a place in one. Raises Refused."""
    job = mission.job(request.name)
    _check(job)
    _check_worktree(mission, job)
    run = Run(new_run())
    prompt, text, start = _start(mission, job, run, request)
    check_program(start.program)
    gone = refs.branch_tip(mission.git, job.branch) is None
    again = job._replace(
        run=run,
        session_id=None if request.fresh else job.session_id,
        launch=Launch(None, new_branch=gone, back=job.state),
    )
    close(mission, job.name)
    if prompt != mission.store.prompt_path(job.name):
        mission.store.write_prompt(prompt, text)
    write_spec(mission, again, start, prompt)
    try:
        return _reserve(mission, job, again)
    except BaseException:
        mission.store.clear_run(run.id)
        raise


def foresee(mission: Mission, request: Request) -> str:
    """How the job would be launched again, in words. Raises Refused where it would not be."""
    job = mission.job(request.name)
    _check(job)
    _check_worktree(mission, job)
    asked = job._replace(session_id=None) if request.fresh else job
    return _how(mission, asked) or f"start afresh, from {job.base_commit[:12]}"


def _check(job: Job) -> None:
    if job.state is State.RUNNING or job.live or job.launch is not None:
        hint = f"end it first: git mc kill {job.name}"
        if job.state is State.RUNNING:
            hint = f"speak to it: git mc send {job.name} TEXT; or {hint}"
        raise Refused(f"the job '{job.name}' is still {_what(job)}", hint=hint)
    if job.state in (State.MERGING, State.MERGED):
        raise Refused(
            f"the job '{job.name}' is {job.state}, so there is nothing to go on with",
            hint="launch another: git mc launch NAME PROMPT",
        )


def _what(job: Job) -> str:
    return str(job.state) if job.state in (State.RUNNING, State.QUEUED) else "running its agent"


def _start(mission: Mission, job: Job, run: Run, request: Request) -> tuple[Path, bytes, Start]:
    """Where the run's prompt is, what it says, and how the agent is started on it.

    The prompt is the job's own, or one that only this run is told.
    """
    told = mission.store.run_prompt_path(run.id)
    if job.session_id is not None and not request.fresh:
        text = request.more or GO_ON
        resumed = agents.resume(mission, job, len(text), told=bool(request.more))
        if resumed is not None:
            return told, text, resumed
    own = mission.store.prompt_path(job.name)
    text = own.read_bytes() if own.exists() else b""
    if request.more:
        text += (b"\n\n" if text.strip() else b"") + request.more
    plan = mission.store.plan_path(job.name)
    said = tell(mission, job, text, plan.read_bytes() if plan.exists() else None)
    same = said.prompt == text and not request.more
    return own if same else told, said.prompt, started(mission, job, said)


def _check_worktree(mission: Mission, job: Job) -> None:
    path = Path(job.worktree)
    if path.exists() and worktree.own_git_dir(path, mission.repo.common_dir) is None:
        raise Refused(
            f"{path} is no worktree any more",
            hint="look at what is there and move it away; it is then made again from the branch",
        )


def _host(mission: Mission, job: Job) -> str | None:
    """The session that a window goes to; outside tmux the job gets a session of its own."""
    if job.placement != "window" or not os.environ.get("TMUX"):
        return None
    return session.current_session(mission.tmux)


def _reserve(mission: Mission, seen: Job, again: Job) -> Job:
    with mission.store.locked() as held:
        now = mission.job(seen.name)
        same = now.run and seen.run and now.run.id == seen.run.id
        if now.state is not seen.state or not (same or now.run is seen.run):
            raise Refused(
                f"the job '{seen.name}' has changed meanwhile: it is {now.state}",
                hint=f"git mc status {seen.name}",
            )
        _check(now)
        waiting = again._replace(state=now.state, terminal=None)
        return mission.save(held, now, move(waiting, State.QUEUED), "relaunch")


def find_lost(mission: Mission, jobs: list[Job]) -> list[Found]:
    """The jobs whose run was lost with its terminal, its launcher or the machine, in order."""
    lost = [job for job in jobs if job.state is State.FAILED and job.run and job.run.lost]
    return [Found(job, _how(mission, job)) for job in lost]


def _how(mission: Mission, job: Job) -> str | None:
    there = Path(job.worktree).exists()
    if not there and refs.branch_tip(mission.git, job.branch) is None:
        return None
    resumed = job.session_id and agents.resume(mission, job, 0, told=False)
    what = f"resume session {job.session_id}" if resumed else "start afresh"
    return what if there else f"{what}, in a worktree made again from {job.branch}"


def try_again(mission: Mission, found: Found) -> Job | McError:
    """Launch a lost job again; the running job, or why it could not be."""
    try:
        return relaunch(mission, Request(found.job.name))
    except McError as error:
        return error
