"""Launching a job again, one at a time and all that a dead server took."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from gitmc.model.job import State
from tests.e2e.test_merge import commits
from tests.support.agents import Agent, Pipe, closed, script_at, stored, without_observer
from tests.support.events import gone, until
from tests.support.world import PATIENCE, World

AGAIN = 'echo "run $(cat runs 2>/dev/null | wc -l)" >>runs; cat "$MC_PROMPT_FILE" >told; exit 3'

OPENCODE = """
printf '%s\\n' "$*" >>"$WORDS"
cat >>"$WORDS"
exit 4
"""


def failed(world: World, name: str = "one", script: str = AGAIN, prompt: str = "do it") -> None:
    world.launch(name, "/bin/sh", "-c", script, prompt=prompt)
    assert world.wait(name).status == 1


def test_a_command_runs_again_in_the_worktree_that_it_left(world: World) -> None:
    failed(world)
    first = world.mission.job("one")
    world.mc("relaunch", "one").ok()
    world.wait("one")
    again = world.mission.job("one")
    assert again.worktree == first.worktree
    assert (Path(again.worktree) / "runs").read_text() == "run 0\nrun 1\n"
    assert (again.state, again.exit_status) == (State.FAILED, 3)
    assert again.run is not None
    assert first.run is not None
    assert again.run.id != first.run.id


def test_more_is_said_to_the_new_run_and_the_jobs_prompt_stays(world: World) -> None:
    failed(world)
    world.mc("relaunch", "one", "-p", "and $(this) too").ok()
    world.wait("one")
    assert (world.worktree("one") / "told").read_text() == "do it\n\nand $(this) too"
    assert world.job("one")["prompt"] == "do it"
    closed(world, "one")
    assert not list((world.root / "run").glob("*.md"))


def test_what_the_last_run_left_is_over_once_the_new_one_runs(world: World) -> None:
    failed(world, script=f"{world.command} report needs_review look; exit 3")
    assert world.job("one")["report"]["status"] == "needs_review"
    command = world.mission.job("one").command
    assert command
    world.mc("relaunch", "one").ok()
    stored(world, "one", lambda job: job.state is State.FAILED)
    world.launch("two", "sleep", "1000")
    world.mc("kill", "two").ok()
    world.mc("relaunch", "two").ok()
    job = world.job("two")
    assert job["state"] == "running"
    assert not {"report", "reason", "exit_status", "ended_at"} & set(job)


def test_a_running_job_is_not_launched_twice(world: World) -> None:
    world.sh("one", "exec sleep 1000")
    world.mc("relaunch", "one").refused(1, "is still running", "git mc send one")
    assert world.state("one") == "running"


def test_two_at_once_start_one_agent(world: World, tmp_path: Path) -> None:
    said = Pipe(tmp_path / "said")
    line = Pipe(tmp_path / "line")
    world.sh("one", f"echo here >{said}; read -r _ <{line}; exit 3")
    assert said.read() == "here"
    world.mc("kill", "one").ok()
    both = [world.start("relaunch", "one") for _ in range(2)]
    codes = sorted(p.wait(PATIENCE) for p in both)
    for process in both:
        process.communicate()
    assert codes == [0, 1]
    assert said.read() == "here"
    assert world.state("one") == "running"
    line.write("go")
    world.wait("one")


def test_a_job_that_has_landed_is_not_launched_again(world: World) -> None:
    world.sh("one", commits("one"))
    world.wait("one").ok()
    world.mc("merge", "one").ok()
    world.mc("relaunch", "one").refused(1, "is merged", "git mc launch")


def test_a_worktree_that_is_gone_is_made_again_from_the_branch(world: World) -> None:
    failed(world, script=commits("one") + "; exit 3")
    path = world.worktree("one")
    head = world.repo.head("mc/one")
    shutil.rmtree(path)
    world.mc("relaunch", "one").ok()
    world.wait("one")
    assert (path / "one").exists()
    assert world.repo.git("merge-base", "--is-ancestor", head, "mc/one") == ""


def test_a_folder_in_the_worktrees_place_is_left_alone(world: World) -> None:
    failed(world)
    path = world.worktree("one")
    (path / ".git").unlink()
    world.mc("relaunch", "one").refused(1, "is no worktree any more")
    assert (path / "runs").read_text() == "run 0\n"
    assert world.state("one") == "failed"


def test_a_launch_that_comes_to_nothing_leaves_the_job_as_it_stood(
    world: World, tmp_path: Path
) -> None:
    program = script_at(tmp_path / "agent", "exit 5")
    world.launch("one", str(program))
    assert world.wait("one").status == 1
    before = world.job("one")
    work = Path(before["worktree"]) / "work"
    work.write_text("mine")
    program.unlink()
    world.mc("relaunch", "one").refused(1, "there is no program")
    after = world.job("one")
    for key in ("state", "exit_status", "reason", "ended_at", "branch", "worktree"):
        assert after[key] == before[key]
    assert work.read_text() == "mine"
    assert not list((world.root / "run").glob("*.json"))


def test_a_relaunch_that_is_killed_leaves_the_job_as_it_stood(world: World, tmp_path: Path) -> None:
    failed(world, script=commits("one") + "; exit 3")
    shutil.rmtree(world.worktree("one"))
    world.repo.git("config", "mc.worktreeSetup.commands", "true")
    said = Pipe(tmp_path / "said")
    hook = script_at(world.repo.path / ".git/hooks/post-checkout", f"echo $$ >{said}; sleep 1000")
    relaunch = world.start("relaunch", "one")
    world.later(relaunch.communicate)
    hook_pid = int(said.read())
    os.kill(relaunch.pid, signal.SIGKILL)
    os.kill(hook_pid, signal.SIGKILL)
    relaunch.wait()
    hook.unlink()
    world.mc("jobs").ok()
    job = world.mission.job("one")
    assert (job.state, job.reason, job.launch) == (State.FAILED, "exit status 3", None)
    world.mc("relaunch", "one").ok()
    world.wait("one")
    assert world.job("one")["reason"] == "exit status 3"


@pytest.fixture
def opencode(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in opencode's place that writes down its words and what it reads."""
    script_at(tmp_path / "bin/opencode", OPENCODE)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("WORDS", str(tmp_path / "words"))
    return tmp_path / "words"


