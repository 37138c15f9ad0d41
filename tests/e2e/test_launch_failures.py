"""Launches that fail at each step: nothing is left of them, and they say what failed and why."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.agents import (
    Agent,
    Pipe,
    closed,
    make_repo,
    names,
    nothing_left,
    path_of,
    script_at,
    tmux_that_waits,
)
from tests.support.events import gone
from tests.support.mounts import can_mount
from tests.support.world import PATIENCE, Ran, World

pytestmark = pytest.mark.slow

DO_NOTHING = ("--", "/bin/sh", "-c", "exit 0")


@dataclass(frozen=True)
class Left:
    """All that a launch makes, as it is now."""

    worktrees: str
    refs: str
    config: str
    admin: tuple[str, ...]
    sessions: str
    state: tuple[str, ...]
    trees: tuple[str, ...]


def left(world: World) -> Left:
    """What is there of worktrees, refs, settings, sessions, and files of ours."""
    git, common = world.repo.git, world.repo.path / ".git"
    done = subprocess.run(
        ["tmux", "-S", str(world.socket), "list-panes", "-a", "-F", "#{session_name} #{pane_id}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = common / "mission-control"
    kept = (
        *("journal.jsonl", "state.lock", "worktree.lock", "observer.lock", "observer.log"),
        "one.setup.log",  # What a set-up command said stays as evidence.
    )
    return Left(
        git("worktree", "list", "--porcelain"),
        git("for-each-ref"),
        git("config", "--local", "--list"),
        tuple(sorted(path.name for path in common.glob("worktrees/*"))),
        done.stdout if done.returncode == 0 else "",
        tuple(sorted(str(p) for p in ours.rglob("*") if p.is_file() and p.name not in kept)),
        tuple(sorted(str(p) for p in base(world).rglob("*") if not p.is_dir())),
    )


def base(world: World) -> Path:
    """Where worktrees are made."""
    return Path(os.environ["XDG_DATA_HOME"]) / "git-mc"


def fails(world: World, status: int, words: Sequence[str], *launch: str, **env: str) -> Ran:
    """Launch the job "one": it must fail so, say all of `words`, and leave nothing."""
    before = left(world)
    ran = world.mc("launch", "one", *launch, cwd=None, **env).refused(status, *words)
    assert "defect" not in ran.stderr
    assert left(world) == before
    assert names(world.mc("jobs", "--json")) == []
    return ran


def succeeds(world: World) -> None:
    """What was in the way is gone: a launch of the same name works."""
    world.mc("launch", "one", *DO_NOTHING).ok()
    world.wait("one").ok()


def test_a_bad_base_is_refused(world: World) -> None:
    fails(world, 1, ["bad base 'no-such'", "give a branch"], "--base", "no-such", *DO_NOTHING)
    blob = world.repo.git("rev-parse", "HEAD:README.md")
    fails(world, 1, [f"bad base '{blob}'"], "--base", blob, *DO_NOTHING)
    succeeds(world)


def test_a_repository_without_a_commit_is_refused(world: World, tmp_path: Path) -> None:
    path = tmp_path / "unborn"
    world.repo.git("init", "--quiet", str(path))
    ran = world.mc("launch", "one", *DO_NOTHING, cwd=path)
    ran.refused(1, "there is no commit to start from", "make a first commit")
    world.mc("launch", "one", "--base", "HEAD", *DO_NOTHING, cwd=path).refused(1, "bad base 'HEAD'")
    world.mc("launch", "one", "--base", "main", *DO_NOTHING, cwd=path).refused(1, "bad base 'main'")
    assert names(world.mc("jobs", "--json", cwd=path)) == []


def test_a_set_up_command_that_fails_is_shown_with_what_it_said(world: World) -> None:
    script = "echo made >made; echo to-stdout; echo to-stderr >&2; exit 3"
    words = [
        "could not launch 'one'",
        "setting up the worktree",
        "to-stdout",
        "to-stderr",
        "exit 3",
    ]
    ran = fails(world, 128, words, "--run", "true", "--run", script, "--run", "never", *DO_NOTHING)
    assert "never" not in ran.stderr
    succeeds(world)


def test_what_a_set_up_command_leaves_running_ends_when_its_launch_fails(
    world: World, tmp_path: Path
) -> None:
    said, up = Pipe(tmp_path / "said"), Pipe(tmp_path / "up")
    child = f"sh -c 'echo $$ >{said}; echo up >{up}; exec sleep 1000' >/dev/null 2>&1"
    script = f"{child} & read -r _ <{up}; exit 3"
    fails(world, 128, ["setting up the worktree"], "--run", script, *DO_NOTHING)
    assert gone(int(said.read()))


def test_a_set_up_command_that_commits_and_fails_loses_nothing(world: World) -> None:
    script = "echo x >new; git add new; git commit -qm precious; exit 1"
    ran = world.mc("launch", "one", "--run", script, *DO_NOTHING)
    ran.refused(128, "setting up the worktree")
    assert names(world.mc("jobs", "--json")) == []
    assert world.repo.git("worktree", "list").count("\n") == 0
    assert world.repo.git("log", "-1", "--format=%s", "mc/one") == "precious"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--copy", "../secret"], "stay inside"),
        (["--symlink", "/etc"], "stay inside"),
        (["--copy", ".git/config"], "stay inside"),
    ],
    ids=["up", "absolute", "git"],
)
def test_a_set_up_path_that_leads_out_is_refused(
    world: World, options: list[str], word: str
) -> None:
    fails(world, 1, [word], *options, *DO_NOTHING)


def test_a_post_checkout_hook_that_fails_is_shown_with_what_it_said(world: World) -> None:
    hook = script_at(world.repo.path / ".git/hooks/post-checkout", "echo hook-said >&2; exit 4")
    fails(world, 128, ["making the worktree", "hook-said"], *DO_NOTHING)
    hook.unlink()
    succeeds(world)


def test_a_filter_that_fails_is_shown_with_what_it_said(world: World) -> None:
    world.repo.commit({".gitattributes": "*.md filter=broken\n"})
    world.repo.git("config", "filter.broken.smudge", "echo filter-said >&2; exit 5")
    world.repo.git("config", "filter.broken.required", "true")
    fails(world, 128, ["making the worktree", "filter-said"], *DO_NOTHING)


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_something_in_the_way_of_the_worktree_is_refused_and_kept(
    world: World, tmp_path: Path, kind: str
) -> None:
    world.mc("launch", "one", *DO_NOTHING).ok()
    world.wait("one").ok()
    path = world.worktree("one")
    world.mc("cleanup", "one", "--delete-branch").ok()
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "folder":
        (path / "precious").mkdir(parents=True)
    elif kind == "file":
        path.write_text("precious")
    else:
        path.symlink_to(tmp_path / "nowhere")
    fails(world, 1, [str(path), "is in the way", "choose another name"], *DO_NOTHING)
    assert path.is_symlink() or path.exists()


def test_a_worktree_base_that_is_a_file_is_said_to_be_in_the_way(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "base").write_text("precious")
    world.repo.git("config", "mc.worktreeBase", str(tmp_path / "base"))
    fails(world, 1, ["making the worktree", str(tmp_path / "base")], *DO_NOTHING)
    assert (tmp_path / "base").read_text() == "precious"


def test_a_branch_that_is_not_at_the_base_is_refused_unless_it_is_to_be_taken_up(
    world: World,
) -> None:
    first = world.repo.head()
    world.repo.git("branch", "mc/one")
    world.repo.commit({"more": "x"})
    fails(world, 1, ["'mc/one' exists already and is not at the base", "--reuse"], *DO_NOTHING)
    script = "echo x >new; git add new; git commit -qm 'add new'"
    world.sh("one", script, "--reuse")
    world.wait("one").ok()
    job = world.job("one")
    assert (job["base_commit"], job["ahead"]) == (first, 1)
    assert world.repo.head("mc/one~") == first


def test_a_branch_that_is_there_is_kept_when_its_launch_fails(world: World) -> None:
    world.repo.git("branch", "mc/one")
    fails(world, 128, ["setting up the worktree"], "--run", "exit 1", *DO_NOTHING)
    assert world.repo.head("mc/one") == world.repo.head()
    world.repo.commit({"more": "x"})
    fails(world, 128, ["setting up the worktree"], "--reuse", "--run", "exit 1", *DO_NOTHING)


@pytest.mark.parametrize("options", [[], ["--reuse"]], ids=["at base", "reuse"])
def test_a_branch_that_is_checked_out_elsewhere_is_refused_and_kept(
    world: World, options: list[str]
) -> None:
    world.repo.git("checkout", "-q", "-b", "mine")
    words = ["making the worktree", "'mine' is already checked out at", str(world.repo.path)]
    fails(world, 128, words, "--branch", "mine", *options, *DO_NOTHING)
    assert world.repo.git("symbolic-ref", "HEAD") == "refs/heads/mine"


def test_a_branch_in_whose_place_there_is_a_folder_of_branches_is_refused(world: World) -> None:
    world.repo.git("branch", "mc/one/two")
    fails(world, 128, ["making the worktree", "refs/heads/mc/one"], *DO_NOTHING)


def test_a_missing_tmux_is_said_to_be_missing(world: World, tmp_path: Path) -> None:
    path = path_of(tmp_path / "bin", "git", "sh")
    fails(world, 128, ["tmux is not installed, or not on PATH"], *DO_NOTHING, PATH=path)


def test_a_tmux_that_is_too_old_is_said_to_be_too_old(world: World, tmp_path: Path) -> None:
    path = path_of(tmp_path / "bin", "git", "sh")
    script_at(tmp_path / "bin/tmux", "echo tmux 2.9")
    fails(world, 128, ["tmux 3.2 or newer is needed", "tmux 2.9"], *DO_NOTHING, PATH=path)


def test_a_tmux_that_cannot_start_is_shown_with_what_it_said(world: World) -> None:
    socket = world.socket.parent / "no such folder" / "s"
    words = ["starting the terminal", str(socket)]
    fails(world, 128, words, *DO_NOTHING, GIT_MC_TMUX_SOCKET=str(socket))


def test_a_tmux_that_dies_after_the_session_is_made_leaves_nothing(
    world: World, tmp_path: Path
) -> None:
    real = shutil.which("tmux")
    broken = (
        f'case " $* " in *" new-session "*) {real} "$@" >/dev/null; echo broken >&2; exit 1;; esac'
    )
    script_at(tmp_path / "bin/tmux", f'{broken}; exec {real} "$@"')
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    before = left(world)
    agent = ("--", "/bin/sh", "-c", "exec sleep 1000")
    world.mc("launch", "one", *agent, PATH=path).refused(128, "starting the terminal", "broken")
    assert names(world.mc("jobs", "--json")) == []
    assert left(world) == before


def test_a_git_that_is_too_old_is_said_to_be_too_old(world: World, tmp_path: Path) -> None:
    path = path_of(tmp_path / "bin", "tmux", "sh")
    script_at(
        tmp_path / "bin/git",
        f'case "$1" in version|--version) echo git version 2.30.1;; *) exec {shutil.which("git")}'
        ' "$@";; esac',
    )
    before = left(world)
    ran = world.mc("launch", "one", *DO_NOTHING, PATH=path)
    ran.refused(128, "git 2.38 or newer is needed", "git version 2.30.1")
    assert left(world) == before


def test_a_missing_git_is_said_to_be_missing(world: World, tmp_path: Path) -> None:
    path = path_of(tmp_path / "bin", "tmux", "sh")
    world.mc("launch", "one", *DO_NOTHING, PATH=path).refused(128, "git is not installed")


def test_an_agent_that_is_not_installed_is_said_to_be_missing(world: World, tmp_path: Path) -> None:
    path = path_of(tmp_path / "bin", "git", "sh", "tmux")
    words = ["the program 'opencode' is not installed, or not on PATH"]
    fails(world, 1, words, "do it", PATH=path)
    fails(world, 1, words, "--agent", "opencode", "do it", PATH=path)
    fails(world, 1, ["there is no agent called 'no-such'", "opencode"], "--agent", "no-such")
    fails(world, 1, ["needs a command to run"], "--agent", "command", "do it")


MISSING = {
    "on PATH": ("no-such-program", "'no-such-program' is not installed"),
    "absolute": ("/no/such/program", "there is no program /no/such/program"),
    "relative": ("./no-such", "there is no program"),
    "below": ("bin/no-such", "is it committed on the base?"),
    "not executable": ("./README.md", "there is no program"),
    "empty": ("", "the command to run is empty"),
}


@pytest.mark.parametrize(("program", "word"), MISSING.values(), ids=MISSING)
def test_a_missing_command_is_said_to_be_missing(world: World, program: str, word: str) -> None:
    fails(world, 1, [word], "--", program, "word")


def test_a_program_that_set_up_makes_is_there_to_be_run(world: World) -> None:
    make = "printf '#!/bin/sh\\nexit 6\\n' >made; chmod +x made; echo made >>.git-ignored"
    world.mc("launch", "one", "--run", make, "--", "./made").ok()
    closed(world, "one")
    assert world.job("one")["exit_status"] == 6


def in_a_shell(world: World, before: str, *launch: str, **env: str) -> Ran:
    """Run a launch by a shell that does `before` first, and shows the state folder afterwards."""
    words = shlex.join([sys.executable, "-m", "gitmc", "launch", "one", *launch])
    after = "ls .git/mission-control/run .git/mission-control/prompts .git/mission-control/jobs"
    script = f"{before} || exit 99; {words}; status=$?; {after}; exit $status"
    return run_there(world, ["/bin/sh", "-c", script], env)


def run_there(world: World, argv: list[str], env: dict[str, str]) -> Ran:
    """Run any command in the repository."""
    done = subprocess.run(
        argv,
        cwd=world.repo.path,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def big(world: World) -> None:
    """Commit a file of 1 MB that cannot be packed into less."""
    (world.repo.path / "big").write_bytes(os.urandom(1_000_000))
    world.repo.git("add", "big")
    world.repo.git("commit", "-qm", "big")


def test_files_that_may_not_grow_fail_the_launch_and_leave_nothing(world: World) -> None:
    big(world)
    before = left(world)
    ran = in_a_shell(world, "ulimit -f 512", *DO_NOTHING)
    ran.refused(128, "could not launch 'one': making the worktree", "git")
    assert left(world) == before
    succeeds(world)


@pytest.mark.parametrize("what", ["prompt", "spec"])
def test_state_that_may_not_grow_fails_the_launch_and_leaves_nothing(
    world: World, tmp_path: Path, what: str
) -> None:
    (tmp_path / "prompt").write_bytes(b"x" * (400_000 if what == "prompt" else 1))
    more = {"LARGE_1": "x" * 120_000, "LARGE_2": "x" * 120_000, "LARGE_3": "x" * 120_000}
    before = left(world)
    ran = in_a_shell(
        world,
        "ulimit -f 600",
        *("-F", str(tmp_path / "prompt"), *DO_NOTHING),
        **(more if what == "spec" else {}),
    )
    ran.refused(1, "could not launch 'one': writing its files", "File too large")
    assert left(world) == before
    succeeds(world)


def with_tmpfs(world: World, folder: Path, options: str, *launch: str, **env: str) -> Ran:
    """Run a launch that has a file system of its own at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = f"mount -t tmpfs -o {options} none {shlex.quote(str(folder))}"
    inner = shlex.join([sys.executable, "-m", "gitmc", "launch", "one", *launch])
    find = f"find {shlex.quote(str(folder))} -type f -printf '%P\\n'"
    script = f"{mount} || exit 99; {inner}; status=$?; {find}; exit $status"
    return run_there(world, ["unshare", "-m", "/bin/sh", "-c", script], env)


