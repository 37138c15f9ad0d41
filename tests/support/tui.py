"""An agent with a user interface of its own, for tests: what it is typed, byte for byte.

    python tui.py FOLDER NAME [deaf=N] [mute] [ends]

Puts its terminal into raw mode, asks for bracketed pastes and writes every byte that it gets to
FOLDER/NAME.log. Return outside a paste submits; the first N it takes no notice of. Then it says by
a marker that it works, as agents' hooks do, unless it is mute, and ends if it is one that ends.
"""

import os
import sys
import termios
import tty
from pathlib import Path

END = b"\x1b[201~"


def main(folder: str, name: str, *manners: str) -> None:
    """Read until the terminal goes away."""
    deaf = sum(int(word.removeprefix("deaf=")) for word in manners if word.startswith("deaf="))
    tty.setraw(0, termios.TCSANOW)
    os.write(1, b"\x1b[?2004hready")
    log = os.open(Path(folder, f"{name}.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    rest = b""
    while got := os.read(0, 65536):
        os.write(log, got)
        rest = (rest + got).rpartition(END)[2] if END in rest + got else rest + got
        if b"\x1b[200~" in rest or b"\r" not in rest:
            continue
        returns, rest = rest.count(b"\r"), b""
        ignored = min(deaf, returns)
        deaf -= ignored
        if returns == ignored:
            continue
        if "mute" not in manners:
            marker = f"{os.environ['MC_RUN']}.activity.agent.working-{os.getpid()}"
            Path(os.environ["MC_DIR"], "events", "new", marker).touch()
        if "ends" in manners:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
