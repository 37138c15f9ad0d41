"""Telling on standard error how a train goes, without holding it up.

Whoever drives a train hands over each state of it, and goes on; a thread of its own writes. So a
terminal that is slow, stopped or gone is nothing to the train: what cannot be written is left.

On a terminal it is a picture, drawn over the one before: when something has happened, when the
terminal has been resized, and each second while a test runs, for the clock. The terminal is set
into no mode that it would have to be brought back from, and the cursor stays, so that it is whole
however we end. Elsewhere, it is a line for each thing that happens; `counted`, it begins with how
many have landed or been taken out, of how many.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import FrameType, TracebackType
from typing import Protocol, Self

from gitmc.cli.render import use_colour
from gitmc.cli.trainpicture import picture
from gitmc.cli.trainview import events
from gitmc.control import capacity
from gitmc.control.mission import Mission
from gitmc.model.columns import columns
from gitmc.model.slots import expected
from gitmc.model.trainrecord import Train

ERR = 2
"""The descriptor that is written to; sys.stderr has a lock, which a thread must not be ended in."""

TICK = 1.0
"""Seconds until the clock of a picture is drawn again."""

PATIENCE = 2.0
"""Seconds that a terminal has for the last words, before it is left as it is."""


class Shown(Protocol):
    """Where a train is told of."""

    tick: float | None
    """Seconds after which it is to be drawn again though nothing happened."""

    def draw(self, train: Train) -> None:
        """Show the train as it is now. Raises OSError where nobody sees it."""

    def fresh(self) -> None:
        """Others have written since."""

    def end(self) -> None:
        """It was the last picture."""


class Progress:
    """Tells what a train does, from a thread of its own."""

    def __init__(self, mission: Mission, *, quiet: bool, counted: bool) -> None:
        self._news: SimpleQueue[Train | signal.Signals | None] = SimpleQueue()
        self._before: dict[signal.Signals, object] = {}
        self._thread: threading.Thread | None = None
        self._left = False
        if not quiet:
            drawn = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
            shown: Shown = _Picture(mission) if drawn else _Lines(counted)
            self._thread = threading.Thread(target=self._write, args=(shown,), daemon=True)

    def __enter__(self) -> Self:
        if self._thread:
            for number in (signal.SIGWINCH, signal.SIGCONT):
                self._before[number] = signal.signal(number, self._hear)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread:
            self._news.put(None)
            self._thread.join(PATIENCE)
            # What it did not get to is not to be written over what is printed now.
            self._left = True
            for number, handler in self._before.items():
                signal.signal(number, handler)  # type: ignore[arg-type]

    def show(self, train: Train) -> None:
        """Tell what is new of `train`, soon."""
        if self._thread and self._thread.is_alive():
            self._news.put(train)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        # This queue is the one that may be put into from a signal's handler.
        self._news.put(signal.Signals(number))

    def _write(self, shown: Shown) -> None:
        with suppress(OSError):
            train: Train | None = None
            for news in self._heard(shown):
                if isinstance(news, Train):
                    train = news
                elif news is signal.SIGCONT:
                    shown.fresh()
                if train and self._news.empty():
                    shown.draw(train)
            if train and not self._left:
                shown.draw(train)
            if not self._left:
                shown.end()

    def _heard(self, shown: Shown) -> Iterable[Train | signal.Signals | None]:
        running = False
        while True:
            try:
                news = self._news.get(timeout=shown.tick if running else None)
            except Empty:
                yield None
                continue
            if news is None:
                return
            if isinstance(news, Train):
                running = any(run.verdict is None for run in news.runs)
            yield news


class _Lines:
    tick: float | None = None

    def __init__(self, counted: bool) -> None:
        self._counted = counted
        self._told: set[tuple[str, str]] = set()

    def draw(self, train: Train) -> None:
        total = len(train.landed) + len(train.out) + len(train.queue)
        for key, text in events(train):
            if key not in self._told:
                self._told.add(key)
                settled = sum(kind in ("landed", "out") for kind, _ in self._told)
                _put(f"{settled} of {total}: {text}\n" if self._counted else f"{text}\n")

    def fresh(self) -> None:
        return None

    def end(self) -> None:
        return None


class _Picture:
    tick: float | None = TICK

    def __init__(self, mission: Mission) -> None:
        self._mission = mission
        self._colour = use_colour(sys.stderr)
        self._drawn: list[str] = []
        self._expected: tuple[int, float | None] = (-1, None)

    def draw(self, train: Train) -> None:
        if not _in_front():
            self.fresh()
            return
        now, usual = self._mission.now(), self._usual(train)
        lines = picture(train, now, usual, _size(), colour=self._colour)
        erased = "\x1b[K\r\n".join(lines)
        _put(f"{self._back()}{erased}\x1b[K\x1b[J")
        self._drawn = lines

    def fresh(self) -> None:
        self._drawn = []

    def end(self) -> None:
        if self._drawn and _in_front():
            # What has become of it is told on stdout: here, if that is the terminal too.
            _put(f"{self._back()}\x1b[J" if sys.stdout.isatty() else "\r\n")

    def _back(self) -> str:
        """To where the picture begins: a terminal that was made narrower has wrapped its lines."""
        width, height = _size()
        rows = sum(max(1, -(-columns(line) // width)) for line in self._drawn)
        up = min(rows, height) - 1
        return f"\r\x1b[{up}A" if up > 0 else "\r"

    def _usual(self, train: Train) -> float | None:
        ended = sum(run.verdict is not None for run in train.runs)
        if train.test is not None and self._expected[0] != ended:
            history = capacity.history(self._mission)
            self._expected = (ended, expected(history.of(train.test)))
        return self._expected[1]


def _put(text: str) -> None:
    left = text.encode("utf-8", "backslashreplace")
    while left:
        left = left[os.write(ERR, left) :]


def _size() -> tuple[int, int]:
    size = os.get_terminal_size(ERR)
    return size.columns or 80, size.lines or 24


def _in_front() -> bool:
    """Whether the terminal is ours now: a job in the background must not draw over others."""
    try:
        return os.tcgetpgrp(ERR) == os.getpgrp()
    except OSError:
        return True
