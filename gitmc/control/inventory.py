"""Taking stock: all that git mc has made in a repository and around it, looked up.

Nothing is changed, and nothing that cannot be read keeps the rest from being looked at.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from gitmc.control import init, provenance, verdicts
from gitmc.control.config import entries_in_git, review
from gitmc.control.mission import Mission
from gitmc.control.prepare import worktree_path
from gitmc.control.warm import pool_of
from gitmc.errors import McError, of_system
from gitmc.git import refs, repoint, salvage, trash, worktree
from gitmc.git.run import Git
from gitmc.model.inventory import Facts, File, Pane, Ref, Tree, Trouble
from gitmc.model.job import Job
from gitmc.model.plan import Plan
from gitmc.model.settingkeys import KEYS
from gitmc.model.trainrecord import TrainState
from gitmc.store.folder import RUNNING
from gitmc.store.lock import holder_pid, is_held
from gitmc.store.plans import Plans
from gitmc.store.trains import JOIN, Trains
from gitmc.tmux import process
from gitmc.tmux.launcher import is_spared
from gitmc.tmux.run import Tmux, VersionCheck
from gitmc.tmux.session import Started, started

T = TypeVar("T")

_DRAFT = re.compile(r"\..+\.([0-9]+)", re.DOTALL)
_RUN = re.compile(r"(?:follow-)?([0-9a-f]+)(?:\.json|\.md|\.send)?")


class Troubles:
    """Takes down what goes wrong while one thing after the other is looked at."""

    def __init__(self) -> None:
        self.found: list[Trouble] = []

    def add(self, ident: str, *faults: McError) -> None:
        """Take down `faults`."""
        self.found += [Trouble(ident, fault.message, fault.hint) for fault in faults]

    def trying(self, ident: str, ask: Callable[[], T], otherwise: T) -> T:
        """What `ask` returns, or `otherwise` where it fails."""
        try:
            return ask()
        except McError as fault:
            self.add(ident, fault)
        except OSError as fault:
            self.add(ident, of_system(fault))
        return otherwise


def take(mission: Mission) -> Facts:
    """All that there is. Raises McError only where git does not work here at all."""
    troubles = Troubles()
    jobs, faults = mission.store.jobs()
    troubles.add("unreadable-record", *faults)
    troubles.trying("tmux", lambda: VersionCheck().result(), None)
    settings, wrong = review(mission.repo, mission.store.root, mission.main_worktree)
    troubles.add("setting", *wrong)
    troubles.found += troubles.trying("setting", lambda: _misspelt(mission), [])
    trains = _trains(mission, troubles)
    plans, faults = Plans(mission.store.root).all()
    troubles.add("unreadable-record", *faults)
    pool = pool_of(mission)
    spares, faults = pool.spares()
    troubles.add("unreadable-record", *faults)
    troubles.trying("unreadable-record", pool.wanted, None)
    troubles.found += _notes(mission)
    trees = _trees(mission)
    base = troubles.trying("setting", lambda: worktree_path(mission, "any").parent, None)
    sockets = {settings.said("tmuxSocket"), *(job.queue.socket for job in jobs if job.queue)}
    sockets |= {job.terminal.socket for job in jobs if job.terminal}
    spare = settings.said("kill.spare")
    return Facts(
        jobs=tuple(jobs),
        known=frozenset(mission.store.job_names()),
        tips=_tips(mission, [*jobs, *plans]),
        trees=tuple(trees),
        spares=frozenset(one.path for one in spares),
        folders=tuple(_folders(base)) if base else (),
        present=frozenset(job.worktree for job in jobs if os.path.lexists(job.worktree)),
        half_removed=frozenset(j.name for j in jobs if trash.interrupted(Path(j.worktree))),
        pool=str(mission.store.root / "pool"),
        panes=tuple(pane for one in sockets for pane in _panes(mission, one, troubles)),
        processes=tuple(
            (one.pid, one.environment["MC_RUN"], one.command)
            for one in process.carrying("MC_DIR", str(mission.store.root))
            if one.environment.get("MC_RUN") and not is_spared(one.pid, spare)
        ),
        refs=tuple(troubles.trying("refs", lambda: _refs(mission, trains), [])),
        files=tuple(_files(mission, trees)),
        trains=trains,
        plans=tuple(plans),
        plan_files=frozenset(path.stem for path in Plans(mission.store.root).folder.glob("*.toml")),
        undriven=tuple(Trains(mission.store.root).undriven()),
        hooks=tuple(troubles.trying("hook", lambda: _hooks(mission), [])),
        stopped=tuple(_stopped(mission)),
        troubles=tuple(dict.fromkeys(troubles.found)),
    )


def _trains(mission: Mission, troubles: Troubles) -> dict[str, bool]:
    trains = Trains(mission.store.root)
    found, faults = trains.all()
    troubles.add("unreadable-record", *faults)
    # One that cannot be read may well run.
    running = dict.fromkeys(trains.ids(), True)
    return running | {train.id: train.state is TrainState.RUNNING for train in found}


def _misspelt(mission: Mission) -> list[Trouble]:
    """Keys of git's configuration that are nearly ours; others may be another tool's."""
    import difflib

    names = {key.id: key.name for key in KEYS}
    found = []
    for entry in entries_in_git(mission.repo.here):
        near = difflib.get_close_matches(entry.ident, names, n=1, cutoff=0.8)
        if near and entry.ident not in names:
            text = f"git config ({entry.origin}): there is no setting mc.{entry.ident}"
            hint = f"did you mean mc.{names[near[0]]}? git config --unset-all mc.{entry.ident}"
            found.append(Trouble("setting", text, hint))
    return found


def _notes(mission: Mission) -> Iterator[Trouble]:
    for ref in (provenance.REF, verdicts.REF):
        there = mission.git.result("rev-parse", "--verify", "--quiet", ref).returncode == 0
        read = mission.git.result("ls-tree", "-r", "-z", ref) if there else None
        if read is not None and read.returncode != 0:
            said = os.fsdecode(read.stderr).strip().removeprefix("fatal: ")
            text = f"{ref} cannot be read: {said}"
            hint = f"git reflog {ref} shows where it was; then: git update-ref {ref} COMMIT"
            yield Trouble("notes", text, hint)


def _tips(mission: Mission, some: Iterable[Job | Plan]) -> dict[str, str]:
    names = {f"refs/heads/{one.branch}": one.branch for one in some}
    return {names[ref]: tip for ref, tip in refs.tips(mission.git, list(names)).items()}


def _trees(mission: Mission) -> list[Tree]:
    entries = mission.repo.common_dir / "worktrees"
    owns = list(entries.iterdir()) if entries.is_dir() else []
    by_place = {path: own for own in owns if (path := worktree.place(own)) is not None}
    now = time.time()
    lasts = {own: _last(own) for own in by_place.values()}
    known = refs.tips(mission.git, [last for last in lasts.values() if last])
    found = []
    for tree in worktree.listed(mission.git):
        own = by_place.get(tree.path)
        if own is None:
            continue
        there = tree.path.is_dir()
        last = lasts[own] if lasts[own] in known else None
        found.append(
            Tree(
                path=str(tree.path),
                own=str(own),
                branch=tree.branch,
                there=there,
                label=_label(own),
                last=last,
                held=there or last is None or _is_held(mission.git, last),
                under_way=bool(salvage.under_way(own)),
                moving=(own / repoint.PLAN).exists() and not is_held(own / repoint.PLAN),
                locked=tree.locked,
                age=now - _changed(tree.path, own, own / "index", own / "HEAD"),
            )
        )
    return found


def _label(own: Path) -> str | None:
    try:
        return (own / "mc-job").read_text(errors="surrogateescape").strip()
    except OSError:
        return None


def _last(own: Path) -> str:
    """The last commit that HEAD was at, as git wrote it down; empty where it did not."""
    try:
        lines = (own / "logs" / "HEAD").read_bytes().splitlines()
    except OSError:
        lines = []
    words = lines[-1].split(b" ", 2) if lines else []
    return os.fsdecode(words[1]) if len(words) > 1 else ""


def _is_held(git: Git, commit: str, but: str = "") -> bool:
    """Whether a ref other than `but` has the commit."""
    asked = ("for-each-ref", "--count=2", "--format=%(refname)", f"--contains={commit}")
    done = git.result(*asked)
    return bool(set(os.fsdecode(done.stdout).splitlines()) - {but})


def _changed(*paths: Path) -> float:
    return max((path.stat().st_mtime for path in paths if path.exists()), default=0.0)


def _folders(base: Path) -> Iterator[str]:
    for path in sorted(base.iterdir()) if base.is_dir() else []:
        if path.name != trash.FOLDER and path.is_dir() and not path.is_symlink():
            yield str(path)


def _panes(mission: Mission, socket: str | None, troubles: Troubles) -> list[Pane]:
    """The panes that a launcher of this repository's was started in."""

    def plain(text: str) -> str:
        return text.translate(dict.fromkeys(map(ord, "\\'\"")))

    nothing: list[Started] = []
    listed = troubles.trying("tmux", lambda: started(Tmux(socket)), nothing)
    return [
        Pane(one.socket, one.pane, one.run, one.dead)
        for one in listed
        if plain(str(mission.store.spec_path(one.run))) in plain(one.command)
    ]


