"""The loop: settle, decide, act, until nothing is left to do.

Every command runs it before it answers, and the observer at every event. With no observer
everything is still right, only later.
"""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from gitmc.control.apart import start_observer, tend_apart
from gitmc.control.mission import Mission
from gitmc.control.settle import hear, live_pids, settle
from gitmc.errors import Fatal, McError, of_system
from gitmc.model.job import Job, State
from gitmc.store.lock import claim, holder_pid
from gitmc.tmux.process import boot_id, start_time, wait_gone

QUIET = 30.0
"""Seconds without an unfinished run after which an observer ends itself."""

LEAVE = 1.0
"""Seconds that an observer may take to leave its place."""

ROUNDS = 10
"""More rounds than any job needs to come to rest; a bound, so that a defect cannot spin."""


def catch_up(
    mission: Mission,
    *,
    wait: bool = True,
    observer: bool = False,
    swept: Callable[[], list[McError]] = list,
) -> tuple[list[Job], list[McError]]:
    """Run the loop to its end; the jobs as they are then, and what went wrong on the way.

    Without `wait`, another process that is busy with the same is not waited for. `swept` is called
    once nothing is left of the runs that are over; what it returns went wrong too. Who is no
    `observer` sees to it that there is one where there is something for it to do. Raises OSError
    where something cannot be stored; what happened is found again the next time.
    """
    unasked: tuple[McError, ...] = ()
    troubles: list[McError] = []
    for _ in range(ROUNDS):
        jobs, facts = settle(mission, wait=wait)
        if facts is None or (facts.quiet and not (observer and any(j.in_line for j in jobs))):
            break
        unasked = facts.troubles
        from gitmc.control.act import act_all
        from gitmc.model.decide import OBSERVERS, decide

        actions = decide(jobs, facts, mission.settings["maxAgents"])
        if not observer:
            actions = [action for action in actions if not isinstance(action, OBSERVERS)]
        if not actions or (not wait and mission.store.busy()):
            break
        failed: list[McError] = []
        for step, trouble in enumerate(act_all(mission, actions)):
            failed += [trouble] if trouble else []
            # What ends meanwhile is known before the rest of what is over is tidied up.
            hear(mission, wait=wait)
            # Nor does what was waited for wait for that.
            troubles += [] if step else swept()
        troubles += failed
        if failed:
            break
    if not observer and (
        any(job.untold or job.in_line for job in jobs)
        or _has_stray_train(mission)
        or _has_stray_plan(mission)
    ):
        start_observer(mission)
    return jobs, [*unasked, *troubles]


