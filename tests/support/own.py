"""A real agent that its user runs by himself, in a terminal beside git mc, with our plugin."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tests.support.events import until
from tests.support.real import DIALOG, Real

READY = {"opencode": "MCP", "claude": "? for shortcuts"}
"""What an agent shows once it can be typed to; opencode knows its commands once its servers are."""


class Called:
    """The `git mc` of a user, which keeps what it was called with."""

    def __init__(self, real: Real, folder: Path) -> None:
        folder.mkdir()
        self._log = folder / "log"
        program = folder / "git-mc"
        program.write_text(
            f'#!/bin/sh\necho "$*" >>{self._log}\nexec {sys.executable} -P -m gitmc "$@"\n'
        )
        program.chmod(0o755)
        real.environment["PATH"] = f"{folder}{os.pathsep}{real.environment['PATH']}"

    def count(self, words: str) -> int:
        """How often it was called with exactly these words."""
        return self._log.read_text().splitlines().count(words)


class Own:
    """The agent in its terminal; it ends with the world."""

    def __init__(self, real: Real) -> None:
        self._tmux = real.world.tmux
        self._dialog = DIALOG[real.agent]
        self._shown = real.home / "shown"
        self._shown.mkdir(exist_ok=True)
        program = shutil.which(real.agent, path=real.environment["PATH"])
        assert program
        # A pane's PATH is that of whoever asks for it, whatever else it is given.
        words = ["env", *("=".join(one) for one in real.environment.items()), program]
        place = ["-x", "120", "-y", "50", "-c", str(real.world.repo.path)]
        self._tmux("new-session", "-d", "-s", "own", *place, *words)
        self._tmux("pipe-pane", "-t", "own", f"cat >>{self._shown / 'own'}")
        self.shows(READY[real.agent])

    @property
    def screen(self) -> str:
        """What the terminal shows."""
        return self._tmux("capture-pane", "-p", "-t", "own")

    def shows(self, text: str) -> None:
        """Wait until the terminal shows `text`; it may not ask for a permission before."""
        until(lambda: any(one in self.screen for one in (text, self._dialog)), self._shown)
        assert text in self.screen, self.screen

    def key(self, name: str) -> None:
        """Press a key."""
        self._tmux("send-keys", "-t", "own", name)

    def types(self, text: str) -> None:
        """Type a line, and send it once it is all there."""
        self._tmux("send-keys", "-t", "own", "-l", text)
        self.shows(text)
        self.key("Enter")

    def agrees(self) -> None:
        """Permit what the agent asks for, once it does."""
        self.shows(self._dialog)

        def agreed() -> bool:
            # It shows the question before it takes an answer; one too many is an empty prompt.
            if asks := self._dialog in self.screen:
                self.key("Enter")
            return not asks

        until(agreed, self._shown)
