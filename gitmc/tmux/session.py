"""Sessions, windows and panes.

Only tmux's own ids are ever used as targets: names can be changed by the user's hooks, and are
matched by prefix. Nothing of the user's goes into a tmux command either, but for paths inside the
pane-died hook, which are quoted for the three readers they pass through.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gitmc.errors import CommandFailed, Refused
from gitmc.tmux.quoting import for_parser, for_shell
from gitmc.tmux.run import NoServer, Tmux

_IDS = "#{session_id} #{window_id} #{pane_id} #{pane_pid} #{socket_path}"
_PANE_FIELDS = (
    "pane_id",
    "pane_dead",
    "pane_dead_status",
    "pane_dead_signal",
    "pane_pid",
    "pid",
    "window_activity",
    "window_bell_flag",
    "@mc_run",
    # The last one, since a title may hold whatever an agent prints.
    "pane_title",
)

STILL = 3
"""Seconds without a bell after which one is news."""

TITLES = 6
"""How many titles are news within SPAN seconds."""

SPAN = 10


class Made(NamedTuple):
    """A pane that was made, by tmux's ids; `pid` is the process of its command."""

    session: str
    window: str
    pane: str
    pid: int
    socket: str


class Pane(NamedTuple):
    """A pane as tmux lists it. `status` and `signal` are empty while tmux does not know them."""

    id: str
    dead: bool
    status: str
    signal: str
    pid: int
    server: int
    active: int
    """When its window last printed anything, in whole seconds since the epoch."""
    bell: bool
    """Whether its window's bell rang, and nobody has gone there since."""
    run: str
    """What the launcher in it called itself; tmux uses the ids of closed panes again."""
    title: str


def new_session(tmux: Tmux, names: Sequence[str], folder: Path, argv: Sequence[str]) -> Made:
    """A detached session running `argv`, called by the first of `names` that is free."""
    for name in names:
        # destroy-unattached, if the user has it on, would end the session before anyone sees it.
        keep = [";", "set-option", "-t", f"={name}:", "destroy-unattached", "off"]
        words = ["new-session", "-d", "-s", name, "-x", "200", "-y", "50", "-P", "-F", _IDS, "--"]
        try:
            return _made(tmux(*words, *argv, *keep, folder=folder))
        except CommandFailed as failed:
            if "duplicate session" not in failed.stderr or name == names[-1]:
                raise
    raise AssertionError("no names were given")


def new_window(tmux: Tmux, session: str, name: str, folder: Path, argv: Sequence[str]) -> Made:
    """A window running `argv` behind the others of `session`."""
    words = ["new-window", "-d", "-t", f"{session}:", "-n", name, "-P", "-F", _IDS, "--"]
    return _made(tmux(*words, *argv, folder=folder))


def _made(printed: str) -> Made:
    session, window, pane, pid, socket = printed.split(" ", 4)
    return Made(session, window, pane, int(pid), socket)


def current_session(tmux: Tmux) -> str:
    """The session that we are in. Raises Refused outside tmux."""
    pane = os.environ.get("TMUX_PANE")
    if not os.environ.get("TMUX") or not pane:
        raise Refused(
            "window placement needs a tmux session to put the window in, and this is none",
            hint="start tmux first, or use --placement session",
        )
    return tmux("display-message", "-p", "-t", pane, "#{session_id}")


def panes(tmux: Tmux) -> list[Pane]:
    """All panes of the server; empty where there is none.

    Debian's tmux loses the end of some commands: the pane is dead, but neither its status is known
    nor has its hook run, until the server gets another SIGCHLD. So that is what it is sent.
    """
    found = panes_now(tmux)
    stuck = {pane.server for pane in found if pane.dead and not pane.status and not pane.signal}
    if not stuck:
        return found
    for server in stuck:
        os.kill(server, signal.SIGCHLD)
    return panes_now(tmux)


