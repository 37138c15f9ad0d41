"""Before a launch: what a request comes to, and whether it can be done. Changes nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitmc.agents.catalog import COMMAND
from gitmc.control import agents
from gitmc.control import setup as setups
from gitmc.control.mission import Mission, this_process
from gitmc.control.told import Told, mode_of, started, tell, work_plan
from gitmc.errors import Refused
from gitmc.git import refs
from gitmc.model import touchset
from gitmc.model.job import Job, Launch, Run, Setup, State
from gitmc.model.names import check_job_name, same_file
from gitmc.tmux import session


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
    model: str | None = None
    arguments: tuple[str, ...] = ()
    unattended: bool = False
    mode: str | None = None
    plan_file: Path | None = None
    reuse: bool = False
    setup: Setup = field(default_factory=Setup)
    touch: tuple[str, ...] = ()
    timeout: float | None = None


@dataclass(frozen=True)
class Plan:
    """A launch that was checked and found possible."""

    job: Job
    host: str | None
    """The session that a window goes to."""
    told: Told
    """What its agent is told."""
    work_plan: bytes | None = None
    """The plan that it is to work through, in that mode."""


def plan(mission: Mission, request: Request) -> Plan:
    """What `request` comes to. Raises Refused for what cannot be; changes nothing."""
    check_job_name(request.name)
    _check_text(request)
    _check_touch(request.touch)
    agent = agent_of(mission, request)
    setup = setups.merged(mission, request.setup)
    setups.check(setup)
    base, commit = _base(mission, request.base)
    branch = f"mc/{request.name}" if request.branch is None else request.branch
    if request.branch is not None:
        refs.check_branch_name(mission.git, branch)
    start_point = _start_point(mission, branch, commit, reuse=request.reuse)
    placement = request.placement or mission.settings["defaultPlacement"]
    host = session.current_session(mission.tmux) if placement == "window" else None
    path = worktree_path(mission, request.name)
    check_free(mission, request.name, path)
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
        mode=mode_of(mission, agent, request.mode, request.prompt, request.headless),
        command=request.command,
        headless=request.headless,
        model=request.model,
        arguments=request.arguments,
        unattended=request.unattended,
        run=Run(new_run()),
        setup=setup,
        touch=request.touch,
        timeout=request.timeout,
        launch=Launch(this_process(), new_branch=start_point is not None),
    )
    work_plan = _work_plan(mission, job, request)
    told = tell(mission, job, request.prompt, work_plan)
    check_program(started(mission, job, told).program)
    return Plan(job, host, told, work_plan)


def _work_plan(mission: Mission, job: Job, request: Request) -> bytes | None:
    try:
        return work_plan(mission, job.mode, request.prompt, request.plan_file)
    except OSError as fault:
        raise Refused(f"the plan {fault.filename} cannot be read: {fault.strerror}") from fault


def agent_of(mission: Mission, request: Request) -> str:
    """The agent that is asked for. Raises Refused where there is none, or it fits ill."""
    name = request.agent or (COMMAND if request.command else mission.settings["agent"])
    agents.check(mission, name)
    if request.command and name != COMMAND:
        raise Refused(
            f"a command was given, and the agent '{name}' has its own",
            hint="leave out --agent, or leave out what comes after --",
        )
    if name == COMMAND:
        for given, flag in (
            (request.model, "--model"),
            (request.arguments, "--agent-arg"),
            (request.unattended, "--unattended"),
        ):
            if given:
                raise Refused(
                    f"{flag} is for agents, and a command was given",
                    hint="put the words into the command",
                )
    return name


def new_run() -> str:
    """A nonce that no other run has."""
    return os.urandom(6).hex()


def _check_text(request: Request) -> None:
    words = (*request.command, *request.arguments, *request.touch)
    for word in (*words, request.branch or "", request.base or "", request.model or ""):
        try:
            word.encode()
        except UnicodeEncodeError as fault:
            raise Refused(
                f"the word {word!r} is not valid UTF-8, and state files are",
                hint="put it into a script, and launch that",
            ) from fault


def _check_touch(globs: Sequence[str]) -> None:
    for glob in globs:
        why = touchset.fault(glob)
        if why is not None:
            raise Refused(
                f"bad glob {glob!r} in the touch set: {why}",
                hint="for example: --touch 'src/db/**' --touch '**/*.md'",
            )


def check_program(program: str) -> None:
    """Raises Refused where the agent's program is missing; a path is looked at when it is there."""
    if not program:
        raise Refused("the command to run is empty", hint="git mc launch NAME -- COMMAND…")
    if "/" not in program and shutil.which(program) is None:
        raise Refused(
            f"the program '{program}' is not installed, or not on PATH",
            hint="install it, or run another: git mc launch NAME -- COMMAND…",
        )


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
    return asked.removeprefix("refs/heads/"), commit


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


def worktree_path(mission: Mission, name: str) -> Path:
    """Where the worktree of a job called `name` is made. Raises Refused for what is not UTF-8."""
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


def check_free(mission: Mission, name: str, path: Path) -> None:
    """Raises Refused where a job has the name, or something is where its worktree would be."""
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