@can_mount
def test_a_full_disk_fails_the_launch_and_leaves_nothing(world: World, tmp_path: Path) -> None:
    big(world)
    disk = tmp_path / "disk"
    world.repo.git("config", "mc.worktreeBase", str(disk))
    before = left(world)
    ran = with_tmpfs(world, disk, "size=256k", *DO_NOTHING)
    ran.refused(128, "making the worktree", "unable to write file")
    assert ran.stdout == ""
    assert left(world) == before
    assert names(world.mc("jobs", "--json")) == []


@can_mount
def test_a_disk_that_set_up_fills_fails_the_launch_and_leaves_nothing(
    world: World, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    world.repo.git("config", "mc.worktreeBase", str(disk))
    (world.repo.path / "kept").write_bytes(os.urandom(1_000_000))
    before = left(world)
    ran = with_tmpfs(world, disk, "size=256k", "--copy", "kept", *DO_NOTHING)
    ran.refused(1, "setting up the worktree", "No space left on device")
    assert ran.stdout == ""
    assert left(world) == before


@can_mount
@pytest.mark.parametrize("size", ["4k", "16k"])
def test_a_full_state_folder_fails_the_launch_and_leaves_nothing(
    world: World, tmp_path: Path, size: str
) -> None:
    (tmp_path / "prompt").write_bytes(b"x" * 100_000)
    before = left(world)
    ours = world.repo.path / ".git/mission-control"
    ran = with_tmpfs(world, ours, f"size={size}", "-F", str(tmp_path / "prompt"), *DO_NOTHING)
    ours.rmdir()
    ran.refused(1, "could not launch 'one'", "No space left on device")
    assert [name for name in ran.stdout.split() if name not in ("run/state.lock",)] == []
    assert left(world) == before


@can_mount
def test_a_state_folder_that_may_not_be_written_fails_the_launch(world: World) -> None:
    before = left(world)
    ours = world.repo.path / ".git/mission-control"
    ran = with_tmpfs(world, ours, "ro", *DO_NOTHING)
    ours.rmdir()
    ran.refused(1, "Read-only file system", str(ours))
    assert left(world) == before


def test_a_file_in_place_of_the_state_folder_fails_the_launch(world: World) -> None:
    ours = world.repo.path / ".git/mission-control"
    ours.write_text("foreign\n")
    ran = world.mc("launch", "one", *DO_NOTHING).refused(128, str(ours))
    assert "defect" not in ran.stderr
    assert ours.read_text() == "foreign\n"
    assert world.repo.git("worktree", "list").count("\n") == 0


SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}


