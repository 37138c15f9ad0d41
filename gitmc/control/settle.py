"""Settle: find out what happened, and store it.

In this order, since each step may only miss what the next one will still find: processes are looked
at, then tmux is asked (only about runs whose process is gone), then markers are read. Those that
wait already are read before all that, so that what they say is known at once. Looking needs no
lock. Storing does, and happens only if there is something to store.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from gitmc.control.mission import Mission
from gitmc.errors import McError
from gitmc.events import markers
from gitmc.events.markers import Delivered
from gitmc.model.job import Job, Phase, Process, Report, State, Terminal
from gitmc.store.codec import Malformed, decode_report
from gitmc.store.files import BadFile, read_toml
from gitmc.store.lock import Held
from gitmc.tmux.process import boot_id, is_alive, start_time

if TYPE_CHECKING:
    from gitmc.model.facts import Facts, PaneSeen


def observe(mission: Mission, jobs: Iterable[Job]) -> Facts:
    """Everything but the markers."""
    from gitmc.model.facts import Facts

    open_jobs = [job for job in jobs if not job.settled]
    gone = frozenset(
        job.run.id
        for job in open_jobs
        if job.run and job.run.launcher and not _alive(job.run.launcher)
    )
    ownerless = {job.name for job in open_jobs if _owner(job) and not _movers(job)}
    taken = {
        job.run.id
        for job in open_jobs
        if job.name in ownerless and job.run and not mission.store.spec_path(job.run.id).exists()
    }
    panes, troubles = _panes(open_jobs, gone)
    try:
        found = _find_launchers(mission, open_jobs, taken)
    except McError as trouble:
        # Their agents may well run: nobody is called lost because tmux does not answer.
        troubles.append(trouble)
        ownerless -= {job.name for job in open_jobs if job.run and job.run.id in taken}
        found, taken = {}, set()
    return Facts(
        now=mission.now(),
        boot=boot_id(),
        gone=gone,
        panes=panes,
        ownerless=frozenset(ownerless),
        spec_taken=frozenset(taken),
        found=found,
        troubles=tuple(troubles),
    )


def _alive(process: Process) -> bool:
    return is_alive(process.pid, process.start, process.boot)


def _owner(job: Job) -> Process | None:
    """Whoever launches or lands the job; None where nobody does, as while it stands in line."""
    under_way = job.launch or job.landing
    return under_way.owner if under_way else None


def _movers(job: Job) -> set[int]:
    """The processes that launch or land the job: its owner, or a git that outlives it."""
    owner = _owner(job)
    if owner is None:
        return set()
    if _alive(owner):
        return {owner.pid}
    if job.landing is None:
        return set()
    from gitmc.control.target import others

    return {pid for pid, _ in others(job.landing.commit)}


def _panes(
    jobs: list[Job], gone: frozenset[str]
) -> tuple[dict[str, PaneSeen | None], list[McError]]:
    """The panes of runs that are gone. A server that does not answer is asked again next time."""
    asked = [
        (job.run.id, job.terminal)
        for job in jobs
        if job.run and job.run.id in gone and job.run.phase is not Phase.CLOSED and job.terminal
    ]
    if not gone:
        return {}, []
    from gitmc.model.facts import PaneSeen
    from gitmc.tmux.run import Tmux
    from gitmc.tmux.session import panes

    seen: dict[str, PaneSeen | None] = {}
    troubles: list[McError] = []
    for socket in {terminal.socket for _, terminal in asked}:
        try:
            listed = {pane.run: pane for pane in panes(Tmux(socket))}
        except McError as trouble:
            troubles.append(trouble)
            continue
        for run, terminal in asked:
            if terminal.socket == socket:
                pane = listed.get(run)
                seen[run] = PaneSeen(pane.dead, pane.status, pane.signal) if pane else None
    for job in jobs:
        if job.run and job.run.id in gone and job.terminal is None:
            seen[job.run.id] = None
    return seen, troubles


def settle(mission: Mission, *, wait: bool = True) -> tuple[list[Job], Facts | None]:
    """The jobs as they are now, after storing what had happened to them, and what was observed.

    Nothing is observed, and None returned, where nothing is unfinished. Without `wait`, a lock that
    somebody holds is not waited for: the jobs are then as they were last stored.
    """
    store = mission.store
    jobs, _ = store.jobs()
    if all(job.settled for job in jobs) and not markers.waiting(store.events):
        return jobs, None
    if hear(mission, wait=wait):
        jobs, _ = store.jobs()
    facts = observe(mission, jobs)
    if facts.quiet and not markers.waiting(store.events):
        return jobs, facts
    with _lock(mission, wait) as held:
        if held is None:
            return jobs, facts
        return _store(mission, held, facts)


def hear(mission: Mission, *, wait: bool = True) -> bool:
    """Store what the markers that wait say; whether there were any. Asks neither tmux, which may
    have a hundred panes to tell of first, nor anybody else."""
    if not markers.waiting(mission.store.events):
        return False
    from gitmc.model.facts import Facts

    with _lock(mission, wait) as held:
        if held is not None:
            _store(mission, held, Facts(now=mission.now(), boot=boot_id()))
    return True


def _lock(mission: Mission, wait: bool) -> AbstractContextManager[Held | None]:
    if not mission.store.root.is_dir():
        return nullcontext(None)
    return mission.store.locked() if wait else mission.store.locked_if_free()


def _store(mission: Mission, held: Held, facts: Facts) -> tuple[list[Job], Facts]:
    from gitmc.model.facts import advance, word_order
    from gitmc.model.notice import noted

    store = mission.store
    arrived = markers.delivered(store.events)
    jobs, _ = store.jobs()
    facts = facts._replace(
        markers=tuple(one.marker for one in arrived),
        marker_times={one.marker.name: one.at for one in arrived},
        reports=_reports(mission, arrived),
    )
    after = [noted(job, advance(job, facts)) for job in jobs]
    changes = [(job, new) for job, new in zip(jobs, after, strict=True) if new != job]
    if changes:
        mission.save_all(held, changes, "settle")
    by_run = {job.run.id: job for job in after if job.run}
    # Oldest first: what is left by a crash, and heard again, then ends as the whole did.
    for one in sorted(arrived, key=lambda one: word_order(one.marker, facts)):
        job = by_run.get(one.marker.run)
        if job is None:
            mission.store.journal.write(facts.now, "dropped", marker=one.marker.name)
        elif job.state is State.QUEUED and one.marker.kind != "start":
            # Quicker than its own launch: it counts once the launch is recorded.
            continue
        one.path.unlink(missing_ok=True)
    return after, facts


def _reports(mission: Mission, arrived: list[Delivered]) -> dict[str, Report]:
    reports: dict[str, Report] = {}
    for one in arrived:
        if one.marker.kind != "report":
            continue
        try:
            reports[one.marker.name] = decode_report(read_toml(one.path))
        except (BadFile, Malformed):
            markers.reject(mission.store.events, one.path)
            mission.store.journal.write(mission.now(), "unreadable", marker=one.marker.name)
    return reports


def _find_launchers(
    mission: Mission, jobs: Iterable[Job], runs: set[str]
) -> dict[str, tuple[Terminal, Process]]:
    """Where the launchers of `runs` are, whose launch was never recorded as done."""
    if not runs:
        return {}
    from gitmc.tmux.run import Tmux
    from gitmc.tmux.session import find_runs

    found: dict[str, tuple[Terminal, Process]] = {}
    servers = {job.queue.socket if job.queue else mission.settings["tmuxSocket"] for job in jobs}
    for socket in servers:
        for run, made in find_runs(Tmux(socket)).items():
            if run in runs:
                process = Process(made.pid, start_time(made.pid) or "", boot_id())
                found[run] = Terminal(made.socket, made.session, made.window, made.pane), process
    return found


def live_pids(jobs: Iterable[Job]) -> set[int]:
    """The processes whose end would be news: launchers, and whoever launches or lands a job."""
    launchers = {job.run.launcher.pid for job in jobs if job.live and job.run and job.run.launcher}
    movers: set[int] = set()
    for job in jobs:
        if owner := _owner(job):
            # One that is gone rings at once, and what it has left is looked at.
            movers |= _movers(job) or {owner.pid}
    return (launchers | movers) - {os.getpid()}
