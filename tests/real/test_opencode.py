"""What only opencode does: answers that come by files, questions, failures that are tried again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.model import Model, call, fail, hang, hold, say, shell
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


def test_what_it_is_told_while_its_turn_fails_is_not_lost(real: Real, model: Model) -> None:
    model.plays("fail now", hold(failed := fail(400)))
    model.plays("go on", say("It works again."))
    real.launch("one", "fail now, llama")
    failed.wait()
    real.becomes("one", "working")
    real.mc("send", "one", "go on").ok()
    failed.let_go()
    real.becomes("one", "idle")
    real.shows("one", "It works again.")
    assert [said for said in model.asked[-1].users if "go on" in said] == ["go on"]
    real.mc("kill", "one").ok()


def test_what_its_user_stopped_is_not_said_again(real: Real, model: Model) -> None:
    model.plays("take your time", turn := hang())
    real.launch("one", "take your time, llama")
    turn.wait()
    real.becomes("one", "working")
    real.mc("send", "one", "go on").ok()
    real.shows("one", "QUEUED")
    real.keys("one", "Escape")
    real.shows("one", "again to interrupt")
    real.keys("one", "Escape")
    real.becomes("one", "idle")
    model.plays("something else", say("That is it."))
    real.mc("send", "one", "something else").ok()
    real.shows("one", "That is it.")
    assert not [asked for asked in model.asked if asked.users and asked.users[-1] == "go on"]
    real.mc("kill", "one").ok()
