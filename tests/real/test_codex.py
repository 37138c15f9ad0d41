"""Codex as it is, in jobs, with a model that the test plays."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitmc.model.job import State
from tests.support.agents import closed, stored
from tests.support.model import Model, Turn, call, fail, hold, say, shell
from tests.support.real import Real, are_swift, kills_in_the_middle
from tests.support.world import World

pytestmark = pytest.mark.slow

WORK = "echo hello >hello && git add hello && git commit --quiet -m 'Say hello'"


@pytest.fixture
def real(world: World, seal: Path, model: Model) -> Real:
    """A user of codex, who trusts his repository."""
    return Real("codex", world, seal, model)


def outside(line: str) -> Turn:
    """The model wants to run a line outside of the sandbox, which has to be permitted."""
    why = {"sandbox_permissions": "require_escalated", "justification": "May I?"}
    return call("exec_command", cmd=line, **why)


def test_what_it_does_is_known_within_a_second(real: Real, model: Model) -> None:
    model.plays("say hello", shell(WORK), outside("touch asked"), say("I did."))
    model.plays("fail now", failed := fail(400))
    model.plays("go on", hold(last := say("It works again.")))
    real.launch("one", "say hello to the llama")
    real.becomes("one", "working")
    lags = [real.lag("one", "waiting")]
    real.shows("one", "Would you like to run")
    real.keys("one", "Enter")
    lags.append(real.lag("one", "idle"))
    # In its sandbox, which lets it write in the worktree and where a commit has to.
    assert real.log("one") == ["Say hello"]
    real.mc("send", "one", "fail now").ok()
    failed.wait()
    said = datetime.now(UTC)
    # Its hooks are silent then; the title is not.
    real.becomes("one", "error", "title")
    lags.append(real.stored_at("one") - said.timestamp())
    real.mc("send", "one", "go on").ok()
    last.wait()
    lags.append(real.lag("one", "working"))
    last.let_go()
    lags.append(real.lag("one", "idle"))
    print("codex, seconds from each word to the disk:", [round(lag, 3) for lag in lags])
    assert are_swift(lags)
    # It writes there itself; nothing of ours stays.
    settings = (real.home / ".codex/config.toml").read_text()
    assert not [word for word in ("hooks", "writable_roots", "terminal_title") if word in settings]
    status = real.world.repo.git("status", "--porcelain", cwd=real.world.worktree("one"))
    assert status == "?? asked"


def test_what_its_sandbox_lets_it_do(real: Real, model: Model) -> None:
    root = real.world.root
    report = shell(f"{real.world.command} report blocked 'which one?'")
    hooks = shell(f"echo x >{root.parent}/hooks/post-commit; echo x >{root}/config.toml")
    pin = "refs/mc/salvage/old/1"
    real.world.repo.git("update-ref", pin, "HEAD")
    pins = shell(f"git update-ref -d {pin}")
    model.plays("say hello", report, hooks, pins, hold(last := say("I did.")))
    real.launch("one", "say hello to the llama")
    last.wait()
    real.becomes("one", "waiting", "report")
    assert not (root.parent / "hooks/post-commit").exists()
    assert not (root / "config.toml").exists()
    assert real.world.repo.head(pin) == real.world.repo.head("main")
    last.let_go()


def test_a_folder_that_it_does_not_trust_is_asked_about(real: Real, model: Model) -> None:
    config = real.home / ".codex/config.toml"
    config.write_text(config.read_text().partition("[projects.")[0])
    model.plays("say hello", shell(WORK), say("I did."))
    real.launch("one", "say hello to the llama")
    real.becomes("one", "waiting", "screen")
    assert not model.asked
    real.keys("one", "Enter")
    real.becomes("one", "idle")
    assert real.log("one") == ["Say hello"]


def test_hooks_that_nobody_trusts_are_asked_about_as_ever(real: Real, model: Model) -> None:
    ran = real.home / "ran"
    with (real.home / ".codex/config.toml").open("a") as config:
        hook = f'{{type="command",command="touch {ran}"}}'
        config.write(f"[[hooks.UserPromptSubmit]]\nhooks=[{hook}]\n")
    model.plays("say hello", say("I did."))
    real.launch("one", "say hello to the llama")
    real.becomes("one", "waiting", "screen")
    assert not ran.exists()
    assert "Hooks need review" in real.screen("one")


def test_it_takes_up_its_own_session_and_no_other_s(real: Real, model: Model) -> None:
    sessions = {}
    for name in ("one", "two"):
        model.plays(f"job {name}", say(f"I am {name}."))
        real.launch(name, f"you are job {name} of the llama")
        real.becomes(name, "idle")
        job = stored(real.world, name, lambda job: job.session_id is not None)
        sessions[name] = job.session_id
        real.mc("kill", name).ok()
    assert sessions["one"] != sessions["two"]
    model.plays("who are you", say("I still am."))
    real.mc("relaunch", "one", "-p", "who are you").ok()
    model.wait(lambda asked: any("who are you" in one.users[-1] for one in asked if one.users))
    asked = next(one for one in model.asked if one.users and "who are you" in one.users[-1])
    assert any("job one" in text for text in asked.users)
    assert not any("job two" in text for text in asked.users)
    real.becomes("one", "idle")
    assert stored(real.world, "one", lambda job: job.session_id == sessions["one"])


def test_killed_in_the_middle_of_an_answer_it_leaves_nothing(real: Real, model: Model) -> None:
    kills_in_the_middle(real, model)


def test_without_a_user_interface(real: Real, model: Model) -> None:
    model.plays("say hello", shell(WORK), say("I did."))
    model.plays("fail now", *[fail(400)] * 9)
    real.launch("one", "say hello to the llama", "--headless")
    real.launch("two", "fail now", "--headless")
    job = closed(real.world, "one")
    assert (job.state, job.exit_status) == (State.COMPLETED, 0)
    assert real.log("one") == ["Say hello"]
    job = closed(real.world, "two")
    assert (job.state, job.exit_status) == (State.FAILED, 1)
    model.plays("once more", shell("echo more >more && git add more && git commit -qm More"))
    real.mc("relaunch", "one", "-p", "once more").ok()
    assert closed(real.world, "one").state is State.COMPLETED
    assert real.log("one") == ["More", "Say hello"]
    asked = next(one for one in model.asked if one.users and "once more" in one.users[-1])
    assert any("say hello to the llama" in text for text in asked.users)


def test_unattended_it_asks_nobody(real: Real, model: Model) -> None:
    there = real.home / "there"
    model.plays("say hello", hold(turn := shell(f"touch '{there}'; {WORK}")), say("I did."))
    real.launch("one", "say hello to the llama", "--unattended")
    turn.wait()
    flag = "--dangerously-bypass-approvals-and-sandbox"
    assert any(flag in words for words in real.processes("one"))
    turn.let_go()
    real.becomes("one", "idle")
    assert real.log("one") == ["Say hello"]
    assert there.exists()


def test_a_private_prompt_is_in_no_list_of_processes(real: Real, model: Model) -> None:
    real.world.repo.git("config", "mc.privatePrompts", "true")
    path = real.world.root / "prompts" / "one.md"
    model.plays(str(path), shell(f"cat {path}"), hold(last := say("I read it.")))
    real.launch("one", "the secret of the llama")
    last.wait()
    assert not any("secret" in word for words in real.processes("one") for word in words)
    assert any("the secret of the llama" in result for result in model.asked[-1].results)
    last.let_go()
    real.becomes("one", "idle")