def panes_now(tmux: Tmux) -> list[Pane]:
    """All panes of the server, by one question to it; empty where there is none."""
    form = "\t".join(f"#{{{field}}}" for field in _PANE_FIELDS)
    try:
        printed = tmux("list-panes", "-a", "-F", form)
    except NoServer:
        return []
    found = []
    for line in printed.split("\n") if printed else ():
        fields = line.split("\t", len(_PANE_FIELDS) - 1)
        pane, dead, status, sig, pid, server, active, bell, run, title = fields
        ended = (dead == "1", status, sig, int(pid or 0))
        found.append(Pane(pane, *ended, int(server), int(active or 0), bell == "1", run, title))
    return found


def find_runs(tmux: Tmux) -> dict[str, Made]:
    """The panes whose launcher has called itself a run, by that name."""
    try:
        printed = tmux("list-panes", "-a", "-F", f"#{{@mc_run}} {_IDS}")
    except NoServer:
        return {}
    named = (line.partition(" ") for line in printed.splitlines())
    return {run: _made(ids) for run, _, ids in named if run}


class Started(NamedTuple):
    """A pane whose launcher has called itself `run`, and the command that it was started with, as
    tmux quotes it."""

    run: str
    pane: str
    dead: bool
    socket: str
    command: str


def started(tmux: Tmux) -> list[Started]:
    """All such panes of the server; none where there is no server."""
    fields = ("@mc_run", "pane_id", "pane_dead", "socket_path", "pane_start_command")
    try:
        printed = tmux("list-panes", "-a", "-F", "\t".join(f"#{{{field}}}" for field in fields))
    except NoServer:
        return []
    rows = [line.split("\t", 4) for line in printed.splitlines()]
    # A command may have lines of its own.
    whole = [row for row in rows if len(row) == len(fields) and row[0]]
    return [Started(row[0], row[1], row[2] == "1", row[3], row[4]) for row in whole]


def capture(
    tmux: Tmux,
    pane: str,
    run: str,
    lines: int | None,
    *,
    ansi: bool = False,
    history: bool = True,
) -> str | None:
    """The last `lines` lines of the pane's history and screen, or all of it; None where it is gone.

    Without `history`, only the screen is read. The pane must be that of `run`: a server that was
    started anew uses the old ids again.
    """
    options = [*(["-S", "-"] if history else []), *(["-e"] if ansi else [])]
    shown = ["capture-pane", "-p", "-J", *options, "-t", pane]
    try:
        printed = tmux("display-message", "-p", "-t", pane, "#{@mc_run}", ";", *shown)
    except NoServer:
        return None
    except CommandFailed as failed:
        if "can't find pane" in failed.stderr:
            return None
        raise
    owner, _, text = printed.partition("\n")
    if owner != run:
        return None
    text = text.rstrip("\n")
    return text if lines is None else "\n".join(text.split("\n")[-lines:])


def kill_run(tmux: Tmux, run: str) -> int | None:
    """Close the pane of `run`, and with the last pane its window and session.

    Returns the process of the pane's command, which may need a moment to end; None where no pane
    is called so.
    """
    made = find_runs(tmux).get(run)
    if made is None:
        return None
    try:
        tmux("kill-pane", "-t", made.pane)
    except NoServer:
        return made.pid
    except CommandFailed as failed:
        if "can't find pane" not in failed.stderr:
            raise
    return made.pid


def attach_command(tmux: Tmux, socket: str, session: str, window: str) -> list[str]:
    """The command that shows the window: a switch inside the same server, an attach outside."""
    inside = os.environ.get("TMUX", "").rsplit(",", 2)[0]
    verb = ["switch-client"] if inside and Path(inside).resolve() == Path(socket).resolve() else []
    target = f"{session}:{window}"
    return tmux.command(*(verb or ["attach-session"]), "-t", target)


