"""Many at once: launches, merges, lists and observers, each its own process, on one repository."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitmc.store.lock import holder_pid
from tests.support.agents import Agent, closed, names, nothing_left, observer, world_at
from tests.support.events import gone, until
from tests.support.world import PATIENCE, Ran, Repo, World

pytestmark = pytest.mark.slow


def at_once(world: World, commands: Sequence[Sequence[str]]) -> list[Ran]:
    """Run `git-mc` with each of `commands`, all at the same time; how they ended, in order."""
    started = [world.start(*words) for words in commands]
    ended = [process.communicate(timeout=120) for process in started]
    return [
        Ran(process.returncode, out.decode(), err.decode())
        for process, (out, err) in zip(started, ended, strict=True)
    ]


def agree(world: World, expected: set[str]) -> None:
    """See that records, worktrees, branches and files of ours are those of the same jobs."""
    git, root = world.repo.git, world.root
    assert set(names(world.mc("jobs", "--json"))) == expected
    trees = [line for line in git("worktree", "list").splitlines() if "[mc/" in line]
    assert {line.rpartition("[mc/")[2].rstrip("]") for line in trees} == expected
    branches = git("for-each-ref", "--format=%(refname:strip=3)", "refs/heads/mc")
    assert set(branches.split()) == expected
    assert {path.stem for path in (root / "jobs").iterdir()} == expected
    assert {path.stem for path in (root / "prompts").iterdir()} == expected
    assert list((root / "run").glob("*.json")) == []
    assert list((root / "run").glob(".*")) == []
    for tree in (line.split()[0] for line in trees):
        assert git("-C", tree, "status", "--porcelain") == ""


def test_twenty_launches_at_once_all_succeed(world: World) -> None:
    expected = {f"n{number:02}": number % 2 for number in range(20)}
    ran = at_once(
        world,
        [
            ["launch", name, f"do {name}", "--", "/bin/sh", "-c", f"exit {status}"]
            for name, status in expected.items()
        ],
    )
    assert [(one.status, one.stderr) for one in ran if one.status] == []
    for name in expected:
        closed(world, name)
    jobs = world.mc("jobs", "--json").ok().json["jobs"]
    assert {job["name"]: job["exit_status"] for job in jobs} == expected
    assert {job["name"]: job["prompt"] for job in jobs} == {n: f"do {n}" for n in expected}
    assert len({(job["tmux"]["session"], job["tmux"]["pane"]) for job in jobs}) == 20
    agree(world, set(expected))


def test_of_twenty_launches_of_one_name_exactly_one_succeeds(world: World) -> None:
    ran = at_once(
        world,
        [
            ["launch", "one", f"prompt {number}", "--", "/bin/sh", "-c", f"exit {number + 1}"]
            for number in range(20)
        ],
    )
    winners = [number for number, one in enumerate(ran) if one.status == 0]
    assert len(winners) == 1
    for number, one in enumerate(ran):
        if number not in winners:
            assert one.status == 1, one.stderr
            assert (
                "a job called 'one' exists already" in one.stderr
                or "is in the way" in one.stderr
                or "the branch 'mc/one' exists already" in one.stderr
            )
    closed(world, "one")
    job = world.job("one")
    assert (job["exit_status"], job["prompt"]) == (winners[0] + 1, f"prompt {winners[0]}")
    agree(world, {"one"})
    panes = world.tmux("list-panes", "-a", "-F", "#{pane_id}")
    assert panes.split() == [job["tmux"]["pane"]]


def test_launches_and_cleanups_of_one_name_at_once_leave_one_whole_job_or_none(
    world: World,
) -> None:
    launch = ["launch", "one", "--", "/bin/sh", "-c", "exit 0"]
    ran = at_once(world, [launch, ["cleanup", "one", "--delete-branch"]] * 6)
    assert [one.stderr for one in ran if one.status not in (0, 1)] == []
    left = names(world.mc("jobs", "--json"))
    if left:
        world.wait("one").ok()
    agree(world, set(left))


def test_two_clones_of_the_same_name_never_see_each_others_jobs(
    world: World, tmp_path: Path
) -> None:
    clones: list[World] = []
    for place in ("a", "b"):
        path = tmp_path / place / "project"
        world.repo.git("clone", "-q", str(world.repo.path), str(path))
        clones.append(World(Repo(path), world.socket))
        world.adopt(path)
    first, second = clones
    one = Agent(first, "same", tmp_path / "a")
    assert names(second.mc("jobs", "--json")) == []
    second.mc("status", "same").refused(1, "there is no job called 'same'")
    other = Agent(second, "same", tmp_path / "b")
    jobs = [here.job("same") for here in clones]
    for key in ("session", "window", "pane"):
        assert jobs[0]["tmux"][key] != jobs[1]["tmux"][key]
    assert jobs[0]["worktree"] != jobs[1]["worktree"]
    sessions = world.tmux("list-sessions", "-F", "#{session_name}").split()
    assert len(set(sessions)) == 2
    second.mc("kill", "same").ok()
    second.mc("cleanup", "same", "--delete-branch").ok()
    assert gone(other.pid)
    assert one.do("echo x >new; git add new; git commit -qm 'add new'") == 0
    one.tell("exit 0")
    closed(first, "same")
    first.mc("merge", "same").ok()
    assert first.repo.files()["new"] == "x"
    assert "new" not in second.repo.files()
    assert first.job("same")["state"] == "merged"


def test_a_clone_that_is_a_copy_of_the_folder_does_not_end_the_jobs_of_the_first(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    shutil.copytree(world.repo.path, tmp_path / "copy", symlinks=True)
    copy = World(Repo(tmp_path / "copy"), world.socket)
    world.adopt(tmp_path / "copy")
    copy.mc("jobs").ok()
    copy.mc("launch", "two", "--", "/bin/sh", "-c", "exit 0").ok()
    copy.wait("two").ok()
    assert agent.do(":") == 0
    assert world.state("one") == "running"
    assert names(world.mc("jobs", "--json")) == ["one"]


def test_six_merges_into_one_branch_at_once_all_land(world: World) -> None:
    jobs = [f"n{number}" for number in range(6)]
    for name in jobs:
        world.sh(name, f"echo {name} >{name}; git add {name}; git commit -qm 'add {name}'")
    world.wait(*jobs).ok()
    ran = at_once(world, [["merge", name] for name in jobs])
    assert [(one.status, one.stderr) for one in ran if one.status] == []
    assert {name: text for name, text in world.repo.files().items() if name in jobs} == {
        name: name for name in jobs
    }
    assert sorted(world.repo.git("log", "--format=%s", "-6").split("\n")) == [
        f"add {name}" for name in jobs
    ]
    assert world.repo.git("status", "--porcelain") == ""
    assert {world.state(name) for name in jobs} == {"merged"}


def test_six_merges_into_a_branch_that_is_checked_out_nowhere_all_land(world: World) -> None:
    world.repo.git("branch", "target")
    jobs = [f"n{number}" for number in range(6)]
    for name in jobs:
        world.sh(name, f"echo {name} >{name}; git add {name}; git commit -qm 'add {name}'")
    world.wait(*jobs).ok()
    ran = at_once(world, [["merge", name, "--into", "target"] for name in jobs])
    assert [(one.status, one.stderr) for one in ran if one.status] == []
    assert set(jobs) <= set(world.repo.files("target"))
    assert set(jobs) & set(world.repo.files()) == set()
    assert world.repo.git("rev-list", "--count", "main..target") == "6"


def test_six_merges_of_one_job_at_once_land_it_once(world: World) -> None:
    world.sh("one", "echo x >new; git add new; git commit -qm 'add new'")
    world.wait("one").ok()
    ran = at_once(world, [["merge", "one"]] * 6)
    assert 0 in [one.status for one in ran]
    assert [one.stderr for one in ran if one.status not in (0, 1)] == []
    assert world.repo.git("rev-list", "--count", "HEAD") == "2"
    assert world.state("one") == "merged"


def test_lists_made_while_jobs_end_are_all_whole(world: World, tmp_path: Path) -> None:
    agents = [Agent(world, f"n{number}", tmp_path) for number in range(4)]
    with ThreadPoolExecutor(2) as pool:
        lists = pool.submit(at_once, world, [["jobs", "--json"]] * 20)
        for status, agent in enumerate(agents):
            agent.tell(f"exit {status}")
        for ran in lists.result():
            assert names(ran) == [agent.name for agent in agents]
            assert {job["state"] for job in ran.json["jobs"]} <= {"running", "completed", "failed"}
    for agent in agents:
        closed(world, agent.name)
        assert nothing_left(agent.run)
    jobs = world.mc("jobs", "--json").ok().json["jobs"]
    assert [job["exit_status"] for job in jobs] == [0, 1, 2, 3]


def watchers(world: World, count: int, **env: str) -> list[subprocess.Popen[bytes]]:
    """Start so many observers at once."""
    return [
        subprocess.Popen(
            [sys.executable, "-m", "gitmc", "watch", "--background"],
            cwd=world.repo.path,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(count)
    ]


def test_of_ten_observers_that_start_at_once_exactly_one_stays(world: World) -> None:
    world.mission.store.make()
    started = watchers(world, 10)
    with ThreadPoolExecutor(10) as pool:
        ends = [pool.submit(one.wait) for one in started]
        stays = observer(world)
        others = [end for one, end in zip(started, ends, strict=True) if one.pid != stays]
        assert len(others) == 9
        assert {end.result(PATIENCE) for end in others} == {128}
        assert world.mission.store.observed()
        assert observer(world) == stays
        world.end_observer()
    assert not world.mission.store.observed()


def test_an_observer_ends_when_its_repository_is_removed(world: World, tmp_path: Path) -> None:
    here = world_at(world, tmp_path / "here")
    here.mc("launch", "one", "--", "/bin/sh", "-c", "exit 0", GIT_MC_POLL_INTERVAL="0.1").ok()
    closed(here, "one")
    pid = observer(here)
    for _ in range(9):
        # What it is about to write may come in between.
        shutil.rmtree(here.repo.path, ignore_errors=True)
    assert gone(pid)
    assert not here.repo.path.exists()


def test_an_observer_that_is_killed_is_started_again_by_the_next_launch(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    first = observer(world)
    os.kill(first, signal.SIGKILL)
    assert gone(first)
    world.sh("two", "exit 3")
    closed(world, "two")
    run = world.root / "run"
    until(lambda: holder_pid(run / "observer.lock") not in (None, first), run)
    assert observer(world) != first
    agent.tell("exit 4")
    closed(world, "one")
    assert [world.job(name)["exit_status"] for name in ("one", "two")] == [4, 3]


def test_an_observer_that_is_started_by_an_agent_outlives_the_agents_job(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    first = observer(world)
    os.kill(first, signal.SIGKILL)
    assert gone(first)
    git_mc = f"{sys.executable} -m gitmc"
    assert agent.do(f"{git_mc} launch two -- /bin/sh -c 'exit 3' >&2") == 0
    run = world.root / "run"
    until(lambda: holder_pid(run / "observer.lock") not in (None, first), run)
    second = observer(world)
    closed(world, "two")
    world.mc("kill", "one").ok()
    assert nothing_left(agent.run)
    assert observer(world) == second
    assert world.job("two")["base"] == "mc/one"