@pytest.mark.parametrize("number", SIGNALS.values(), ids=SIGNALS)
def test_a_launch_that_is_killed_while_it_sets_up_is_undone_by_the_next_command(
    world: World, tmp_path: Path, number: int
) -> None:
    before = left(world)
    said, never = Pipe(tmp_path / "said"), Pipe(tmp_path / "never")
    command = f"echo $$ >{said}; read -r _ <{never}"
    launch = world.start("launch", "one", "--run", command, *DO_NOTHING)
    child = int(said.read())
    run = world.mission.job("one").run
    assert run is not None
    assert world.state("one") == "queued"
    launch.send_signal(number)
    launch.communicate(timeout=PATIENCE) if number == signal.SIGINT else launch.wait(PATIENCE)
    assert names(world.mc("jobs", "--json")) == []
    assert gone(child)
    launch.communicate(timeout=PATIENCE)
    assert nothing_left(run.id)
    assert left(world) == before
    succeeds(world)


def test_a_launch_that_is_killed_while_git_fills_the_worktree_is_undone_by_the_next_command(
    world: World, tmp_path: Path
) -> None:
    before = left(world)
    said, never = Pipe(tmp_path / "said"), Pipe(tmp_path / "never")
    hook = world.repo.path / ".git/hooks/post-checkout"
    script_at(hook, f"echo $$ >{said}; read -r _ <{never}")
    launch = world.start("launch", "one", *DO_NOTHING)
    child = int(said.read())
    launch.kill()
    launch.wait(PATIENCE)
    assert names(world.mc("jobs", "--json")) == []
    never.write("go on")
    assert gone(child)
    launch.communicate(timeout=PATIENCE)
    assert left(world) == before
    hook.unlink()
    succeeds(world)


