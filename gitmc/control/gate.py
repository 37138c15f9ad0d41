"""The gate: run the test command on a commit, in a test worktree, and wait for what it says.

The outcome is a verdict only if the command really ran: one that was not found, could not be run,
or was killed says nothing about the commit, and neither does a set-up that failed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gitmc.control.gatecommand import Gate, install_of
from gitmc.control.mission import Mission
from gitmc.control.provision import told_to_end
from gitmc.control.testrun import Spec, cancel, forget, forget_abandoned, run_test
from gitmc.model.ended import Verdict

SAYS_NO = (Verdict.FAIL, Verdict.LATE)

RUNS = "merge-"
"""How the ids of our runs begin."""


@dataclass(frozen=True)
class Passage:
    """How the test command ended. `why` is None for a pass; `broken` if it is no verdict at all."""

    why: str | None
    broken: bool
    log: Path

    @property
    def passed(self) -> bool:
        """Whether the commit may land."""
        return self.why is None


def run_tests(mission: Mission, gate: Gate, commit: str, log: Path) -> Passage:
    """Run the gate's command on the files of `commit`. Its output is in `log` afterwards."""
    spec = spec_of(mission, gate, commit, RUNS + os.urandom(6).hex())._replace(log=str(log))
    forget_abandoned(mission.store.root, RUNS)
    with told_to_end():
        try:
            result = run_test(spec)
        except BaseException:
            cancel(spec)
            raise
        finally:
            forget(spec)
    passed = result.verdict is Verdict.PASS
    return Passage(None if passed else result.why, result.verdict not in SAYS_NO, result.log)


def spec_of(
    mission: Mission, gate: Gate, commit: str, run: str, setup: Sequence[str] | None = None
) -> Spec:
    """The run called `run` of the gate's command on `commit`, in a worktree that is set up for it.

    By `setup`, where that is given, or else as the settings or the files of `commit` ask for.
    """
    assert gate.command is not None
    install = install_of(mission, gate, commit, setup)
    return Spec(
        id=run,
        root=str(mission.store.root),
        repository=str(mission.main_worktree),
        commit=commit,
        command=gate.command,
        setup=install.commands,
        digest=install.digest,
        copy=gate.settings["worktreeSetup.copyFiles"],
        symlink=gate.settings["worktreeSetup.symlinkDirs"],
        seconds=float(gate.settings["testTimeout"]),
        environment=tuple(sorted(gate.environment.items())),
    )
