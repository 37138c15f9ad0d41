"""Restore: a job that was salvaged, as it was.

    FIND      the salvage, and what it says
    RESERVE   under the state lock: the name is free; the job is stored as `queued`, owned by us
    WORKTREE  branch and worktree are made, and filled with files, index and what git had begun
    RECORD    under the state lock: the job is stored in the state it had
    COMPARE   what is there now is what was salvaged: then, and only then, the salvage is let go

Until RECORD this looks like a launch whose agent has not started, so that a failure, or anyone who
finds its owner gone, undoes it as one. The salvage outlives all of that.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitmc.control.make import undo
from gitmc.control.mission import Mission, this_process
from gitmc.control.prepare import check_free, new_run, worktree_path
from gitmc.control.salvage import GIT, MARKS, Stored, drop, stored
from gitmc.errors import Refused
from gitmc.git import refs, salvage, snapshot, worktree
from gitmc.git.run import Git
from gitmc.model.job import Job, Launch, Phase, Run, State
from gitmc.model.salvage import ROOT, Salvage, of_ref
from gitmc.store.codec import Malformed, decode_job
from gitmc.store.files import replace_file


@dataclass(frozen=True)
class Restored:
    """What a restore did, or with a dry run would do."""

    job: Job
    ref: str
    differs: tuple[str, ...]
    """What is not as it was salvaged, in words; the salvage is then still there."""


@dataclass(frozen=True)
class _Plan:
    """A restore that was checked and found possible."""

    found: Stored
    said: Salvage
    job: Job
    files: Mapping[str, bytes]

    @property
    def marks(self) -> tuple[str, ...]:
        """What the trees do not say of the worktree."""
        return tuple(mark for mark in os.fsdecode(self.files.get(MARKS, b"")).split("\0") if mark)

    @property
    def branches(self) -> dict[str, str]:
        """The branches that must be there, each with its commit."""
        wanted = {self.said.branch: self.said.tip} if self.said.tip else {}
        on = (self.said.on or "").removeprefix("refs/heads/")
        if on and self.said.head:
            wanted[on] = self.said.head
        return {branch: commit for branch, commit in wanted.items() if commit}


def restore(
    mission: Mission, name: str, *, at: str | None = None, dry_run: bool = False
) -> Restored:
    """Bring the job back. Raises Refused, with nothing changed, where something is in the way."""
    plan = _plan(mission, name, at)
    if dry_run:
        return Restored(plan.job, plan.found.ref, ())
    mission.store.make()
    reserved = _reserve(mission, plan)
    made: list[str] = []
    try:
        _fill(mission, plan, made)
        job = _record(mission, plan, reserved)
    except BaseException:
        undo(mission, name)
        if mission.store.job(name) is None:
            _forget(mission, plan, made)
        raise
    differs = _differences(mission, plan)
    if not differs:
        drop(mission, plan.found.ref, plan.found.commit)
    mission.store.journal.write(
        mission.now(), "action", action="Restore", job=name, salvage=plan.found.ref,
        differs=list(differs) or None,
    )  # fmt: skip
    return Restored(job, plan.found.ref, differs)


def _forget(mission: Mission, plan: _Plan, made: list[str]) -> None:
    for branch in made:
        ref = f"refs/heads/{branch}"
        refs.swap(mission.git, ref, refs.NOTHING, plan.branches[branch], "mc restore: undone")


def _plan(mission: Mission, name: str, at: str | None) -> _Plan:
    found = _find(mission, name, at)
    if found.salvage is None:
        raise Refused(
            f"{found.ref} does not say how the job '{name}' was",
            hint=f"its files are there: git branch NEW-BRANCH {found.ref}",
        )
    said = found.salvage
    files = salvage.files_of(mission.git, said.record)
    try:
        job = decode_job(tomllib.loads(files.get("job.toml", b"").decode()))
    except (Malformed, ValueError) as fault:
        raise Refused(
            f"the record of '{name}' in {said.record[:12]} cannot be read: {fault}",
            hint=f"its files are there: git branch NEW-BRANCH {found.ref}",
        ) from fault
    if job.name != name:
        raise Refused(f"{found.ref} holds a job called '{job.name}'")
    path = Path(job.worktree)
    if os.path.lexists(path):
        path = worktree_path(mission, name)
    check_free(mission, name, path)
    run = job.run and job.run._replace(phase=Phase.CLOSED)
    job = job._replace(worktree=str(path), run=run, terminal=None)
    job = job._replace(queue=None, launch=None, landing=None)
    plan = _Plan(found, said, job, files)
    _check_branches(mission, plan)
    return plan


def _find(mission: Mission, name: str, at: str | None) -> Stored:
    of_job = stored(mission, name)
    if not of_job:
        others = sorted({one.job for one in stored(mission)})
        known = f"there is salvage of {', '.join(others)}" if others else "there is none at all"
        raise Refused(f"there is no salvage of a job called '{name}'", hint=known)
    if at is None:
        return of_job[-1]
    times = {of_ref(one.ref)[1]: one for one in of_job}
    said = {one.salvage.at: one for one in of_job if one.salvage}
    chosen = {one.ref: one for one in of_job} | said | times
    if at not in chosen:
        raise Refused(
            f"there is no salvage of '{name}' with the time {at}",
            hint=f"there is {', '.join(times)}",
        )
    return chosen[at]


def _check_branches(mission: Mission, plan: _Plan) -> None:
    """Raises Refused where a branch is not where it was, or is checked out."""
    homes = {tree.branch: tree.path for tree in worktree.listed(mission.git) if tree.branch}
    name = plan.job.name
    for branch, commit in plan.branches.items():
        tip = refs.branch_tip(mission.git, branch)
        if tip not in (None, commit):
            raise Refused(
                f"the branch '{branch}' is at {(tip or '')[:12]}, and was at {commit[:12]}",
                hint=f"rename it: git branch -m {branch} {branch}-2; then git mc restore {name}",
            )
        if branch in homes and plan.said.on == f"refs/heads/{branch}":
            raise Refused(
                f"the branch '{branch}' is checked out in {homes[branch]}",
                hint=f"switch that to another, or if it is gone: git worktree prune; "
                f"then git mc restore {name}",
            )


def _reserve(mission: Mission, plan: _Plan) -> Job:
    """Store the job as one whose launch is under way, and nobody's agent can be."""
    store, job = mission.store, plan.job
    run = Run(new_run())
    launch = Launch(this_process(), new_branch=False)
    reserved = job._replace(state=State.QUEUED, run=run, launch=launch)
    # A launcher that is there takes its spec away. This one stays: there is nothing to adopt.
    spec = store.spec_path(run.id)
    replace_file(spec, b"{}\n", mode=0o600)
    try:
        with store.locked() as held:
            check_free(mission, job.name, Path(job.worktree))
            store.write_prompt(store.prompt_path(job.name), plan.files.get("prompt.md", b""))
            store.add(held, reserved)
    except BaseException:
        spec.unlink(missing_ok=True)
        raise
    return reserved


