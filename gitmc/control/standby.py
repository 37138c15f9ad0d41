"""A process that stands by to launch a job, and is told which.

A launch has a process of its own, since it may take minutes; and that takes longer to start than
most launches do. So while jobs wait for their turn there is one already. It listens to its standard
input and ends with whoever holds the other end. A job is its own by the claim that is stored before
it hears the name: without that word, because another was quicker or we are gone, it does nothing.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

from gitmc.control.apart import owner_of, start_apart
from gitmc.control.mission import Mission

NEEDED = (
    "filelock",
    "gitmc.control.config",
    "gitmc.git.tree",
    "gitmc.model.notice",
    "tomli_w",
)
"""What a launch imports on its way."""


class Standby:
    """The one that an observer has."""

    def __init__(self, mission: Mission) -> None:
        self._mission = mission
        self._child: subprocess.Popen[bytes] | None = None

    def prepare(self) -> subprocess.Popen[bytes]:
        """See to it that one is there; its process."""
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = start_apart(self._mission, ["watch", "--launch"], stdin=subprocess.PIPE)
        return self._child

    def launch(self, name: str) -> None:
        """Have the job launched, which stands in line, unless its turn is over."""
        from gitmc.control.launch import claim

        child = self.prepare()
        if claim(self._mission, name, owner_of(child)) is None:
            return
        self._child = None
        assert child.stdin is not None
        with child.stdin as line:
            line.write(f"{name}\n".encode())

    def close(self) -> None:
        """Let go of it."""
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()
        self._child = None


def stand_by(mission: Mission) -> None:
    """Be that process: launch the job whose name comes, or end where none does."""
    from gitmc.control.launch import launch_claimed

    for module in NEEDED:
        import_module(module)
    name = sys.stdin.buffer.readline().removesuffix(b"\n").decode()
    if name:
        launch_claimed(mission, mission.job(name))