def with_session(world: World, session: str) -> None:
    with world.mission.store.locked() as held:
        job = world.mission.job("one")
        world.mission.store.save(held, job._replace(session_id=session))


def test_an_agent_takes_up_its_session_by_the_id_that_it_told(world: World, opencode: Path) -> None:
    world.mc("launch", "one", "--headless", "do it").ok()
    assert world.wait("one").status == 1
    with_session(world, "ses_1")
    said = world.mc("relaunch", "one", "--dry-run").ok().stdout
    assert said == "one: would resume session ses_1\n"
    said = world.mc("relaunch", "one", "--fresh", "--dry-run").ok().stdout
    assert said == "one: would start afresh\n"
    assert world.state("one") == "failed"
    world.mc("relaunch", "one", "-p", "and this").ok()
    world.wait("one")
    world.mc("relaunch", "one").ok()
    world.wait("one")
    world.mc("relaunch", "one", "--fresh").ok()
    world.wait("one")
    assert opencode.read_text().splitlines() == [
        *("run", "do itrun -s ses_1", "and thisrun -s ses_1"),
        *("Go on where you stopped.", "run", "do it"),
    ]
    assert "session_id" not in world.job("one")


def test_a_user_interface_that_takes_no_prompt_is_not_given_one(
    world: World, opencode: Path
) -> None:
    world.mc("launch", "one", "do it").ok()
    world.mc("wait", "one", "--for", "failed", "--for", "running").ok()
    world.mc("kill", "one")
    with_session(world, "ses_1")
    world.mc("relaunch", "one", "-p", "x").refused(1, "takes no prompt", "git mc send")
    world.mc("relaunch", "one").ok()