def _fill(mission: Mission, plan: _Plan, made: list[str]) -> None:
    job, said, path = plan.job, plan.said, Path(plan.job.worktree)
    path.parent.mkdir(parents=True, exist_ok=True)
    with mission.store.worktrees_locked():
        for branch, commit in plan.branches.items():
            if refs.branch_tip(mission.git, branch) is None:
                ref = f"refs/heads/{branch}"
                if refs.swap(mission.git, ref, commit, refs.NOTHING, "mc restore"):
                    made.append(branch)
        _check_branches(mission, plan)
        if said.on and said.head:
            worktree.add(mission.git, path, said.on.removeprefix("refs/heads/"), None)
        else:
            worktree.add_detached(mission.git, path, said.head or plan.found.commit)
    git = Git(path)
    if said.on and not said.head:
        git("symbolic-ref", "HEAD", said.on)
    own = Path(git("rev-parse", "--absolute-git-dir"))
    replace_file(own / "mc-job", f"{job.name}\n".encode())
    index = f"{said.staged}^{{tree}}" if said.staged else "HEAD^{tree}"
    snapshot.put(path, f"{plan.found.commit}^{{tree}}", index, plan.marks)
    for ref, commit in said.refs:
        git("update-ref", ref, commit)
    for name, content in plan.files.items():
        if name.startswith(GIT):
            target = own / name.removeprefix(GIT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def _record(mission: Mission, plan: _Plan, reserved: Job) -> Job:
    """Store the job in the state that it had."""
    store, job = mission.store, plan.job
    log = store.log_path(job.name)
    if "job.log" in plan.files and not log.exists():
        replace_file(log, plan.files["job.log"], mode=0o600)
    with store.locked() as held:
        now = store.job(job.name)
        if now is None or now.launch != reserved.launch or now.state is not State.QUEUED:
            raise Refused(f"'{job.name}' was stopped while it was being restored")
        if "prompt.md" not in plan.files:
            store.prompt_path(job.name).unlink(missing_ok=True)
        # Not a move of the job's: it is there again, as it was.
        mission.save(held, None, job, "restore")
    assert reserved.run is not None
    store.spec_path(reserved.run.id).unlink(missing_ok=True)
    return job


def _differences(mission: Mission, plan: _Plan) -> tuple[str, ...]:
    said = plan.said
    now = snapshot.take(Path(plan.job.worktree))
    trees = [mission.git("rev-parse", f"{plan.found.commit}^{{tree}}")]
    trees.append(mission.git("rev-parse", f"{said.staged}^{{tree}}") if said.staged else trees[0])
    pairs = {
        "the commit": (now.head, said.head),
        "the files": (now.files, trees[0]),
        "the index": (now.staged, trees[1]),
        "what git was told of single files": (now.marks, plan.marks),
    }
    return tuple(what for what, (here, there) in pairs.items() if here != there)


def listed(mission: Mission) -> list[dict[str, object]]:
    """All salvage as objects, by job and time; null is what an older git mc did not write down."""
    found: list[dict[str, object]] = []
    for one in stored(mission):
        said = one.salvage
        found.append(
            {
                "name": one.job,
                "ref": one.ref,
                "at": said.at if said else one.ref.removeprefix(f"{ROOT}/{one.job}/"),
                "branch": said and said.branch,
                "commits": said and said.commits,
                "files": said and said.files,
            }
        )
    return found
