"""What would be lost with a job's worktree: looked at, and changed by nothing here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gitmc.control.mission import Mission
from gitmc.errors import Refused
from gitmc.git import landed, refs, salvage, snapshot, worktree
from gitmc.git.run import Git
from gitmc.model.job import Job


@dataclass(frozen=True)
class Place:
    """Where a job's work is: `folder` has its files, `own` is the worktree's git directory.

    Either is None where it is missing. Then the branch may still be there.
    """

    folder: Path | None
    own: Path | None


@dataclass(frozen=True)
class AtRisk:
    """Work that would be gone."""

    dirty: tuple[str, ...]
    """Paths that are not committed."""
    unlanded: tuple[str, ...]
    """Commits that have not landed."""
    under_way: tuple[str, ...]
    """What git was told to do there and has not finished, in words."""
    inner: bool
    """Whether repositories are in it, which git removes by force only. None has work of its own."""

    def __bool__(self) -> bool:
        return bool(self.dirty or self.unlanded or self.under_way)


def place_of(mission: Mission, folder: Path, path: Path) -> Place:
    """The place of a worktree whose files are in `folder`, and that git knows at `path`."""
    common = mission.repo.common_dir
    own = worktree.own_git_dir(folder, common)
    if own is not None:
        return Place(folder, own)
    return Place(None, worktree.registered(common, path) if not folder.exists() else None)


def git_of(mission: Mission, place: Place) -> Git:
    """git for the worktree's HEAD, index and refs, whether or not its files are there."""
    if place.own is None:
        return mission.git
    return mission.git.with_environment(GIT_DIR=str(place.own))


def at_risk(mission: Mission, job: Job, place: Place) -> AtRisk:
    """What would be lost. Raises Refused for a repository inside that has work of its own."""
    heads = {refs.branch_tip(mission.git, job.branch)}
    dirty: list[str] = []
    under_way: list[str] = []
    inner = False
    if place.own is not None:
        git = git_of(mission, place)
        head = refs.commit_of(git, "HEAD")
        if git.answer("symbolic-ref", "-q", "HEAD") is None:
            heads.add(head)
        heads |= {commit for _, commit in salvage.own_refs(git)}
        under_way = salvage.under_way(place.own)
        if place.folder is not None:
            dirty = snapshot.changes(place.folder)
            inner = _check_inner(job, place.folder, dirty)
        else:
            dirty = _staged(git, head)
    unlanded = [head for head in heads if head and not is_landed(mission, job, head)]
    return AtRisk(tuple(dirty), tuple(sorted(unlanded)), tuple(under_way), inner)


def _staged(git: Git, head: str | None) -> list[str]:
    """What the index of a worktree that is away holds beside its commit."""
    below = head or git("mktree", stdin=b"")
    printed = git("diff-index", "--cached", "--name-only", "-z", "--no-renames", below)
    return [name for name in printed.split("\0") if name]


def _check_inner(job: Job, path: Path, dirty: Sequence[str]) -> bool:
    """Whether repositories are inside the worktree, as submodules or otherwise.

    Raises Refused where one has work that is nowhere else: salvage would keep its name only.
    """
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
    return unpushed.returncode != 0 or bool(unpushed.stdout) or bool(snapshot.changes(inner))


def is_landed(mission: Mission, job: Job, head: str) -> bool:
    """Whether removing `head` loses nothing: its target contains it, or all that it changes."""
    git = mission.git
    if refs.is_ancestor(git, head, job.base_commit):
        return True
    target = refs.branch_tip(git, job.landed.target if job.landed else job.base)
    if target is None:
        return False
    done = job.landed
    if done and done.head == head and refs.is_ancestor(git, done.commit, target):
        return True
    return landed.how(Git(mission.main_worktree), mission.repo.common_dir, head, target) is not None


def refusal(job: Job, risk: AtRisk) -> Refused:
    """What to say of `risk`, and what can be done about it."""
    what = []
    if risk.dirty:
        more = f" and {len(risk.dirty) - 3} more" if len(risk.dirty) > 3 else ""
        what.append("uncommitted changes (" + ", ".join(risk.dirty[:3]) + more + ")")
    if risk.unlanded:
        what.append("commits that have not landed on " + f"'{job.base}'")
    if risk.under_way:
        what.append(f"{' and '.join(risk.under_way)} that is not finished")
    merge = "" if job.landed else f"merge it: git mc merge {job.name}; or "
    return Refused(
        f"the job '{job.name}' has {' and '.join(what)}",
        hint=f"{merge}keep a copy under refs/mc/salvage and remove it: "
        f"git mc cleanup --force {job.name}",
    )
