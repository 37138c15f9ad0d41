"""Cleanup loses nothing: what is not safe is refused, or pinned before it is removed."""

from __future__ import annotations

import shutil

from tests.e2e.test_merge import commits, finished
from tests.support.world import World


def salvaged(world: World) -> list[str]:
    """The refs under refs/mc/salvage."""
    return world.repo.git("for-each-ref", "--format=%(refname)", "refs/mc/salvage").splitlines()


def names(world: World) -> list[str]:
    """The names of all jobs."""
    return [job["name"] for job in world.mc("jobs", "--json").ok().json["jobs"]]


def test_a_merged_job_leaves_nothing_behind_but_its_commits(world: World) -> None:
    finished(world, "one", commits("one"))
    worktree = world.worktree("one")
    world.mc("merge", "one").ok()
    world.mc("cleanup", "one", "--delete-branch").ok()
    assert not worktree.exists()
    assert names(world) == []
    refs = world.repo.git("for-each-ref", "--format=%(refname)").split()
    assert refs == ["refs/heads/main", "refs/notes/mission-control"]
    assert not (world.root / "prompts/one.md").exists()
    assert "one" in world.repo.files()


def test_the_branch_stays_unless_it_is_to_be_deleted(world: World) -> None:
    finished(world, "one", commits("one"))
    world.mc("merge", "one").ok()
    world.mc("cleanup", "one").ok()
    assert world.repo.head("mc/one")


def test_the_terminal_goes_with_the_job(world: World) -> None:
    finished(world, "one", ":")
    world.sh("other", "exec sleep 1000")
    assert world.tmux("list-sessions", "-F", "#{session_name}") == "mc-one\nmc-other"
    world.mc("cleanup", "one").ok()
    assert world.tmux("list-sessions", "-F", "#{session_name}") == "mc-other"


def test_a_running_job_is_refused_even_with_force(world: World) -> None:
    world.sh("busy", "exec sleep 1000")
    world.mc("cleanup", "busy", "--force").refused(1, "still running", "git mc kill busy")
    assert names(world) == ["busy"]


def test_uncommitted_work_is_refused_and_force_pins_all_of_it(world: World) -> None:
    finished(world, "dirty", "echo new > new; echo changed > README.md")
    worktree = world.worktree("dirty")
    world.mc("cleanup", "dirty").refused(1, "uncommitted changes", "new", "--force")
    assert (worktree / "new").read_text() == "new\n"
    world.mc("cleanup", "dirty", "--force", "--delete-branch").ok()
    assert not worktree.exists()
    [pin] = salvaged(world)
    assert pin.startswith("refs/mc/salvage/dirty/")
    assert world.repo.files(pin) == {"README.md": "changed", "new": "new"}


def test_unlanded_commits_are_refused_and_force_pins_them(world: World) -> None:
    finished(world, "one", commits("one"))
    head = world.repo.head("mc/one")
    world.mc("cleanup", "one", "--delete-branch").refused(1, "not landed on 'main'")
    assert world.repo.head("mc/one") == head
    world.mc("cleanup", "one", "--delete-branch", "--force").ok()
    assert world.repo.git("branch", "--list", "mc/one") == ""
    [pin] = salvaged(world)
    assert world.repo.head(f"{pin}^") == head
    assert world.repo.files(pin) == world.repo.files(head)


def test_commits_on_a_detached_head_are_not_lost(world: World) -> None:
    finished(world, "loose", "git checkout -q --detach; " + commits("loose"))
    commit = world.repo.git("rev-parse", "HEAD", cwd=world.worktree("loose"))
    world.mc("cleanup", "loose").refused(1, "not landed")
    world.mc("cleanup", "loose", "--force").ok()
    assert [world.repo.head(f"{pin}^") for pin in salvaged(world)] == [commit]


def test_work_that_landed_by_another_way_counts_as_landed(world: World) -> None:
    finished(world, "one", commits("one"))
    world.repo.git("cherry-pick", "mc/one")
    world.mc("cleanup", "one", "--delete-branch").ok()
    assert salvaged(world) == []


def test_a_branch_that_alone_holds_its_commits_is_not_deleted(world: World) -> None:
    world.repo.git("checkout", "-q", "-b", "feature")
    commit = world.repo.commit({"feature": "x\n"})
    world.repo.git("checkout", "-q", "main")
    world.mc("launch", "one", "--branch", "feature", "--base", "feature", "--", "true").ok()
    world.wait("one").ok()
    world.mc("cleanup", "one", "--delete-branch").refused(1, "nothing but the branch 'feature'")
    world.mc("cleanup", "one", "--delete-branch", "--force").refused(1, "nothing but the branch")
    assert world.repo.head("feature") == commit
    assert names(world) == ["one"]
    world.mc("cleanup", "one").ok()


