"""What went wrong in the tool that came before, and must not here, where no other test says so."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.e2e.test_merge import commits
from tests.support.agents import Agent, closed, without_observer
from tests.support.world import World

LATER = datetime.now(UTC) + timedelta(days=400)


def test_a_job_is_never_taken_for_one_whose_name_begins_so(world: World, tmp_path: Path) -> None:
    """tmux finds sessions by the beginning of their name."""
    agent = Agent(world, "fix-login", tmp_path)
    world.sh("fix", "exit 3")
    world.wait("fix")
    assert world.state("fix") == "failed"
    world.mc("kill", "fix").refused(1, "is not running")
    world.mc("send", "fix", "hello").refused(1, "is not running")
    world.mc("cleanup", "fix").ok()
    assert world.state("fix-login") == "running"
    assert agent.do("true") == 0


def test_a_job_that_did_nothing_lands_as_nothing(world: World) -> None:
    world.sh("one", "true")
    world.wait("one").ok()
    before = world.repo.head()
    assert "nothing to merge" in world.mc("merge", "one").ok().stdout
    assert world.repo.head() == before
    assert world.state("one") == "merged"


def test_an_agent_that_asks_for_a_review_is_not_done_while_it_lives(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    assert agent.do(f"{world.command} report needs_review 'have a look'") == 0
    world.mc("wait", "one", "--timeout", "0").refused(1, "is running")
    world.mc("merge", "one").refused(1, "is still running")
    waiting = world.mc("overview", "--json").ok().json["waiting"]
    assert [job["name"] for job in waiting] == ["one"]


def test_a_name_that_was_used_is_free_again_once_its_job_is_cleaned_up(world: World) -> None:
    world.sh("one", commits("one"))
    world.wait("one").ok()
    closed(world, "one")
    folder = world.worktree("one")
    world.mc("merge", "one").ok()
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if not path.is_dir() else path.rmdir()
    folder.rmdir()
    world.repo.git("worktree", "prune")
    world.mc("cleanup", "one", "--delete-branch").ok()
    world.sh("one", "true")
    world.wait("one").ok()


def test_a_clock_that_was_set_back_confuses_nobody(world: World, tmp_path: Path) -> None:
    """All that is stored is of a year from now, and the marker that comes is of years ago."""
    agent = Agent(world, "one", tmp_path)
    assert agent.do(f"{world.command} report working 'on it'") == 0
    world.mc("jobs").ok()
    without_observer(world)
    path = world.root / "jobs/one.toml"
    later = LATER.isoformat(timespec="milliseconds")
    path.write_text(re.sub(r'"20\d\d-[^"]*Z"', f'"{later}"', path.read_text()))
    shown = world.mc("jobs").ok().stdout.splitlines()[1].split()
    assert shown[:5] == ["one", "running", "working", "0s", "0s"]
    assert "-" not in world.mc("status", "one").ok().stdout.splitlines()[0].removeprefix("one")
    assert agent.do(f"{world.command} report blocked 'which?'") == 0
    for marker in (world.root / "events/new").iterdir():
        os.utime(marker, (1_000_000_000, 1_000_000_000))
    assert world.job("one")["report"]["message"] == "which?"
    assert world.job("one")["activity"]["state"] == "waiting"
    without_observer(world)
    agent.tell("exit 0")
    world.mc("wait", "one", "--timeout", "20").ok()
    job = world.job("one")
    assert (job["state"], job["seconds"]) == ("completed", 0.0)
