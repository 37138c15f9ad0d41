"""Many jobs from one command: how they start, wait in line, and end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from gitmc.model.job import State
from tests.support.agents import Pipe, all_gone, observer, stored
from tests.support.events import gone, until
from tests.support.world import World

TELL = 'printf "%s" "$0" >told; cat "$MC_PROMPT_FILE" >prompt'


def states(world: World) -> dict[str, str]:
    return {j["name"]: j["state"] for j in world.mc("jobs", "--json").ok().json["jobs"]}


def test_each_line_is_a_job_with_its_own_prompt_and_words(world: World) -> None:
    lines = "a b\n$(touch x); 'quoted'\n"
    words = ["launch", "fix-{}", "Fix {}!", "--each", "-", "--", "/bin/sh", "-c", TELL, "{}"]
    made = world.mc(*words, stdin=lines).ok()
    assert "launched fix-a-b" in made.stderr
    world.wait("fix-a-b", "fix-touch-x-quoted").ok()
    for name, line in (("fix-a-b", "a b"), ("fix-touch-x-quoted", "$(touch x); 'quoted'")):
        folder = world.worktree(name)
        assert (folder / "told").read_text() == line
        assert (folder / "prompt").read_text() == f"Fix {line}!"


def test_the_best_of_n_start_from_the_same_commit(world: World) -> None:
    made = world.mc("launch", "best", "-n", "3", "--json", "--", "true").ok().json
    assert made["schema"] == "mc.jobs/1"
    assert [job["name"] for job in made["jobs"]] == ["best-1", "best-2", "best-3"]
    assert {job["base_commit"] for job in made["jobs"]} == {world.repo.head()}
    world.wait("best-*").ok()


def test_the_rest_wait_in_line_and_start_as_places_come_free(world: World, tmp_path: Path) -> None:
    said, line = Pipe(tmp_path / "said"), Pipe(tmp_path / "line")
    script = f'echo "$MC_JOB" >{said}; read -r _ <{line}'
    made = world.mc(
        "launch", "j", "-n", "4", "--max-parallel", "2", "--", "/bin/sh", "-c", script
    ).ok()
    assert made.stderr.splitlines()[-2:] == ["queued j-3", "queued j-4"]
    assert sorted([said.read(), said.read()]) == ["j-1", "j-2"]
    found = states(world)
    assert [found[f"j-{n}"] for n in (1, 2, 3, 4)] == ["running", "running", "queued", "queued"]
    line.write("go")
    assert said.read() == "j-3"
    assert sum(state == "running" for state in states(world).values()) == 2
    for _ in range(3):
        line.write("go")
    assert said.read() == "j-4"
    world.wait("j-*").ok()


def test_without_a_limit_the_setting_holds(world: World) -> None:
    world.repo.git("config", "mc.maxParallel", "1")
    world.mc("launch", "j", "-n", "2", "--", "sleep", "1000").ok()
    assert states(world) == {"j-1": "running", "j-2": "queued"}


def test_a_line_goes_on_when_its_observer_was_killed(world: World, tmp_path: Path) -> None:
    said, line = Pipe(tmp_path / "said"), Pipe(tmp_path / "line")
    script = f'echo "$MC_JOB" >{said}; read -r _ <{line}'
    world.mc("launch", "j", "-n", "2", "--max-parallel", "1", "--", "/bin/sh", "-c", script).ok()
    assert said.read() == "j-1"
    os.kill(observer(world), signal.SIGKILL)
    run = world.mission.job("j-1").run
    assert run is not None
    assert run.launcher is not None
    line.write("go")
    assert gone(run.launcher.pid)
    world.mc("jobs").ok()
    assert said.read() == "j-2"


def test_what_stands_in_line_can_be_killed_and_launched_again(world: World) -> None:
    world.mc("launch", "j", "-n", "2", "--max-parallel", "1", "--", "sleep", "1000").ok()
    assert world.mc("kill", "j-2").ok().stderr == "j-2: stopped\n"
    job = world.mission.job("j-2")
    assert job.settled
    assert not Path(job.worktree).exists()
    assert not list((world.root / "run").glob(f"{job.run and job.run.id}*"))
    world.mc("kill", "j-1").ok()
    assert world.state("j-2") == "stopped"
    world.mc("relaunch", "j-2").ok()
    assert world.state("j-2") == "running"
    assert world.worktree("j-2").is_dir()


def test_a_job_that_fails_to_launch_in_line_says_why_and_holds_up_nobody(world: World) -> None:
    script = 'case "$MC_JOB" in j-2) echo no luck >&2; exit 9;; esac'
    options = ["--max-parallel", "1", "--run", script]
    world.mc("launch", "j", "-n", "3", *options, "--", "true").ok()
    ended = stored(world, "j-3", lambda job: job.state is State.COMPLETED)
    assert ended.state is State.COMPLETED
    job = world.mission.job("j-2")
    assert job.state is State.FAILED
    assert job.reason is not None
    assert job.reason.startswith("could not be launched: setting up the worktree: ")
    assert "no luck" in job.reason
    assert not Path(job.worktree).exists()
    assert world.repo.git("branch", "--list", "mc/j-2") == ""
    world.mc("cleanup", "j-2").ok()


def test_one_that_fails_at_once_is_told_and_the_others_start(world: World) -> None:
    script = 'test "$MC_JOB" != j-1'
    ran = world.mc("launch", "j", "-n", "2", "--run", script, "--", "sleep", "1000")
    ran.refused(128, "could not launch 'j-1': setting up the worktree")
    assert states(world) == {"j-1": "failed", "j-2": "running"}


def test_a_launcher_of_the_line_that_is_killed_leaves_a_job_that_says_so(
    world: World, tmp_path: Path
) -> None:
    said, line = Pipe(tmp_path / "said"), Pipe(tmp_path / "line")
    script = f'case "$MC_JOB" in j-2) echo "$PPID $$" >{said}; read -r _ <{line};; esac'
    options = ["--max-parallel", "1", "--run", script]
    world.mc("launch", "j", "-n", "3", *options, "--", "true").ok()
    for pid in map(int, said.read().split()):
        os.kill(pid, signal.SIGKILL)
    stored(world, "j-3", lambda job: job.state is State.COMPLETED)
    job = stored(world, "j-2", lambda job: job.state is State.FAILED)
    assert job.reason == "its launch was interrupted"
    assert not Path(job.worktree).exists()
    assert "git mc relaunch j-2" in world.mc("status", "j-2").ok().stdout


BAD: list[tuple[list[str], str, int, str]] = [
    (["launch", "x-{}", "--each", "-", "--", "true"], "", 129, "there is no line in -"),
    (["launch", "x-{}", "--each", "-", "--", "true"], '{"a": 1', 1, "line 1 begins like a JSON"),
    (["launch", "x-{}", "--each", "-", "--", "true"], "a\na\n", 1, "more than one job would be"),
    (["launch", "-x", "--each", "-", "--", "true"], "a\nb\n", 129, "no such option"),
    (["launch", "{}..", "--each", "-", "--", "true"], "a\nb\n", 1, "git forbids '..' in a branch"),
    (["launch", "x", "--max-parallel", "2", "--", "true"], "", 129, "--max-parallel is for many"),
    (["launch", "x", "-n", "2", "--attach", "--", "true"], "", 129, "--attach is for one job"),
    (["launch", "x", "-n", "2", "--branch", "b", "--", "true"], "", 129, "cannot share a branch"),
    (["launch", "x", "-n", "0", "--", "true"], "", 129, "invalid value for '-n'"),
    (["launch", "x", "-F", "-", "--each", "-", "--", "true"], "a", 129, "only be read once"),
]


@pytest.mark.parametrize(("words", "text", "status", "said"), BAD, ids=[b[3] for b in BAD])
def test_what_cannot_be_is_refused_whole(
    world: World, words: list[str], text: str, status: int, said: str
) -> None:
    world.mc(*words, stdin=text).refused(status, said)
    assert states(world) == {}
    assert world.repo.git("branch", "--list", "mc/*") == ""


def test_a_name_that_is_taken_refuses_all_of_them(world: World) -> None:
    world.sh("x-2", "true")
    world.wait("x-2").ok()
    world.mc("launch", "x", "-n", "3", "--", "true").refused(1, "'x-2'", "exists already")
    assert list(states(world)) == ["x-2"]


def test_a_dry_run_shows_all_and_makes_nothing(world: World) -> None:
    shown = world.mc("launch", "x", "-n", "2", "--dry-run", "--", "true").ok().stdout
    assert shown.count("would make worktree") == 2
    found = world.mc("launch", "x", "-n", "2", "--dry-run", "--json", "--", "true").ok().json
    assert [job["name"] for job in found["jobs"]] == ["x-1", "x-2"]
    assert states(world) == {}


@pytest.mark.slow
def test_thirty_jobs_three_at_a_time_all_end(world: World, tmp_path: Path) -> None:
    """Never more than three at once, by the agents' own count."""
    count = tmp_path / "count"
    count.mkdir()
    script = f"mkdir {count}/$MC_JOB; ls {count} | wc -l >n; rmdir {count}/$MC_JOB"
    world.mc("launch", "j", "-n", "30", "--max-parallel", "3", "--", "/bin/sh", "-c", script).ok()
    names = [f"j-{n}" for n in range(1, 31)]
    world.mc("wait", *names, "--timeout", "100").ok()
    seen = [int((world.worktree(name) / "n").read_text()) for name in names[::5]]
    assert max(seen) <= 3
    launchers = [r.launcher.pid for n in names if (r := world.mission.job(n).run) and r.launcher]
    assert all_gone(launchers)
    until(lambda: all(world.mission.job(n).settled for n in names), world.mission.store.jobs_dir)
