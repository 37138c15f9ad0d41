"""Merging a job: every strategy, every refusal, and nobody's work touched."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from gitmc.tmux.process import start_time
from tests.support.agents import Pipe
from tests.support.events import gone
from tests.support.world import PATIENCE, World


def finished(world: World, name: str, script: str) -> None:
    """A job that ran `script` to its end."""
    world.sh(name, script)
    world.wait(name).ok()


def commits(name: str, content: str = "x", file: str | None = None) -> str:
    """A script that commits one file."""
    file = file or name
    return f"echo {content} > {file}; git add {file}; git commit -qm 'add {name}'"


def hook(world: World, name: str, script: str) -> None:
    """Install a git hook."""
    path = world.repo.path / ".git/hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_squash_makes_one_commit_with_the_job_as_trailer(world: World) -> None:
    finished(world, "two", commits("a") + "; " + commits("b"))
    merged = world.mc("merge", "two", "--json").ok().json
    assert merged["changed"] is True
    assert world.repo.git("log", "--format=%P", "-1") == world.repo.head("HEAD~1")
    body = world.repo.git("log", "--format=%B", "-1")
    assert body.splitlines() == ["two", "", "* add a", "* add b", "", "Mc-Job: two"]
    assert set(world.repo.files()) == {"README.md", "a", "b"}


def test_a_single_commit_keeps_its_own_message_when_squashed(world: World) -> None:
    finished(world, "one", commits("one"))
    world.mc("merge", "one").ok()
    assert world.repo.git("log", "--format=%s", "-1") == "add one"


def test_merge_makes_a_commit_with_both_parents(world: World) -> None:
    finished(world, "one", commits("one"))
    before, head = world.repo.head(), world.repo.head("mc/one")
    world.mc("merge", "one", "--strategy", "merge", "-m", "Bring it in").ok()
    assert world.repo.git("log", "--format=%P", "-1") == f"{before} {head}"
    assert world.repo.git("log", "--format=%s", "-1") == "Bring it in"


def test_ff_only_moves_the_branch_to_the_very_commit(world: World) -> None:
    finished(world, "one", commits("one"))
    world.mc("merge", "one", "--strategy", "ff-only").ok()
    assert world.repo.head() == world.repo.head("mc/one")


def test_ff_only_refuses_when_the_target_has_moved_on(world: World) -> None:
    finished(world, "one", commits("one"))
    tip = world.repo.commit({"other": "y"})
    world.mc("merge", "one", "--strategy", "ff-only").refused(1, "'main' has moved on", "hint: ")
    assert world.repo.head() == tip
    assert world.state("one") == "needs_rebase"
    world.mc("merge", "one", "--strategy", "squash").ok()
    assert world.state("one") == "merged"


def test_a_conflict_names_the_files_and_changes_nothing(world: World) -> None:
    finished(world, "one", commits("one", "theirs", "README.md"))
    tip = world.repo.commit({"README.md": "ours\n"})
    world.mc("merge", "one").refused(3, "conflict: README.md", "hint: ")
    assert world.repo.head() == tip
    assert world.repo.git("status", "--porcelain") == ""
    assert world.state("one") == "conflict"
    worktree = world.worktree("one")
    world.repo.git("merge", "-q", "-X", "ours", "main", cwd=worktree)
    world.mc("merge", "one").ok()
    assert world.repo.files()["README.md"] == "theirs"


def test_what_the_agent_left_uncommitted_is_committed_first(world: World) -> None:
    finished(world, "left", "echo new > new; echo changed > README.md")
    world.mc("merge", "left").ok()
    assert world.repo.files() == {"README.md": "changed", "new": "new"}
    assert world.job("left")["dirty"] is False


def test_without_auto_commit_uncommitted_work_is_refused(world: World) -> None:
    finished(world, "left", "echo new > new")
    world.repo.git("config", "mc.autoCommit", "false")
    world.mc("merge", "left").refused(1, "uncommitted changes: new")
    assert (world.worktree("left") / "new").read_text() == "new\n"
    assert world.state("left") == "completed"


def test_a_failing_commit_hook_is_heard(world: World) -> None:
    finished(world, "left", "echo new > new")
    hook(world, "pre-commit", "echo no secrets please >&2; exit 1")
    world.mc("merge", "left").refused(1, "no secrets please", "hint: ")
    assert world.state("left") == "completed"


def test_a_job_without_changes_lands_as_nothing(world: World) -> None:
    finished(world, "idle", ":")
    tip = world.repo.head()
    world.repo.git("config", "mc.testCommand", "exit 1")
    merged = world.mc("merge", "idle", "--json").ok().json
    assert (merged["changed"], merged["tested"]) == (False, False)
    assert (world.repo.head(), world.state("idle")) == (tip, "merged")


def test_a_job_whose_change_is_there_already_lands_as_nothing(world: World) -> None:
    finished(world, "one", commits("one"))
    tip = world.repo.commit({"one": "x\n"})
    world.mc("merge", "one").ok()
    assert (world.repo.head(), world.state("one")) == (tip, "merged")


def test_unrelated_dirty_and_staged_files_are_left_alone(world: World) -> None:
    world.repo.commit({"mine": "1\n", "staged": "1\n"})
    finished(world, "one", commits("one"))
    (world.repo.path / "mine").write_text("2\n")
    (world.repo.path / "staged").write_text("2\n")
    world.repo.git("add", "staged")
    world.mc("merge", "one").ok()
    assert world.repo.git("status", "--porcelain") == " M mine\nM  staged"
    assert (world.repo.path / "one").read_text() == "x\n"


@pytest.mark.parametrize("staged", [False, True], ids=["unstaged", "staged"])
def test_an_overlapping_dirty_file_refuses_the_landing_by_name(world: World, staged: bool) -> None:
    finished(world, "one", commits("one", "theirs", "README.md"))
    (world.repo.path / "README.md").write_text("mine\n")
    if staged:
        world.repo.git("add", "README.md")
    tip = world.repo.head()
    world.mc("merge", "one").refused(1, "README.md", str(world.repo.path))
    assert world.repo.head() == tip
    assert (world.repo.path / "README.md").read_text() == "mine\n"
    assert world.state("one") == "ready_to_merge"


def test_an_untracked_file_in_the_way_refuses_the_landing(world: World) -> None:
    finished(world, "one", commits("one"))
    (world.repo.path / "one").write_text("precious\n")
    world.mc("merge", "one").refused(1, "one")
    assert (world.repo.path / "one").read_text() == "precious\n"


def test_a_target_that_is_checked_out_nowhere_moves_by_its_ref(world: World) -> None:
    world.repo.git("branch", "release")
    finished(world, "one", commits("one"))
    world.mc("merge", "one", "--into", "release").ok()
    assert "one" in world.repo.files("release")
    assert "one" not in world.repo.files("main")
    assert world.repo.git("reflog", "-1", "--format=%gs", "release") == "mc merge: one"


def test_a_target_that_is_checked_out_in_a_linked_worktree_is_updated_there(
    world: World, tmp_path: Path
) -> None:
    world.repo.git("worktree", "add", "-q", "-b", "release", str(tmp_path / "rel"))
    finished(world, "one", commits("one"))
    world.mc("merge", "one", "--into", "release").ok()
    assert (tmp_path / "rel/one").read_text() == "x\n"
    assert world.repo.git("status", "--porcelain", cwd=tmp_path / "rel") == ""
    assert not (world.repo.path / "one").exists()


def test_a_target_that_is_no_branch_is_refused(world: World) -> None:
    finished(world, "one", commits("one"))
    world.mc("merge", "one", "--into", "nowhere").refused(1, "'nowhere' is not a branch")


def test_conflict_markers_are_never_merged(world: World) -> None:
    finished(world, "one", commits("one", "theirs", "README.md"))
    tip = world.repo.commit({"README.md": "ours\n"})
    ran = world.mc("merge", "one", "--json").refused(3, "conflict: README.md")
    assert ran.json["conflicts"] == ["README.md"]
    subprocess.run(["git", "merge", "-q", "main"], cwd=world.worktree("one"), check=False)
    world.mc("merge", "one").refused(1, "unresolved conflicts: README.md")
    assert world.repo.head() == tip


def test_commits_on_a_detached_head_are_not_taken_for_merged(world: World) -> None:
    finished(world, "one", "git checkout -q --detach; " + commits("one"))
    world.mc("merge", "one").refused(1, "commits that are not on 'mc/one'")
    assert world.state("one") == "completed"


def test_a_job_is_not_merged_into_its_own_branch(world: World) -> None:
    finished(world, "one", commits("one"))
    world.mc("merge", "one", "--into", "mc/one").refused(1, "the job's own branch")


def test_a_repository_in_the_worktree_is_not_committed_as_a_pointer(world: World) -> None:
    finished(world, "one", "git init -q sub; cd sub; " + commits("inner"))
    world.mc("merge", "one").refused(1, "a repository of its own in it: sub/")
    world.mc("cleanup", "one", "--force").refused(1, "a repository with work of its own", "sub/")


def test_an_ignored_file_in_the_way_refuses_the_landing(world: World) -> None:
    world.repo.commit({".gitignore": "*.ign\n"})
    finished(world, "one", "echo theirs >s.ign; git add -f s.ign; git commit -qm s")
    (world.repo.path / "s.ign").write_text("mine\n")
    world.mc("merge", "one").refused(1, "s.ign")
    assert (world.repo.path / "s.ign").read_text() == "mine\n"


def test_a_running_job_is_not_merged(world: World) -> None:
    world.sh("busy", "exec sleep 1000")
    world.mc("merge", "busy").refused(1, "still running", "git mc kill busy")


def test_a_merged_job_is_not_merged_again(world: World) -> None:
    finished(world, "one", commits("one"))
    world.mc("merge", "one").ok()
    world.mc("merge", "one").refused(1, "has landed on 'main' already")


def test_a_dry_run_changes_nothing(world: World) -> None:
    finished(world, "one", commits("one"))
    before = world.repo.git("for-each-ref")
    assert "would merge one into main" in world.mc("merge", "one", "--dry-run").ok().stdout
    assert world.repo.git("for-each-ref") == before
    assert world.state("one") == "completed"


def test_a_green_gate_lets_the_job_land(world: World) -> None:
    finished(world, "one", commits("one"))
    world.repo.git("config", "mc.testCommand", "test -f one && test -f README.md")
    assert "tested" in world.mc("merge", "one").ok().stdout
    assert [path.name for path in (world.root / "run").glob("test-*")] == []


def test_a_red_gate_keeps_the_target_where_it_was(world: World) -> None:
    finished(world, "one", commits("one"))
    tip = world.repo.head()
    world.repo.git("config", "mc.testCommand", "echo it is broken; exit 3")
    world.mc("merge", "one").refused(1, "the tests fail: exit status 3", "one.test.log")
    assert world.repo.head() == tip
    assert (world.root / "logs/one.test.log").read_text() == "it is broken\n"
    world.mc("merge", "one", "--no-test").ok()
    assert world.repo.head() != tip


def test_a_gate_that_cannot_run_is_no_pass(world: World) -> None:
    finished(world, "one", commits("one"))
    tip = world.repo.head()
    world.repo.git("config", "mc.testCommand", "no-such-test-runner")
    world.mc("merge", "one").refused(1, "the test command says nothing: it was not found")
    assert world.repo.head() == tip


def test_a_gate_that_takes_too_long_is_ended_with_all_its_processes(world: World) -> None:
    finished(world, "one", commits("one"))
    pids = world.root / "pid"
    world.repo.git("config", "mc.testCommand", f"setsid sleep 1000 & echo $! > {pids}; sleep 1000")
    world.repo.git("config", "mc.testTimeout", "0.3")
    world.mc("merge", "one").refused(1, "it took longer than 0.3 s")
    assert gone(int(pids.read_text()))


def held_gate(world: World, folder: Path) -> Pipe:
    """A test command that says its process by a pipe, and does not end."""
    pipe = Pipe(folder / "gate")
    world.repo.git("config", "mc.testCommand", f"echo $$ >{pipe}; sleep 1000; :")
    return pipe


def test_a_merge_that_is_told_to_end_ends_its_tests(world: World, tmp_path: Path) -> None:
    finished(world, "one", commits("one"))
    pipe, tip = held_gate(world, tmp_path), world.repo.head()
    merge = world.start("merge", "one")
    pid = int(pipe.read())
    merge.terminate()
    merge.communicate(timeout=PATIENCE)
    assert merge.returncode == 130
    assert start_time(pid) is None
    assert list((world.root / "run").glob("test-*")) == []
    assert (world.repo.head(), world.state("one")) == (tip, "completed")


def test_a_merge_that_is_killed_in_its_tests_keeps_nobody_from_another(
    world: World, tmp_path: Path
) -> None:
    finished(world, "one", commits("one"))
    pipe, tip = held_gate(world, tmp_path), world.repo.head()
    merge = world.start("merge", "one")
    pid = int(pipe.read())
    merge.kill()
    merge.communicate(timeout=PATIENCE)
    assert world.repo.head() == tip
    world.repo.git("config", "mc.testCommand", "test -f one")
    world.mc("merge", "one").ok()
    assert (world.root / "pool/slot-1").is_dir(), "the first run is still in the other slot"
    who = next((world.root / "run").glob("test-*/pid"))
    runner = int(json.loads(who.read_text())[0])
    os.kill(pid, signal.SIGKILL)
    assert gone(runner)
    finished(world, "two", commits("two"))
    world.mc("merge", "two").ok()
    assert list((world.root / "run").glob("test-*")) == []


def test_the_gate_is_set_up_as_jobs_are(world: World) -> None:
    world.repo.commit({".gitignore": "made\n.env\n"})
    (world.repo.path / ".env").write_text("secret\n")
    world.repo.git("config", "mc.worktreeSetup.copyFiles", ".env")
    world.repo.git("config", "mc.worktreeSetup.commands", "cp .env made")
    finished(world, "one", commits("one"))
    world.repo.git("config", "mc.testCommand", "test -f one && grep secret made")
    world.mc("merge", "one").ok()
    assert (world.root / "logs/one.test.log").read_text().endswith("secret\n")
    world.repo.git("config", "--unset", "mc.worktreeSetup.copyFiles")
    world.repo.git("config", "--unset", "mc.worktreeSetup.commands")
    finished(world, "two", commits("two"))
    world.repo.git("config", "mc.worktreeSetup.commands", "exit 3")
    world.mc("merge", "two").refused(1, "the set-up command 'exit 3' failed: exit status 3")


def test_test_without_a_command_is_refused(world: World) -> None:
    finished(world, "one", commits("one"))
    world.mc("merge", "one", "--test").refused(1, "no test command")


@pytest.mark.parametrize("target", ["main", "release"])
def test_a_git_that_outlives_a_killed_merge_is_waited_for(
    world: World, tmp_path: Path, target: str
) -> None:
    finished(world, "one", commits("one"))
    world.repo.git("branch", "release")
    said, line = Pipe(tmp_path / "said"), Pipe(tmp_path / "line")
    moves = f'"prepared "*refs/heads/{target}*) echo up >{said}; read -r _ <{line};;'
    hook(world, "reference-transaction", f'case "$1 $(cat)" in {moves} esac')
    merge = world.start("merge", "one", "--into", target)
    said.read()
    merge.kill()
    merge.communicate(timeout=PATIENCE)
    assert world.state("one") == "merging"
    line.write("go")
    world.wait("one", states=["merged"]).ok()
    assert world.repo.files(target)["one"] == "x"
    actions = [entry.get("action") for _, entry in world.mission.store.journal.entries()]
    # Whoever waits and an observer may both have seen to it, and nobody has tried in vain.
    assert 1 <= actions.count("FinishLanding") <= 2