def lost_world(world: World, tmp_path: Path) -> list[Agent]:
    """Two agents, one of which has done some work, in a server that is then killed outright."""
    agents = [Agent(world, name, tmp_path) for name in ("one", "two")]
    assert agents[0].do("echo work >work; git add work; git commit -qm work") == 0
    server = int(world.tmux("display-message", "-p", "#{pid}"))
    os.kill(server, signal.SIGKILL)
    for agent in agents:
        assert gone(agent.pid)
        stored(world, agent.name, lambda job: job.state is State.FAILED)
    return agents


def test_after_a_dead_server_everything_is_listed_and_brought_back(
    world: World, tmp_path: Path
) -> None:
    lost_world(world, tmp_path)
    world.sh("three", "exec sleep 1000")
    failed(world, "four")
    shutil.rmtree(world.mission.job("two").worktree)
    world.repo.git("worktree", "prune")
    world.repo.git("branch", "-D", "mc/two")
    planned = world.mc("resurrect", "--dry-run").ok().stdout.splitlines()
    assert planned[0] == "three: alive"
    assert planned[1].startswith("one: resumable: would start afresh (")
    assert planned[2].startswith("two: lost: neither worktree nor branch (")
    assert len(planned) == 3
    found = world.mc("resurrect", "--dry-run", "--json").ok().json
    assert found["alive"] == ["three"]
    assert [one["name"] for one in found["resumable"]] == ["one"]
    assert [one["name"] for one in found["lost"]] == ["two"]
    assert found["relaunched"] == []
    assert world.state("one") == "failed"
    back = world.mc("resurrect", "--json").ok().json
    assert back["relaunched"] == ["one"]
    assert world.state("one") == "running"
    assert (world.worktree("one") / "work").read_text() == "work\n"
    assert world.mc("resurrect", "--dry-run", "--json").ok().json["resumable"] == []


def test_after_a_restart_of_the_machine_what_ran_is_brought_back(
    world: World, tmp_path: Path
) -> None:
    """Another boot is what the kernel's boot id says; here the record says another one."""
    agent = Agent(world, "one", tmp_path)
    path = world.root / "jobs/one.toml"
    without_observer(world)
    os.kill(int(world.tmux("display-message", "-p", "#{pid}")), signal.SIGKILL)
    assert gone(agent.launcher)
    for marker in (world.root / "events/new").iterdir():
        marker.unlink()
    job = agent.job
    assert job.run is not None
    assert job.run.launcher is not None
    path.write_text(path.read_text().replace(job.run.launcher.boot, "another"))
    found = world.mc("resurrect", "--dry-run", "--json").ok().json
    assert [one["name"] for one in found["resumable"]] == ["one"]
    assert "the machine was restarted" in world.job("one")["reason"]
    assert world.mc("resurrect", "--json").ok().json["relaunched"] == ["one"]
    until(lambda: world.state("one") == "running", world.root / "jobs")


def test_one_that_cannot_be_brought_back_does_not_stop_the_others(
    world: World, tmp_path: Path
) -> None:
    lost_world(world, tmp_path)
    folder = Path(world.mission.job("one").worktree)
    (folder / ".git").unlink()
    ran = world.mc("resurrect", "--json", "--spacing", "0")
    assert ran.status == 1
    assert ran.json["relaunched"] == ["two"]
    [refused] = ran.json["refused"]
    assert refused["name"] == "one"
    assert "no worktree any more" in refused["reason"]


def test_where_nothing_was_lost_nothing_is_done(world: World) -> None:
    failed(world)
    assert world.mc("resurrect").ok().stderr == "nothing was lost\n"
