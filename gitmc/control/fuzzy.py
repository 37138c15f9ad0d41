"""Fuzzy: what a filter means, as fzf has it, where that is installed.

    ASK    fzf is given the filter and the lines that are looked through, in a thread of its own
    TELL   the names it found, best first; none where nothing is like that; None where it failed or
           did not answer
    TURN   another filter has come: what is at work on the last one is ended, since nobody waits

It is a help and never needed: whoever asks has an answer of their own meanwhile. What the user has
set for the fzf that he works with (a preview, a layout, other matching) is not for this one.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress

from gitmc.git.run import environment_for_others
from gitmc.model.picker import Sought

PATIENCE = 10.0
"""Seconds for fzf to answer. It takes milliseconds; nothing else waits for it."""

OF_THE_USER = ("FZF_DEFAULT_OPTS", "FZF_DEFAULT_OPTS_FILE", "FZF_DEFAULT_COMMAND")

NOTHING = 1
"""The status of fzf where no line matches."""

Found = tuple[str, ...] | None
"""The names that were found, best first; None where fzf had no answer."""


class Fuzzy:
    """Looks for one thing at a time, until it is closed; does nothing where there is no fzf."""

    def __init__(self, show: Callable[[str, Found], None]) -> None:
        """`show` is called in the thread, with a filter and what was found for it."""
        self._show = show
        self._program = shutil.which("fzf")
        self._sought: Sought | None = None
        self._closed = False
        self._idle = True
        """Whether nobody waits for what is at work."""
        self._turned = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, daemon=True)
        if self._program is not None:
            self._thread.start()

    def look(self, sought: Sought | None) -> None:
        """Look for `sought` from now on; None for nothing."""
        if self._program is None or sought == self._sought:
            return
        with self._lock:
            before, self._sought = self._sought, sought
            # The same filter over other lines: who is at work has an answer soon that is of use.
            if before is None or sought is None or before.query != sought.query:
                self._idle = True
                self._end()
        self._turned.set()

    def close(self) -> None:
        """Look no more, and leave no process behind."""
        with self._lock:
            self._closed = self._idle = True
            self._end()
        self._turned.set()
        if self._program is not None:
            self._thread.join()

    def _work(self) -> None:
        while not self._closed:
            self._turned.clear()
            with self._lock:
                sought, self._idle = self._sought, self._closed
            if sought is not None:
                found = self._found(sought)
                if not self._idle:
                    self._show(sought.query, found)
            self._turned.wait()

    def _found(self, sought: Sought) -> Found:
        try:
            process = subprocess.Popen(
                [str(self._program), *_options(sought.query)],
                env={k: v for k, v in environment_for_others().items() if k not in OF_THE_USER},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # With no terminal that it could draw on or read our keys from.
                start_new_session=True,
            )
        except OSError:
            return None
        with process:
            with self._lock:
                self._process = process
                if self._idle:
                    self._end()
            given = "\0".join(sought.lines).encode("utf-8", "surrogateescape")
            try:
                printed, _ = process.communicate(given, PATIENCE)
            except subprocess.TimeoutExpired:
                printed = b""
            with self._lock:
                self._end()
                self._process = None
        if process.returncode not in (0, NOTHING):
            return None
        lines = printed.decode("utf-8", "surrogateescape").split("\0")
        return tuple(line.partition(" ")[0] for line in lines if line)

    def _end(self) -> None:
        """End what is at work, with all that it has started. The lock is held."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _options(query: str) -> list[bytes]:
    """What has fzf match lines that end with NUL; among equals, the one found nearer its name.

    Letters are as good as capitals, as they are without it.
    """
    # What is pasted may have any character in it, and no argument has this one.
    typed = query.replace("\0", " ").encode("utf-8", "surrogateescape")
    return [b"--read0", b"--print0", b"-i", b"--tiebreak=begin", b"--filter=" + typed]
