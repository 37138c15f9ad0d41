"""Launch: a job is asked for, gets its name and its place, and is made.

    SPEC      everything the launcher needs is written down, before there is anything to launch
    RESERVE   under the state lock: the names are free; the jobs are stored as `queued`
    MAKE      worktree, set-up, terminal: see `make`

One job is made at once, by the process that asked for it. Of many, as many as may run are; the rest
stand in line, owned by nobody, and whoever sees that there is a place for one has it made.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gitmc.control import changes, warm
from gitmc.control.make import StepFailed, make, step
from gitmc.control.mission import Mission, this_process
from gitmc.control.prepare import Plan, Request, check_free, plan
from gitmc.control.settle import hear
from gitmc.control.spec import write_spec
from gitmc.control.told import started
from gitmc.errors import McError, Refused
from gitmc.git.snapshot import Snapshot
from gitmc.model.fanout import doubles
from gitmc.model.job import Job, Process, Queue, State
from gitmc.model.line import ready
from gitmc.store.lock import Held
from gitmc.tmux.run import VersionCheck


def launch(mission: Mission, request: Request) -> Job:
    """Do it all; the running job. Raises Refused, or StepFailed after undoing what was made."""
    return _launch(mission, request, None)


def launch_with_changes(mission: Mission, request: Request) -> tuple[Job, McError | None]:
    """Launch, and move the uncommitted changes of the worktree we stand in into the job.

    Returns the running job, and what kept some of the changes from being taken out here. Raises
    Refused or Conflict too where the changes cannot be moved; they are then where they were.
    """
    moved = changes.take(mission)
    job = _launch(mission, request, moved)
    return job, changes.leave(mission, moved, job)


def _launch(mission: Mission, request: Request, moved: Snapshot | None) -> Job:
    version = VersionCheck()
    planned = plan(mission, request)
    version.result()
    _reserve(mission, [planned], [request])
    return _latest(mission, make(mission, planned.job, planned.host, moved))


def _latest(mission: Mission, job: Job) -> Job:
    """The job, which was launched a moment ago, as it is now."""
    warm.want(mission, job)
    # What an agent has said that was quicker than we were: nobody is told a second time.
    hear(mission)
    return mission.store.job(job.name) or job


def enlist(mission: Mission, requests: Sequence[Request], limit: int) -> list[Job]:
    """Have the jobs stand in line, `limit` of which may run at once; all of them or none.

    Raises Refused, which says what is wrong with each.
    """
    version = VersionCheck()
    planned = plan_all(mission, requests)
    version.result()
    socket = mission.settings["tmuxSocket"]
    batch = os.urandom(6).hex()
    places = [
        replace(
            one,
            job=one.job._replace(
                queue=Queue(batch, limit, socket, one.host),
                launch=one.job.launch and one.job.launch._replace(owner=None),
            ),
        )
        for one in planned
    ]
    _reserve(mission, places, requests)
    return [one.job for one in places]


def enlist_for_plan(
    mission: Mission,
    requests: Sequence[Request],
    places: tuple[str, str, int],
    also: Callable[[Held], None],
) -> None:
    """Store the jobs of a plan, to be held until their turn has come; all of them or none.

    `places` is the plan's id, its integration branch, which need not be there yet, and how many of
    them may run at once. `also` stores the plan in the same moment. Raises Refused, which says what
    is wrong with each.
    """
    version = VersionCheck()
    planned = plan_all(mission, requests)
    version.result()
    plan_id, branch, limit = places
    socket = mission.settings["tmuxSocket"]
    held = [
        replace(
            one,
            job=one.job._replace(
                state=State.WAITING_DEPS,
                base=branch,
                plan=plan_id,
                queue=Queue(plan_id, limit, socket, one.host),
                launch=one.job.launch and one.job.launch._replace(owner=None),
            ),
        )
        for one in planned
    ]
    _reserve(mission, held, requests, also)


def plan_all(mission: Mission, requests: Sequence[Request]) -> list[Plan]:
    """What the requests come to. Raises Refused, which says what is wrong with each."""
    twice = doubles(request.name for request in requests)
    faults = [f"{name!r}: more than one job would be called so" for name in twice]
    planned = []
    hint = "give names that differ, with a placeholder: git mc launch 'fix-{}' … --each FILE"
    for request in requests:
        try:
            planned.append(plan(mission, request))
        except McError as fault:
            faults.append(f"{request.name!r}: {fault.message}")
            hint = fault.hint or hint
    if faults:
        raise Refused("nothing was launched: " + "; ".join(faults), hint=hint)
    return planned


def _reserve(
    mission: Mission,
    planned: Sequence[Plan],
    requests: Sequence[Request],
    also: Callable[[Held], None] | None = None,
) -> None:
    """Store the jobs, all or none, and what `also` stores."""
    try:
        for one, request in zip(planned, requests, strict=True):
            with step(one.job, "writing its files"):
                mission.store.make()
                prompt = mission.store.prompt_path(one.job.name)
                if one.told.prompt != request.prompt and one.job.run is not None:
                    prompt = mission.store.run_prompt_path(one.job.run.id)
                    mission.store.write_prompt(prompt, one.told.prompt)
                write_spec(mission, one.job, started(mission, one.job, one.told), prompt)
        with mission.store.locked() as held:
            _store_all(mission, held, planned, requests)
            if also is not None:
                also(held)
    except BaseException:
        for one in planned:
            if one.job.run is not None:
                mission.store.clear_run(one.job.run.id)
        raise


def _store_all(
    mission: Mission, held: Held, planned: Sequence[Plan], requests: Sequence[Request]
) -> None:
    store = mission.store
    stored: list[Job] = []
    for one in planned:
        check_free(mission, one.job.name, Path(one.job.worktree))
    try:
        for one, request in zip(planned, requests, strict=True):
            with step(one.job, "writing its files"):
                store.write_prompt(store.prompt_path(one.job.name), request.prompt)
                if one.work_plan is not None:
                    store.write_prompt(store.plan_path(one.job.name), one.work_plan)
                store.add(held, one.job)
                stored.append(one.job)
    except BaseException:
        store.prompt_path(one.job.name).unlink(missing_ok=True)
        store.plan_path(one.job.name).unlink(missing_ok=True)
        for job in stored:
            store.remove(held, job.name)
        raise
    for one in planned:
        # The log of an earlier job of this name.
        store.log_path(one.job.name).unlink(missing_ok=True)


def claim(mission: Mission, name: str, owner: Process) -> Job | None:
    """Make the job, which stands in line, `owner`'s to launch; None where its turn is over."""
    with mission.store.locked() as held:
        jobs, _ = mission.store.jobs()
        for job in ready(jobs, mission.settings["maxAgents"]):
            if job.name == name and job.launch is not None:
                claimed = job._replace(launch=job.launch._replace(owner=owner))
                mission.store.save(held, claimed)
                return claimed
    return None


