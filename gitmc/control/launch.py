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

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import gitmc
from gitmc.agents import catalog
from gitmc.control import setup as setups
from gitmc.control.mission import Mission, this_process
from gitmc.control.settle import settle
from gitmc.control.setup import Setup
from gitmc.errors import McError, Refused
from gitmc.events import markers
from gitmc.git import refs, worktree
from gitmc.git.run import environment_for_others
from gitmc.model.job import Job, Launch, Phase, Process, Run, State, Terminal, move, with_phase
from gitmc.model.names import check_job_name, same_file, slug
from gitmc.store.files import replace_file
from gitmc.tmux import session
from gitmc.tmux.process import boot_id, start_time, sweep
from gitmc.tmux.run import Tmux, VersionCheck

TERMINAL_VARIABLES = frozenset(
    {"TERM", "TMUX", "TMUX_PANE", "COLORTERM", "COLUMNS", "LINES", "WINDOWID"}
)


@dataclass(frozen=True)
class Request:
    """What was asked for; None means that the setting or the default decides."""

    name: str
    prompt: bytes = b""
    command: tuple[str, ...] = ()
    agent: str | None = None
    branch: str | None = None
    base: str | None = None
    placement: str | None = None
    headless: bool = False
    reuse: bool = False
    setup: Setup = field(default_factory=Setup)


class StepFailed(McError):
    """A step of a launch failed; everything that the launch had made is gone again."""

    def __init__(self, name: str, step: str, cause: McError) -> None:
        super().__init__(f"could not launch '{name}': {step}: {cause.message}", cause.hint)
        self.label = cause.label
        self.exit_code = cause.exit_code


@dataclass(frozen=True)
class Plan:
    """A launch that was checked and found possible."""

    job: Job
    setup: Setup
    start_point: str | None
    """The commit at which the branch is made; None where the branch is there already."""
    host: str | None
    """The session that a window goes to."""


def plan(mission: Mission, request: Request) -> Plan:
    """What `request` comes to. Raises Refused for what cannot be; changes nothing."""
    check_job_name(request.name)
    agent = request.agent or (catalog.COMMAND if request.command else mission.settings["agent"])
    catalog.check(agent)
    _check_text(request)
    _check_program(agent, request)
    setup = setups.merged(mission, request.setup)
    setups.check(setup)
    base, commit = _base(mission, request.base)
    branch = f"mc/{request.name}" if request.branch is None else request.branch
    if request.branch is not None:
        refs.check_branch_name(mission.git, branch)
    start_point = _start_point(mission, branch, commit, reuse=request.reuse)
    placement = request.placement or mission.settings["defaultPlacement"]
    host = session.current_session(mission.tmux) if placement == "window" else None
    path = _worktree_path(mission, request.name)
    _check_free(mission, request.name, path)
    job = Job(
        name=request.name,
        state=State.QUEUED,
        agent=agent,
        branch=branch,
        base=base,
        base_commit=commit if start_point else _fork_point(mission, commit, branch),
        worktree=str(path),
        placement=placement,
        created_at=mission.now(),
        command=request.command,
        headless=request.headless,
        run=Run(os.urandom(6).hex()),
        launch=Launch(this_process(), new_branch=start_point is not None),
    )
    return Plan(job, setup, start_point, host)


def launch(mission: Mission, request: Request) -> Job:
    """Do it all; the running job. Raises Refused, or StepFailed after undoing what was made."""
    version = VersionCheck()
    planned = plan(mission, request)
    version.result()
    job = planned.job
    with _step(job, "writing its files"):
        mission.store.make()
        spec, environment = _write_spec(mission, job, request)
    try:
        _reserve(mission, job, request)
    except BaseException:
        spec.unlink()
        raise
    try:
        job = _make(mission, planned, spec, environment)
    except BaseException:
        undo(mission, job.name)
        raise
    if markers.waiting(mission.store.events):
        # An agent that was quicker than we were: nobody is told a second time.
        settle(mission)
    return mission.store.job(job.name) or job


def _reserve(mission: Mission, job: Job, request: Request) -> None:
    store = mission.store
    try:
        with store.locked() as held:
            _check_free(mission, job.name, Path(job.worktree))
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
            raise Refused(f"'{job.name}' was stopped while it was being launched")
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
        session.kill_run(mission.tmux, job.run.id)
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


def _check_free(mission: Mission, name: str, path: Path) -> None:
    twin = same_file(name, mission.store.job_names())
    if twin is not None:
        raise Refused(
            f"a job called '{twin}' exists already",
            hint=f"choose another name, or remove it: git mc cleanup {twin}",
        )
    if path.exists() or path.is_symlink():
        raise Refused(
            f"the folder {path} is in the way",
            hint="move it away, or choose another name",
        )


