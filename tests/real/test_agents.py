"""What holds of opencode and Claude Code alike: the real ones, with a model that the test plays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gitmc.model.job import State
from tests.support.agents import closed, stored
from tests.support.events import until
from tests.support.model import Model, call, fail, hold, say, shell
from tests.support.real import DIALOG, KEY, Real, are_swift, kills_in_the_middle, mode_of

pytestmark = pytest.mark.slow

WORK = "echo hello >hello && git add hello && git commit --quiet -m 'Say hello'"


@pytest.fixture(params=["opencode", "claude"])
def real(request: pytest.FixtureRequest, user_of: Callable[[str], Real]) -> Real:
    """A user of each of them."""
    return user_of(request.param)


def test_what_it_does_is_known_within_a_second(real: Real, model: Model) -> None:
    model.plays("say hello", shell(WORK), shell("touch asked"), say("I did."))
    model.plays("fail now", *[fail(400)] * 9)
    model.plays("go on", hold(last := say("It works again.")))
    settings = real.settings()
    real.launch("one", "say hello to the llama")
    real.becomes("one", "working")
    lags = [real.lag("one", "waiting")]
    real.shows("one", DIALOG[real.agent])
    real.keys("one", "Enter")
    lags.append(real.lag("one", "idle"))
    assert real.log("one") == ["Say hello"]
    real.mc("send", "one", "fail now").ok()
    lags.append(real.lag("one", "error"))
    real.mc("send", "one", "go on").ok()
    last.wait()
    lags.append(real.lag("one", "working"))
    last.let_go()
    lags.append(real.lag("one", "idle"))
    print(real.agent, "seconds from each word to the disk:", [round(lag, 3) for lag in lags])
    assert are_swift(lags)
    assert model.unknown == []
    # opencode adds a file of its own there.
    assert settings.items() <= real.settings().items()
    assert (
        real.world.repo.git("status", "--porcelain", cwd=real.world.worktree("one")) == "?? asked"
    )


def test_that_it_is_blocked_stays_until_it_is_answered(real: Real, model: Model) -> None:
    report = shell(f"{real.world.command} report blocked 'which one?'")
    model.plays("say hello", report, hold(last := say("I wait.")))
    lets_it_be_unattended(real)
    model.plays("the second", hold(turn := say("I take it.")))
    real.launch("one", "say hello to the llama", "--unattended")
    last.wait()
    real.becomes("one", "waiting", "report")
    last.let_go()
    real.shows("one", "I wait.")
    assert real.world.job("one")["activity"]["state"] == "waiting"
    real.mc("send", "one", "the second").ok()
    turn.wait()
    real.becomes("one", "working")
    turn.let_go()
    real.becomes("one", "idle")
    real.mc("kill", "one").ok()


def test_nothing_of_it_is_to_be_seen(real: Real, model: Model) -> None:
    model.plays("the secret", hold(turn := say("I know it.")))
    real.launch("one", "the secret of the llama")
    turn.wait()
    real.becomes("one", "working")
    root, run = real.world.root, real.run("one")
    assert mode_of(root / "prompts" / "one.md") == 0o600
    assert mode_of(root / "run" / run) == 0o700
    files = [path for path in (root / "run" / run).rglob("*") if path.is_file()]
    assert {mode_of(path) for path in files} <= {0o600}
    words = real.launcher("one")
    assert any(word.endswith("launcher.py") for word in words)
    assert not any("secret" in word or KEY in word for word in words)
    turn.let_go()
    real.becomes("one", "idle")
    real.mc("kill", "one").ok()
    kept = [path for path in root.rglob("*") if path.is_file() and path.parent.name != "prompts"]
    assert not [path for path in kept if KEY.encode() in path.read_bytes()]
    journal = (root / "journal.jsonl").read_text()
    assert "secret" not in journal
    assert not (root / "run" / run).exists()


def test_it_takes_up_its_own_session_and_no_other_s(real: Real, model: Model) -> None:
    for name in ("one", "two"):
        model.plays(f"job {name}", say(f"I am {name}."))
        real.launch(name, f"you are job {name} of the llama")
        real.becomes(name, "idle")
    sessions = {
        name: stored(real.world, name, lambda job: job.session_id is not None).session_id
        for name in ("one", "two")
    }
    assert sessions["one"] != sessions["two"]
    for name in ("one", "two"):
        real.mc("kill", name).ok()
    model.plays("who are you", say("I still am."))
    if real.agent == "opencode":
        real.mc("relaunch", "one").ok()
        real.shows("one", "I am one.")
        real.mc("send", "one", "who are you").ok()
    else:
        real.mc("relaunch", "one", "-p", "who are you").ok()
    real.becomes("one", "idle")
    asked = next(asked for asked in model.asked if "who are you" in asked.users[-1])
    assert any("job one" in text for text in asked.users)
    assert not any("job two" in text for text in asked.users)
    assert stored(real.world, "one", lambda job: job.session_id == sessions["one"])
    real.mc("kill", "one").ok()


def test_killed_in_the_middle_of_an_answer_it_leaves_nothing(real: Real, model: Model) -> None:
    kills_in_the_middle(real, model)


def test_without_a_user_interface(real: Real, model: Model) -> None:
    model.plays("say hello", shell(WORK), say("I did."))
    model.plays("fail now", *[fail(400)] * 9)
    real.launch("one", "say hello to the llama", "--headless")
    real.launch("two", "fail now", "--headless")
    job = closed(real.world, "one")
    assert (job.state, job.exit_status) == (State.COMPLETED, 0)
    assert job.session_id is not None
    assert real.log("one") == ["Say hello"]
    job = closed(real.world, "two")
    assert (job.state, job.exit_status) == (State.FAILED, 1)
    model.plays("once more", say("I did it before."))
    real.mc("relaunch", "one", "-p", "once more").ok()
    assert closed(real.world, "one").state is State.COMPLETED
    asked = next(asked for asked in model.asked if "once more" in asked.users[-1])
    assert any("say hello to the llama" in text for text in asked.users)


def test_a_prompt_of_200_kb(real: Real, model: Model, tmp_path: Path) -> None:
    line = "the llama has 'quotes', \"more\", $HOME, `date` and ünïcode\n"
    text = "begin\n" + line * (200_000 // len(line.encode())) + "the end"
    prompt = tmp_path / "prompt.md"
    prompt.write_text(text)
    model.plays("the end", say("I read it."))
    real.launch("whole", "", "--headless", "-F", str(prompt))
    assert closed(real.world, "whole").state is State.COMPLETED
    assert any(text in said for asked in model.asked for said in asked.users)
    path = real.world.root / "prompts" / "file.md"
    model.plays("the end", last := say("I read it."))
    model.plays(str(path), shell(f"wc -c <{path}"), last)
    real.launch("file", "", "-F", str(prompt))
    last.wait()
    real.becomes("file", "idle")
    if real.agent == "opencode":
        assert text in model.asked[-1].users[-1]
    else:
        size = str(path.stat().st_size)
        assert any(size in result for asked in model.asked for result in asked.results)
    real.mc("kill", "file").ok()


READS = {"opencode": ("read", "filePath"), "claude": ("Read", "file_path")}
"""By agent: the tool that reads a file, and what it calls the file's name."""