def launch_claimed(mission: Mission, job: Job) -> Job:
    """Make a job that stood in line and is ours now; the running job. Raises as `make` does."""
    return _latest(mission, make(mission, job, job.queue.host if job.queue else None))


def launch_next(mission: Mission, batch: str, limit: int) -> Iterator[Job | StepFailed]:
    """Launch up to `limit` jobs of `batch`, one after another: each, or why it failed.

    What else has a place by then is the observer's to launch, so that nobody waits for it here.
    """
    most = mission.settings["maxAgents"]
    for _ in range(limit):
        jobs, _ = mission.store.jobs()
        mine = [job for job in ready(jobs, most) if job.queue and job.queue.batch == batch]
        claimed = next(
            (one for job in mine if (one := claim(mission, job.name, this_process()))), None
        )
        if claimed is None:
            return
        try:
            yield launch_claimed(mission, claimed)
        except StepFailed as failed:
            yield failed


def launched(mission: Mission, names: Sequence[str]) -> list[Job]:
    """The jobs of these names, once nobody is in the middle of launching one of them.

    An observer may have been quicker with some than who put them in line.
    """
    from gitmc.control.loop import catch_up
    from gitmc.events.bell import Bell

    with Bell([mission.store.jobs_dir]) as bell:
        while True:
            jobs = [job for name in names if (job := mission.store.job(name))]
            if all(job.in_line or job.launch is None for job in jobs):
                return jobs
            bell.wait(mission.settings["pollInterval"])
            catch_up(mission)
