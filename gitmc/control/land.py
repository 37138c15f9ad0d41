"""Landing one job: commit what is left over, merge in memory, test, move the ref.

    completed, failed, stopped, conflict, needs_rebase ─▶ ready_to_merge ─▶ merging ─▶ merged

The job is `merging` only while its target moves. What is about to happen is stored before, so that
whoever finds the mover gone can look at the target and tell. Lost the race for the target: all is
computed and tested again on the new one; nothing lands that was not tested as it lands.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from gitmc.control.gatecommand import Gate, gate_of
from gitmc.control.hooked import commit, hooks
from gitmc.control.leftovers import commit_leftovers
from gitmc.control.message import message_for, signed
from gitmc.control.mission import Mission, this_process
from gitmc.control.provenance import record
from gitmc.control.target import advance, check
from gitmc.control.tested import pass_gate
from gitmc.errors import Conflict, Fatal, McError, Refused
from gitmc.git import refs
from gitmc.git.commit import make
from gitmc.git.merge import Merger
from gitmc.git.run import Git
from gitmc.model.job import Job, Landed, Landing, State, move

ATTEMPTS = 50
"""How often the race for the target may be lost. Each time, somebody else's work has landed."""


@dataclass(frozen=True)
class Request:
    """What was asked for; None means that the setting or the default decides."""

    name: str
    strategy: str | None = None
    message: str | None = None
    into: str | None = None
    test: bool | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a landing came to: `commit` is the target's tip, new unless `changed` is false."""

    job: Job
    target: str
    commit: str
    changed: bool
    engine: str
    tested: bool
    gate: Gate | None = None
    """What had to pass; None where it was not to be tested."""
    cached: bool = False
    """Whether it is tested because the same files passed before."""
    trouble: McError | None = None
    """What kept it from being noted on the commits."""


@dataclass(frozen=True)
class _Made:
    """A commit that could land, made for a target at `expected`."""

    commit: str
    expected: str
    engine: str
    tree: str | None = None
    """The files that the merge came to; None where it is not of our making."""

    @property
    def changes(self) -> bool:
        """Whether there is anything to land."""
        return self.commit != self.expected


def land(mission: Mission, request: Request) -> Outcome:
    """Land the job. Raises Refused, or Conflict with the files; the target is then as it was."""
    job = mission.job(request.name)
    _check_mergeable(job)
    target = request.into or job.base
    if target == job.branch:
        raise Refused(
            f"'{target}' is the job's own branch", hint="name another: git mc merge --into BRANCH"
        )
    if refs.branch_tip(mission.git, target) is None:
        raise Refused(
            f"the target '{target}' is not a branch", hint="name one: git mc merge --into BRANCH"
        )
    if not request.dry_run:
        commit_leftovers(mission, job)
    gate = _gate(mission, request, target)
    check(mission, target)
    for _ in range(ATTEMPTS):
        job = mission.job(request.name)
        head = refs.branch_tip(mission.git, job.branch)
        if head is None:
            raise Refused(f"the branch '{job.branch}' is gone, so there is nothing to merge")
        made = _make(mission, job, request, target, head)
        if request.dry_run:
            return Outcome(job, target, made.commit, made.changes, made.engine, False, gate)
        landing = Landing(this_process(), target, made.expected, made.commit, head)
        if gate is not None and gate.base != made.expected:
            gate = _gate(mission, request, target)
        cached = False
        if gate is not None and gate.command is not None and made.changes:
            cached = pass_gate(mission, job.name, gate, made.commit)
            landing = landing._replace(verdict="pass", test=gate.command)
        moved, trouble = _move(mission, job, landing, made)
        if moved:
            job, tested = mission.job(request.name), landing.verdict is not None
            return Outcome(
                job, target, made.commit, made.changes, made.engine, tested, gate, cached, trouble
            )
    raise Refused(f"'{target}' keeps moving: it was somebody else's {ATTEMPTS} times in a row")


def _check_mergeable(job: Job) -> None:
    if job.state is State.CANCELED:
        raise Refused(f"the job '{job.name}' was canceled, so there is nothing to merge")
    if job.unstarted or job.state is State.RUNNING:
        raise Refused(
            f"the job '{job.name}' is still {job.state}",
            hint=f"wait for it: git mc wait {job.name}; or end it: git mc kill {job.name}",
        )
    if job.live:
        raise Refused(
            f"the agent of '{job.name}' still runs, and could write more",
            hint=f"end it first: git mc kill {job.name}",
        )
    if job.state is State.MERGING:
        raise Refused(f"the job '{job.name}' is being merged by another process")
    if job.landed is not None:
        raise Refused(
            f"the job '{job.name}' has landed on '{job.landed.target}' already",
            hint=f"git mc cleanup {job.name}",
        )


def _gate(mission: Mission, request: Request, target: str) -> Gate | None:
    """What has to pass as the target is now; None where nothing is to be tested."""
    tip = refs.branch_tip(mission.git, target)
    if request.test is False or tip is None:
        return None
    gate = gate_of(mission, tip, target)
    if request.test and gate.command is None:
        why = f": {gate.missing} ({gate.origin} asks for it)" if gate.missing else ""
        raise Refused(
            f"there is no test command to run{why}", hint="git config mc.testCommand COMMAND"
        )
    return gate


