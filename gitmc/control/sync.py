"""Bringing a job's base into the job's branch, with whatever its worktree holds.

All of it is computed in memory first: the commits on top of the base, or the merge, and what is
uncommitted on top of those. Only then the branch and its worktree move, together or not at all; if
either has moved meanwhile, all is computed again. On a conflict nothing has changed anywhere.

A kill leaves the job as it was, or synced; what it leaves in between in the worktree, the next sync
or merge mends. A branch that has all of its base already is left alone, and only the job's record
is brought up to date: it may be a kill that left it behind, or a person who did it by hand.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from gitmc.control.mission import Mission
from gitmc.control.rebase import ask_hook, rebased
from gitmc.control.risk import Place, place_of
from gitmc.errors import Conflict, Refused
from gitmc.git import fetch, refs, repoint, salvage, snapshot, worktree
from gitmc.git.commit import make
from gitmc.git.merge import Merger
from gitmc.git.replay import Replayed, copy_notes
from gitmc.git.run import Git
from gitmc.git.snapshot import Look, Unread
from gitmc.model.job import Job, State, move

ATTEMPTS = 50
"""How often the branch or its worktree may change meanwhile. Each time, the agent got further."""

RESOLVED = (State.CONFLICT, State.NEEDS_REBASE)
"""States that a job is in because of its base, and leaves once it has it."""

ENDS = {
    "a rebase": "rebase --abort",
    "a merge": "merge --abort",
    "a cherry-pick": "cherry-pick --abort",
    "a revert": "revert --abort",
    "a series of picks": "cherry-pick --abort",
    "a bisection": "bisect reset",
}
"""What ends each thing that can be under way in a worktree."""


@dataclass(frozen=True)
class Request:
    """What was asked for. `source` is local, or origin for the base as its remote has it."""

    name: str
    strategy: str = "rebase"
    source: str = "local"
    autostash: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a sync came to: the branch went from `old_head` to `head`, unless `changed` is false."""

    job: Job
    base: str
    base_commit: str
    old_head: str
    head: str
    changed: bool
    engine: str


class _Base(NamedTuple):
    """What is brought in: its name, by which git finds it too if `by_name`, and its commit."""

    name: str
    commit: str
    by_name: str


def sync(mission: Mission, request: Request) -> Outcome:
    """Sync the job. Raises Refused, or Conflict with the files; then nothing has changed."""
    job = mission.job(request.name)
    _check_job(job)
    path = Path(job.worktree)
    if not request.dry_run and worktree.own_git_dir(path, mission.repo.common_dir) is not None:
        repoint.mend(path)
    unread: Unread | None = None
    with _base(mission, job, request) as base:
        if request.strategy == "rebase" and not request.dry_run:
            _ask(mission, job, base)
        for _ in range(ATTEMPTS):
            try:
                outcome = _sync_once(mission, request, base)
            except Unread as fault:
                unread = fault
                continue
            if outcome is not None:
                return outcome
    if unread is not None:
        raise unread
    raise Refused(
        f"'{job.branch}' keeps changing: somebody was faster {ATTEMPTS} times in a row",
        hint=f"try again when its agent rests: git mc status {job.name}",
    )


def _check_job(job: Job) -> None:
    if job.state is State.CANCELED:
        raise Refused(f"the job '{job.name}' was canceled, so there is nothing to sync")
    if job.unstarted or job.launch is not None:
        raise Refused(
            f"the job '{job.name}' is still {job.state}, and starts from its base anyway",
            hint=f"git mc status {job.name}",
        )
    if job.state is State.MERGING:
        raise Refused(f"the job '{job.name}' is being merged by another process")
    if job.landed is not None:
        raise Refused(
            f"the job '{job.name}' has landed on '{job.landed.target}' already",
            hint=f"git mc cleanup {job.name}",
        )


@contextmanager
def _base(mission: Mission, job: Job, request: Request) -> Iterator[_Base]:
    git = mission.git
    if request.source == "local":
        commit = refs.branch_tip(git, job.base)
        if commit is None:
            raise Refused(
                f"the base '{job.base}' of '{job.name}' is not a branch here",
                hint=f"take it from its remote: git mc sync {job.name} --source origin",
            )
        yield _Base(job.base, commit, job.base)
        return
    source = fetch.upstream(git, job.base)
    ref = f"refs/mc/sync/{job.name}"
    with fetch.fetched(git, source, ref, tracking=not request.dry_run) as commit:
        known = refs.commit_of(git, f"refs/remotes/{source}") == commit
        yield _Base(str(source), commit, str(source) if known else commit)


