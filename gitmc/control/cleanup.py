"""Cleanup: remove a finished job's worktree and record, and lose nothing by it.

What counts as landed is proved, never assumed. What has not landed, or was never committed, is
refused, or with `force` pinned under `refs/mc/salvage/` before anything is removed.

    look ─▶ salvage ─▶ into the trash ─▶ look again ─▶ git forgets it ─▶ branch ─▶ record

Killed anywhere, the work is where it was, in the trash that the next cleanup takes it back from, or
in salvage; and the next cleanup goes on.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from gitmc.control import removal, salvage
from gitmc.control.end import close
from gitmc.control.mission import Mission
from gitmc.control.risk import AtRisk, Place, at_risk, refusal
from gitmc.control.salvage import Kept
from gitmc.errors import Refused
from gitmc.git import refs, remote, trash, worktree
from gitmc.model.job import Job, State
from gitmc.model.plan import FINAL
from gitmc.store.plans import Plans


@dataclass(frozen=True)
class Removed:
    """What a cleanup did, or with a dry run would do, for one job."""

    name: str
    worktree: str | None
    branch: str | None
    salvaged: tuple[str, ...]


def cleanup(
    mission: Mission,
    name: str,
    *,
    force: bool = False,
    delete_branch: bool = False,
    keep_worktree: bool = False,
    dry_run: bool = False,
) -> Removed:
    """Remove the job; one that is gone is done. Raises Refused where work would be at risk."""
    with nullcontext() if dry_run else mission.store.cleanup_locked():
        return _cleanup(
            mission,
            name,
            force=force,
            delete_branch=delete_branch,
            keep_worktree=keep_worktree,
            dry_run=dry_run,
        )


def _cleanup(
    mission: Mission,
    name: str,
    *,
    force: bool,
    delete_branch: bool,
    keep_worktree: bool,
    dry_run: bool,
) -> Removed:
    job = mission.store.job(name)
    if job is None:
        return Removed(name, None, None, ())
    _check_over(job)
    _check_plan(mission, job)
    place = removal.find(mission, job, dry_run=dry_run)
    if not keep_worktree:
        removal.check_not_moved(mission, job, place)
    risk = at_risk(mission, job, place)
    if risk and not force:
        raise refusal(job, risk)
    path = Path(job.worktree)
    gone = None if keep_worktree or not path.exists() else job.worktree
    tip = refs.branch_tip(mission.git, job.branch)
    branch = job.branch if delete_branch and tip else None
    if branch and tip:
        _check_deletable(mission, job, tip, risk)
    if dry_run:
        return Removed(name, gone, branch, ())
    close(mission, name)
    rescue = _Rescue(mission, job, force=force)
    if risk:
        rescue.keep(place, risk)
    with mission.store.worktrees_locked():
        _check_over(mission.store.job(name) or job)
        if not keep_worktree:
            removal.remove(mission, job, force=force, look_again=rescue.look_again)
        if branch and tip:
            _delete_branch(mission, job, tip)
    with mission.store.locked() as held:
        _check_over(mission.store.job(name) or job)
        mission.store.remove(held, name)
    mission.store.journal.write(
        mission.now(), "action", action="Cleanup", job=name, worktree=gone, branch=branch,
        salvaged=rescue.refs or None,
    )  # fmt: skip
    return Removed(name, gone, branch, tuple(rescue.refs))


def empty_trash(worktrees: Path) -> None:
    """Delete, in a process of its own, what has lain for a day in the trash among `worktrees`."""
    trash.sweep_later(worktrees / trash.FOLDER)


class _Rescue:
    """What is kept of one job while it is being removed."""

    def __init__(self, mission: Mission, job: Job, *, force: bool) -> None:
        self._mission, self._job, self._force = mission, job, force
        self._kept: Kept | None = None
        self.refs: list[str] = []

    def keep(self, place: Place, risk: AtRisk) -> None:
        """Pin what is at `place`, unless it is pinned already."""
        if place.own is None:
            # The worktree is gone; an earlier cleanup may have been killed after it had kept all.
            known = salvage.holding(self._mission, self._job, risk.unlanded)
            if known is not None:
                self.refs = [known]
                return
        dirty = len(risk.dirty)
        self._kept = salvage.keep(self._mission, self._job, place, dirty, self._kept)
        self.refs = [self._kept.ref]

    def look_again(self, place: Place) -> None:
        """Keep what has been written since. Raises Refused where that was not asked for."""
        risk = at_risk(self._mission, self._job, place)
        if not risk:
            return
        if not self._force:
            said = refusal(self._job, risk)
            raise Refused(f"somebody works in it at this moment: {said.message}", said.hint)
        self.keep(place, risk)


def _check_over(job: Job) -> None:
    if job.live or job.launch or job.state in (State.RUNNING, State.MERGING):
        raise Refused(
            f"the job '{job.name}' is still running", hint=f"end it: git mc kill {job.name}"
        )


def _check_plan(mission: Mission, job: Job) -> None:
    """Raises Refused where a plan under way still needs the job."""
    if job.plan is None or job.landed is not None:
        return
    plan = Plans(mission.store.root).get(job.plan)
    known = plan.job(job.name) if plan else None
    if plan is None or known is None or known.done or plan.state in FINAL:
        return
    raise Refused(
        f"the job '{job.name}' belongs to the plan '{plan.id}', which is {plan.state}",
        hint=f"have the plan go on without it: git mc plan skip {plan.id} {job.name}",
    )


def _check_deletable(mission: Mission, job: Job, tip: str, risk: AtRisk) -> None:
    """Raises Refused where the branch is in use, or is all that holds its commits."""
    own = Path(job.worktree)
    homes = [t.path for t in worktree.listed(mission.git) if t.branch == job.branch]
    if any(home != own for home in homes):
        raise Refused(f"the branch '{job.branch}' is checked out in {homes[0]}")
    if tip in risk.unlanded or _held_elsewhere(mission, job, tip):
        return
    work_landed = not refs.is_ancestor(mission.git, tip, job.base_commit)
    if not (work_landed and _held_elsewhere(mission, job, job.base_commit)):
        raise Refused(
            f"nothing but the branch '{job.branch}' holds its commits",
            hint=f"leave out --delete-branch: git mc cleanup {job.name}",
        )


def _held_elsewhere(mission: Mission, job: Job, commit: str) -> bool:
    printed = mission.git("for-each-ref", "--format=%(refname)", "--contains", commit)
    return bool(set(printed.splitlines()) - {f"refs/heads/{job.branch}"})


def _delete_branch(mission: Mission, job: Job, tip: str) -> None:
    ref = f"refs/heads/{job.branch}"
    if refs.swap(mission.git, ref, refs.NOTHING, tip, f"mc cleanup: {job.name}"):
        remote.forget(mission.git, job.branch)
        return
    if refs.branch_tip(mission.git, job.branch) is not None:
        raise Refused(
            f"the branch '{job.branch}' has moved since it was looked at",
            hint=f"try again: git mc cleanup --delete-branch {job.name}",
        )
