"""`contrib/tmux/git-mc.tmux`: the segment of a real status line, and the keys."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from gitmc.model.segment import Counts, segment
from tests.support.agents import Agent, observer
from tests.support.events import until
from tests.support.world import World

CONF = Path(__file__).parents[2] / "contrib" / "tmux" / "git-mc.tmux"


class Screen:
    """A terminal in which a client shows a session of this world's server: its status line."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.log = world, folder / "screen" / "written"
        self.log.parent.mkdir()
        self.log.touch()
        self.socket = folder / "o"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "24", "cat")
        self.tmux("set-option", "-g", "status", "off")
        words = ["env", "-u", "TMUX", "tmux", "-S", str(world.socket), "attach", "-t", "mine"]
        self.tmux("pipe-pane", f"cat >>{shlex.quote(str(self.log))}")
        # It ends with the client, and so with the world's server.
        self.tmux("respawn-pane", "-k", *words)

    def tmux(self, *words: str) -> str:
        # By a short path, since a socket's has little room.
        argv = ["tmux", "-S", os.path.relpath(self.socket, self.socket.parent), *words]
        done = subprocess.run(
            argv, cwd=self.socket.parent, capture_output=True, text=True, check=True
        )
        return done.stdout

    def until(self, words: str) -> None:
        """Wait until it shows `words`."""
        until(lambda: words in self.tmux("capture-pane", "-p"), self.log.parent)


def mine(world: World, *before: str) -> None:
    """A session of the user's own, who has sourced the file after `before`."""
    world.tmux("-f", "/dev/null", "new-session", "-d", "-s", "mine", "-c", str(world.repo.path))
    for line in before:
        world.tmux(*shlex.split(line))
    # Keys that come at once are keys, and nothing is redrawn but for what happens.
    world.tmux("set-option", "-g", "assume-paste-time", "0")
    world.tmux("set-option", "-g", "status-interval", "0")
    world.tmux("source-file", str(CONF))


@pytest.mark.slow
def test_the_status_line_follows_what_happens_without_being_asked(
    world: World, tmp_path: Path
) -> None:
    mine(world)
    name = world.repo.path.name
    screen = Screen(world, tmp_path)
    agent = Agent(world, "one", tmp_path)
    screen.until(f"{name}: 1 running")
    assert agent.do(f"{world.command} report blocked 'which one?'") == 0
    screen.until(f"{name}: 1 waiting")
    agent.tell("exit 3")
    screen.until(f"{name}: 1 failed")
    observer(world)
    world.end_observer()
    world.mc("cleanup", "one", "--force").ok()
    assert world.tmux("show-options", "-g").count("@mc_of_") == 1, "only where it is shown"
    until(lambda: "failed" not in screen.tmux("capture-pane", "-p"), screen.log.parent)


@pytest.mark.slow
def test_a_popup_comes_by_the_keys_and_the_picker_in_it_goes_to_a_job(
    world: World, tmp_path: Path
) -> None:
    mine(world, f"set -g @mc_command '{world.command}'")
    screen = Screen(world, tmp_path)
    agent = Agent(world, "one", tmp_path)
    screen.until("1 running")
    screen.tmux("send-keys", "C-b", "g", "p")
    screen.until("> one")
    screen.tmux("send-keys", "Enter")
    session = world.tmux("display-message", "-p", "-t", agent.pane, "#{session_name}")
    until(lambda: world.tmux("list-clients", "-F", "#{session_name}") == session, screen.log.parent)


@pytest.mark.slow
def test_a_key_of_the_user_is_left_to_him_and_a_second_time_changes_nothing(world: World) -> None:
    mine(world, "bind-key g kill-pane", "set -g @mc_pick_key x")
    world.tmux("source-file", str(CONF))
    assert "kill-pane" in world.tmux("list-keys", "-T", "prefix", "g")
    assert " pick" in world.tmux("list-keys", "-T", "git-mc", "x")
    assert world.tmux("show-options", "-gv", "status-right").count("@mc_status") == 1
    world.tmux("set-option", "-g", "@mc_key", "y")
    world.tmux("source-file", str(CONF))
    world.tmux("source-file", str(CONF))
    assert "switch-client -T git-mc" in world.tmux("list-keys", "-T", "prefix", "y")


def test_a_name_is_no_format() -> None:
    text = segment("a#(touch x),#{y}é", Counts(1, 0, 2))
    assert text.startswith(" a??touch?x????y??: ")
    assert "waiting" not in text
    assert segment("shop", Counts(0, 0, 0)) == ""