def _ask(mission: Mission, job: Job, base: _Base) -> None:
    """Ask git's hook for rebases, if there is one to come."""
    head = refs.branch_tip(mission.git, job.branch)
    if head is None or refs.is_ancestor(mission.git, base.commit, head):
        return
    folder = place_of(mission, Path(job.worktree), Path(job.worktree)).folder
    if folder is not None:
        ask_hook(folder, base.by_name)
    else:
        ask_hook(mission.main_worktree, base.by_name, job.branch)


def _sync_once(mission: Mission, request: Request, base: _Base) -> Outcome | None:
    """Sync the job as it is now; None where it has changed on the way."""
    git = mission.git
    job = mission.job(request.name)
    _check_job(job)
    head = refs.branch_tip(git, job.branch)
    if head is None:
        raise Refused(
            f"the branch '{job.branch}' is gone, so there is nothing to sync",
            hint=f"make it again: git mc relaunch {job.name}",
        )
    if refs.is_ancestor(git, base.commit, head):
        job = job if request.dry_run else _record(mission, job, _newest(git, job, base))
        return Outcome(job, base.name, base.commit, head, head, changed=False, engine="none")
    place = _place(mission, job)
    with snapshot.looking(place.folder) if place.folder else nullcontext() as look:
        if look is not None and look.seen.head != head:
            return None
        dirty = look is not None and _check_changes(mission, job, look, request)
        merger = Merger(Git(mission.main_worktree), mission.repo.common_dir)
        made = _make(mission, merger, request, base, job, head)
        if made.head is None:
            raise _conflict(mission, request, base, job, made, dirty=dirty)
        files, staged = _carried(mission, merger, job, look, base, made.head)
        after = Outcome(job, base.name, base.commit, head, made.head, True, made.engine)
        if request.dry_run:
            return after
        why = f"mc sync ({request.strategy}): {job.name}"
        step = repoint.Move(f"refs/heads/{job.branch}", head, made.head, files, staged, why)
        if not _take_effect(mission, request, base, made, step, look):
            return None
    return replace(after, job=_record(mission, job, base.commit))


def _make(
    mission: Mission, merger: Merger, request: Request, base: _Base, job: Job, head: str
) -> Replayed:
    """The job's commits with the base; without a head where they conflict."""
    git = mission.git
    if refs.is_ancestor(git, head, base.commit):
        return Replayed(base.commit)
    if request.strategy == "rebase":
        return rebased(mission, merger, head, base.commit, notes=not request.dry_run)
    merged = merger.merge(head, base.commit)
    if merged.tree is None:
        return Replayed(None, clashes=merged.conflicts, engine=merged.engine)
    kind = "branch" if request.source == "local" else "remote-tracking branch"
    message = f"Merge {kind} '{base.name}' into {job.branch}"
    return Replayed(make(git, merged.tree, [head, base.commit], message), engine=merged.engine)


def _conflict(
    mission: Mission, request: Request, base: _Base, job: Job, made: Replayed, *, dirty: bool
) -> Conflict:
    """The error for a conflict, with what somebody types who wants to sort it out."""
    files = ", ".join(map(str, made.clashes))
    at = f" at {mission.git('log', '-1', '--format=%h', made.stopped)}" if made.stopped else ""
    path = shlex.quote(job.worktree)
    words = [request.strategy, *(["--autostash"] if dirty else []), shlex.quote(base.by_name)]
    hint = f"git -C {path} {' '.join(words)}"
    if not Path(job.worktree).exists():
        hint = f"git worktree add {path} {shlex.quote(job.branch)}; {hint}"
    return Conflict(
        f"'{job.name}' conflicts with '{base.name}'{at} in {files}",
        made.clashes,
        hint=f"nothing has changed; sort it out by hand: {hint}",
    )


def _place(mission: Mission, job: Job) -> Place:
    """Where the job's work is. Raises Refused where its branch cannot move there."""
    path, git = Path(job.worktree), mission.git
    place = place_of(mission, path, path)
    if path.exists() and place.folder is None:
        raise Refused(
            f"{path} is no worktree any more",
            hint="look at what is there and move it away; the branch is then synced alone",
        )
    for tree in worktree.listed(git):
        if tree.branch == job.branch and tree.path != place.folder and tree.path.exists():
            raise Refused(
                f"'{job.branch}' is checked out in {tree.path} as well",
                hint=f"git -C {shlex.quote(str(tree.path))} switch --detach",
            )
    if place.folder is not None and place.own is not None:
        _check_head(job, place.folder, place.own)
    return place