def test_a_base_that_only_the_branch_holds_is_not_lost_with_it(world: World) -> None:
    world.repo.git("checkout", "-q", "--detach")
    commit = world.repo.commit({"loose": "x\n"})
    world.mc("launch", "one", "--", "true").ok()
    world.wait("one").ok()
    world.repo.git("checkout", "-q", "main")
    world.mc("cleanup", "one", "--delete-branch").refused(1, "nothing but the branch 'mc/one'")
    assert world.repo.head("mc/one") == commit


def test_a_worktree_whose_git_directory_is_broken_hides_no_other_job(world: World) -> None:
    finished(world, "broken", ":")
    finished(world, "whole", ":")
    shutil.rmtree(world.repo.path / ".git/worktrees/broken")
    listed = world.mc("jobs", "--json").ok().json["jobs"]
    assert [(job["name"], job["dirty"]) for job in listed] == [("broken", None), ("whole", False)]
    world.mc("cleanup", "broken").refused(1, "--keep-worktree")
    world.mc("cleanup", "broken", "--keep-worktree").ok()
    assert names(world) == ["whole"]


def test_a_log_that_cannot_be_kept_is_no_reason_to_keep_a_job(world: World) -> None:
    world.sh("one", "mkdir $MC_DIR/logs/one.log; echo hi")
    world.wait("one").ok()
    world.mc("jobs").ok()
    world.mc("cleanup", "one").ok()
    assert names(world) == []


def test_a_commit_made_after_the_merge_is_not_lost(world: World) -> None:
    finished(world, "one", commits("one"))
    world.mc("merge", "one").ok()
    worktree = world.worktree("one")
    (worktree / "late").write_text("late\n")
    world.repo.git("add", "late", cwd=worktree)
    world.repo.git("commit", "-qm", "late", cwd=worktree)
    world.mc("cleanup", "one", "--delete-branch").refused(1, "not landed")
    assert (worktree / "late").exists()


def test_a_worktree_that_is_gone_already_is_no_obstacle(world: World) -> None:
    finished(world, "one", ":")
    shutil.rmtree(world.worktree("one"))
    world.mc("cleanup", "one", "--delete-branch").ok()
    assert names(world) == []
    assert world.repo.git("worktree", "list").count("\n") == 0
    assert world.repo.git("branch", "--list", "mc/one") == ""


def test_a_job_that_is_gone_already_counts_as_done(world: World) -> None:
    assert "no such job" in world.mc("cleanup", "never").ok().stderr


def test_the_worktree_can_be_kept(world: World) -> None:
    finished(world, "one", ":")
    worktree = world.worktree("one")
    world.mc("cleanup", "one", "--keep-worktree").ok()
    assert worktree.is_dir()
    assert names(world) == []


def test_all_cleans_what_is_safe_and_names_what_is_not(world: World) -> None:
    finished(world, "safe", ":")
    finished(world, "unsafe", commits("unsafe"))
    world.sh("busy", "exec sleep 1000")
    world.mc("cleanup", "--all").refused(1, "'unsafe'", "not landed")
    assert names(world) == ["busy", "unsafe"]


def test_a_dry_run_removes_nothing(world: World) -> None:
    finished(world, "one", ":")
    said = world.mc("cleanup", "one", "--delete-branch", "--dry-run").ok().stderr
    assert "would remove worktree" in said
    assert "branch mc/one" in said
    assert names(world) == ["one"]
    assert world.worktree("one").is_dir()


def test_ignored_setup_files_do_not_keep_a_worktree_from_being_removed(world: World) -> None:
    world.repo.commit({".gitignore": "/deps/\n.env*\nnotes\n"})
    (world.repo.path / "deps").mkdir()
    (world.repo.path / "deps/lib").write_text("lib\n")
    (world.repo.path / ".env").write_text("KEY=1\n")
    (world.repo.path / "notes").write_text("ignored\n")
    options = ["--symlink", "deps", "--copy", ".env", "--copy", "notes", "--run", "touch .env.ok"]
    world.launch("one", "/bin/sh", "-c", "cat deps/lib .env notes", options=options)
    world.wait("one").ok()
    worktree = world.worktree("one")
    assert world.repo.git("status", "--porcelain", cwd=worktree) == ""
    assert "lib\nKEY=1\nignored" in world.mc("capture", "one").ok().stdout
    assert (worktree / "deps").is_symlink()
    world.mc("cleanup", "one").ok()
    assert (world.repo.path / "deps/lib").read_text() == "lib\n"
