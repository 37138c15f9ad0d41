"""The gate: run the test command on a commit, in a worktree that nobody works in.

The outcome is a verdict only if the command really ran. A command that was not found (exit 127), or
that could not be run (126), says nothing about the commit, and neither does a set-up that failed.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gitmc.control.mission import Mission
from gitmc.control.scratch import scratch
from gitmc.git.run import environment_for_others
from gitmc.tmux.process import sweep

NOT_A_VERDICT = {126: "it could not be run", 127: "it was not found"}


@dataclass(frozen=True)
class Verdict:
    """How the test command ended. `why` is None for a pass; `broken` if it is no verdict at all."""

    why: str | None
    broken: bool
    log: Path

    @property
    def passed(self) -> bool:
        """Whether the commit may land."""
        return self.why is None


def run_tests(
    mission: Mission,
    command: str,
    commit: str,
    log: Path,
    *,
    seconds: float,
    setup: Sequence[str] = (),
    further: Mapping[str, str] | None = None,
) -> Verdict:
    """Run `command`, by sh, on the files of `commit`, once all of `setup` has been run there.

    None of them may take longer than `seconds`, and all see the `further` variables. The output is
    in `log` afterwards.
    """
    nonce = os.urandom(6).hex()
    environment = environment_for_others() | dict(further or {})
    environment |= {"MC_GATE": nonce, "MC_DIR": str(mission.store.root)}
    with scratch(mission, commit, nonce) as path:
        try:
            with log.open("wb") as output:
                for step in setup:
                    done = _run(step, path, environment, output.fileno(), log, seconds)
                    if not done.passed:
                        return Verdict(f"its set-up failed: {step}: {done.why}", True, log)
                return _run(command, path, environment, output.fileno(), log, seconds)
        finally:
            sweep("MC_GATE", nonce)


def _run(
    command: str, folder: Path, environment: dict[str, str], output: int, log: Path, seconds: float
) -> Verdict:
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return Verdict(f"it took longer than {seconds:g} s", broken=False, log=log)
    finally:
        kill_group(process)
    if status in NOT_A_VERDICT:
        return Verdict(NOT_A_VERDICT[status], broken=True, log=log)
    if status < 0:
        return Verdict(f"it was killed by signal {-status}", broken=True, log=log)
    return Verdict(None if status == 0 else f"exit status {status}", broken=False, log=log)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads its own group, and all of that group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
