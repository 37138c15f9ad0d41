"""Make the pictures of the documentation, from real screens in a scratch repository.

    pip install 'git-mc[tui]'
    python contrib/pictures.py [--folder DIR] [NAME]...

Four scripted agents are launched there: one is done, one has failed, one asks, one works. Then each
command is run in a terminal of tmux's, and what that shows once it is complete is drawn.
"""

from __future__ import annotations

import argparse
import io
import shlex
import sys
from pathlib import Path

from gitmc.control.apart import start_observer
from gitmc.control.demo import scratch
from gitmc.control.launch import launch
from gitmc.control.loop import catch_up
from gitmc.control.mission import Mission
from gitmc.control.prepare import Request
from gitmc.events.bell import Bell
from gitmc.tmux.run import Tmux

FOLDER = Path(__file__).parent / "docs" / "pictures"
WIDTH, HEIGHT = 110, 30
GIT_MC = shlex.join([sys.executable, "-P", "-m", "gitmc"])

AGENTS = {
    "polite": "echo 'print(\"good day, world\")' >greet.py && git commit -qam 'Greet politely'",
    "colour": "echo 'error: the model gave up' >&2; exit 3",
    "tests": f"echo 'reading greet.py'; {GIT_MC} report blocked 'unittest or pytest?'; read -r _",
    "docs": f"echo 'Run `python greet.py`.' >USAGE.md; echo 'writing USAGE.md'; "
    f"{GIT_MC} report working 'writing USAGE.md'; read -r _",
}

PICTURES = {"overview": "blocked", "pick": "reading greet.py", "dash": "reading greet.py"}
"""By command: what its screen shows once it is complete."""


def settle(mission: Mission) -> None:
    """Wait until each agent has come as far as it goes."""
    done = {"polite": "completed", "colour": "failed", "tests": "waiting", "docs": "working"}
    with Bell([mission.store.events / "new", mission.store.jobs_dir], changes=True) as bell:
        while True:
            jobs, _ = catch_up(mission)
            found = {
                job.name: job.activity.state if job.live and job.activity else job.state
                for job in jobs
            }
            if found == done:
                return
            bell.wait(mission.settings["pollInterval"])


def screen(mission: Mission, name: str, shows: str) -> str:
    """What the terminal of `git mc NAME` has, with its colours, once it has `shows`."""
    tmux = Tmux(mission.settings["tmuxSocket"])
    size = ("-x", str(WIDTH), "-y", str(HEIGHT), "-c", str(mission.main_worktree))
    session = f"picture-{name}"
    log = mission.main_worktree.parent / session
    log.mkdir()
    # It waits for the first key, so that all that it writes is heard.
    command = f"read -r _; clear; {GIT_MC} {name}; exec cat"
    tmux("new-session", "-d", "-P", "-s", session, *size, command)
    tmux("pipe-pane", "-t", session, f"cat >>{shlex.quote(str(log / 'written'))}")
    with Bell([log], changes=True) as bell:
        tmux("send-keys", "-t", session, "Enter")
        while shows not in tmux("capture-pane", "-p", "-t", session):
            bell.wait(1.0)
    found = tmux("capture-pane", "-p", "-e", "-t", session)
    tmux("kill-session", "-t", session)
    return found


def draw(name: str, text: str) -> str:
    """`text`, with its colours, as SVG."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text.from_ansi(text.rstrip("\n")), soft_wrap=True)
    return console.export_svg(title=f"git mc {name}", unique_id=name)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("names", nargs="*", choices=[*PICTURES, []], metavar="NAME")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    with scratch(keep=False) as mission:
        for name, script in AGENTS.items():
            launch(mission, Request(name, b"", command=("/bin/sh", "-c", script)))
        start_observer(mission)
        settle(mission)
        for name in options.names or PICTURES:
            path = options.folder / f"{name}.svg"
            path.write_text(draw(name, screen(mission, name, PICTURES[name])))
            print(path)


if __name__ == "__main__":
    main()
