"""The jobs among a train's branches: what becomes of them with what becomes of the branch."""

from __future__ import annotations

from collections.abc import Mapping

from gitmc.control.mission import Mission, this_process
from gitmc.control.provenance import record
from gitmc.errors import McError
from gitmc.git import refs
from gitmc.model.job import Job, Landed, State, move
from gitmc.model.job import Landing as JobLanding
from gitmc.model.trainrecord import (
    Landing,
    Out,
    Rider,
    Train,
    queued_again,
    sentence,
    taken_out,
)


def is_ready(mission: Mission, rider: Rider) -> bool:
    """Whether its job, if it has one, is there and not at work again."""
    return rider.job is None or _ready(mission.store.job(rider.job))


def _ready(job: Job | None) -> bool:
    if job is None or job.live or job.unstarted:
        return False
    return job.state not in (State.RUNNING, State.CANCELED)


def lined_up(mission: Mission, train: Train, tips: Mapping[str, str]) -> Train:
    """`train` after what others did to the branches and the jobs in its queue.

    `tips` is where these branches are now, by ref.
    """
    for rider in train.queue:
        tip = tips.get(f"refs/heads/{rider.branch}")
        reason = None
        if tip is None:
            reason = "deleted"
        elif not is_ready(mission, rider):
            reason = "withdrawn"
        elif tip != rider.head and train.plan is not None:
            # Whether it may land as it is now, its plan has to see first.
            reason = "moved"
        elif tip != rider.head:
            train = queued_again(train, rider.name, tip)
        if reason is not None:
            mission.store.journal.write(
                mission.now(), "action", action="TakeOut", train=train.id, name=rider.name,
                reason=reason,
            )  # fmt: skip
            train = taken_out(train, rider.name, reason)
    return train


def finish(mission: Mission, train: Train, landing: Landing) -> None:
    """Record of every job that landed that it is merged, and note on the commits who made them.

    Doing it again changes nothing.
    """
    queue = {rider.name: rider for rider in train.queue}
    verdict = "pass" if train.test else None
    before = landing.expected
    landed: list[tuple[Job, JobLanding]] = []
    for name, commit in zip(landing.names, landing.commits, strict=True):
        rider = queue.get(name)
        job = mission.store.job(rider.job) if rider and rider.job else None
        if rider and job and job.landed is None:
            one = JobLanding(
                this_process(), train.target, before, commit, rider.head, verdict, train.test
            )
            landed.append((job, one))
        before = commit
    if not landed:
        return
    try:
        record(mission, landed)
    except McError as fault:
        mission.store.journal.write(
            mission.now(), "failed", action="Note", train=train.id, error=fault.message
        )
    with mission.store.locked() as held:
        changes = [_merged(mission.store.job(job.name), one) for job, one in landed]
        mission.save_all(held, [one for one in changes if one], f"merge-train {train.id}")


def _merged(job: Job | None, landing: JobLanding) -> tuple[Job, Job] | None:
    """The job before and after `landing`; None where it is none of its any more."""
    if job is None or job.landed is not None or not _ready(job):
        return None
    landed = Landed(landing.target, landing.commit, landing.head)
    ready = job if job.state is State.READY_TO_MERGE else move(job, State.READY_TO_MERGE)
    return job, move(move(ready, State.MERGING), State.MERGED, landed=landed, reason=None)


def set_aside(mission: Mission, train: Train, rider: Rider, out: Out) -> None:
    """Record of the job whose branch was taken out why it was."""
    if rider.job is None:
        return
    with mission.store.locked() as held:
        now = mission.store.job(rider.job)
        if now is None or now.landed is not None or not _ready(now):
            return
        ready = now if now.state is State.READY_TO_MERGE else move(now, State.READY_TO_MERGE)
        after = ready._replace(reason=sentence(train, out))
        if out.reason == "conflict":
            after = move(move(ready, State.MERGING), State.CONFLICT, reason=sentence(train, out))
        mission.save(held, now, after, f"merge-train {train.id}")


def pin(mission: Mission, train: Train, out: Out) -> None:
    """Keep the commit with which the branch failed, for whoever wants to see it."""
    failed = [run for run in train.runs if run.id in out.runs]
    if failed:
        # By the run, since a branch that is tried once more is not counted twice.
        ref = f"refs/mc/train/{train.id}/{train.runs.index(failed[-1]) + 1}"
        refs.swap(mission.git, ref, failed[-1].commit, refs.NOTHING, f"mc merge-train {train.id}")
