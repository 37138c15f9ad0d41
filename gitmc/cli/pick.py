"""git mc pick

The list is our own, and not that of fzf: its list would have to be fed anew at each event, and
forgets the cursor then; its preview runs a command each time; and what asks before it kills would
be other programs still. Where fzf is installed it says what a filter means, and in which order
(`control/fuzzy.py`); that is news as all else. Nothing is drawn by the clock: what wakes us is a
key, news of the jobs, what the job under the cursor prints, or another size of the terminal.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any

import click

from gitmc.cli.deeds import OWN_TERMINAL, argv, asked, do, said
from gitmc.cli.keys import keys
from gitmc.cli.options import outputs
from gitmc.cli.pickview import View, frame, list_height
from gitmc.cli.render import Output, mission_here, use_colour
from gitmc.control.fuzzy import Found, Fuzzy
from gitmc.control.mission import Mission, open_mission
from gitmc.control.peek import Peek, Screen
from gitmc.errors import McError, Refused
from gitmc.git.run import environment_for_others
from gitmc.model.ask import Ask
from gitmc.model.job import Job
from gitmc.model.picker import Act, Picker, press, ranked, to_answer, updated

ENTER = "\x1b[?1049h\x1b[?2004h"
"""The terminal's other screen, with pastes marked as such."""

LEAVE = "\x1b[?2004l\x1b[?25h\x1b[?1049l"


@click.command()
@click.argument("words", metavar="[FILTER]...", nargs=-1)
@outputs(json=False)
def command(words: tuple[str, ...], out: Output) -> int:
    """Pick a job from a list, see its terminal live, and go to it or do something with it.

    Whoever waits for a person comes first. What you type filters by name, state, agent and branch,
    as fzf does where that is installed; Enter goes to the job's terminal. Alt and a letter, or Tab
    and then a letter, shows the diff, merges, kills, sends a message or answers what is asked; a
    merge and a kill ask first.

    In tmux it fits a popup: tmux display-popup -E git mc pick
    """
    mission = mission_here(outside="MC_RUN" in os.environ)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refused("a job is picked on a terminal, and this is none", hint="git mc jobs")
    signal.signal(signal.SIGTERM, _interrupt)
    desk = Desk(mission, " ".join(words))
    try:
        last = desk.work()
    finally:
        desk.close()
    if desk.trouble:
        out.say(f"warning: {desk.trouble}")
    if last is not None:
        from gitmc.cli.attach import go

        go(mission, last)
    return 0


News = Callable[[Picker], Picker]
"""What something that happened makes of the picker."""


