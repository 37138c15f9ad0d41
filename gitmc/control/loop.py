"""The loop: settle, decide, act, until nothing is left to do.

Every command runs it before it answers, and the observer at every event. With no observer
everything is still right, only later.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gitmc.control.mission import Mission
from gitmc.control.settle import live_pids, settle
from gitmc.errors import Fatal, McError
from gitmc.git.run import clean_environment
from gitmc.model.job import Job
from gitmc.store.lock import holder_pid

if TYPE_CHECKING:
    from filelock import FileLock

QUIET = 30.0
"""Seconds without an unfinished run after which an observer ends itself."""

ROUNDS = 10
"""More rounds than any job needs to come to rest; a bound, so that a defect cannot spin."""


def catch_up(mission: Mission, *, wait: bool = True) -> tuple[list[Job], list[McError]]:
    """Run the loop to its end; the jobs as they are then, and what went wrong on the way.

    Without `wait`, another process that is busy with the same is not waited for.
    """
    unasked: tuple[McError, ...] = ()
    troubles: list[McError] = []
    for _ in range(ROUNDS):
        jobs, facts = settle(mission, wait=wait)
        if facts is None or facts.quiet:
            break
        unasked = facts.troubles
        from gitmc.control.act import act
        from gitmc.model.decide import decide

        actions = decide(jobs, facts)
        if not actions:
            break
        failed = [trouble for action in actions if (trouble := act(mission, action))]
        troubles += failed
        if failed:
            break
    return jobs, [*unasked, *troubles]


def observe_forever(
    mission: Mission, *, linger: float | None, on_change: Callable[[list[Job]], None]
) -> None:
    """Run the loop at every event, holding the observer's lock; raises Fatal where one does.

    Ends when nothing has been unfinished for `linger` seconds. For None it never does, and takes
    the place of an observer that is there. `on_change` is given the jobs after each round.
    """
    from gitmc.events.bell import Bell

    store = mission.store
    lock = _acquire(store.observer_lock, replace=linger is None)
    try:
        store.observer_lock.write_text(f"{os.getpid()}\n")
        new = store.events / "new"
        bell = Bell([new])
        quiet = 0.0
        said: set[str] = set()
        while new.is_dir():
            if bell.deaf:
                bell.close()
                bell = Bell([new])
            jobs, troubles = catch_up(mission)
            for trouble in troubles:
                if trouble.message not in said:
                    said.add(trouble.message)
                    print(f"{trouble.label}: {trouble.message}", file=sys.stderr, flush=True)
            pids = live_pids(jobs)
            bell.watch(pids)
            on_change(jobs)
            tick = mission.settings["pollInterval"]
            if linger is not None:
                tick = min(tick, linger)
            if bell.wait(tick) or pids or not all(job.settled for job in jobs):
                quiet = 0.0
            elif linger is not None and (quiet := quiet + tick) >= linger:
                break
        bell.close()
    finally:
        lock.release()
    # What a launch stored between our last look and the release had no observer to see it.
    if linger is not None and any(not job.settled for job in store.jobs()[0]):
        start_observer(mission)


def _acquire(path: Path, *, replace: bool) -> FileLock:
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=1.0, poll_interval=0.02)
    for _ in range(ROUNDS):
        try:
            lock.acquire()
        except Timeout:
            pid = holder_pid(path)
            if not replace or pid is None:
                break
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        else:
            return lock
    raise Fatal("another observer is at work on this repository already")


def start_observer(mission: Mission) -> None:
    """See to it that an observer runs, detached from us and from any job that we are part of."""
    if mission.store.observed():
        return
    argv = [sys.executable, "-m", "gitmc", "watch", "--background"]
    if os.environ.get("MC_RUN") and os.environ.get("TMUX"):
        _start_outside_job(mission, argv)
        return
    environment = {k: v for k, v in clean_environment().items() if not k.startswith("MC_")}
    with (mission.store.root / "run" / "observer.log").open("ab") as log:
        subprocess.Popen(
            argv,
            cwd=mission.main_worktree,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _start_outside_job(mission: Mission, argv: list[str]) -> None:
    """From inside a job: through tmux, since a job's whole tree is ended with it."""
    import shlex

    from gitmc.tmux.run import Tmux

    command = shlex.join(["cd", str(mission.main_worktree)]) + " && exec " + shlex.join(argv)
    Tmux()("run-shell", "-b", f"({command}) >/dev/null 2>&1 </dev/null".replace("#", "##"))
