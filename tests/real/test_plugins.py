"""The plugin for opencode: its commands need no model, and its news reach the session."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.events import until
from tests.support.model import Model, say
from tests.support.real import Real

pytestmark = pytest.mark.slow


@pytest.fixture
def own(user_of: Callable[[str], Real], tmp_path: Path) -> Real:
    """A user of opencode, whose git finds git mc, and who has installed the plugin."""
    real = user_of("opencode")
    program = tmp_path / "bin" / "git-mc"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m gitmc "$@"\n')
    program.chmod(0o755)
    real.environment["PATH"] = f"{program.parent}{os.pathsep}{real.environment['PATH']}"
    real.mc("install", "opencode").ok()
    return real


def test_a_command_is_answered_without_the_model_and_news_are_told(
    own: Real, model: Model, tmp_path: Path
) -> None:
    world = own.world
    go = tmp_path / "go"
    os.mkfifo(go)
    world.launch("one", "sh", "-c", f"read line <{go}")
    words = [word for key, value in own.environment.items() for word in ("-e", f"{key}={value}")]
    program = shutil.which("opencode", path=own.environment["PATH"])
    assert program
    place = ["-x", "120", "-y", "40", "-c", str(world.repo.path)]
    world.tmux("new-session", "-d", "-s", "own", *place, *words, program)
    shown = tmp_path / "shown"
    shown.mkdir()
    world.tmux("pipe-pane", "-t", "own", f"cat >>{shown / 'own'}")

    def shows(text: str) -> None:
        until(lambda: text in world.tmux("capture-pane", "-p", "-t", "own"), shown)

    def types(text: str) -> None:
        world.tmux("send-keys", "-t", "own", "-l", text)
        shows(text)
        world.tmux("send-keys", "-t", "own", "Enter")

    # Its commands are known once its servers are.
    shows("MCP")
    types("/mc-status one")
    shows("one: running")
    assert model.asked == []
    go.write_text("\n")
    shows("one is completed")
    model.plays("hello llama", say("Hello."))
    types("hello llama")
    shows("Hello.")
    model.plays("again llama", say("And again."))
    types("again llama")
    shows("And again.")
    # Once it rested it was told, and nothing on the screen says when.
    model.plays("more llama", say("Once more."))
    types("more llama")
    shows("Once more.")
    told = [said for asked in model.asked for said in asked.users]
    assert any("one is completed" in said for said in told), told
