"""Oh-My-OpenCode in the real opencode: how its modes begin, go on over many turns, and end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitmc.model.job import State
from tests.support.agents import stored
from tests.support.frameworks import ENVIRONMENT
from tests.support.model import Model, call, hold, say, shell
from tests.support.programs import plugin
from tests.support.real import Real

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not ENVIRONMENT.get("GIT_MC_TEST_OMO"),
        reason="brings 900 MB of packages from npm; GIT_MC_TEST_OMO=1 has them",
    ),
]

WORK = shell("echo hello >hello && git add --all && git commit --quiet -m 'Say hello'")

QUIET = {
    "disabled_mcps": ["websearch", "context7", "grep_app"],
    "disabled_hooks": ["auto-update-checker", "ast-grep-sg-provision", "codegraph-bootstrap"],
    "codegraph": {"enabled": False},
}
"""What a user without a network would set."""

PLACES = {"loops": "config/opencode/oh-my-openagent.json", "goals": ".omo/omo.json"}
"""Where each version has it from."""

CHECK = shell("sed -i 's/\\[ \\]/[x]/' .omo/plans/one.md")


class Plugged(Real):
    """A user of opencode who has a version of the plugin."""

    def __init__(self, real: Real, kind: str) -> None:
        self.__dict__ |= real.__dict__
        self.kind = kind
        config = self.home / "config" / "opencode" / "opencode.json"
        settings = json.loads(config.read_text())
        settings["plugin"] = [f"file://{plugin(kind)}"]
        config.write_text(json.dumps(settings))
        self.sets(QUIET)
        self.environment |= {"OMO_SEND_ANONYMOUS_TELEMETRY": "0", "OMO_DISABLE_POSTHOG": "1"}
        # Its agent is idle between two turns: any moment of that would be long enough.
        self.environment |= {"GIT_MC_IDLE_THRESHOLD": "0.05"}

    def sets(self, settings: dict[str, Any]) -> None:
        """Have these be the plugin's settings."""
        path = self.home / PLACES[self.kind]
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"[opencode]": settings} if self.kind == "goals" else settings))

    def begins(self, name: str) -> None:
        """Wait until the job's agent has a session, and then until it has asked the model."""
        stored(self.world, name, lambda job: job.session_id is not None)
        self.model.wait(bool)

    def ends(self, name: str) -> None:
        """Wait until the job is completed, and see that it was not so before, nor has done more."""
        stored(self.world, name, lambda job: job.state is State.COMPLETED)
        journal = (self.world.root / "journal.jsonl").read_text()
        assert journal.count('"to": "completed"') <= 1
        assert self.log(name) == ["Say hello"]
        tree = self.world.worktree(name)
        assert self.world.repo.git("ls-files", cwd=tree).splitlines() == ["README.md", "hello"]
        assert self.world.repo.git("status", "--porcelain", cwd=tree) == ""
        assert self.model.unknown == []


@pytest.fixture
def plugged(user_of: Callable[[str], Real]) -> Callable[[str], Plugged]:
    """A user of the version that is named."""
    return lambda kind: Plugged(user_of("opencode"), kind)


def test_a_loop_goes_on_over_many_turns_and_is_completed_at_its_end(
    plugged: Callable[[str], Plugged], model: Model
) -> None:
    real = plugged("loops")
    over = say("<promise>DONE</promise>")
    model.plays("say hello", WORK, say("One."), hold(second := say("Two.")), over)
    real.launch("one", "say hello to the llama", "--mode", "ralph")
    real.begins("one")
    second.wait()
    assert real.world.state("one") == "running"
    second.let_go()
    real.ends("one")


def test_a_goal_that_is_not_reached_keeps_its_job_from_being_completed(
    plugged: Callable[[str], Plugged], model: Model
) -> None:
    real = plugged("goals")
    real.sets(QUIET | {"goal": {"enabled": True}})
    model.plays("say hello", WORK, say("One."))
    real.launch("one", "say hello to the llama", "--mode", "ulw")
    real.begins("one")
    # This version's own prompt to go on is too long for it.
    real.becomes("one", "error")
    model.plays("that is it", call("update_goal", status="complete"), say("Done."))
    assert real.world.state("one") == "running"
    real.mc("send", "one", "that is it").ok()
    real.ends("one")


@pytest.mark.parametrize("kind", list(PLACES))
def test_a_plan_is_worked_through_until_all_its_boxes_are_checked(
    plugged: Callable[[str], Plugged], model: Model, kind: str, tmp_path: Path
) -> None:
    real = plugged(kind)
    plan = tmp_path / "plan.md"
    plan.write_text("# A plan\n\n- [ ] say hello to the llama\n")
    model.plays("one", WORK, say("One."), hold(second := CHECK), say("All is done."))
    real.launch("one", "", "--mode", "plan", "--plan-file", str(plan))
    real.begins("one")
    if kind == "goals":
        # It goes on only where goals are enabled.
        real.becomes("one", "idle")
        real.mc("send", "one", "one more").ok()
    second.wait()
    assert real.world.state("one") == "running"
    second.let_go()
    real.ends("one")
