"""Branches that join a train under way, one file each in the trains' folder.

A file is written whole, and taken away only after the record that has the branch is stored, so that
a kill loses none. The record names it too, so that one that is found again changes nothing, and who
looks at both at any moment sees the branch at one place. Whoever ends the train removes them
after that is stored, and whoever delivers one looks once more whether it has ended: none is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path

from gitmc.model import trainrecord
from gitmc.model.trainrecord import Rider, Train, TrainState
from gitmc.store.codec import Malformed
from gitmc.store.files import BadFile, read_toml, write_toml
from gitmc.store.records import decode, encode
from gitmc.store.trains import Trains

HEARD = 16
"""How many of the files that were heard of before the last ones are remembered."""


def join(trains: Trains, train_id: str, rider: Rider) -> bool:
    """Have the branch join the train; False where that has ended, or is not one to be joined.

    It may still end before its driver looks: `look` tells what has become of the branch.
    """
    if not _can_be_joined(trains.get(train_id)):
        return False
    path = trains.join_path(train_id)
    try:
        write_toml(path, encode(rider))
    except FileNotFoundError:
        # Whoever ended it has removed what was being written.
        return False
    if _can_be_joined(trains.get(train_id)):
        return True
    path.unlink(missing_ok=True)
    return False


def _can_be_joined(train: Train | None) -> bool:
    return train is not None and train.open and train.state is TrainState.RUNNING


def look(trains: Trains, train_id: str) -> Train | None:
    """The train as it will be once those who have joined it are taken up; None where there is none.

    So in its record each branch is, by its name and head, in the queue, landed, out, or nowhere.
    """
    # In this order: what is taken up in between is in the record by then.
    found = {path.name: _rider(path) for path in trains.joining(train_id)}
    train = trains.get(train_id)
    if train is None or train.state is not TrainState.RUNNING:
        return train
    return _joined(train, found)


def taken(trains: Trains, train: Train) -> tuple[Train, Sequence[Path]]:
    """`train` with those who joined it meanwhile, and their files, to be removed once it is stored.

    A file that holds no rider is passed over and removed with them.
    """
    if not train.open:
        return train, ()
    paths = trains.joining(train.id)
    return _joined(train, {path.name: _rider(path) for path in paths}), paths


def _joined(train: Train, found: Mapping[str, Rider | None]) -> Train:
    """`train` after the files that were found, by name."""
    new = {name: rider for name, rider in found.items() if name not in train.taken}
    if not new:
        return train
    train = reduce(trainrecord.joined, filter(None, new.values()), train)
    return train._replace(taken=(*train.taken[-HEARD:], *new))


def _rider(path: Path) -> Rider | None:
    try:
        return decode(Rider, read_toml(path))
    except (BadFile, Malformed, FileNotFoundError):
        return None


def close(trains: Trains, train_id: str) -> None:
    """Have the train end once its queue is empty."""
    train = trains.get(train_id)
    if train is None or train.ended_at is not None:
        return
    trains.close_path(train_id).touch()
    _forget_if_over(trains, train_id)


def cancel(trains: Trains, train_id: str) -> None:
    """Have the train end at once."""
    trains.cancel_path(train_id).touch()
    _forget_if_over(trains, train_id)


def _forget_if_over(trains: Trains, train_id: str) -> None:
    train = trains.get(train_id)
    if train is None or train.state is not TrainState.RUNNING:
        trains.close_path(train_id).unlink(missing_ok=True)
        trains.cancel_path(train_id).unlink(missing_ok=True)


def over(trains: Trains, train: Train) -> bool:
    """Whether nobody will join the train any more."""
    if not train.open:
        return True
    return trains.close_path(train.id).exists() and not trains.joining(train.id)


def idle(trains: Trains, train: Train) -> bool:
    """Whether the train has nothing to do until somebody joins or closes it."""
    if not train.open or train.queue or trains.close_path(train.id).exists():
        return False
    return not trains.joining(train.id)


def clear(trains: Trains, train: Train) -> None:
    """Remove what was asked of the train, which is stored as ended."""
    for path in (
        trains.cancel_path(train.id),
        trains.close_path(train.id),
        *trains.joining(train.id),
        *trains.drafts(train.id),
    ):
        path.unlink(missing_ok=True)
