"""Which trains are worth a look, found without reading those that are long over.

Free of imports that whoever has no trains would have to wait for.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gitmc.control.mission import Mission
from gitmc.errors import McError
from gitmc.model.job import Job, State
from gitmc.store.files import BadFile

if TYPE_CHECKING:
    from gitmc.model.trainrecord import Train

RECENT = timedelta(days=1)
"""For how long a train that ended is news."""

FEW = 3
"""How many that ended are looked at."""

FAR = 20
"""How many trains back a job that did not land is looked for."""


def of_interest(mission: Mission) -> tuple[list[Train], list[McError]]:
    """The trains that run, then those that ended of late and left a branch behind, and faults."""
    if not _any(mission):
        return [], []
    from gitmc.model.trainrecord import TrainState
    from gitmc.store.trains import Trains

    trains = Trains(mission.store.root)
    found: list[Train] = []
    faults: list[McError] = []
    running = trains.running()
    since = mission.now() - RECENT
    ended = [one for one in trains.changed_since(since, FEW) if one not in running]
    for train_id in (*running, *ended):
        try:
            train = trains.get(train_id)
        except BadFile as fault:
            faults.append(fault)
            continue
        if train and (train.state is TrainState.RUNNING or (train.out and train.ended_at)):
            found.append(train)
    return sorted(found, key=lambda train: train.state is not TrainState.RUNNING), faults


def left_behind(mission: Mission, job: Job) -> str | None:
    """The id of the train that the job was taken out of, if that is what became of it last."""
    if job.landed is not None or job.state not in (State.READY_TO_MERGE, State.CONFLICT):
        return None
    if not _any(mission):
        return None
    from gitmc.store.trains import Trains

    trains = Trains(mission.store.root)
    for train_id in trains.ids()[:FAR]:
        try:
            train = trains.get(train_id)
        except BadFile:
            # The overview tells of it; whoever asks about a job is not kept from that.
            continue
        if train and any(rider.job == job.name for rider in train.queue):
            return None
        if train and any(out.name == job.name and out.branch == job.branch for out in train.out):
            return train_id
    return None


def _any(mission: Mission) -> bool:
    return (mission.store.root / "trains").is_dir()