@pytest.mark.parametrize("whole", [True, False], ids=["with tmux", "alone"])
def test_a_launch_that_is_killed_before_its_terminal_is_there_is_undone(
    world: World, tmp_path: Path, whole: bool
) -> None:
    before = left(world)
    path, said, line = tmux_that_waits(tmp_path, after=False)
    words = [sys.executable, "-m", "gitmc", "launch", "one", "--", "/bin/sh", "-c", "sleep 1000"]
    launch = subprocess.Popen(
        words,
        cwd=world.repo.path,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    assert said.read() == "here"
    os.killpg(launch.pid, signal.SIGKILL) if whole else launch.kill()
    launch.wait(PATIENCE)
    assert names(world.mc("jobs", "--json")) == []
    if whole:
        assert left(world) == before
        return
    # The tmux that was about to be run makes a session all the same: of a run that is over.
    line.write("go on")
    pane = ["list-panes", "-a", "-F", "#{pane_pid}"]
    subprocess.run(["tmux", "-S", str(world.socket), *pane], capture_output=True, check=False)
    assert names(world.mc("jobs", "--json")) == []
    assert left(world).refs == before.refs
    assert left(world).state == before.state


def test_a_launch_that_is_killed_when_its_agent_runs_is_taken_over(
    world: World, tmp_path: Path
) -> None:
    path, said, _ = tmux_that_waits(tmp_path, after=True)
    launches: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> Ran:
        launches.append(world.start(*words, PATH=path))
        assert said.read() == "here"
        return Ran(0, "", "")

    agent = Agent(world, "one", tmp_path, launch=start)
    assert agent.job.state == "queued"
    launches[0].kill()
    launches[0].wait(PATIENCE)
    assert [job["state"] for job in world.mc("jobs", "--json").ok().json["jobs"]] == ["running"]
    assert world.job("one")["tmux"]["session"].startswith("$")
    assert agent.do("echo x >new; git add new; git commit -qm 'add new'") == 0
    agent.tell("exit 0")
    world.wait("one").ok()
    assert world.job("one")["exit_status"] == 0
    world.mc("merge", "one").ok()
    assert world.repo.files()["new"] == "x"
    launches[0].communicate(timeout=PATIENCE)


def test_a_launch_that_is_killed_when_its_agent_has_ended_is_known_by_its_status(
    world: World, tmp_path: Path
) -> None:
    path, said, _ = tmux_that_waits(tmp_path, after=True)
    launch = world.start("launch", "one", "--", "/bin/sh", "-c", "exit 5", PATH=path)
    assert said.read() == "here"
    assert gone(int(world.tmux("list-panes", "-a", "-F", "#{pane_pid}")))
    launch.kill()
    launch.wait(PATIENCE)
    job = world.mc("jobs", "--json").ok().json["jobs"][0]
    assert (job["state"], job["exit_status"]) == ("failed", 5)
    launch.communicate(timeout=PATIENCE)


def test_a_job_that_is_killed_while_it_is_launched_is_stopped_and_nothing_is_left(
    world: World, tmp_path: Path
) -> None:
    before = left(world)
    said, line = Pipe(tmp_path / "said"), Pipe(tmp_path / "line")
    command = f"echo $$ >{said}; read -r _ <{line}"
    launch = world.start("launch", "one", "--run", command, "--", "/bin/sh", "-c", "sleep 1000")
    said.read()
    world.mc("kill", "one").ok()
    line.write("go on")
    _, stderr = launch.communicate(timeout=PATIENCE)
    assert launch.returncode == 1, stderr
    assert b"'one' was stopped while it was being launched" in stderr
    assert names(world.mc("jobs", "--json")) == []
    assert left(world) == before


def test_a_dry_run_makes_nothing_and_a_launch_after_it_does_as_it_said(world: World) -> None:
    before = left(world)
    said = world.mc("launch", "one", "--dry-run", "--run", "make", *DO_NOTHING).ok().stdout
    assert left(world) == before
    assert not (world.repo.path / ".git/mission-control").exists()
    assert "would make branch mc/one" in said
    assert "would run make" in said
    succeeds(world)
    assert f"would make worktree {world.worktree('one')}" in said


def test_a_repository_made_of_a_submodule_and_one_in_a_worktree_launch_too(
    world: World, tmp_path: Path
) -> None:
    sub = make_repo(tmp_path / "sub")
    world.repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(sub.path))
    world.repo.git("commit", "-qm", "with a submodule")
    succeeds(world)
    assert world.repo.git("-C", str(world.worktree("one")), "status", "--porcelain") == ""
