"""What is told to a server's status lines, by options of the user's kind.

Each repository has an option of its own, and `@mc_status` shows them all: a user who wants to see
them has `#{E:@mc_status}` in his status line. Nothing is set in a server where nobody has sourced
`contrib/tmux/git-mc.tmux`, which is known by an option that it sets. tmux draws anew when an option
is set, so nobody has to be asked for anything at intervals.
"""

from __future__ import annotations

from gitmc.tmux.run import NoServer, Tmux

ALL = "@mc_status"

WANTED = "@mc_segment"
"""Set, to whatever, where it is to be told."""


def tell(tmux: Tmux, name: str, text: str) -> None:
    """Have the status lines show `text`, a format, for whoever is called `name`: a plain word."""
    option = f"@mc_of_{name}"
    shown = f"#{{E:{option}}}"
    there = f"#{{m:*{option}*,#{{{ALL}}}}}"
    add = f"set-option -ga {ALL} '{shown}'"
    words = ("set-option", "-g", option, text) if text else ("set-option", "-guq", option)
    try:
        if tmux("show-options", "-gqv", WANTED).strip():
            tmux(*words, ";", "if-shell", "-F", there, "", add)
    except NoServer:
        return
