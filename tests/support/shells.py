"""Shells at a terminal of their own: keys are typed, and what they show is waited for."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.support.world import PATIENCE

CONTROL = re.compile(
    rb"\x1b\[[0-9;?<>=]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b\][^\x07]*\x07|\x1b[=>]|[\x07\r]"
)


class Shell:
    """One interactive shell, in `folder`."""

    def __init__(self, argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            # Wide enough for no line to be broken.
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 300, 0, 0))
            os.chdir(folder)
            os.execvpe(argv[0], list(argv), dict(environment))
        self.shown = b""

    def type(self, keys: str) -> None:
        """Type `keys`."""
        os.write(self._terminal, keys.encode())

    def until(self, pattern: str) -> str:
        """Wait until what it shows from here on, without control sequences, has `pattern`."""
        shown, deadline = b"", time.monotonic() + PATIENCE
        while True:
            plain = CONTROL.sub(b"", shown).decode("utf-8", "replace")
            if re.search(pattern, plain):
                return plain
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self._terminal], [], [], left)[0]
            assert ready, f"{pattern!r} did not come: {plain!r}"
            shown += os.read(self._terminal, 65536)

    def close(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)