def _make(mission: Mission, job: Job, request: Request, target: str, head: str) -> _Made:
    git = mission.git
    expected = refs.branch_tip(git, target)
    if expected is None:
        raise Refused(f"the target '{target}' is not a branch")
    if refs.is_ancestor(git, head, expected):
        return _Made(expected, expected, "none")
    strategy = request.strategy or mission.settings["mergeStrategy"]
    if strategy == "ff-only":
        if refs.is_ancestor(git, expected, head):
            return _Made(head, expected, "none")
        _set_aside(mission, job, State.NEEDS_REBASE, f"'{target}' has moved on", request)
        raise Refused(
            f"'{target}' has moved on, so '{job.branch}' is no fast-forward",
            hint=f"{_cure(job, target)}; or use --strategy squash or merge",
        )
    merged = Merger(Git(mission.main_worktree), mission.repo.common_dir).merge(expected, head)
    if merged.tree is None:
        files = ", ".join(map(str, merged.conflicts))
        _set_aside(mission, job, State.CONFLICT, f"conflict with '{target}': {files}", request)
        raise Conflict(
            f"'{job.name}' conflicts with '{target}' in {files}",
            merged.conflicts,
            hint=f"{_opening(job, target)} opens the conflict; commit, then try again",
        )
    if merged.tree == git("rev-parse", f"{expected}^{{tree}}"):
        return _Made(expected, expected, merged.engine)
    parents = [expected, head] if strategy == "merge" else [expected]
    span = f"{expected}..{head}"
    message = (
        message_for(mission, job, job.branch, target, span, strategy)
        if request.message is None
        else signed(mission, job, request.message)
    )
    if hooks(mission, strategy) and not request.dry_run:
        return _Made(commit(mission, strategy, expected, head, message), expected, "git")
    made = make(git, merged.tree, parents, message)
    return _Made(made, expected, merged.engine, merged.tree)


def _opening(job: Job, target: str) -> str:
    """The command that lets a person see the conflict and resolve it."""
    if Path(job.worktree).is_dir():
        return shlex.join(["git", "-C", job.worktree, "merge", target])
    return shlex.join(["git", "merge", target]) + f" on the branch {job.branch}"


def _cure(job: Job, target: str) -> str:
    """How the job comes to stand on its target."""
    if target == job.base:
        return f"git mc sync {job.name}"
    return shlex.join(["git", "-C", job.worktree, "rebase", target])


def _set_aside(mission: Mission, job: Job, state: State, reason: str, request: Request) -> None:
    if request.dry_run:
        return
    with mission.store.locked() as held:
        now = mission.job(job.name)
        ready = move(now, State.READY_TO_MERGE) if now.state is not State.READY_TO_MERGE else now
        set_aside = move(move(ready, State.MERGING), state, reason=reason)
        mission.save(held, now, set_aside, "merge")


def _move(mission: Mission, job: Job, landing: Landing, made: _Made) -> tuple[bool, McError | None]:
    """Move the target to the commit: whether it was still where it was, and `finish`'s trouble."""
    with mission.store.locked() as held:
        now = mission.job(job.name)
        _check_mergeable(now)
        ready = now
        if now.state is not State.READY_TO_MERGE:
            ready = mission.save(held, now, move(now, State.READY_TO_MERGE), "merge")
        mission.save(held, ready, move(ready, State.MERGING, landing=landing), "merge")
    mission.store.journal.write(
        mission.now(), "action", action="Land", job=job.name, target=landing.target,
        expected=landing.expected, commit=landing.commit, engine=made.engine,
    )  # fmt: skip
    try:
        moved = not made.changes or advance(
            mission, landing.target, landing.expected, landing.commit, f"mc merge: {job.name}"
        )
        if moved:
            _read_back(mission, landing, made.tree)
    except BaseException:
        finish(mission, job.name)
        raise
    return moved, finish(mission, job.name)


def _read_back(mission: Mission, landing: Landing, tree: str | None) -> None:
    """Raises Fatal where the target has other files than those that were to land."""
    tip = refs.branch_tip(mission.git, landing.target)
    if tip == landing.commit and tree not in (None, mission.git("rev-parse", f"{tip}^{{tree}}")):
        raise Fatal(f"'{landing.target}' is at {tip}, but its files are not those that were merged")


def finish(mission: Mission, name: str) -> McError | None:
    """Record how the landing under way came out, by looking at the target.

    What keeps it from being noted on the commits is journalled and returned; it has landed anyway.
    """
    job = mission.job(name)
    landing = job.landing
    if landing is None or job.state is not State.MERGING:
        return None
    tip = refs.branch_tip(mission.git, landing.target)
    there = tip is not None and refs.is_ancestor(mission.git, landing.commit, tip)
    # Before the state, so that after a kill in between it is done again.
    trouble = _note(mission, job, landing) if there else None
    with mission.store.locked() as held:
        now = mission.job(name)
        if now.landing != landing or now.state is not State.MERGING:
            return trouble
        if there:
            landed = Landed(landing.target, landing.commit, landing.head)
            after = move(now, State.MERGED, landing=None, landed=landed, reason=None)
        else:
            after = move(now, State.READY_TO_MERGE, landing=None)
        mission.save(held, now, after, "merge")
    return trouble


def _note(mission: Mission, job: Job, landing: Landing) -> McError | None:
    try:
        record(mission, [(job, landing)])
    except McError as fault:
        mission.store.journal.write(
            mission.now(), "failed", action="Note", job=job.name, error=fault.message
        )
        return fault
    return None
