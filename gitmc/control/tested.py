"""One commit through its gate: tested, unless its files have passed the same gate before."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from gitmc.control.environment import environment_of
from gitmc.control.gate import Passage, run_tests
from gitmc.control.gatecommand import Gate
from gitmc.control.mission import Mission
from gitmc.control.verdicts import known, remember
from gitmc.errors import McError, Refused
from gitmc.model.environment import Environment
from gitmc.model.verdict import Pass
from gitmc.store.codec import time_text

T = TypeVar("T")


def pass_gate(mission: Mission, name: str, gate: Gate, commit: str) -> bool:
    """See that `commit`, made of the job called `name`, passes; whether it had done so before.

    Raises Refused where it does not pass, and where nobody can tell. What is wrong with the notes
    on verdicts is journalled: without them, tests are run once more than they need be.
    """
    assert gate.command is not None
    command = gate.command
    tree = mission.git("rev-parse", f"{commit}^{{tree}}")
    under = under_which(gate)
    before = _try(mission, name, lambda: known(mission, [tree], command, under).get(tree))
    if before is not None:
        _journal(mission, name, commit, "pass", f"cached: it passed at {before.at}")
        return True
    log = mission.store.root / "logs" / f"{name}.test.log"
    began = time.monotonic()
    verdict = run_tests(mission, gate, commit, log)
    took = time.monotonic() - began
    outcome = "pass" if verdict.passed else "broken" if verdict.broken else "fail"
    _journal(mission, name, commit, outcome, verdict.why)
    if not verdict.passed:
        raise _refusal(name, gate, verdict)
    told = Pass(took, flaky=False, at=time_text(mission.now()))
    _try(mission, name, lambda: remember(mission, {tree: told}, command, under))
    return False


def under_which(gate: Gate) -> Environment:
    """What the gate's command runs under here."""
    assert gate.command is not None
    settings = gate.settings
    setup = settings["worktreeSetup.commands"]
    return environment_of(gate.command, settings["train.environment"], setup, gate.environment)


def _journal(mission: Mission, name: str, commit: str, verdict: str, why: str | None) -> None:
    mission.store.journal.write(
        mission.now(), "verdict", job=name, commit=commit, verdict=verdict, reason=why
    )


def _try(mission: Mission, name: str, do: Callable[[], T]) -> T | None:
    try:
        return do()
    except McError as fault:
        mission.store.journal.write(
            mission.now(), "failed", action="Verdict", job=name, error=fault.message
        )
        return None


def _refusal(name: str, gate: Gate, verdict: Passage) -> Refused:
    what = "the test command says nothing" if verdict.broken else "the tests fail"
    hint = f"its output is in {verdict.log}"
    if gate.detected:
        hint += f"; `{gate.command}` is from {gate.origin}: set another by mc.testCommand"
        hint += ", or test nothing: --no-test"
    return Refused(f"'{name}' was not merged: {what}: {verdict.why}", hint=hint)
