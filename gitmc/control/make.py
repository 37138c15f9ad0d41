"""Making what a queued job needs: worktree, set-up, terminal, agent. All or nothing.

    WORKTREE  branch and worktree are made, unless an earlier run left them
    SETUP     files are copied and linked, commands run
    TERMINAL  tmux starts the launcher, which takes the spec away
    RECORD    under the state lock: the job is stored as `running`

Whoever makes a job owns it. A failure undoes what was made so far. So does anyone who finds the
job queued and its owner gone, unless the spec was taken: then the agent has started, and the job is
adopted as running. Whoever unlinks the spec, launcher or undoer, has decided which of the two.

What is left of a job whose launch comes to nothing: of a first launch that somebody waits for,
nothing; of one that stood in line, the record, which says why it failed; of another launch, all
that there was before.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import gitmc
from gitmc.control import changes, provision, warm
from gitmc.control import setup as setups
from gitmc.control.mission import Mission
from gitmc.control.spec import environment_of, finish_spec
from gitmc.errors import McError, Refused
from gitmc.git import refs, worktree
from gitmc.git.snapshot import Snapshot
from gitmc.model.job import (
    INTERRUPTED,
    Job,
    Phase,
    Process,
    Setup,
    State,
    Terminal,
    begun,
    move,
    with_phase,
)
from gitmc.model.names import slug
from gitmc.tmux import session
from gitmc.tmux.process import boot_id, start_time, sweep, wait_gone

PATIENCE = 6.0
"""Seconds for a launcher to end, which gives its agent two."""


class StepFailed(McError):
    """A step of a launch failed; everything that the launch had made is gone again."""

    def __init__(self, name: str, step: str, cause: McError) -> None:
        super().__init__(f"could not launch '{name}': {step}: {cause.message}", cause.hint)
        self.label = cause.label
        self.exit_code = cause.exit_code
        self.reason = f"could not be launched: {step}: {cause.message}"


def make(mission: Mission, job: Job, host: str | None, moved: Snapshot | None = None) -> Job:
    """Make it all for a queued job that is ours; the running job.

    Raises StepFailed, or Refused where it was stopped, after undoing what was made. A window goes
    to the tmux session `host`; the changes `moved` are put into the worktree.
    """
    try:
        return _make(mission, job, host, moved)
    except BaseException as error:
        now = mission.store.job(job.name)
        stopped = now is not None and now.state is State.STOPPED
        undo(mission, job.name, error.reason if isinstance(error, StepFailed) else INTERRUPTED)
        if stopped and isinstance(error, McError):
            raise _stopped(job) from error
        raise


def _make(mission: Mission, job: Job, host: str | None, moved: Snapshot | None) -> Job:
    path = Path(job.worktree)
    with step(job, "reading what was written down for it"):
        environment = environment_of(mission, job)
    spare = None if moved or path.exists() else warm.take(mission, job)
    if spare is not None:
        job, path = spare, Path(spare.worktree)
    if not path.exists():
        with step(job, "making the worktree"):
            _add_worktree(mission, job, path)
        if moved is not None:
            with step(job, "moving the changes"):
                changes.put(mission, moved, job)
        with step(job, "setting up the worktree"):
            setup = job.setup or Setup()
            setups.files(mission, setup, path)
            log = mission.store.setup_log_path(job.name)
            provision.run(setup.commands, path, environment, log)
    with step(job, "writing what its agent needs"):
        finish_spec(mission, job)
    with step(job, "starting the terminal"):
        _check_local_program(job, path)
        made = _open_terminal(mission, job, host, path)
    return _record(mission, job, made)


def _add_worktree(mission: Mission, job: Job, path: Path) -> None:
    assert job.launch is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    with mission.store.worktrees_locked():
        if job.launch.back is not None:
            # One that was removed by hand is still in git's list.
            worktree.forget(mission.git, path)
        start = job.base_commit if job.launch.new_branch else None
        worktree.add(mission.git, path, job.branch, start)
    own_git_dir = worktree.fill(path)
    (own_git_dir / "mc-job").write_text(job.name + "\n")


@contextmanager
def step(job: Job, name: str) -> Iterator[None]:
    """A step of the job's launch, in whose name its failures are raised, as StepFailed."""
    try:
        yield
    except McError as error:
        raise StepFailed(job.name, name, error) from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        cause = Refused(f"{where}{error.strerror or error}")
        raise StepFailed(job.name, name, cause) from error


