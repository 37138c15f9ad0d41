"""The one door to tmux."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from gitmc.errors import CommandFailed, Fatal

OLDEST_TMUX = (3, 2)
"""The first with hooks on a single pane."""

NO_SERVER = (
    *("no server running", "error connecting", "server exited", "lost server"),
    # What `list-panes -a` says while the server's last session is closing.
    "no current target",
)


MAKING = ("new-session", "new-window")
"""Commands that we always ask to print what they made."""


PATIENCE = 10.0
"""Seconds. tmux answers within milliseconds, or its server is stopped."""


class NoServer(Fatal):
    """There is no tmux server at the socket."""


class Tmux:
    """Runs tmux against one server: a named one, a socket's path, or the user's own.

    A server that does not answer within `patience` seconds is an error.
    """

    def __init__(self, server: str | None = None, *, patience: float = PATIENCE) -> None:
        self._server = _server_options(server)
        self._patience = patience

    def command(self, *args: str) -> list[str]:
        """The whole command line for `tmux ARGS` against this server."""
        return ["tmux", *self._server, *args]

    def __call__(self, *args: str, folder: Path | None = None, stdin: bytes = b"") -> str:
        """What `tmux ARGS` prints, given `stdin`. Raises NoServer or CommandFailed.

        `folder` becomes the working directory of what is made. It is not given to tmux as an
        option, since tmux would run a `#(command)` in its name.
        """
        # In a locale that is not UTF-8, tmux would print an underscore for each byte of a title.
        argv = ["tmux", "-u", *self._server, *args]
        try:
            done = subprocess.run(
                argv,
                cwd=folder,
                env=_environment(),
                input=stdin,
                capture_output=True,
                check=False,
                timeout=self._patience,
            )
        except FileNotFoundError as missing:
            raise missing_tmux() from missing
        except subprocess.TimeoutExpired as late:
            raise Fatal(
                f"tmux did not answer within {self._patience:g} s: {' '.join(argv[:4])} …",
                hint="is its server stopped? let it go on (kill -CONT), or end it",
            ) from late
        stderr = os.fsdecode(done.stderr)
        if done.returncode != 0:
            if any(sign in stderr for sign in NO_SERVER):
                raise NoServer(f"there is no tmux server: {stderr.strip()}")
            raise CommandFailed(argv, done.returncode, stderr)
        if args[0] in MAKING and not done.stdout:
            # A server that cannot make its socket says so, and its client exits with 0.
            raise CommandFailed(argv, done.returncode, stderr)
        return os.fsdecode(done.stdout).removesuffix("\n")


def _server_options(server: str | None) -> list[str]:
    if not server:
        return []
    return ["-S", server] if "/" in server else ["-L", server]


def _environment() -> dict[str, str]:
    # A server that this call starts keeps its environment for ever: no job may leak into it.
    return {key: value for key, value in os.environ.items() if not key.startswith("MC_")}


def missing_tmux() -> Fatal:
    """The error for a machine without tmux."""
    return Fatal(
        "tmux is not installed, or not on PATH",
        hint="install it with the system's package manager, for example: apt-get install tmux",
    )


class VersionCheck:
    """Asks tmux for its version while other work goes on; `result` waits and judges."""

    def __init__(self) -> None:
        try:
            self._asked = subprocess.Popen(
                ["tmux", "-V"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except FileNotFoundError as missing:
            raise missing_tmux() from missing

    def result(self) -> None:
        """Raises Fatal where tmux is too old."""
        printed = os.fsdecode(self._asked.communicate()[0]).strip()
        match = re.search(r"(\d+)\.(\d+)", printed)
        # A development build calls itself "tmux master" or "openbsd-7.5": newer than any floor.
        if match and printed.startswith("tmux ") and (int(match[1]), int(match[2])) < OLDEST_TMUX:
            oldest = ".".join(map(str, OLDEST_TMUX))
            raise Fatal(
                f"tmux {oldest} or newer is needed, and this is {printed}",
                hint="install a newer tmux, and see that it comes first on PATH",
            )
