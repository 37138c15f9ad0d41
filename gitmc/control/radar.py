"""The radar: every unlanded job is merged in memory with its base and with every other one.

Answers are kept, by the two commits that they are about, and under a key for whatever else decides
a merge: settings of merges and diffs, `info/attributes`, and the `.gitattributes` at the top of the
main worktree, where git looks for them. Those in folders below are not looked at; if one of them
changes, old answers stay until a branch moves.

Whoever asks finds out what is missing. So that nobody has to wait for that, an observer has it done
whenever a branch has moved, by a process of its own, one at a time, under a lock that this process
holds for life.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Collection, Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from gitmc.control.apart import sweep_apart
from gitmc.control.mission import Mission
from gitmc.control.view import counts
from gitmc.errors import McError
from gitmc.git import refs
from gitmc.git.run import Git
from gitmc.model.job import Job, State
from gitmc.model.radar import (
    Answer,
    Contender,
    Known,
    Pair,
    Predicted,
    learned,
    missing,
    predicted,
    troubled,
    watched,
    worth_a_look,
)
from gitmc.store import index
from gitmc.store import radar as kept
from gitmc.store.lock import holder_pid, is_held, try_hold

if TYPE_CHECKING:
    from gitmc.git.merge import Merger

SLICE = 1.0
"""Seconds of merging after which what was found is kept."""

TRIES = 3
"""How often a sweep is started for branches that have not moved since: it may have been killed, but
it may also be that it always ends before its time."""


class _Now(NamedTuple):
    contenders: list[Contender]
    tips: dict[str, str]
    """All branches that matter, and where they are."""


def predict(
    mission: Mission,
    jobs: Sequence[Job],
    named: Collection[str] | None = None,
    most: int | None = None,
) -> Predicted:
    """What would conflict, with what is not known yet found out.

    Where that is more than `most` pairs, it is left as it is, and the answer is not complete.
    Without `most`, what came to trouble before is tried again.
    """
    now = _now(mission, jobs)
    if not now.contenders:
        return Predicted()
    key, path = _key(mission), mission.store.radar_path
    before = _stamp(path)
    known = kept.read(path, key)
    due = chain(missing(now.contenders, known, named), () if most else troubled(known))
    some = list(islice(due, most + 1 if most else None))
    complete = not most or len(some) <= most
    while some and complete:
        # Looking waits for nobody: who is at it already, or was quicker, keeps what he has found.
        known, some = _find_out(mission, now, known, some)
        if not is_held(mission.store.radar_lock) and _stamp(path) == before:
            seen = known.seen if some or named else now.tips
            kept.write(path, key, known._replace(seen=seen))
            before = _stamp(path)
    return predicted(now.contenders, known, named, complete=complete)


def sweep(mission: Mission) -> None:
    """Find out all there is; nothing where somebody does so. Who moves meanwhile is looked at too,
    unless he does so at the very end: observers look again after it."""
    store = mission.store
    with try_hold(store.radar_lock) as held:
        if not held:
            return
        os.nice(10)
        key = _key(mission)
        known = kept.read(store.radar_path, key)
        left = True
        while left:
            now = _now(mission, store.jobs()[0])
            known, rest = _find_out(mission, now, known, list(missing(now.contenders, known)))
            left = bool(rest)
            known = known if left else known._replace(seen=now.tips)
            kept.write(store.radar_path, key, known)


def _now(mission: Mission, jobs: Iterable[Job]) -> _Now:
    mine = [job for job in jobs if job.state is not State.MERGED]
    tips = refs.tips(mission.git, watched(mine)) if mine else {}
    found = [
        Contender(job.name, head, job.base, tips.get(f"refs/heads/{job.base}"))
        for job in mine
        if (head := tips.get(f"refs/heads/{job.branch}"))
    ]
    started = {job.name: job.base_commit for job in mine}
    spans = {one.name: (one.tip or started[one.name], one.head) for one in found}
    # Those that began nothing need no walk.
    spans = {name: span for name, span in spans.items() if span[0] != span[1]}
    ahead = counts(mission, list(spans.values())) if spans else {}
    return _Now([one for one in found if one.name in spans and ahead[spans[one.name]] != 0], tips)


def _key(mission: Mission) -> str:
    """What else than two commits decides how they merge, in short."""
    names = r"^(merge\.|diff\.|core\.attributesfile$)"
    git = Git(mission.main_worktree)
    said = [os.fsencode(git.answer("config", "-z", "--get-regexp", names) or "")]
    for folder, name in (
        (mission.repo.common_dir, "info/attributes"),
        (mission.main_worktree, ".gitattributes"),
    ):
        file = folder / name
        said.append(file.read_bytes() if file.is_file() else b"")
    return " ".join(f"{len(part)}-{crc32(part):08x}" for part in said)


def _stamp(path: Path) -> index.Stamp | None:
    try:
        return index.stamp(path.stat())
    except FileNotFoundError:
        return None


def _find_out(
    mission: Mission, now: _Now, known: Known, due: Sequence[Pair]
) -> tuple[Known, list[Pair]]:
    """What is known after a slice of time, and what of `due` is left."""
    from gitmc.git.discard import discarding
    from gitmc.git.merge import Merger

    answers: dict[Pair, Answer] = {}
    common = mission.repo.common_dir
    end = time.monotonic() + SLICE
    with discarding(Git(mission.main_worktree), common) as git:
        merger = Merger(git, common)
        for both in due:
            answers[both] = _ask(merger, both)
            if time.monotonic() > end:
                break
    return learned(known, now.contenders, answers), list(due[len(answers) :])


def _ask(merger: Merger, both: Pair) -> Answer:
    try:
        return Answer(merger.clashes(*both))
    except McError as trouble:
        return Answer(trouble=trouble.message)


class Operator:
    """An observer's memory of where the branches were, and of the sweep that it has started."""

    def __init__(self, mission: Mission) -> None:
        self._mission = mission
        self._seen: object = None
        self._pending = False
        self._sweep: subprocess.Popen[bytes] | None = None
        self._tried: dict[str, str] = {}
        self._tries = 0

    def folders(self, jobs: Iterable[Job]) -> list[Path]:
        """The folders in which files change when a branch moves that matters; those that exist.

        With them all that they are in: git makes and removes folders of refs as they fill.
        """
        common = self._mission.repo.common_dir
        inside = {ref.rpartition("/")[0] for ref in watched(jobs)}
        # The folders of all, which is `refs/heads`, has `refs` and the repository above it.
        above = {str(folder) for name in inside for folder in Path(name).parents}
        if inside and (common / "reftable").is_dir():
            inside.add("reftable")
        names = sorted(inside | above - {".", "refs"})
        return [common / name for name in names if (common / name).is_dir()]

    @property
    def pids(self) -> set[int]:
        """The process whose end is worth a look: the sweep under way."""
        if self._sweep is not None:
            return {self._sweep.pid}
        other = holder_pid(self._mission.store.radar_lock) if self._pending else None
        return {other} if other else set()

    def tend(self, jobs: Sequence[Job]) -> list[McError]:
        """Start a sweep if a branch has moved and none is under way; what went wrong.

        Asks git nothing unless a file has changed where branches are.
        """
        if self._sweep is not None and self._sweep.poll() is not None:
            self._sweep = None
            self._pending = True
        try:
            if self._moved(jobs) or self._pending:
                self._look(jobs)
        except McError as trouble:
            self._seen = None
            return [trouble]
        return []

    def _moved(self, jobs: Iterable[Job]) -> bool:
        stamps = [(path, _stamp(path)) for path in self.folders(jobs)]
        latest = max((stamp[1] for _, stamp in stamps if stamp), default=0)
        now = (watched(jobs), stamps)
        if now == self._seen:
            return False
        # What has changed just now may change again, and have the same times.
        self._seen = now if time.time_ns() - latest > index.FRESH else None
        return True

    def _look(self, jobs: Sequence[Job]) -> None:
        store = self._mission.store
        self._pending = False
        tips = refs.tips(self._mission.git, watched(jobs))
        if not worth_a_look(jobs, tips, kept.read(store.radar_path, "").seen):
            return
        if self._sweep is not None:
            return
        if is_held(store.radar_lock):
            self._pending = True
            return
        self._tries = self._tries + 1 if tips == self._tried else 1
        self._tried = tips
        if self._tries <= TRIES:
            self._sweep = sweep_apart(self._mission)
