"""Salvage: one commit that holds all of a job, made and looked at again before anything goes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from gitmc.control.mission import Mission
from gitmc.control.risk import Place, git_of
from gitmc.errors import CommandFailed, Refused
from gitmc.git import refs, salvage, snapshot
from gitmc.git.snapshot import Snapshot
from gitmc.model.job import Job
from gitmc.model.salvage import ROOT, Salvage, message, of_ref, parse, ref_name
from gitmc.store.codec import time_text

ATTEMPTS = 20
"""How often a worktree may change while it is being copied."""

MARKS = "marks"
"""The file of a record that has a snapshot's marks, each ended by NUL."""

GIT = "git/"
"""The folder of a record that has what git wrote about something that is not finished."""


@dataclass(frozen=True)
class _State:
    """All that was seen at once, and that a salvage must hold."""

    seen: Snapshot | None
    head: str | None
    on: str | None
    tip: str | None
    refs: tuple[tuple[str, str], ...]
    files: Mapping[str, bytes]


class Kept(NamedTuple):
    """A salvage that was made, with what it holds."""

    ref: str
    commit: str
    state: _State


class Stored(NamedTuple):
    """A salvage that is there; `salvage` is None for one whose message tells nothing."""

    ref: str
    commit: str
    salvage: Salvage | None

    @property
    def job(self) -> str:
        """The job that it is of."""
        return of_ref(self.ref)[0]


def stored(mission: Mission, name: str | None = None) -> list[Stored]:
    """All salvage, or that of one job, the oldest of each job first."""
    root = ROOT if name is None else f"{ROOT}/{name}"
    found = salvage.pinned(mission.git, root)
    return [Stored(ref, commit, parse(text)) for ref, commit, text in found]


def holding(mission: Mission, job: Job, commits: tuple[str, ...]) -> str | None:
    """The newest salvage of the job that holds all of `commits`, or None."""
    for one in reversed(stored(mission, job.name)):
        if all(refs.is_ancestor(mission.git, commit, one.commit) for commit in commits):
            return one.ref
    return None


def keep(mission: Mission, job: Job, place: Place, dirty: int, before: Kept | None = None) -> Kept:
    """Pin all of the job's work, in place of what was kept `before` if that is no longer all.

    Raises Refused where somebody goes on writing there, and CommandFailed where git cannot read it.
    """
    kept = before
    failed: CommandFailed | None = None
    for _ in range(ATTEMPTS):
        try:
            state = _look(mission, job, place)
        except CommandFailed as fault:
            # A file that came and went while git was reading it.
            failed = fault
            continue
        if kept is not None and kept.state == state:
            return kept
        commit = _commit(mission, job, state, dirty)
        names = (ref_name(job.name, mission.now(), number) for number in count())
        ref = salvage.pin(mission.git, names, commit)
        if kept is not None:
            drop(mission, kept.ref, kept.commit)
        kept = Kept(ref, commit, state)
        failed = None
    if failed is not None:
        raise failed
    raise Refused(
        f"somebody goes on writing into the worktree of '{job.name}', so that no copy is whole",
        hint=f"end what works in {place.folder}, then try again",
    )


def drop(mission: Mission, ref: str, commit: str) -> bool:
    """Let go of a salvage; False where it is no longer that commit."""
    return refs.swap(mission.git, ref, refs.NOTHING, commit, "mc salvage")


def _look(mission: Mission, job: Job, place: Place) -> _State:
    git = git_of(mission, place)
    tip = refs.branch_tip(mission.git, job.branch)
    if place.own is None:
        return _State(None, tip, f"refs/heads/{job.branch}", tip, (), {})
    seen = snapshot.take(place.folder) if place.folder else snapshot.take_index(git)
    return _State(
        seen,
        seen.head,
        git.answer("symbolic-ref", "-q", "HEAD"),
        tip,
        tuple(salvage.own_refs(git)),
        salvage.unfinished_files(place.own),
    )


def _commit(mission: Mission, job: Job, state: _State, dirty: int) -> str:
    git = mission.git
    seen, head = state.seen, state.head
    record = _record(mission, job, state)
    index = None
    if seen is not None:
        parents = [head] if head else []
        index = salvage.commit(git, seen.staged, parents, f"{job.name}: its index\n")
    others = [commit for _, commit in state.refs]
    others += salvage.commits_in(git, state.files.values())
    others += [state.tip] if state.tip else []
    beyond = salvage.beyond(git, head, others)
    said = Salvage(
        job=job.name,
        at=time_text(mission.now()),
        branch=job.branch,
        commits=_count(mission, job, [head, state.tip]),
        files=dirty,
        record=record,
        head=head,
        on=state.on,
        staged=index,
        tip=state.tip,
        refs=state.refs,
    )
    parents = [commit for commit in (head, index, record, *beyond) if commit]
    tree = seen.files if seen is not None else git("rev-parse", f"{head}^{{tree}}")
    return salvage.commit(git, tree, parents, message(said))


def _record(mission: Mission, job: Job, state: _State) -> str:
    """A commit of the job's record, prompt and log, and of what is not in a tree."""
    store = mission.store
    files: dict[str, bytes] = {}
    kept = {
        "job.toml": store.job_path(job.name),
        "prompt.md": store.prompt_path(job.name),
        "job.log": store.log_path(job.name),
    }
    for name, path in kept.items():
        if path.is_file():
            files[name] = path.read_bytes()
    marks = state.seen.marks if state.seen else ()
    if marks:
        files[MARKS] = os.fsencode("".join(mark + "\0" for mark in marks))
    files |= {GIT + name: content for name, content in state.files.items()}
    blobs = state.seen.blobs if state.seen else []
    tree = salvage.tree_of(mission.git, files, blobs)
    return salvage.commit(mission.git, tree, [], f"{job.name}: its record\n")


def _count(mission: Mission, job: Job, heads: list[str | None]) -> int:
    """How many commits the job has that neither its start nor its base holds."""
    known = [head for head in heads if head]
    base = refs.branch_tip(mission.git, job.base)
    bases = [commit for commit in (job.base_commit, base) if commit]
    if not known:
        return 0
    return int(mission.git("rev-list", "--count", *known, "--not", *bases))
