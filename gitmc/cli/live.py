"""The list of jobs, live: drawn in place on a terminal, printed anew elsewhere.

Nothing is drawn by the clock. What wakes us is the bell: files, the end of agents, and, by threads
of their own, a terminal that was resized and a reader that has gone.
"""

from __future__ import annotations

import os
import select
import signal
import stat
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from gitmc.cli.listing import HEAD, chosen, rows
from gitmc.cli.render import COLOURS, Output, mission_here, one_line, print_json, table, use_colour
from gitmc.control.follow import bell_of, follow
from gitmc.control.mission import Mission
from gitmc.control.view import ahead, objects
from gitmc.errors import McError
from gitmc.events.bell import Bell
from gitmc.model.columns import cut
from gitmc.model.job import Job

ENTER = "\x1b[?1049h\x1b[?25l"
"""The terminal's other screen, without the cursor."""

LEAVE = "\x1b[?25h\x1b[?1049l"


def watch_jobs(
    patterns: Sequence[str], states: Sequence[str], plan: str | None, out: Output
) -> int:
    """Show the chosen jobs whenever something happens, until interrupted or nobody reads."""
    mission = mission_here()
    signal.signal(signal.SIGTERM, _interrupt)
    # Blocked before there is any other thread, so that it comes to the one that waits for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGWINCH})
    with bell_of(mission) as bell:
        gone = _watch_reader(bell)
        changes = (
            (chosen(jobs, patterns, states, plan), troubles)
            for jobs, troubles in follow(mission, bell)
        )
        if out.json:
            _print_documents(mission, changes, out, gone)
        elif sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
            threading.Thread(target=_hear_resizes, args=(bell,), daemon=True).start()
            _draw(mission, changes)
        else:
            _print_tables(mission, changes, out, gone)
    raise AssertionError("following ends by an exception only")


Changes = Iterator[tuple[list[Job], list[McError]]]


def _draw(mission: Mission, changes: Changes) -> None:
    colour = use_colour()
    with _screen():
        for jobs, troubles in changes:
            shades = [COLOURS[job.state] for job in jobs] if colour else None
            lines = table(HEAD, rows(mission, jobs, ahead(mission, jobs)), shades)
            notes = [f"warning: {one_line(trouble.message, 1000)}" for trouble in troubles]
            width, height = _size()
            frame = fitted(lines if jobs else ["no jobs"], notes, width, height)
            # Each line is erased before it is written: afterwards, the last column would go too.
            drawn = "\r\n".join(f"\x1b[2K{line}" for line in frame)
            sys.stdout.write(f"\x1b[H{drawn}\x1b[J" if len(frame) < height else f"\x1b[H{drawn}")
            sys.stdout.flush()


@contextmanager
def _screen() -> Iterator[None]:
    sys.stdout.write(ENTER)
    try:
        yield
    finally:
        sys.stdout.write(LEAVE)
        sys.stdout.flush()


def fitted(lines: Sequence[str], notes: Sequence[str], width: int, height: int) -> list[str]:
    """`lines` over `notes`, cut to a screen; a last line says how many had no room."""
    notes = notes[: max(0, height // 4)]
    room = max(1, height - len(notes))
    shown = list(lines[:room])
    if len(lines) > room > 1:
        shown[-1] = f"… {len(lines) - room + 1} more"
    return [cut(line, width) for line in (*shown, *notes)]


def _size() -> tuple[int, int]:
    size = os.get_terminal_size(sys.stdout.fileno())
    return size.columns or 80, size.lines or 24


def _print_tables(mission: Mission, changes: Changes, out: Output, gone: threading.Event) -> None:
    said: set[str] = set()
    last: list[tuple[str, ...]] | None = None
    for jobs, troubles in changes:
        _check(gone)
        _warn(out, troubles, said)
        now = rows(mission, jobs, ahead(mission, jobs))
        # What changes by the clock alone is no change.
        timeless = [row[:3] + row[4:] for row in now]
        if timeless == last:
            continue
        shades = [COLOURS[job.state] for job in jobs] if use_colour() else None
        text = "\n".join(table(HEAD, now, shades)) if jobs else "no jobs"
        print(text if last is None else f"\n{text}", flush=True)
        last = timeless


def _print_documents(
    mission: Mission, changes: Changes, out: Output, gone: threading.Event
) -> None:
    said: set[str] = set()
    last: list[dict[str, Any]] | None = None
    for jobs, troubles in changes:
        _check(gone)
        _warn(out, troubles, said)
        now = objects(mission, jobs)
        timeless = [{k: v for k, v in job.items() if k != "seconds"} for job in now]
        if timeless != last:
            print_json("mc.jobs/1", {"jobs": now}, indent=None)
            sys.stdout.flush()
            last = timeless


def _warn(out: Output, troubles: Sequence[McError], said: set[str]) -> None:
    for trouble in troubles:
        if trouble.message not in said:
            said.add(trouble.message)
            out.warn(trouble)


def _check(gone: threading.Event) -> None:
    if gone.is_set():
        raise BrokenPipeError


def _watch_reader(bell: Bell) -> threading.Event:
    """An event that is set, with the bell rung, once the pipe that stdout is has no reader."""
    gone = threading.Event()
    descriptor = sys.stdout.fileno()
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):

        def wait() -> None:
            poll = select.poll()
            poll.register(descriptor, 0)
            poll.poll()
            gone.set()
            bell.ring()

        threading.Thread(target=wait, daemon=True).start()
    return gone


def _hear_resizes(bell: Bell) -> None:
    """Ring `bell` at each resize. In a thread, since a signal's handler must not ring it."""
    while True:
        signal.sigwait({signal.SIGWINCH})
        bell.ring()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
