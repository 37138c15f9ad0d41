"""What only Claude Code does: it asks whether a folder is to be trusted."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.support.model import Model, say, shell
from tests.support.real import DIALOG, Real

pytestmark = pytest.mark.slow


@pytest.fixture
def real(user_of: Callable[[str], Real]) -> Real:
    """A user of Claude Code."""
    return user_of("claude")


@pytest.mark.parametrize("option", ["", "--unattended"])
def test_a_folder_that_nobody_trusts_is_waited_for(real: Real, model: Model, option: str) -> None:
    state = json.loads((real.home / ".claude.json").read_text())
    (real.home / ".claude.json").write_text(json.dumps(state | {"projects": {}}))
    real.environment["IS_SANDBOX"] = "1"
    model.plays("say hello", say("Hello."))
    real.launch("one", "say hello to the llama", *([option] if option else []))
    real.shows("one", "one you trust")
    real.becomes("one", "waiting", "screen")
    assert model.asked == []
    real.keys("one", "Down")
    real.shows("one", "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT} Yes, I trust")
    real.keys("one", "Enter")
    real.becomes("one", "idle")
    real.mc("kill", "one").ok()


def test_what_it_asks_is_shown(real: Real, model: Model) -> None:
    model.plays("say hello", shell("touch asked"), say("Hello."))
    real.launch("one", "say hello to the llama")
    real.becomes("one", "waiting")
    real.shows("one", DIALOG["claude"])
    shown = real.mc("answer", "one").ok().stdout
    assert shown == "permission: Bash: touch asked\n  in its terminal: git mc attach one\n"
    real.mc("answer", "one", "yes").refused(1, "git mc attach one")
    real.mc("send", "one", "some text").refused(1, "git mc answer one")
    real.keys("one", "Enter")
    real.becomes("one", "idle")
    real.mc("answer", "one").refused(1, "asks nothing")
    real.mc("kill", "one").ok()
