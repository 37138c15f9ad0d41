"""What an agent left uncommitted: committed before its work goes anywhere."""

from __future__ import annotations

from pathlib import Path

from gitmc.control.mission import Mission
from gitmc.errors import CommandFailed, Refused
from gitmc.git import refs, repoint, worktree
from gitmc.git.run import Git
from gitmc.model.job import Job
from gitmc.model.pushes import TOUCH_SET


def commit_leftovers(mission: Mission, job: Job) -> None:
    """Commit what the job's worktree has uncommitted. Raises Refused where that is switched off."""
    path = Path(job.worktree)
    if not path.is_dir():
        return
    git = Git(path)
    repoint.mend(path)
    _check_head(mission, job, git)
    left = worktree.uncommitted(path)
    if not left:
        return
    _check_leftovers(job, git, left)
    if not mission.settings["autoCommit"]:
        raise Refused(
            f"the job '{job.name}' has uncommitted changes: {', '.join(left[:5])}",
            hint=f"commit them in {path}, or set mc.autoCommit to true",
        )
    ref = git.answer("symbolic-ref", "-q", "HEAD")
    if ref != f"refs/heads/{job.branch}":
        raise Refused(
            f"the worktree of '{job.name}' has uncommitted changes, and is not on '{job.branch}'",
            hint=f"sort it out by hand in {path}",
        )
    git("add", "--all")
    if job.plan is not None:
        # A plan looks at touch sets itself, and a person may accept what leaves one.
        git = git.with_environment(MC_ALLOW=TOUCH_SET)
    try:
        git("commit", "--quiet", "-m", subject(mission, job), "--trailer", f"Mc-Job: {job.name}")
    except CommandFailed as failed:
        raise Refused(
            f"git would not commit what '{job.name}' left uncommitted: {failed.stderr.strip()}",
            hint=f"commit it by hand in {path}, then try again",
        ) from failed


def _check_head(mission: Mission, job: Job, git: Git) -> None:
    """Raises Refused where the worktree is on commits that the job's branch does not have."""
    head, tip = refs.commit_of(git, "HEAD"), refs.branch_tip(mission.git, job.branch)
    if head and tip and not refs.is_ancestor(git, head, tip):
        raise Refused(
            f"the worktree of '{job.name}' has commits that are not on '{job.branch}'",
            hint=f"in {job.worktree}: git switch {job.branch}; git merge {head[:12]}",
        )


def _check_leftovers(job: Job, git: Git, left: list[str]) -> None:
    """Raises Refused for what no commit can hold: conflicts, and repositories of their own."""
    unmerged = git("diff", "--name-only", "--diff-filter=U").splitlines()
    if unmerged:
        raise Refused(
            f"the worktree of '{job.name}' has unresolved conflicts: {', '.join(unmerged[:5])}",
            hint=f"resolve and commit them in {job.worktree}, then try again",
        )
    for name in left:
        if name.endswith("/") and Path(job.worktree, name, ".git").exists():
            raise Refused(
                f"the worktree of '{job.name}' has a repository of its own in it: {name}",
                hint=f"move {job.worktree}/{name} away, or add it as a submodule",
            )


def subject(mission: Mission, job: Job) -> str:
    """A first line for a commit of the job's work: its name, and its prompt as far as it fits."""
    prompt = mission.store.prompt_path(job.name)
    text = prompt.read_text("utf-8", "replace").strip() if prompt.exists() else ""
    first = " ".join(text.partition("\n")[0].split())
    subject = f"{job.name}: {first}" if first else job.name
    return subject if len(subject) <= 72 else subject[:71].rstrip() + "…"