class Desk:
    """A terminal on which a job is picked."""

    def __init__(self, mission: Mission, query: str) -> None:
        self._mission = mission
        self._folder = mission.main_worktree
        self._picker = Picker(query=query)
        self._screen: Screen | None = None
        self.trouble = ""
        """What keeps the list from being as it should."""
        self._colour = use_colour()
        self._before: Attributes = []
        self._news: SimpleQueue[News] = SimpleQueue()
        self._bell, self._rung = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._peek = Peek(self._folder, lambda screen: self._post(self._seen(screen)))
        self._fuzzy = Fuzzy(lambda query, found: self._post(_found(query, found)))
        threading.Thread(target=self._follow, daemon=True).start()

    def close(self) -> None:
        """Let go of the agent that is listened to, and of fzf."""
        self._fuzzy.close()
        self._peek.close()

    def work(self) -> Job | None:
        """Work until it is left; the job to go to, if one was picked."""
        with _raw() as self._before:
            signal.signal(signal.SIGWINCH, lambda _number, _frame: self._post(_as_it_was))
            rest = b""
            while True:
                self._draw()
                ready = select.select([0, self._bell], [], [])[0]
                if self._bell in ready:
                    self._hear()
                if 0 not in ready:
                    continue
                data = os.read(0, 65536)
                if not data:
                    return None
                pressed, rest = keys(rest + data)
                for key in pressed:
                    self._picker, act = press(self._picker, key.name, key.text)
                    if act is None:
                        continue
                    if act.verb == "quit":
                        return None
                    if act.verb == "interrupt":
                        raise KeyboardInterrupt
                    if act.verb == "attach":
                        return self._mission.job(act.job)
                    self._do(act)

    def _draw(self) -> None:
        size = os.get_terminal_size(1)
        width, height = size.columns or 80, size.lines or 24
        page = list_height(height, 1 << 30)
        self._picker = self._picker._replace(page=page)
        self._peek.look(self._picker.job)
        self._fuzzy.look(self._picker.sought)
        screen = self._screen
        text = screen.text if screen and screen.job == self._picker.at else None
        now = self._mission.now()
        lines, cursor = frame(
            View(self._picker, text, self.trouble, now, width, height, self._colour)
        )
        # Each line is erased before it is written: afterwards, the last column would go too.
        drawn = "\r\n".join(f"\x1b[2K{line}" for line in lines)
        shown = f"\x1b[{height};{cursor + 1}H\x1b[?25h" if cursor is not None else ""
        _write(f"\x1b[?2026h\x1b[?25l\x1b[H{drawn}{shown}\x1b[?2026l")

    def _post(self, news: News) -> None:
        self._news.put(news)
        try:
            os.write(self._rung, b"!")
        except BlockingIOError:
            # It is full of rings that nobody has heard yet.
            return

    def _hear(self) -> None:
        os.read(self._bell, 65536)
        while True:
            try:
                news = self._news.get_nowait()
            except Empty:
                return
            self._picker = news(self._picker)

    def _follow(self) -> None:
        from gitmc.control.follow import bell_of, follow

        # Of its own: this thread is at work on the records.
        mission = open_mission(self._folder)
        try:
            with bell_of(mission) as bell:
                for jobs, troubles in follow(mission, bell):
                    self._post(self._caught_up(jobs, troubles))
        except (McError, OSError) as fault:
            self._post(self._failed(said(fault)))

    def _caught_up(self, jobs: list[Job], troubles: list[McError]) -> News:
        def news(picker: Picker) -> Picker:
            self.trouble = troubles[0].message if troubles else ""
            return updated(picker, jobs)

        return news

    def _failed(self, why: str) -> News:
        def news(picker: Picker) -> Picker:
            self.trouble = f"the list stands still: {why}"
            return picker

        return news

    def _seen(self, screen: Screen) -> News:
        def news(picker: Picker) -> Picker:
            self._screen = screen
            return picker

        return news

    def _do(self, act: Act) -> None:
        if act.verb in OWN_TERMINAL:
            self._give_terminal(act)
            return
        self._picker = self._picker._replace(said=f"{act.job} …")
        threading.Thread(target=self._work_apart, args=(act,), daemon=True).start()

    def _work_apart(self, act: Act) -> None:
        if act.verb == "asked":
            found = asked(self._folder, act.job)
            if isinstance(found, Ask):
                self._post(lambda picker: to_answer(picker._replace(said=""), act.job, found))
                return
            told = found
        else:
            told = do(self._folder, act)
        self._post(lambda picker: picker._replace(said=told))

    def _give_terminal(self, act: Act) -> None:
        """Have `act` done on the terminal as it is without us, and come back at a key."""
        with _cooked(self._before):
            before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
            try:
                done = subprocess.run(
                    argv(act), cwd=self._folder, env=environment_for_others(), check=False
                )
            finally:
                signal.signal(signal.SIGINT, before)
            ended = "" if done.returncode == 0 else f" ended with {done.returncode}"
            _write(f"\r\ngit mc {act.verb} {act.job}{ended}; press a key to go back ")
            tty.setraw(0)
            os.read(0, 65536)
            _write("\r\n")


def _as_it_was(picker: Picker) -> Picker:
    return picker


def _found(query: str, found: Found) -> News:
    return lambda picker: ranked(picker, query, found)


def _write(text: str) -> None:
    left = text.encode("utf-8", "backslashreplace")
    while left:
        left = left[os.write(1, left) :]


Attributes = list[Any]
"""What termios knows of a terminal."""


@contextmanager
def _raw() -> Iterator[Attributes]:
    """The terminal's other screen, with each key as it is pressed; all as it was afterwards.

    Yields how the terminal was.
    """
    before = termios.tcgetattr(0)
    _write(ENTER)
    try:
        tty.setraw(0)
        yield before
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        _write(LEAVE)


@contextmanager
def _cooked(before: Attributes) -> Iterator[None]:
    """Within `_raw`: the terminal as it was before."""
    _write(LEAVE)
    try:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        yield
    finally:
        tty.setraw(0)
        _write(ENTER)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