def witness(
    tmux: Tmux,
    script: Path,
    events: Path,
    run: str,
    *,
    bell: Path | None = None,
    title: Path | None = None,
) -> list[str]:
    """The command by which a launcher names its pane's run and makes the pane tell its end.

    "$TMUX_PANE" in it is for the launcher to replace. When the pane's command ends, `script` is
    run with the folder `events`, the run, and the pane's status and signal. In a session of our own
    `bell` is run with `events` and the run when the bell of the pane's window rings; `title` is
    when the letters of the pane's title change.
    """
    died = _run_shell([script, events, run], "'#{pane_dead_status}' '#{pane_dead_signal}'")
    pane = ["-p", "-t", "$TMUX_PANE"]
    return tmux.command(
        *("set-option", *pane, "remain-on-exit", "on", ";"),
        *("set-option", *pane, "@mc_run", run, ";"),
        *("set-hook", *pane, "pane-died", died, ";"),
        *(_bell_hook(bell, events) if bell else ()),
        # Without tmux's own last line, the pane ends with what the agent said. New in 3.3.
        *("set-option", "-q", *pane, "remain-on-exit-format", ""),
        *(_title_hook(title, events, run) if title else ()),
    )


def _title_hook(script: Path, events: Path, run: str) -> list[str]:
    """Commands that have the pane run `script` when its title says something else.

    What turns in a title while a program works is no letter. A title that changes all the time is
    not told of each time: whoever is told looks now and then besides.
    """
    pane = ["-p", "-t", "$TMUX_PANE"]
    letters = "#{s/[^A-Za-z]+//:pane_title}"
    span = f"#{{e|/:#{{T:@mc_clock}},{SPAN}}}"
    begins, few = f"#{{!=:{span},#{{@mc_span}}}}", f"#{{e|<=:#{{@mc_titles}},{TITLES}}}"
    begin = f"set-option -pF @mc_span '{span}' ; set-option -p @mc_titles 0"
    steps = [
        f"set-option -pF @mc_title '{letters}'",
        f"if-shell -F '{begins}' {{ {begin} }}",
        "set-option -pF @mc_titles '#{e|+:#{@mc_titles},1}'",
        f"if-shell -F '{few}' {{ {_run_shell([script, events, run], '')} }}",
    ]
    hook = f"if-shell -F '#{{!=:{letters},#{{@mc_title}}}}' {{ {' ; '.join(steps)} }}"
    return [
        *(";", "set-option", *pane, "@mc_clock", "%s"),
        # Quietly, for a tmux that has no such hook.
        *(";", "set-option", "-q", *pane, "pane-title-changed", hook),
    ]


def _bell_hook(script: Path, events: Path) -> list[str]:
    """Commands that have the pane's session run `script` at a bell, and then the user's own hook.

    A session's hook hides the global one. So ours takes itself away, has tmux run what is there
    without it, and comes back, from an option, since it cannot contain itself. Of bells that follow
    one another within STILL seconds `script` is told of the first: a program that rings all the
    time would have tmux do nothing else.
    """
    still = f"#{{e|>:#{{T:@mc_clock}},#{{e|+:#{{@mc_rang}},{STILL}}}}}"
    steps = [
        # Which run rang is up to the window that did: the user may have opened others beside it.
        f"if-shell -F '{still}' {{ {_run_shell([script, events], '#{q:@mc_run}')} }}",
        "set-option -pF @mc_rang '#{T:@mc_clock}'",
        "set-hook -u alert-bell",
        "set-hook -R alert-bell",
        "set-option -F alert-bell '#{@mc_bell}'",
    ]
    session = ["-t", "$TMUX_PANE"]
    return [
        *("set-option", *session, "@mc_clock", "%s", ";"),
        *("set-option", *session, "@mc_bell", " ; ".join(steps), ";"),
        *("set-option", "-F", *session, "alert-bell", "#{@mc_bell}", ";"),
    ]


def _run_shell(words: Sequence[Path | str], told: str) -> str:
    """A tmux command that runs the script `words` with `told`, which is a format of tmux's."""
    # Three readers: the hook's value is parsed by tmux, expanded as a format, and run by sh.
    shell = for_shell(["/bin/sh", *map(str, words)])
    return f"run-shell -b {for_parser(f'{shell} {told}'.rstrip())}"


def withdrawal(tmux: Tmux) -> list[str]:
    """The command by which a launcher lets its pane close with it."""
    return tmux.command("set-option", "-p", "-t", "$TMUX_PANE", "remain-on-exit", "off")