def test_a_private_prompt_is_in_no_list_of_processes(real: Real, model: Model) -> None:
    real.world.repo.git("config", "mc.privatePrompts", "true")
    path = real.world.root / "prompts" / "one.md"
    tool, key = READS[real.agent]
    model.plays(f"Read {path}", call(tool, **{key: str(path)}), hold(last := say("I read it.")))
    model.plays("the secret", hold(told := say("I was told.")))
    real.launch("one", "the secret of the llama")
    turn = told if real.agent == "opencode" else last
    turn.wait()
    words = [word for process in real.processes("one") for word in process]
    assert any(str(path) in word for word in words)
    assert not any("secret" in word for word in words)
    heard = model.asked[-1].users if real.agent == "opencode" else model.asked[-1].results
    assert any("the secret of the llama" in text for text in heard)
    turn.let_go()
    real.becomes("one", "idle")
    real.mc("kill", "one").ok()


def lets_it_be_unattended(real: Real) -> None:
    if real.agent == "claude":
        # As root it wants to be told that this is a sandbox.
        real.environment["IS_SANDBOX"] = "1"
        # What its user has it ask about, it asks about all the same.
        settings = real.home / ".claude" / "settings.json"
        settings.write_text('{"skipDangerousModePermissionPrompt": true}')


def test_unattended_it_asks_nobody(real: Real, model: Model) -> None:
    model.plays("say hello", hold(turn := shell("touch asked; " + WORK)), say("I did."))
    lets_it_be_unattended(real)
    real.launch("one", "say hello to the llama", "--unattended")
    turn.wait()
    flag = {"opencode": "--auto", "claude": "--dangerously-skip-permissions"}[real.agent]
    assert any(flag in words for words in real.processes("one"))
    turn.let_go()
    real.becomes("one", "idle")
    assert real.log("one") == ["Say hello"]
    until(lambda: (real.world.worktree("one") / "asked").exists())
    real.mc("kill", "one").ok()


def test_a_subagent_s_rest_is_not_its_own(real: Real, model: Model) -> None:
    tool, kind = {
        "opencode": ("task", "general"),
        "claude": ("Agent", "general-purpose"),
    }[real.agent]
    task = call(tool, description="look", prompt="subagent, look", subagent_type=kind)
    # Claude goes on at once, and is woken when the other is done; opencode waits for it.
    at_once = [say("It looks.")] if real.agent == "claude" else []
    model.plays("do it all", task, *at_once, hold(last := say("All is done.")))
    model.plays("subagent, look", hold(inner := say("I looked.")))
    real.launch("one", "do it all for the llama")
    inner.wait()
    if at_once:
        real.shows("one", "background agent to finish")
    assert real.world.job("one")["activity"]["state"] == "working"
    inner.let_go()
    last.wait()
    assert real.world.job("one")["activity"]["state"] == "working"
    last.let_go()
    real.becomes("one", "idle")
    real.mc("kill", "one").ok()