def _check_text(request: Request) -> None:
    for word in (*request.command, request.branch or "", request.base or ""):
        try:
            word.encode()
        except UnicodeEncodeError as fault:
            raise Refused(
                f"the word {word!r} is not valid UTF-8, and state files are",
                hint="put it into a script, and launch that",
            ) from fault


def _check_program(agent: str, request: Request) -> None:
    """Raises Refused where the agent's program is missing; a path is looked at when it is there."""
    words = _start(agent, Path(os.devnull), request).argv
    if not words[0]:
        raise Refused("the command to run is empty", hint="git mc launch NAME -- COMMAND…")
    if "/" not in words[0] and shutil.which(words[0]) is None:
        raise Refused(
            f"the program '{words[0]}' is not installed, or not on PATH",
            hint="install it, or run another: git mc launch NAME -- COMMAND…",
        )


def _start(agent: str, prompt: Path, request: Request) -> catalog.Start:
    size = len(request.prompt)
    return catalog.start(agent, prompt, size, request.command, headless=request.headless)


def _check_local_program(planned: Plan, path: Path) -> None:
    word = planned.job.command[0] if planned.job.command else ""
    if "/" in word and shutil.which(str(path / word)) is None:
        raise Refused(f"there is no program {path / word}", hint="is it committed on the base?")


def _base(mission: Mission, asked: str | None) -> tuple[str, str]:
    """The name and the commit of the base: a branch where it can be one."""
    if asked is None:
        branch = mission.repo.current_branch()
        commit = refs.commit_of(mission.repo.here, "HEAD")
        if commit is None:
            raise Refused(
                "there is no commit to start from",
                hint="make a first commit, then launch",
            )
        return branch or commit, commit
    commit = refs.commit_of(mission.repo.here, asked)
    if commit is None:
        raise Refused(f"bad base '{asked}': no such commit", hint="give a branch, tag or commit")
    if asked in ("HEAD", "@"):
        return mission.repo.current_branch() or commit, commit
    return asked, commit


def _start_point(mission: Mission, branch: str, commit: str, *, reuse: bool) -> str | None:
    tip = refs.branch_tip(mission.git, branch)
    if tip is None:
        return commit
    if tip != commit and not reuse:
        raise Refused(
            f"the branch '{branch}' exists already and is not at the base",
            hint="take it up with --reuse, or name another with --branch",
        )
    return None


def _fork_point(mission: Mission, base: str, branch: str) -> str:
    tip = refs.branch_tip(mission.git, branch) or base
    return mission.git.answer("merge-base", base, tip) or tip


def _worktree_path(mission: Mission, name: str) -> Path:
    configured = mission.settings["worktreeBase"]
    if configured:
        base = mission.main_worktree / Path(configured).expanduser()
    else:
        data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
        base = Path(data).expanduser() / "git-mc"
    path = base.resolve() / f"{mission.repo.name}-{mission.repo.id}" / name
    try:
        str(path).encode()
    except UnicodeEncodeError as fault:
        raise Refused(
            f"the path {str(path)!r} is not valid UTF-8, and state files are",
            hint="set mc.worktreeBase to a folder whose name is",
        ) from fault
    return path


def _write_spec(mission: Mission, job: Job, request: Request) -> tuple[Path, dict[str, str]]:
    assert job.run is not None
    store = mission.store
    prompt = store.prompt_path(job.name)
    start = _start(job.agent, prompt, request)
    environment = _environment(mission, job)
    script = hooks_folder() / "tmux" / "marker"
    spec = {
        "argv": start.argv,
        "prompt": str(prompt) if job.agent != catalog.COMMAND else None,
        "stdin": str(prompt) if start.stdin else None,
        "env": {k: v for k, v in environment.items() if k not in TERMINAL_VARIABLES},
        "cwd": job.worktree,
        "events": str(store.events),
        "run": job.run.id,
        "witness": session.witness(Tmux(), script, store.events, job.run.id),
    }
    path = store.spec_path(job.run.id)
    replace_file(path, json.dumps(spec).encode(), mode=0o600)
    return path, environment


def _environment(mission: Mission, job: Job) -> dict[str, str]:
    """What the agent and the set-up commands see: ours, but nothing that says where git is."""
    assert job.run is not None
    kept = {
        key: value for key, value in environment_for_others().items() if not key.startswith("MC_")
    }
    return kept | {
        "MC_JOB": job.name,
        "MC_DIR": str(mission.store.root),
        "MC_RUN": job.run.id,
        "MC_PROMPT_FILE": str(mission.store.prompt_path(job.name)),
    }


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


def hooks_folder() -> Path:
    """Where the hook scripts are: in the package when installed, beside it in a checkout."""
    package = Path(gitmc.__file__).parent
    inside = package / "_hooks"
    return inside if inside.is_dir() else package.parent / "hooks"
