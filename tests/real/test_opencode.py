"""What only opencode does: answers that come by files, questions, failures that are tried again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.model import Model, call, fail, say, shell
from tests.support.real import Real

pytestmark = pytest.mark.slow

QUESTION = {
    "question": "Which colour?",
    "header": "Colour",
    "options": [{"label": "Red", "description": "r"}, {"label": "Deep blue", "description": "b"}],
}


@pytest.fixture
def real(user_of: Callable[[str], Real]) -> Real:
    """A user of opencode."""
    return user_of("opencode")


def test_it_is_answered_without_its_terminal(real: Real, model: Model) -> None:
    no, yes = shell("touch never"), shell("touch asked")
    model.plays("ask me", no, yes, call("question", questions=[QUESTION]), say("Blue it is."))
    real.launch("one", "ask me, llama")
    real.becomes("one", "waiting")
    shown = real.mc("answer", "one").ok().stdout
    assert shown == "permission: bash: touch never\n  git mc answer one yes|always|no\n"
    real.mc("send", "one", "some text").refused(1, "git mc answer one")
    real.mc("answer", "one", "no", "do", "not").ok()
    yes.wait()
    real.becomes("one", "waiting")
    real.mc("answer", "one", "yes").ok()
    assert real.asked("one", "question")["questions"][0]["answers"] == ["Red", "Deep blue"]
    real.mc("answer", "one", "2").ok()
    real.becomes("one", "idle")
    results = [result for asked in model.asked for result in asked.results]
    assert any("do not" in result for result in results)
    assert any('"Which colour?"="Deep blue"' in result for result in results)
    assert (real.world.worktree("one") / "asked").exists()
    assert not (real.world.worktree("one") / "never").exists()
    real.mc("answer", "one").refused(1, "asks nothing")
    real.mc("kill", "one").ok()


def test_a_model_that_fails_again_and_again_is_an_error_until_it_answers(
    real: Real, model: Model
) -> None:
    model.plays("try hard", fail(503), fail(503), say("At last."))
    real.launch("one", "try hard, llama")
    real.becomes("one", "error")
    real.becomes("one", "idle")
    real.mc("kill", "one").ok()