def _check_head(job: Job, path: Path, own: Path) -> None:
    there = f"git -C {shlex.quote(str(path))}"
    for what in salvage.under_way(own):
        end = "am --abort" if (own / "rebase-apply/applying").exists() else ENDS[what]
        raise Refused(
            f"the worktree of '{job.name}' has {what} that is not finished",
            hint=f"finish it, or end it: {there} {end}",
        )
    ref = Git(path).answer("symbolic-ref", "-q", "HEAD")
    if ref != f"refs/heads/{job.branch}":
        on = f"on '{ref.removeprefix('refs/heads/')}'" if ref else "on no branch"
        raise Refused(
            f"the worktree of '{job.name}' is {on}, not on '{job.branch}'",
            hint=f"{there} switch {job.branch}",
        )


def _check_changes(mission: Mission, job: Job, look: Look, request: Request) -> bool:
    """Whether something is uncommitted. Raises Refused where that cannot come along."""
    seen = look.seen
    if any(mark.startswith("unmerged ") for mark in seen.marks):
        raise Refused(
            f"the worktree of '{job.name}' has unresolved conflicts",
            hint=f"resolve and commit them in {look.path}, then try again",
        )
    tree = mission.git("rev-parse", f"{seen.head}^{{tree}}")
    if (seen.files, seen.staged) == (tree, tree):
        return False
    if job.live and not request.autostash:
        raise Refused(
            f"the agent of '{job.name}' is at work: there are uncommitted changes",
            hint=f"carry them over: git mc sync {job.name} --autostash; or wait until it commits",
        )
    return True


def _carried(
    mission: Mission, merger: Merger, job: Job, look: Look | None, base: _Base, head: str
) -> tuple[str, str]:
    """The trees that the worktree's files and its index become at `head`. Raises Conflict."""
    new = mission.git("rev-parse", f"{head}^{{tree}}")
    if look is None:
        return new, new
    old = mission.git("rev-parse", f"{look.seen.head}^{{tree}}")
    found = {old: new}
    for tree in (look.seen.files, look.seen.staged):
        if tree in found:
            continue
        outcome = merger.merge_trees(old, new, tree)
        if outcome.tree is None:
            files = ", ".join(map(str, outcome.conflicts))
            raise Conflict(
                f"what '{job.name}' has not committed conflicts with '{base.name}' in {files}",
                outcome.conflicts,
                hint=f"commit it first in {look.path}, then: git mc sync {job.name}",
            )
        found[tree] = outcome.tree
    return found[look.seen.files], found[look.seen.staged]


def _take_effect(
    mission: Mission,
    request: Request,
    base: _Base,
    made: Replayed,
    step: repoint.Move,
    look: Look | None,
) -> bool:
    """Move the branch and its worktree; False where they are not as they were."""
    mission.store.journal.write(
        mission.now(), "action", action="Sync", job=request.name, strategy=request.strategy,
        source=request.source, base=base.commit, expected=step.old, commit=step.new,
        engine=made.engine,
    )  # fmt: skip
    # Before the branch moves: notes that nobody finds yet are better than notes that are missed.
    copy_notes(mission.git, made.pairs)
    with mission.store.worktrees_locked():
        _check_job(mission.job(request.name))
        if look is None:
            return refs.swap(mission.git, step.ref, step.new, step.old, step.why)
        return repoint.repoint(look, step)


def _newest(git: Git, job: Job, base: _Base) -> str:
    """The commit that the job's own ones are on top of: a base may have gone back since."""
    known = refs.commit_of(git, job.base_commit)
    return known if known and refs.is_ancestor(git, base.commit, known) else base.commit


def _record(mission: Mission, seen: Job, base_commit: str) -> Job:
    """Store what the job is on top of from now on; the job."""
    with mission.store.locked() as held:
        now = mission.store.job(seen.name)
        if now is None or now.landed is not None:
            return now or seen
        after = now._replace(base_commit=base_commit)
        if now.state in RESOLVED:
            after = move(after, State.READY_TO_MERGE, reason=None)
        return now if after == now else mission.save(held, now, after, "sync")
