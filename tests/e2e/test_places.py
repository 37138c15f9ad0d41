"""Where git mc is run from, how it is called, and files that are torn: refused with a word."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gitmc.cli.group import HELP
from tests.support.agents import Agent, names, path_of, some_slow, without_observer
from tests.support.events import gone
from tests.support.world import Repo, World

pytestmark = pytest.mark.slow

COMMANDS = {
    "alone": [],
    "jobs": ["jobs"],
    "launch": ["launch", "one", "--", "true"],
    "merge": ["merge", "one"],
    "watch": ["watch"],
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_outside_a_repository_every_command_says_so(
    world: World, tmp_path: Path, words: list[str]
) -> None:
    world.mc(*words, cwd=tmp_path).refused(128, "fatal: not a git repository", "hint: ")


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_in_a_bare_repository_every_command_says_so(
    world: World, tmp_path: Path, words: list[str]
) -> None:
    world.repo.git("clone", "-q", "--bare", str(world.repo.path), str(tmp_path / "bare.git"))
    ran = world.mc(*words, cwd=tmp_path / "bare.git")
    ran.refused(128, "is in a bare repository", "hint: run git mc in a clone of it")
    assert not (tmp_path / "bare.git/mission-control").exists()


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_inside_the_git_folder_every_command_says_so(world: World, words: list[str]) -> None:
    ran = world.mc(*words, cwd=world.repo.path / ".git")
    ran.refused(128, "fatal: this operation must be run in a work tree", "hint: ")


def test_a_report_outside_a_job_is_refused_wherever_it_is(world: World, tmp_path: Path) -> None:
    world.repo.git("init", "-q", "--bare", str(tmp_path / "bare.git"))
    for folder in (tmp_path, tmp_path / "bare.git", world.repo.path / ".git", world.repo.path):
        world.mc("report", "working", cwd=folder).refused(1, "not inside a job", "hint: ")


def test_a_folder_that_has_been_removed_is_said_to_be_gone(world: World, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    script = f'rmdir ../gone; exec "{sys.executable}" -m gitmc jobs'
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=tmp_path / "gone",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 128
    assert "the current folder no longer exists" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_repository_of_another_owner_is_refused_in_gits_words(
    world: World, tmp_path: Path
) -> None:
    world.repo.git("clone", "-q", str(world.repo.path), str(tmp_path / "theirs"))
    ran = world.mc("jobs", cwd=tmp_path / "theirs", GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    ran.refused(128, "dubious ownership", "safe.directory")


INSIDE: tuple[list[str], ...] = (
    [],
    ["overview"],
    ["merge", "one"],
    ["cleanup", "one"],
    ["attach", "one"],
)


def test_what_is_for_outside_of_jobs_is_refused_inside_one(world: World) -> None:
    world.sh("one", "mkdir deep; echo x >deep/new")
    world.wait("one").ok()
    tree = world.worktree("one")
    for folder, words in ((tree, INSIDE), (tree / "deep", INSIDE[:1])):
        for command in words:
            ran = world.mc(*command, cwd=folder)
            ran.refused(128, "this is the worktree of the job 'one'", str(world.repo.path))
    assert names(world.mc("jobs", "--json")) == ["one"]


def test_what_an_agent_needs_works_inside_a_job(world: World, tmp_path: Path) -> None:
    agent = Agent(world, "one", tmp_path)
    tree = world.worktree("one")
    world.mc("report", "working", "hello", cwd=tree).ok()
    assert names(world.mc("jobs", "--json", cwd=tree)) == ["one"]
    assert world.mc("status", "one", "--json", cwd=tree).ok().json["name"] == "one"
    assert "one" in world.mc("log", cwd=tree).ok().stdout
    (tree / "deep").mkdir()
    world.mc("launch", "two", "--", "/bin/sh", "-c", "exit 0", cwd=tree / "deep").ok()
    world.mc("wait", "two", cwd=tree).ok()
    assert world.job("two")["base"] == "mc/one"
    assert Path(world.job("two")["worktree"]).parent == tree.parent
    assert agent.do(":") == 0


def test_from_a_folder_below_and_from_another_worktree_the_jobs_are_the_same(
    world: World, tmp_path: Path
) -> None:
    world.repo.commit({"deep/file": "x"})
    world.repo.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "other"))
    world.mc("launch", "one", "--", "/bin/sh", "-c", "exit 0", cwd=world.repo.path / "deep").ok()
    world.mc("launch", "two", "--", "/bin/sh", "-c", "exit 0", cwd=tmp_path / "other").ok()
    for folder in (world.repo.path, world.repo.path / "deep", tmp_path / "other"):
        world.mc("wait", "one", "two", cwd=folder).ok()
        assert names(world.mc("jobs", "--json", cwd=folder)) == ["one", "two"]
    assert (world.job("one")["base"], world.job("two")["base"]) == ("main", "other")


def test_git_itself_finds_the_command(world: World) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["git", "mc", "jobs", "--json"],
        cwd=world.repo.path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert '"schema": "mc.jobs/1"' in done.stdout


USAGE = {
    "no such command": ["lunch"],
    "no such option": ["jobs", "--no-such"],
    "no name": ["launch"],
    "no job": ["status"],
    "too many": ["status", "one", "two"],
    "no such choice": ["merge", "one", "--strategy", "hope"],
    "no such state": ["wait", "one", "--for", "happy"],
    "no number": ["capture", "one", "-n", "many"],
    "no value": ["launch", "one", "--base"],
    "two prompts": ["launch", "one", "do it", "-F", "file"],
    "no command": ["launch", "one", "--"],
    "cleanup of nothing": ["cleanup"],
    "cleanup of both": ["cleanup", "one", "--all"],
    "percent": ["report", "working", "--progress", "101"],
    "no such option of the group": ["--no-such"],
}


@pytest.mark.parametrize("words", USAGE.values(), ids=USAGE)
def test_a_command_line_that_makes_no_sense_is_a_usage_error_with_a_hint(
    world: World, words: list[str]
) -> None:
    ran = world.mc(*words).refused(129, "error: ", "hint: ")
    assert ran.stdout == ""
    assert not (world.repo.path / ".git/mission-control").exists()


def test_a_command_that_is_nearly_right_is_guessed(world: World) -> None:
    world.mc("jobz").refused(129, "'jobz' is not a git mc command (did you mean 'jobs'?)")


@pytest.mark.parametrize("command", ["", *HELP], ids=["alone", *HELP])
def test_help_is_there_for_every_command(world: World, tmp_path: Path, command: str) -> None:
    ran = world.mc(*([command] if command else []), "-h", cwd=tmp_path).ok()
    assert ran.stdout.startswith("Usage: git mc")
    assert ran.stderr == ""


def test_an_unknown_job_is_refused_with_the_nearest_names(world: World) -> None:
    world.sh("fix-login", "exit 0")
    world.wait("fix-login").ok()
    for command in ("status", "capture", "attach", "merge", "kill", "wait"):
        world.mc(command, "fix-logn").refused(
            1, "there is no job called 'fix-logn'", "did you mean fix-login?"
        )


def test_the_log_of_a_job_that_never_was_is_refused_and_of_one_that_is_gone_is_not(
    world: World,
) -> None:
    world.sh("fix-login", "exit 0")
    world.wait("fix-login").ok()
    world.mc("cleanup", "fix-login").ok()
    assert "fix-login" in world.mc("log", "fix-login").ok().stdout
    world.mc("log", "never").refused(1, "there is no job called 'never'")


def test_cleaning_up_a_job_that_is_gone_is_done_already(world: World) -> None:
    assert "there is no such job" in world.mc("cleanup", "one").ok().stderr


PIPES: tuple[list[str], ...] = (["jobs"], ["jobs", "--json"], ["jobs", "-z"], ["log"], [], ["-h"])


def test_a_reader_who_has_read_enough_sees_no_traceback(world: World) -> None:
    world.sh("one", "exit 0")
    world.wait("one").ok()
    for words in PIPES:
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(
            [sys.executable, "-m", "gitmc", *words],
            cwd=world.repo.path,
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(write)
        assert (done.stderr, words) == ("", words)
        assert done.returncode in (0, 1, 141)


def test_a_full_standard_output_is_an_error_in_a_word(world: World) -> None:
    world.sh("one", "exit 0")
    world.wait("one").ok()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gitmc", "jobs", "--json"],
            cwd=world.repo.path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 128
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


TORN = {
    "half": b'version = 1\nname = "torn"\nsta',
    "empty": b"",
    "not text": b"\xff\xfe\x00",
    "another tool's": b'hello = "world"\n',
    "of another name": None,
    "of a newer version": b"newer",
}


@pytest.mark.parametrize("content", some_slow(TORN, ("half", "of a newer version")))
def test_a_job_file_that_cannot_be_read_is_named_and_left_and_hides_no_other(
    world: World, content: bytes | None
) -> None:
    world.sh("good", "exit 0")
    world.wait("good").ok()
    good, torn = (world.mission.store.job_path(name) for name in ("good", "torn"))
    text = good.read_bytes()
    if content == b"newer":
        content = text.replace(b'"good"', b'"torn"').replace(b"version = 1", b"version = 999")
        assert content != text
    torn.write_bytes(text if content is None else content)
    kept = torn.read_bytes()
    for words in (["jobs"],):
        ran = world.mc(*words).ok()
        assert "good" in ran.stdout
        assert f"warning: {torn}" in ran.stderr
        assert "Traceback" not in ran.stderr
    assert names(world.mc("jobs", "--json")) == ["good"]
    world.mc("launch", "torn", "--", "true").refused(1, "a job called 'torn' exists already")
    world.mc("status", "torn").refused(128, str(torn), "left untouched")
    world.mc("cleanup", "torn", "--force").refused(128, str(torn))
    assert torn.read_bytes() == kept
    world.mc("cleanup", "good").ok()
    assert torn.read_bytes() == kept
    assert world.repo.git("branch", "--list", "mc/torn") == ""


def test_a_job_file_that_may_not_be_read_at_all_hides_no_other(world: World) -> None:
    world.sh("good", "exit 0")
    world.wait("good").ok()
    odd = world.mission.store.job_path("odd")
    odd.mkdir()
    ran = world.mc("jobs", "--json").ok()
    assert names(ran) == ["good"]
    assert str(odd) in ran.stderr
    world.mc("launch", "odd", "--", "true").refused(1, "a job called 'odd' exists already")


def test_a_lock_that_is_busy_keeps_nobody_from_looking(world: World) -> None:
    world.sh("one", "exit 0")
    world.wait("one").ok()
    with world.mission.store.locked():
        assert names(world.mc("jobs", "--json")) == ["one"]
        world.mc("status", "one").ok()
        world.mc().ok()


def test_a_setting_that_makes_no_sense_is_named_with_its_source(world: World) -> None:
    world.repo.git("config", "mc.pollInterval", "soon")
    world.mc("launch", "one", "--", "true").refused(1, "git config", "pollInterval", "'soon'")
    world.repo.git("config", "mc.pollInterval", "1")
    world.mc("launch", "one", "--", "true", GIT_MC_DEFAULT_PLACEMENT="moon").refused(
        1, "the environment", "defaultPlacement", "session, window"
    )


def test_jobs_are_listed_where_tmux_is_missing_and_their_log_is_kept_later(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    without_observer(world)
    agent.tell("echo the last word; exit 5")
    assert gone(agent.launcher)
    bare = path_of(tmp_path / "bin", "git", "sh")
    ran = world.mc("jobs", "--json", PATH=bare).ok()
    assert [(job["state"], job["exit_status"]) for job in ran.json["jobs"]] == [("failed", 5)]
    assert "warning: tmux is not installed" in ran.stderr
    log = world.root / "logs/one.log"
    for _ in range(100):
        # tmux may take a moment to see that its pane is dead.
        world.mc("jobs").ok()
        if log.exists():
            break
    assert "the last word" in log.read_text()


def test_git_dir_says_which_repository_base_and_branch_are_from(
    world: World, tmp_path: Path
) -> None:
    other = Repo(tmp_path / "other")
    other.path.mkdir()
    other.git("init", "-q", "-b", "elsewhere")
    other.commit({"f": "x"})
    ran = world.mc(
        *("launch", "one", "--dry-run", "--", "true"),
        cwd=other.path,
        GIT_DIR=str(world.repo.path / ".git"),
    ).ok()
    assert f"at {world.repo.head()[:12]} (base main)" in ran.stdout


def test_a_tmux_that_does_not_answer_holds_up_no_other_job(world: World, tmp_path: Path) -> None:
    world.sh("done", ":")
    world.wait("done").ok()
    agent = Agent(world, "one", tmp_path)
    without_observer(world)
    server = int(world.tmux("display-message", "-p", "#{pid}"))
    os.kill(server, signal.SIGSTOP)
    os.kill(agent.launcher, signal.SIGKILL)
    ran = world.mc("jobs", "--json").ok()
    assert [job["state"] for job in ran.json["jobs"]] == ["completed", "failed"]
    assert "warning: tmux did not answer within 10 s" in ran.stderr
    os.kill(server, signal.SIGCONT)