def _refs(mission: Mission, trains: dict[str, bool]) -> list[Ref]:
    printed = mission.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/mc/")
    found = []
    for line in printed.splitlines():
        commit, _, name = line.partition(" ")
        kind, _, rest = name.removeprefix("refs/mc/").partition("/")
        # To ask what holds a commit takes a while, and is of interest only for what may be deleted.
        asked = kind in ("sync", "repoint") or (
            kind == "train" and rest.split("/")[0] not in trains
        )
        found.append(Ref(name, commit, asked and _is_held(mission.git, commit, but=name)))
    return found


def _hooks(mission: Mission) -> list[tuple[str, str]]:
    now = init.status(mission)
    if now.none or now.complete:
        return []
    found = [(hook.name, hook.state) for hook in now.hooks if hook.state != "installed"]
    return found if now.settings else [*found, ("settings", "missing")]


def _stopped(mission: Mission) -> Iterator[tuple[int, str]]:
    for lock in sorted((mission.store.root / "run").glob("*.lock")):
        pid = holder_pid(lock)
        if pid is not None and is_held(lock) and process.is_stopped(pid):
            yield pid, str(lock)


def _files(mission: Mission, trees: Iterable[Tree]) -> Iterator[File]:
    root, now = mission.store.root, time.time()

    def listed(folder: Path) -> Iterator[tuple[Path, float]]:
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            try:
                yield path, now - path.lstat().st_mtime
            except FileNotFoundError:
                continue

    for folder in ("", "jobs", "plans", "pool", "prompts", "run", "trains", "warm"):
        for path, age in listed(root / folder):
            if match := _DRAFT.fullmatch(path.name):
                alive = process.start_time(int(match[1])) is not None
                yield File("draft", str(path), match[1], age, alive)
    for path, age in listed(root / "run"):
        if match := _RUN.fullmatch(path.name):
            name = f"{path}/" if path.is_dir() else str(path)
            yield File("run", name, match[1], age)
    for path, age in listed(root / "trains"):
        if path.suffix in (RUNNING, JOIN, ".cancel", ".close"):
            yield File("train", str(path), path.name.partition(".")[0], age)
    for path, age in listed(root / "events" / "tmp"):
        yield File("event", str(path), age=age)
    for path, age in listed(root / "events" / "bad"):
        yield File("unread", str(path), age=age)
    common = mission.repo.common_dir
    owns = [Path(tree.own) for tree in trees if not tree.moving]
    for above in (common, *owns):
        for name in ("index", "HEAD", "packed-refs", "config"):
            lock = above / f"{name}.lock"
            if lock.exists():
                yield File("lock", str(lock), age=now - lock.lstat().st_mtime)
