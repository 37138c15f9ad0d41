"""Warm worktrees: spares that are checked out and set up before a launch wants them.

With `mc.warm = N` the observer keeps N of them for what the last launch wanted: the commit of its
base, and its set-up. It has them made by a process of its own, one at a time, under a lock that
this process holds for life. A launch takes one only if it is just what it wants, and unchanged; it
keeps its place, since what was prepared in it may have its path written down (a virtual environment
does). Whatever does not fit goes the ordinary way.
"""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from gitmc.agents.before import before
from gitmc.control import provision
from gitmc.control import setup as setups
from gitmc.control.mission import Mission
from gitmc.control.prepare import worktree_path
from gitmc.errors import McError, Refused
from gitmc.git import refs, salvage, trash, worktree
from gitmc.git.run import Git, environment_for_others
from gitmc.model.job import Job, Setup, State
from gitmc.model.salvage import ref_name
from gitmc.model.spare import Due, Spare, Wanted, due, key_of
from gitmc.store.lock import is_held, try_hold
from gitmc.store.pool import Pool


def pool_of(mission: Mission) -> Pool:
    """The records of the repository's spares."""
    return Pool(mission.store.root / "warm")


def want(mission: Mission, job: Job) -> None:
    """Keep spares from now on for launches like that of `job`."""
    if not mission.settings["warm"]:
        return
    pool = pool_of(mission)
    wanted = Wanted(job.base, job.setup or Setup())
    with mission.store.locked() as held:
        before = pool.wanted()
        if before is None or before._replace(failed="") != wanted:
            pool.want(held, wanted)


def take(mission: Mission, job: Job) -> Job | None:
    """`job` in a spare that is just what it wants, on its own branch; None where there is none."""
    if not mission.settings["warm"] or job.launch is None or not job.launch.new_branch:
        return None
    setup = job.setup or Setup()
    key = key_of(job.base_commit, setup)
    while (claimed := _claim(mission, job, key)) is not None:
        spare, taken = claimed
        if _fits(mission, spare, setup):
            _point(taken, spare)
            return taken
        _give_back(mission, job, spare)
    return None


def _claim(mission: Mission, job: Job, key: str) -> tuple[Spare, Job] | None:
    pool = pool_of(mission)
    with mission.store.locked() as held:
        now = mission.store.job(job.name)
        spares, _ = pool.spares()
        good = [spare for spare in spares if spare.ready and spare.key == key]
        if now is None or now.state is not State.QUEUED or not good:
            return None
        spare = good[0]
        # In this order a crash in between leaves a folder that nobody uses, and never one that two
        # jobs do.
        pool.remove(held, spare)
        taken = now._replace(worktree=spare.path)
        mission.store.save(held, taken)
        return spare, taken


def _fits(mission: Mission, spare: Spare, setup: Setup) -> bool:
    """Whether the spare is still what it was made to be."""
    try:
        untouched = worktree.standing(Path(spare.path)) == (spare.commit, [])
        return untouched and spare.copied == setups.state(mission, setup)
    except (McError, OSError):
        # Whatever is wrong with it, the ordinary way is open.
        return False


def _point(job: Job, spare: Spare) -> None:
    path = Path(spare.path)
    Git(path)("switch", "--quiet", "--no-track", "--create", job.branch)
    (worktree.git_dir(path) / "mc-job").write_text(job.name + "\n")


def _give_back(mission: Mission, job: Job, spare: Spare) -> None:
    with mission.store.locked() as held:
        now = mission.store.job(job.name)
        if now is not None:
            mission.store.save(held, now._replace(worktree=job.worktree))
        pool_of(mission).save(held, spare._replace(ready=False))


def is_due(mission: Mission) -> bool:
    """Whether spares are to be made or thrown away, and nobody is at it."""
    if not pool_of(mission).folder.is_dir() or is_held(_lock(mission)):
        return False
    return bool(_due(mission)[0])


def _due(mission: Mission) -> tuple[Due, Wanted | None, str | None]:
    pool = pool_of(mission)
    # An observer lives longer than a setting.
    count = mission.read_settings()["warm"]
    wanted = pool.wanted()
    commit = refs.commit_of(mission.git, wanted.base) if wanted else None
    key = key_of(commit, wanted.setup) if wanted and commit else None
    if wanted and key == wanted.failed:
        key = None
    spares, _ = pool.spares()
    return due(spares, key, count), wanted, commit


def _lock(mission: Mission) -> Path:
    return mission.store.root / "run" / "warm.lock"


def tend(mission: Mission) -> None:
    """Throw away and make spares until all is as it should be; nothing where somebody does so."""
    with try_hold(_lock(mission)) as held:
        while held:
            owed, wanted, commit = _due(mission)
            for spare in owed.discard:
                _discard(mission, spare)
            if not owed.make or wanted is None or commit is None:
                return
            _make(mission, wanted, commit)


def _make(mission: Mission, wanted: Wanted, commit: str) -> None:
    key = key_of(commit, wanted.setup)
    name = os.urandom(4).hex()
    path = worktree_path(mission, f"spare-{name}")
    spare = Spare(name, str(path), commit, key)
    pool = pool_of(mission)
    with mission.store.locked() as held:
        pool.save(held, spare)
    try:
        spare = spare._replace(copied=_fill(mission, wanted.setup, path, commit), ready=True)
    except (McError, OSError) as fault:
        mission.store.journal.write(mission.now(), "failed", action="MakeSpare", error=str(fault))
        with mission.store.locked() as held:
            pool.want(held, wanted._replace(failed=key))
        return
    with mission.store.locked() as held:
        pool.save(held, spare)


def _fill(mission: Mission, setup: Setup, path: Path, commit: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    with mission.store.worktrees_locked():
        worktree.add_detached(mission.git, path, commit)
    worktree.fill(path)
    setups.files(mission, setup, path)
    environment = before(environment_for_others())
    environment["MC_DIR"] = str(mission.store.root)
    provision.run(setup.commands, path, environment, mission.store.setup_log_path(path.name))
    _, changed = worktree.standing(path)
    if changed:
        raise Refused(f"its set-up changes what git sees: {', '.join(changed[:3])}")
    return setups.state(mission, setup)


def _discard(mission: Mission, spare: Spare) -> None:
    """Remove the spare; one in which somebody has worked, to the trash, with its commits pinned."""
    path = Path(spare.path)
    git = mission.git
    with mission.store.locked() as held:
        # From here on no launch takes it; and one that a launch has taken is not ours any more.
        if spare not in pool_of(mission).spares()[0]:
            return
        pool_of(mission).save(held, spare._replace(ready=False))
    with mission.store.worktrees_locked():
        own = worktree.own_git_dir(path, mission.repo.common_dir)
        entry = None
        if own is not None and worktree.standing(path) != (spare.commit, []):
            head = refs.commit_of(Git(path), "HEAD")
            if head is not None and not refs.is_ancestor(git, head, spare.commit):
                names = (ref_name(path.name, mission.now(), number) for number in count())
                salvage.pin(git, names, head)
            entry = trash.put(path, mission.now())
        worktree.remove(git, path, force=True)
        if entry is not None:
            trash.finish(entry)
    with mission.store.locked() as held:
        pool_of(mission).remove(held, spare)
