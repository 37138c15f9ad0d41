"""Cleanup: remove a finished job's worktree and record, and lose nothing by it.

What counts as landed is proved, never assumed. What has not landed, or was never committed, is
refused, or with `force` pinned under `refs/mc/salvage/` before anything is removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gitmc.control.end import close
from gitmc.control.mission import Mission
from gitmc.errors import CommandFailed, Refused
from gitmc.git import refs, salvage, worktree
from gitmc.git.merge import Merger
from gitmc.git.run import Git
from gitmc.model.job import Job, State


@dataclass(frozen=True)
class Removed:
    """What a cleanup did, or with a dry run would do, for one job."""

    name: str
    worktree: str | None
    branch: str | None
    salvaged: tuple[str, ...]


@dataclass(frozen=True)
class _AtRisk:
    """Work that would be gone: uncommitted paths, and commits that have not landed."""

    dirty: tuple[str, ...]
    unlanded: tuple[str, ...]
    inner: bool
    """Whether repositories are in it, which git removes by force only. None has work of its own."""


def cleanup(
    mission: Mission,
    name: str,
    *,
    force: bool = False,
    delete_branch: bool = False,
    keep_worktree: bool = False,
    dry_run: bool = False,
) -> Removed:
    """Remove the job. Raises Refused, changing nothing, where work would be at risk."""
    job = mission.job(name)
    if job.live or job.state in (State.QUEUED, State.RUNNING, State.MERGING):
        raise Refused(f"the job '{name}' is still running", hint=f"end it: git mc kill {name}")
    risk = _at_risk(mission, job)
    if (risk.dirty or risk.unlanded) and not force:
        raise _refusal(job, risk)
    path = Path(job.worktree)
    gone = None if keep_worktree or not path.exists() else job.worktree
    tip = refs.branch_tip(mission.git, job.branch)
    branch = job.branch if delete_branch and tip else None
    if branch and tip:
        _check_deletable(mission, job, tip, risk)
    if dry_run:
        return Removed(name, gone, branch, ())
    close(mission, name)
    salvaged = _salvage(mission, job, risk) if risk.dirty or risk.unlanded else ()
    with mission.store.worktrees_locked():
        if not keep_worktree:
            _remove_worktree(mission, path, force=bool(risk.dirty) or risk.inner)
        if branch and tip:
            _delete_branch(mission, job, tip)
    with mission.store.locked() as held:
        mission.store.remove(held, name)
    mission.store.journal.write(
        mission.now(), "action", action="Cleanup", job=name, worktree=gone, branch=branch,
        salvaged=list(salvaged) or None,
    )  # fmt: skip
    return Removed(name, gone, branch, salvaged)


def _at_risk(mission: Mission, job: Job) -> _AtRisk:
    path = Path(job.worktree)
    heads = {refs.branch_tip(mission.git, job.branch)}
    dirty: list[str] = []
    inner = False
    if worktree.is_worktree(path):
        dirty = worktree.uncommitted(path)
        inner = _check_inner(job, dirty)
        if Git(path).answer("symbolic-ref", "-q", "HEAD") is None:
            heads.add(refs.commit_of(Git(path), "HEAD"))
    unlanded = [head for head in heads if head and not is_landed(mission, job, head)]
    return _AtRisk(tuple(dirty), tuple(sorted(unlanded)), inner)


def _check_inner(job: Job, dirty: Sequence[str]) -> bool:
    """Whether repositories are inside the worktree, as submodules or otherwise.

    Raises Refused where one has work that is nowhere else: salvage would keep its name only.
    """
    path = Path(job.worktree)
    staged = Git(path)("ls-files", "-z", "--stage").split("\0")
    links = [entry.partition("\t")[2] for entry in staged if entry.startswith("160000 ")]
    names = [*links, *(name for name in dirty if name.endswith("/"))]
    inner = [name for name in names if (path / name / ".git").exists()]
    for name in inner:
        if _has_own_work(path / name):
            raise Refused(
                f"the worktree of '{job.name}' has a repository with work of its own in it: {name}",
                hint=f"push that work, or move {path / name} away, then try again",
            )
    return bool(inner)


def _has_own_work(inner: Path) -> bool:
    git = Git(inner)
    unpushed = git.result("log", "-1", "--format=%h", "HEAD", "--branches", "--not", "--remotes")
    return unpushed.returncode != 0 or bool(unpushed.stdout) or bool(worktree.uncommitted(inner))


def _check_deletable(mission: Mission, job: Job, tip: str, risk: _AtRisk) -> None:
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


def is_landed(mission: Mission, job: Job, head: str) -> bool:
    """Whether removing `head` loses nothing: its target contains it, or all that it changes."""
    git = mission.git
    if refs.is_ancestor(git, head, job.base_commit):
        return True
    target = refs.branch_tip(git, job.landed.target if job.landed else job.base)
    if target is None:
        return False
    if refs.is_ancestor(git, head, target):
        return True
    landed = job.landed
    if landed and landed.head == head and refs.is_ancestor(git, landed.commit, target):
        return True
    if git.answer("merge-base", head, target) is None:
        return False
    merged = Merger(Git(mission.main_worktree), mission.repo.common_dir).merge(target, head)
    return merged.tree == git("rev-parse", f"{target}^{{tree}}")


def _refusal(job: Job, risk: _AtRisk) -> Refused:
    what = []
    if risk.dirty:
        more = f" and {len(risk.dirty) - 3} more" if len(risk.dirty) > 3 else ""
        what.append("uncommitted changes (" + ", ".join(risk.dirty[:3]) + more + ")")
    if risk.unlanded:
        what.append("commits that have not landed on " + f"'{job.base}'")
    merge = "" if job.landed else f"merge it: git mc merge {job.name}; or "
    return Refused(
        f"the job '{job.name}' has {' and '.join(what)}",
        hint=f"{merge}keep a copy under refs/mc/salvage and remove it: "
        f"git mc cleanup --force {job.name}",
    )


def _salvage(mission: Mission, job: Job, risk: _AtRisk) -> tuple[str, ...]:
    commits = list(risk.unlanded)
    if risk.dirty:
        saved = salvage.snapshot(Path(job.worktree), f"{job.name}: work that was uncommitted")
        if saved is not None:
            commits.append(saved)
    stamp = mission.now().strftime("%Y%m%dT%H%M%S%fZ")
    pinned = []
    for number, commit in enumerate(dict.fromkeys(commits)):
        ref = f"refs/mc/salvage/{job.name}/{stamp}" + (f"-{number}" if number else "")
        salvage.pin(mission.git, ref, commit)
        pinned.append(ref)
    return tuple(pinned)


def _remove_worktree(mission: Mission, path: Path, *, force: bool) -> None:
    try:
        worktree.remove(mission.git, path, force=force)
    except CommandFailed as failed:
        # Looked at a moment ago, it was clean: somebody works in it now, or it is broken.
        hint = "git mc cleanup --force keeps a copy under refs/mc/salvage first"
        if not worktree.is_worktree(path):
            hint = (
                f"it is no worktree any more: look at {path}, then: git mc cleanup --keep-worktree"
            )
        raise Refused(
            f"git will not remove the worktree {path}: {failed.stderr.strip()}", hint=hint
        ) from failed


def _delete_branch(mission: Mission, job: Job, tip: str) -> None:
    ref = f"refs/heads/{job.branch}"
    if not refs.swap(mission.git, ref, refs.NOTHING, tip, f"mc cleanup: {job.name}"):
        raise Refused(f"the branch '{job.branch}' has moved since it was looked at")
