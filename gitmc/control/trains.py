"""Trains, seen from outside: canceling one, and what made a branch of it fail."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gitmc.control.mission import Mission
from gitmc.control.train import Driven, drive
from gitmc.errors import Refused
from gitmc.events.bell import Bell
from gitmc.git import refs, worktree
from gitmc.model.plain import Plain
from gitmc.model.telling import telling
from gitmc.model.trainrecord import Train, TrainState, sentence
from gitmc.store.trains import Trains

READ = 1024 * 1024
"""Bytes of a log that are looked through: its last ones."""


def cancel(mission: Mission, train: Train) -> Train:
    """Have the train end; returns it as it ended. Raises Refused for one that has ended already."""
    if train.state is not TrainState.RUNNING:
        raise Refused(f"the train '{train.id}' is {train.state} already")
    trains = Trains(mission.store.root)
    trains.cancel_path(train.id).touch()
    mission.store.journal.write(mission.now(), "action", action="CancelTrain", train=train.id)
    try:
        while True:
            trains.await_driver(train.id)
            now = trains.get(train.id)
            if now is None or now.state is not TrainState.RUNNING:
                return now or train
            try:
                # Whoever drove it was killed.
                return drive(mission, train.id, lambda _: None)
            except Driven:
                # An observer was quicker to have it driven, to the same end.
                continue
    finally:
        # It may have ended by itself before it was told.
        ended = trains.get(train.id)
        if ended is None or ended.state is not TrainState.RUNNING:
            trains.cancel_path(train.id).unlink(missing_ok=True)


def follow(mission: Mission, train_id: str, tell: Callable[[Train], object]) -> Train:
    """Call `tell` with the train whenever it may have changed, until it ends; returns it then."""
    trains = Trains(mission.store.root)
    with Bell([trains.folder]) as bell:
        while True:
            train = trains.get(train_id)
            if train is None:
                raise Refused(f"the train '{train_id}' was removed meanwhile")
            tell(train)
            if train.state is not TrainState.RUNNING:
                return train
            bell.wait(mission.settings["pollInterval"])


def explain(mission: Mission, train: Train, name: str, checkout: str | None) -> dict[str, Any]:
    """Why the branch called `name` did not land; with `checkout`, in a worktree made there.

    Raises Refused for one that landed, or that has no tree that failed where one is asked for.
    """
    out = next((one for one in train.out if one.name == name), None)
    if out is None:
        raise Refused(
            f"'{name}' was not taken out of the train '{train.id}'",
            hint=f"git mc merge-train status {train.id}",
        )
    found: dict[str, Any] = {"train": train.id, "name": name, "why": sentence(train, out)}
    failed = [run for run in train.runs if run.id in out.runs]
    if failed:
        run = failed[-1]
        found |= {"green": out.green, "red": out.red, "log": run.log, "command": train.test}
        found["lines"] = _why(run.log)
        found["reproduce"] = (
            f"git mc merge-train show {train.id} {shlex.quote(name)} --checkout DIR"
        )
        if checkout is not None:
            place = _check_out(mission, run.commit, Path(checkout))
            found["worktree"] = str(place)
            found["reproduce"] = f"cd {shlex.quote(str(place))} && {train.test}"
    elif checkout is not None:
        raise Refused(f"no test failed with '{name}', so there is nothing to check out")
    return found


def _check_out(mission: Mission, commit: str, place: Path) -> Path:
    place = place.absolute()
    if place.exists():
        raise Refused(f"{place} exists already", hint="name a folder that does not")
    if refs.commit_of(mission.git, commit) is None:
        raise Refused(
            f"the commit {commit} that failed is no longer there",
            hint="git has cleared it away; merge the branch by hand to see it fail",
        )
    with mission.store.worktrees_locked():
        worktree.add_detached(mission.git, place, commit)
    worktree.fill(place)
    return place


def _why(log: str | None) -> list[str]:
    """The lines of the log that tell most; none where it is no longer there."""
    if log is None:
        return []
    try:
        with Path(log).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - READ))
            sent = file.read()
    except FileNotFoundError:
        return []
    plain = Plain()
    text = plain.feed(sent) + plain.finish()
    return telling(text.decode("utf-8", "replace").split("\n"))
