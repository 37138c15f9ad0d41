"""Gemini CLI as it is, in jobs, with a model that the test plays."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gitmc.model.job import State
from tests.support.agents import closed, stored
from tests.support.model import Model, call, fail, hold, say, shell
from tests.support.real import Real, are_swift, kills_in_the_middle
from tests.support.world import World

pytestmark = pytest.mark.slow

WORK = "echo hello >hello && git add hello && git commit --quiet -m 'Say hello'"


@pytest.fixture
def real(world: World, seal: Path, model: Model) -> Real:
    """A user of gemini, who trusts the folder of his worktrees."""
    return Real("gemini", world, seal, model)


def settings(real: Real) -> dict[str, bytes]:
    """What the user has set."""
    names = ("settings.json", "trustedFolders.json")
    return {name: (real.home / ".gemini" / name).read_bytes() for name in names}


def test_what_it_does_is_known_by_its_title(real: Real, model: Model) -> None:
    model.plays("say hello", shell(WORK), hold(last := say("I did.")))
    model.plays("fail now", *[fail(400)] * 9)
    before = settings(real)
    real.launch("one", "say hello to the llama")
    real.becomes("one", "working", "title")
    real.becomes("one", "waiting", "title")
    real.shows("one", "Allow once")
    pressed = time.time()
    real.keys("one", "Enter")
    since = real.becomes("one", "working", "title").since.timestamp()
    last.wait()
    last.let_go()
    idle = time.time()
    since_idle = real.becomes("one", "idle", "title").since.timestamp()
    lags = [since - pressed, since_idle - idle]
    print("gemini, seconds from each cause to the disk:", [round(lag, 3) for lag in lags])
    assert are_swift(lags)
    assert real.log("one") == ["Say hello"]
    real.mc("send", "one", "fail now").ok()
    real.becomes("one", "error", "title")
    assert settings(real) == before
    assert real.world.repo.git("status", "--porcelain", cwd=real.world.worktree("one")) == ""


def test_a_folder_that_it_does_not_trust_is_asked_about(real: Real, model: Model) -> None:
    (real.home / ".gemini/trustedFolders.json").write_text("{}")
    model.plays("say hello", say("I did."))
    real.launch("one", "say hello to the llama")
    real.becomes("one", "waiting", "title")
    real.shows("one", "Do you trust the files in this folder?")


def test_it_takes_up_its_own_session_and_no_other_s(real: Real, model: Model) -> None:
    sessions = {}
    for name in ("one", "two"):
        model.plays(f"job {name}", say(f"I am {name}."))
        real.launch(name, f"you are job {name} of the llama")
        real.shows(name, f"I am {name}.")
        real.becomes(name, "idle", "title")
        job = stored(real.world, name, lambda job: job.session_id is not None)
        sessions[name] = job.session_id
        real.mc("kill", name).ok()
    assert sessions["one"] != sessions["two"]
    model.plays("who are you", say("I still am."))
    real.mc("relaunch", "one", "-p", "who are you").ok()
    real.shows("one", "I still am.")
    asked = next(one for one in model.asked if one.users and "who are you" in one.users[-1])
    assert any("job one" in text for text in asked.users)
    assert not any("job two" in text for text in asked.users)
    assert stored(real.world, "one", lambda job: job.session_id == sessions["one"])


def test_killed_in_the_middle_of_an_answer_it_leaves_nothing(real: Real, model: Model) -> None:
    kills_in_the_middle(real, model, "title")


def test_without_a_user_interface(real: Real, model: Model) -> None:
    model.plays("say hello", shell(WORK), say("I did."))
    model.plays("fail now", *[fail(400)] * 9)
    real.launch("one", "say hello to the llama", "--headless", "--unattended")
    real.launch("two", "fail now", "--headless")
    job = closed(real.world, "one")
    assert (job.state, job.exit_status) == (State.COMPLETED, 0)
    assert real.log("one") == ["Say hello"]
    assert closed(real.world, "two").state is State.FAILED
    model.plays("once more", say("I did it before."))
    real.mc("relaunch", "one", "-p", "once more").ok()
    assert closed(real.world, "one").state is State.COMPLETED
    asked = next(one for one in model.asked if one.users and "once more" in one.users[-1])
    assert any("say hello to the llama" in text for text in asked.users)


def test_unattended_it_asks_nobody(real: Real, model: Model) -> None:
    model.plays("say hello", shell(WORK), say("I did."))
    real.launch("one", "say hello to the llama", "--unattended")
    real.shows("one", "I did.")
    real.becomes("one", "idle", "title")
    assert real.log("one") == ["Say hello"]


def test_a_private_prompt_is_in_no_list_of_processes(real: Real, model: Model) -> None:
    real.world.repo.git("config", "mc.privatePrompts", "true")
    path = real.world.root / "prompts" / "one.md"
    model.plays(str(path), call("read_file", file_path=str(path)), hold(last := say("I read it.")))
    real.launch("one", "the secret of the llama")
    last.wait()
    assert not any("secret" in word for words in real.processes("one") for word in words)
    assert any("the secret of the llama" in result for result in model.asked[-1].results)
    last.let_go()
    real.becomes("one", "idle", "title")