def _record(mission: Mission, job: Job, made: session.Made) -> Job:
    launcher = Process(made.pid, start_time(made.pid) or "", boot_id())
    terminal = Terminal(made.socket, made.session, made.window, made.pane)
    with mission.store.locked() as held:
        now = mission.store.job(job.name)
        if now is None or now.state is State.STOPPED:
            raise _stopped(job)
        if now.launch is None or now.run is None:
            return now
        return mission.save(held, now, begun(now, mission.now(), terminal, launcher), "launch")


def _stopped(job: Job) -> Refused:
    return Refused(f"'{job.name}' was stopped while it was being launched")


def undo(mission: Mission, name: str, why: str = INTERRUPTED) -> None:
    """Take back an unfinished launch of the job called `name`; a finished one is kept."""
    store = mission.store
    job = store.job(name)
    if job is None or job.launch is None or job.run is None:
        return
    path = Path(job.worktree)
    started = not _call_off(mission, job)
    # The agent, or what a set-up command has left running.
    sweep("MC_RUN", job.run.id)
    store.clear_run(job.run.id)
    if started and (job.launch.back or (path.exists() and _has_work(mission, job, path))):
        _settle_for(mission, job, State.STOPPED, why)
    elif job.launch.back is not None:
        _settle_for(mission, job, job.launch.back, job.reason)
    else:
        _remove(mission, job, path)
        if job.queue is not None:
            _settle_for(mission, job, State.FAILED, why)
            return
        with store.locked() as held:
            if (now := store.job(name)) and now.launch == job.launch:
                store.remove(held, name)
                store.journal.write(mission.now(), "undone", job=name, run=job.run.id)


def _call_off(mission: Mission, job: Job) -> bool:
    """See that no agent starts any more; False where one has, and may have worked."""
    assert job.run is not None
    try:
        mission.store.spec_path(job.run.id).unlink()
    except FileNotFoundError:
        launcher = session.kill_run(mission.tmux_for(job), job.run.id)
        if launcher is not None and (start := start_time(launcher)) is not None:
            wait_gone(launcher, start, boot_id(), PATIENCE)
        return False
    return True


def _remove(mission: Mission, job: Job, path: Path) -> None:
    assert job.launch is not None
    with mission.store.worktrees_locked():
        if path.exists() or any(tree.path == path for tree in worktree.listed(mission.git)):
            worktree.remove(mission.git, path, force=True)
        in_use = any(tree.branch == job.branch for tree in worktree.listed(mission.git))
        at_base = refs.branch_tip(mission.git, job.branch) == job.base_commit
        if job.launch.new_branch and at_base and not in_use:
            ref = f"refs/heads/{job.branch}"
            refs.swap(mission.git, ref, refs.NOTHING, job.base_commit, "mc launch: undone")


def _has_work(mission: Mission, job: Job, path: Path) -> bool:
    tip = refs.branch_tip(mission.git, job.branch)
    return tip != job.base_commit or bool(worktree.uncommitted(path))


def _settle_for(mission: Mission, job: Job, state: State, reason: str | None) -> None:
    """Store that the launch came to nothing; where somebody stopped it meanwhile, just that."""
    with mission.store.locked() as held:
        now = mission.store.job(job.name)
        if now is None or now.launch != job.launch or now.run is None:
            return
        if now.state is State.QUEUED:
            ended = now.ended_at or mission.now()
            now = move(now, state, reason=reason, ended_at=ended)
        now = with_phase(now._replace(launch=None), Phase.CLOSED)
        mission.save(held, job, now, "launch")


def _check_local_program(job: Job, path: Path) -> None:
    word = job.command[0] if job.command else ""
    if "/" in word and shutil.which(str(path / word)) is None:
        raise Refused(f"there is no program {path / word}", hint="is it committed on the base?")


def _open_terminal(mission: Mission, job: Job, host: str | None, path: Path) -> session.Made:
    assert job.run is not None
    launcher = Path(gitmc.__file__).parent / "tmux" / "launcher.py"
    spec = mission.store.spec_path(job.run.id)
    argv: Sequence[str] = (sys.executable, "-I", "-S", str(launcher), str(spec))
    plain = f"mc-{slug(job.name)}"
    tmux = mission.tmux_for(job)
    if host is not None:
        return session.new_window(tmux, host, plain, path, argv)
    names = (plain, f"{plain}-{mission.repo.id}", f"{plain}-{job.run.id}")
    return session.new_session(tmux, names, path, argv)
