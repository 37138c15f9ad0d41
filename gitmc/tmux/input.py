"""Typing into a run's pane: text as one paste, then Return.

Every command asks once more, inside tmux, whether the pane is still the run's and its command
still there. tmux handles what it is given in one go before it looks at anything else, so the answer
holds; and tmux 3.3, asked to paste into a pane whose command has ended, ends itself with every job.
"""

from __future__ import annotations

from contextlib import suppress

from gitmc.errors import CommandFailed, Refused
from gitmc.tmux.run import NoServer, Tmux
from gitmc.tmux.session import find_runs

GONE = "gone"
OFF = "off"
TYPED = "typed"


def paste(tmux: Tmux, run: str, text: bytes, nonce: str) -> bool:
    """Paste `text` into the pane of `run`, out of any mode it is in; whether there is one.

    Goes by a buffer of tmux called by `nonce`, of any size and never read as keys or commands;
    brackets are put around it where the program has asked for them. A newline arrives as the
    Return that terminals paste. Raises Refused where the pane takes no input.
    """
    buffer = f"mc-{nonce}"
    load = ("load-buffer", "-b", buffer, "-", ";")
    said = _type(tmux, run, f"paste-buffer -p -d -b {buffer} -t {{pane}}", *load, stdin=text)
    if said != TYPED:
        with suppress(CommandFailed, NoServer):
            tmux("delete-buffer", "-b", buffer)
    return said == TYPED


def press_return(tmux: Tmux, run: str) -> bool:
    """Press Return in the pane of `run`; whether there is one."""
    return _type(tmux, run, "send-keys -t {pane} Enter") == TYPED


def _type(tmux: Tmux, run: str, command: str, *before: str, stdin: bytes = b"") -> str:
    made = find_runs(tmux).get(run)
    if made is None:
        return GONE
    pane = made.pane
    alive = f"#{{&&:#{{==:#{{@mc_run}},{run}}},#{{?pane_dead,0,1}}}}"
    # Return would be a key of the mode; `copy-mode -q` leaves every mode, not only that one.
    typed = f"copy-mode -q -t {pane} ; {command.format(pane=pane)}"
    told = f"display-message -p -t {pane} '#{{?pane_input_off,{OFF},{TYPED}}}'"
    otherwise = f"display-message -p {GONE}"
    words = ("if-shell", "-F", "-t", pane, alive, f"{typed} ; {told}", otherwise)
    try:
        said = tmux(*before, *words, stdin=stdin)
    except NoServer:
        return GONE
    except CommandFailed as failed:
        if "can't find pane" not in failed.stderr:
            raise
        return GONE
    if said == OFF:
        raise Refused(
            f"the terminal {pane} takes no input: it was switched off in tmux",
            hint=f"switch it on: tmux select-pane -e -t {pane}",
        )
    return said
