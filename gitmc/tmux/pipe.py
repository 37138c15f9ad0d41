"""The pipe of a pane, of which a pane has one: what it prints, for our recorder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gitmc.errors import CommandFailed
from gitmc.tmux import recorder
from gitmc.tmux.quoting import for_shell
from gitmc.tmux.run import NoServer, Tmux
from gitmc.tmux.session import find_runs


class Piped(NamedTuple):
    """Whether a pane is dead, whether it has a pipe, and whether that was opened by us."""

    dead: bool
    piped: bool
    ours: bool


class Shown(NamedTuple):
    """What a pane shows, history included; `open` while the last line may go on."""

    text: str
    open: bool


def look(tmux: Tmux, run: str) -> Piped | None:
    """The pipe of the run's pane; None where the pane is gone."""
    form = "#{pane_dead} #{pane_pipe} #{@mc_pipe}"
    printed = _ask(tmux, run, ("display-message", "-p", "-t", "PANE", form))
    if printed is None:
        return None
    dead, piped, ours = printed.split(" ")
    return Piped(dead == "1", piped == "1", bool(ours))


def show(tmux: Tmux, run: str, *, ansi: bool) -> Shown | None:
    """What the run's pane shows now; None where it is gone."""
    return _shown(_ask(tmux, run, _capture(ansi)))


def begin(tmux: Tmux, run: str, folder: Path, *, ansi: bool) -> Shown | None:
    """Start a recorder in `folder` for what the run's pane prints from now on.

    Returns what it showed before: tmux does both in one go, so nothing is in between. A pipe that
    is there is closed. None where the pane is gone or dead.
    """
    made = find_runs(tmux).get(run)
    if made is None:
        return None
    argv = [sys.executable, "-I", "-S", recorder.__file__, str(folder), made.socket, made.pane]
    # Two readers more than sh: tmux takes a command of a pipe as a format that may have a time.
    command = for_shell(argv).replace("%", "%%")
    opening = ("pipe-pane", "-O", "-t", "PANE", command, ";")
    ours = ("set-option", "-p", "-t", "PANE", "@mc_pipe", "1", ";")
    try:
        return _shown(_ask(tmux, run, (*opening, *ours, *_capture(ansi))))
    except CommandFailed as failed:
        if "has exited" not in failed.stderr:
            raise
        return None


def _capture(ansi: bool) -> Sequence[str]:
    cursor = ("display-message", "-p", "-t", "PANE", "#{cursor_x}", ";")
    styles = ["-e"] if ansi else []
    return (*cursor, "capture-pane", "-p", "-J", "-S", "-", *styles, "-t", "PANE")


def _shown(printed: str | None) -> Shown | None:
    if printed is None:
        return None
    cursor, _, text = printed.partition("\n")
    return Shown(text.rstrip("\n"), cursor != "0")


def _ask(tmux: Tmux, run: str, words: Sequence[str]) -> str | None:
    made = find_runs(tmux).get(run)
    if made is None:
        return None
    try:
        return tmux(*(made.pane if word == "PANE" else word for word in words))
    except NoServer:
        return None
    except CommandFailed as failed:
        if "can't find pane" not in failed.stderr:
            raise
        return None
