"""Branches that join a train under way, one file each in its folder.

A file is written whole, and taken away only after the record that has the branch is stored, so that
a kill loses none, and one that is found again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gitmc.model import trainrecord
from gitmc.model.trainrecord import Rider, Train
from gitmc.store.codec import Malformed
from gitmc.store.files import BadFile, read_toml, write_toml
from gitmc.store.records import decode, encode
from gitmc.store.trains import Trains


def join(trains: Trains, train_id: str, rider: Rider) -> None:
    """Have the branch join the train, if that is still open when its driver looks."""
    write_toml(trains.join_path(train_id, rider.name), encode(rider))


def taken(trains: Trains, train: Train) -> tuple[Train, Sequence[Path]]:
    """`train` with those who joined it meanwhile, and their files, to be removed once it is stored.

    A file that holds no rider is passed over and removed with them: its plan has it join again.
    """
    if not train.open:
        return train, ()
    paths = trains.joining(train.id)
    for path in paths:
        try:
            rider = decode(Rider, read_toml(path))
        except (BadFile, Malformed):
            continue
        train = trainrecord.joined(train, rider)
    return train, paths


def close(trains: Trains, train_id: str) -> None:
    """Have the train end once its queue is empty."""
    train = trains.get(train_id)
    if train is None or train.ended_at is not None:
        return
    trains.close_path(train_id).touch()


def over(trains: Trains, train: Train) -> bool:
    """Whether nobody will join the train any more."""
    if not train.open:
        return True
    return trains.close_path(train.id).exists() and not trains.joining(train.id)


def clear(trains: Trains, train: Train) -> None:
    """Remove what was asked of the train, which has ended."""
    for path in (
        trains.cancel_path(train.id),
        trains.close_path(train.id),
        *(trains.joining(train.id) if train.open else ()),
    ):
        path.unlink(missing_ok=True)
