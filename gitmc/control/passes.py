"""What is known of a train's candidates: from its own runs, and from passes of earlier ones."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from gitmc.control import capacity, verdicts
from gitmc.control.gatecommand import Gate, gate_of
from gitmc.control.mission import Mission
from gitmc.control.tested import under_which
from gitmc.control.testrun import Result
from gitmc.errors import McError
from gitmc.model import trainrecord
from gitmc.model.slots import Measured
from gitmc.model.train import Known
from gitmc.model.trainrecord import Landing, Train, TrainRun
from gitmc.model.verdict import Pass
from gitmc.store.codec import time_text


def gate_for(mission: Mission, train: Train) -> Gate | None:
    """The gate that the train was started with; None where nothing is tested."""
    if train.test is None:
        return None
    gate = gate_of(mission, train.base, train.target)
    if gate.command == train.test:
        return gate
    # What was asked for at its start counts, and not what is set meanwhile.
    return gate._replace(command=train.test, detected=False)


class Passes:
    """The verdicts on trees, as far as they are known."""

    def __init__(self, mission: Mission, gate: Gate | None) -> None:
        self._mission = mission
        self._command = gate.command if gate else None
        self._under = under_which(gate) if gate else None
        self._earlier: dict[str, Pass | None] = {}

    def learn(self, trees: Collection[str]) -> bool:
        """Look for earlier passes of `trees`; whether any was found that was not known."""
        new = sorted(set(trees) - self._earlier.keys())
        if self._command is None or self._under is None or not new:
            return False
        found = verdicts.known(self._mission, new, self._command, self._under)
        self._earlier.update({tree: found.get(tree) for tree in new})
        return bool(found)

    def known(self, train: Train) -> Mapping[str, Known]:
        """By tree: all that has been said of it."""
        if train.test is None:
            return _Untested()
        known = trainrecord.known(train.runs)
        for tree, passed in self._earlier.items():
            if passed is not None:
                known[tree] = known.get(tree, Known())._replace(passes=1)
        return known

    def told_of(self, train: Train, landing: Landing) -> Train:
        """`train` with the earlier pass by which it lands, where it is by one."""
        passed = self._earlier.get(landing.tree)
        if passed is None or trainrecord.known(train.runs).get(landing.tree, Known()).passes:
            return train
        run = TrainRun(
            f"{train.id}-{os.urandom(4).hex()}", landing.tree, landing.commits[-1], landing.names,
            self._mission.now(), verdict="pass", why=f"it passed at {passed.at}",
            seconds=round(passed.seconds, 3), cached=True,
        )  # fmt: skip
        return trainrecord.started(train, run)

    def remember(self, train: Train, run: TrainRun, result: Result, together: int) -> None:
        """Remember what the run took, and its pass, for later trains."""
        passed = result.verdict == "pass"
        if train.test is None or self._under is None or not (passed or result.verdict == "fail"):
            return
        measured = (result.seconds, result.cpu, float(result.memory), together, passed)
        capacity.remember_runs(self._mission, [Measured(train.test, *measured)])
        if not passed:
            return
        flaky = trainrecord.known(train.runs)[run.tree].fails > 0
        told = Pass(result.seconds, flaky, time_text(self._mission.now()))
        try:
            verdicts.remember(self._mission, {run.tree: told}, train.test, self._under)
        except McError as fault:
            # Without it, these files are tested once more than they need be.
            self._mission.store.journal.write(
                self._mission.now(), "failed", action="Verdict", train=train.id,
                error=fault.message,
            )  # fmt: skip


class _Untested(dict[str, Known]):
    """Where nothing is to be tested, everything passes."""

    def get(self, key: str, default: object = None) -> Known:
        return Known(passes=1)