def observe_forever(
    mission: Mission, *, linger: float | None, on_change: Callable[[list[Job]], None]
) -> None:
    """Run the loop at every event, holding the observer's lock; raises Fatal where one does.

    Ends when nothing has been unfinished for `linger` seconds. For None it never does, and takes
    the place of an observer that is there. `on_change` is given the jobs after each round.
    """
    from gitmc.control import plans
    from gitmc.control.end import expire, insist
    from gitmc.control.keeper import Keeper
    from gitmc.control.lookout import Lookout
    from gitmc.control.notify import Teller
    from gitmc.control.radar import Operator
    from gitmc.control.rest import Rest
    from gitmc.control.segment import Segment
    from gitmc.events.bell import Bell

    store = mission.store
    lookout, rest = Lookout(mission), Rest(mission)
    lock = _acquire(store.observer_lock, replace=linger is None)
    teller, operator, keeper = Teller(mission), Operator(mission), Keeper(mission)
    segment = Segment(mission)
    try:
        insist(mission)
        heard = [store.events / "new", store.events / "look"]
        bell = Bell(heard)
        quiet = 0.0
        said: set[str] = set()
        while store.root.is_dir():
            if bell.deaf:
                store.make()
                bell.close()
                bell = Bell(heard, also=bell.also)
            try:
                _stand_by(mission)
                tend = partial(plans.tend, mission)
                jobs, troubles = catch_up(mission, observer=True, swept=tend)
                troubles += tend()
                troubles += [*lookout.look(jobs), *teller.tell(), *_keep_warm(mission)]
                folders = (*operator.folders(jobs), *plans.folders(mission))
                if folders != bell.also:
                    bell.close()
                    bell = Bell(heard, also=folders)
                    bell.ring()
                troubles += operator.tend(jobs)
                keeper.tend()
                left = min(expire(mission, jobs), rest.tend(jobs), lookout.left)
                pids = live_pids(jobs) | operator.pids | keeper.pids | plans.owners(mission)
            except OSError as fault:
                # Tried again at the next tick: a death that is not stored would ring at once.
                jobs, troubles, pids = store.jobs()[0], [of_system(fault)], set()
                left = math.inf
            for trouble in troubles:
                if trouble.message not in said:
                    said.add(trouble.message)
                    print(f"{trouble.label}: {trouble.message}", file=sys.stderr, flush=True)
            bell.watch(pids)
            segment.show(jobs)
            on_change(jobs)
            tick = min(mission.settings["pollInterval"], left)
            if linger is not None:
                tick = min(tick, linger)
            if bell.wait(tick) or pids or not all(job.settled for job in jobs):
                quiet = 0.0
            elif linger is not None and (quiet := quiet + tick) >= linger:
                break
        bell.close()
    finally:
        lock.close()
        mission.standby.close()
        teller.close()
        segment.close()
    # What a launch stored between our last look and the release had no observer to see it.
    last = [] if linger is None else store.jobs()[0]
    if last and (any(not job.settled or job.untold for job in last) or plans.due(mission)):
        start_observer(mission)


def _stand_by(mission: Mission) -> None:
    """Have somebody stand by to launch jobs while there are any whose turn may come.

    What is being launched comes first: it is waited for now.
    """
    jobs, _ = mission.store.jobs()
    if any(job.in_line or job.state is State.WAITING_DEPS for job in jobs):
        if not any(job.state is State.QUEUED and not job.in_line for job in jobs):
            mission.standby.prepare()
    else:
        mission.standby.close()


def _has_stray_train(mission: Mission) -> bool:
    """Whether a train has lost its driver. Asks for one file, in most repositories."""
    folder = mission.store.root / "trains"
    if not folder.is_dir():
        return False
    from gitmc.store.trains import Trains

    return bool(Trains(mission.store.root).undriven())


def _has_stray_plan(mission: Mission) -> bool:
    """Whether there is something to do for a plan, and no observer that would."""
    folder = mission.store.root / "plans"
    if not folder.is_dir() or mission.store.observed():
        return False
    from gitmc.control import plans

    return plans.due(mission)


def _keep_warm(mission: Mission) -> list[McError]:
    from gitmc.control.warm import is_due

    try:
        if is_due(mission):
            tend_apart(mission)
    except McError as fault:
        return [fault]
    return []


def _acquire(path: Path, *, replace: bool) -> ExitStack:
    """Hold the observer's lock until that is closed; makes no folder that is gone.

    One that is about to end is waited for; one that has just started does all that we would.
    """
    from gitmc.events.bell import Bell

    stack = ExitStack()
    for _ in range(ROUNDS):
        try:
            if stack.enter_context(claim(path, wait=False)) is not None:
                path.write_text(f"{os.getpid()}\n")
                return stack
        except FileNotFoundError as gone:
            raise Fatal(f"there is no {path.parent} any more", hint="git mc init") from gone
        pid = holder_pid(path)
        start = None if pid is None else start_time(pid)
        if pid is None or start is None:
            if not replace:
                break
            # It is about to say who it is.
            with Bell([path.parent], changes=True) as bell:
                bell.wait(LEAVE)
            continue
        if replace:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        if not wait_gone(pid, start, boot_id(), LEAVE) and not replace:
            break
    raise Fatal("another observer is at work on this repository already")
