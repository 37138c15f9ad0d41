"""That an agent may report as it is told to, where it asks a person before it runs any line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitmc.control.told import reporting
from gitmc.model.job import State
from tests.support.agents import closed, stored
from tests.support.model import Model, hold, say, shell
from tests.support.real import Real

pytestmark = pytest.mark.slow

REPORT = reporting()
MORE = (
    f"{REPORT} working x; touch asked",
    f"{REPORT} working x && touch asked",
    f"{REPORT} working x & touch asked",
    f"{REPORT} working x\ntouch asked",
    f"{REPORT} working x | tee asked",
    f"{REPORT} working x >asked",
    f"{REPORT} working x 2>>asked",
    f'{REPORT} working "$(touch asked)"',
    f"{REPORT} working `touch asked`",
    f"{REPORT} working <(touch asked)",
    f"PATH=. {REPORT} working x; touch asked",
    f"{REPORT.removesuffix(' report')} launch asked -- touch asked",
)
"""Lines that do more than report, and none of which is to be run without asking."""


@pytest.mark.parametrize("agent", ["claude", "codex", "gemini", "opencode"])
def test_it_reports_without_asking(
    user_of: Callable[[str], Real], model: Model, agent: str
) -> None:
    real = user_of(agent)
    real.asks_but_about(REPORT)
    report = shell(f"{REPORT} needs_review 'look at it'")
    model.plays("say hello", report, hold(last := say("I did.")))
    real.launch("one", "say hello to the llama")
    last.wait()
    found = stored(real.world, "one", lambda job: job.report is not None).report
    assert found is not None
    assert found.message == "look at it"
    last.let_go()
    real.shows("one", "I did.")
    real.becomes("one", "waiting", "report")
    real.mc("kill", "one").ok()


@pytest.mark.parametrize("agent", ["claude", "gemini", "opencode"])
def test_it_does_nothing_else_without_asking(
    user_of: Callable[[str], Real], model: Model, agent: str
) -> None:
    real = user_of(agent)
    real.asks_but_about(REPORT)
    report = shell(f"{REPORT} completed 'all of it'")
    model.plays("say hello", *map(shell, MORE), report, say("I did."))
    real.launch("one", "say hello to the llama", "--headless")
    job = closed(real.world, "one")
    assert job.state is State.COMPLETED
    assert job.report is not None
    assert job.report.message == "all of it"
    assert not (real.world.worktree("one") / "asked").exists()
    assert real.world.state("one") == "completed"
    assert not (real.world.root / "jobs" / "asked.toml").exists()
