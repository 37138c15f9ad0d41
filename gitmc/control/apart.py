"""Processes of ours that outlive the command that starts them: the observer, and launches.

They are detached from the terminal, and from any job that we are part of, since a job's whole tree
is ended with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from gitmc.agents.before import before
from gitmc.control.mission import Mission
from gitmc.git.run import clean_environment
from gitmc.model.job import Process

GO = b"go\n"
"""What a process hears once that which it is to do is its own."""


def start_observer(mission: Mission) -> None:
    """See to it that an observer runs, detached from us and from any job that we are part of."""
    if mission.store.observed():
        return
    words = ["watch", "--background"]
    if os.environ.get("MC_RUN") and os.environ.get("TMUX"):
        _start_outside_job(mission, [sys.executable, "-P", "-m", "gitmc", *words])
        return
    start_apart(mission, words)


def finish_apart(mission: Mission, plan_id: str, claim: Callable[[Process], bool]) -> None:
    """Have a process of its own push the plan for review, once `claim` has made it the owner."""
    child = start_apart(mission, ["plan", "finish", plan_id], stdin=subprocess.PIPE)
    assert child.stdin is not None
    with child.stdin as line:
        if claim(owner_of(child)):
            # Without this word, because another was quicker or we are gone, it does nothing.
            line.write(GO)


def owner_of(child: subprocess.Popen[bytes]) -> Process:
    """The child, as it is stored as the owner of what it does."""
    from gitmc.tmux.process import boot_id, start_time

    return Process(child.pid, start_time(child.pid) or "", boot_id())


def tend_apart(mission: Mission) -> None:
    """Have a process of its own keep the spare worktrees: their set-up may take minutes."""
    start_apart(mission, ["watch", "--tend"])


def sweep_apart(mission: Mission) -> subprocess.Popen[bytes]:
    """Have a process of its own find out which jobs would conflict: that may take minutes."""
    return start_apart(mission, ["watch", "--sweep"])


def drive_apart(mission: Mission, train_id: str) -> subprocess.Popen[bytes]:
    """Have a process of its own drive the train."""
    return start_apart(mission, ["merge-train", "--drive", train_id])


def start_apart(
    mission: Mission, words: list[str], stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start `git mc WORDS` detached from us."""
    environment = before(clean_environment())
    with (mission.store.root / "run" / "observer.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "gitmc", *words],
            cwd=mission.main_worktree,
            env=environment,
            stdin=stdin,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _start_outside_job(mission: Mission, argv: list[str]) -> None:
    """From inside a job: through tmux, since a job's whole tree is ended with it."""
    import shlex

    from gitmc.tmux.run import Tmux

    command = shlex.join(["cd", str(mission.main_worktree)]) + " && exec " + shlex.join(argv)
    Tmux()("run-shell", "-b", f"({command}) >/dev/null 2>&1 </dev/null".replace("#", "##"))
