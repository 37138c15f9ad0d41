"""Launch: worktree, branch, set-up, terminal, agent and record, all or nothing.

    SPEC      everything the launcher needs is written down, before there is anything to launch
    RESERVE   under the state lock: the name is free; the job is stored as `queued`, owned by us
    WORKTREE  branch and worktree are made
    SETUP     files are copied and linked, commands run
    TERMINAL  tmux starts the launcher, which takes the spec away
    RECORD    under the state lock: the job is stored as `running`

A failure undoes what was made so far. So does anyone who finds the job queued and its owner gone,
unless the spec was taken: then the agent has started, and the job is adopted as running. Whoever
unlinks the spec, launcher or undoer, has decided which of the two it is.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import gitmc
from gitmc.control import setup as setups
from gitmc.control.mission import Mission
from gitmc.control.prepare import Plan, Request, check_free, plan
from gitmc.control.settle import settle
from gitmc.control.spec import write_spec
from gitmc.errors import McError, Refused
from gitmc.events import markers
from gitmc.git import refs, worktree
from gitmc.model.job import Job, Phase, Process, State, Terminal, move, with_phase
from gitmc.model.names import slug
from gitmc.tmux import session
from gitmc.tmux.process import boot_id, start_time, sweep, wait_gone
from gitmc.tmux.run import VersionCheck

PATIENCE = 6.0
"""Seconds for a launcher to end, which gives its agent two."""


class StepFailed(McError):
    """A step of a launch failed; everything that the launch had made is gone again."""

    def __init__(self, name: str, step: str, cause: McError) -> None:
        super().__init__(f"could not launch '{name}': {step}: {cause.message}", cause.hint)
        self.label = cause.label
        self.exit_code = cause.exit_code


def launch(mission: Mission, request: Request) -> Job:
    """Do it all; the running job. Raises Refused, or StepFailed after undoing what was made."""
    version = VersionCheck()
    planned = plan(mission, request)
    version.result()
    job = planned.job
    with _step(job, "writing its files"):
        mission.store.make()
        spec, environment = write_spec(mission, job, request)
    try:
        _reserve(mission, job, request)
    except BaseException:
        spec.unlink()
        raise
    try:
        job = _make(mission, planned, spec, environment)
    except BaseException as error:
        stopped = _is_stopped(mission, job)
        undo(mission, job.name)
        if stopped and isinstance(error, McError):
            raise _stopped(job) from error
        raise
    if markers.waiting(mission.store.events):
        # An agent that was quicker than we were: nobody is told a second time.
        settle(mission)
    return mission.store.job(job.name) or job


def _reserve(mission: Mission, job: Job, request: Request) -> None:
    store = mission.store
    try:
        with store.locked() as held:
            check_free(mission, job.name, Path(job.worktree))
            store.write_prompt(job.name, request.prompt)
            try:
                store.add(held, job)
            except BaseException:
                store.prompt_path(job.name).unlink()
                raise
            store.log_path(job.name).unlink(missing_ok=True)
    except OSError as error:
        raise _step_failed(job, "writing its files", error) from error


def _make(mission: Mission, planned: Plan, spec: Path, environment: dict[str, str]) -> Job:
    job, path = planned.job, Path(planned.job.worktree)
    with _step(job, "making the worktree"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with mission.store.worktrees_locked():
            worktree.add(mission.git, path, job.branch, planned.start_point)
        own_git_dir = worktree.fill(path)
        (own_git_dir / "mc-job").write_text(job.name + "\n")
    with _step(job, "setting up the worktree"):
        setups.files(mission, planned.setup, path)
        setups.commands(planned.setup, path, environment)
        _check_local_program(planned, path)
    with _step(job, "starting the terminal"):
        made = _open_terminal(mission, planned, path, spec)
    return _record(mission, job, made)


@contextmanager
def _step(job: Job, step: str) -> Iterator[None]:
    try:
        yield
    except McError as error:
        raise StepFailed(job.name, step, error) from error
    except OSError as error:
        raise _step_failed(job, step, error) from error


def _step_failed(job: Job, step: str, error: OSError) -> StepFailed:
    where = f"{error.filename}: " if error.filename else ""
    return StepFailed(job.name, step, Refused(f"{where}{error.strerror or error}"))


def _record(mission: Mission, job: Job, made: session.Made) -> Job:
    launcher = Process(made.pid, start_time(made.pid) or "", boot_id())
    terminal = Terminal(made.socket, made.session, made.window, made.pane)
    with mission.store.locked() as held:
        now = mission.store.job(job.name)
        if now is None or now.state is State.STOPPED:
            raise _stopped(job)
        if now.launch is None or now.run is None:
            return now
        running = move(
            now,
            State.RUNNING,
            started_at=mission.now(),
            launch=None,
            terminal=terminal,
            run=now.run._replace(launcher=launcher),
        )
        return mission.save(held, now, running, "launch")


def _is_stopped(mission: Mission, job: Job) -> bool:
    now = mission.store.job(job.name)
    return now is not None and now.state is State.STOPPED


def _stopped(job: Job) -> Refused:
    return Refused(f"'{job.name}' was stopped while it was being launched")


def undo(mission: Mission, name: str) -> None:
    """Remove what an unfinished launch of the job called `name` made; a finished one is kept."""
    store = mission.store
    job = store.job(name)
    if job is None or job.launch is None or job.run is None:
        return
    path = Path(job.worktree)
    try:
        store.spec_path(job.run.id).unlink()
    except FileNotFoundError:
        # The agent has started, and may have worked: it is ended, and what it did is kept.
        launcher = session.kill_run(mission.tmux, job.run.id)
        if launcher is not None and (start := start_time(launcher)) is not None:
            wait_gone(launcher, start, boot_id(), PATIENCE)
        started = True
    else:
        started = False
    # The agent, or what a set-up command has left running.
    sweep("MC_RUN", job.run.id)
    if started and path.exists() and _has_work(mission, job, path):
        _keep_stopped(mission, job)
        return
    with store.worktrees_locked():
        if path.exists() or any(tree.path == path for tree in worktree.listed(mission.git)):
            worktree.remove(mission.git, path, force=True)
        in_use = any(tree.branch == job.branch for tree in worktree.listed(mission.git))
        at_base = refs.branch_tip(mission.git, job.branch) == job.base_commit
        if job.launch.new_branch and at_base and not in_use:
            ref = f"refs/heads/{job.branch}"
            refs.swap(mission.git, ref, refs.NOTHING, job.base_commit, "mc launch: undone")
    with store.locked() as held:
        if (now := store.job(name)) and now.launch == job.launch:
            store.remove(held, name)
            store.journal.write(mission.now(), "undone", job=name, run=job.run.id)


def _has_work(mission: Mission, job: Job, path: Path) -> bool:
    tip = refs.branch_tip(mission.git, job.branch)
    return tip != job.base_commit or bool(worktree.uncommitted(path))


def _keep_stopped(mission: Mission, job: Job) -> None:
    with mission.store.locked() as held:
        now = mission.store.job(job.name)
        if now is None or now.launch != job.launch or now.run is None:
            return
        if now.state is State.QUEUED:
            now = move(now, State.STOPPED, reason="its launch was interrupted")
        now = with_phase(now._replace(launch=None), Phase.CLOSED)
        mission.save(held, job, now, "launch")


def _check_local_program(planned: Plan, path: Path) -> None:
    word = planned.job.command[0] if planned.job.command else ""
    if "/" in word and shutil.which(str(path / word)) is None:
        raise Refused(f"there is no program {path / word}", hint="is it committed on the base?")


def _open_terminal(mission: Mission, planned: Plan, path: Path, spec: Path) -> session.Made:
    job = planned.job
    launcher = Path(gitmc.__file__).parent / "tmux" / "launcher.py"
    argv: Sequence[str] = (sys.executable, "-I", "-S", str(launcher), str(spec))
    plain = f"mc-{slug(job.name)}"
    if planned.host is not None:
        return session.new_window(mission.tmux, planned.host, plain, path, argv)
    assert job.run is not None
    names = (plain, f"{plain}-{mission.repo.id}", f"{plain}-{job.run.id}")
    return session.new_session(mission.tmux, names, path, argv)
