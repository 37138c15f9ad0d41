"""Syncing a job with its base: whatever is in its worktree, nothing of it is lost."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_merge import commits, finished, hook
from tests.support.events import until
from tests.support.lost import content, made, status
from tests.support.world import Repo, World

LINES = "".join(f"{number}\n" for number in range(1, 10))


def commit(world: World, tree: Path, **files: str) -> str:
    """Commit files in the job's worktree; the commit."""
    for name, text in files.items():
        (tree / name).write_text(text)
    world.repo.git("add", "--all", cwd=tree)
    world.repo.git("commit", "-qm", "own " + " ".join(files), cwd=tree)
    return world.repo.git("rev-parse", "HEAD", cwd=tree)


def all_of(world: World, tree: Path) -> tuple[Any, ...]:
    """All that a refused sync must leave alone."""
    refs = world.repo.git("for-each-ref")
    # Whether its agent is working or idle is found out at any time.
    record = world.mission.job("one")._replace(activity=None)
    own = world.repo.git("rev-parse", "--absolute-git-dir", cwd=tree)
    reflog = Path(own, "logs/HEAD").read_bytes()
    assert not Path(own, "index.lock").exists()
    return content(tree), status(world, tree), refs, record, reflog


def diverged(world: World) -> Path:
    """A job with a commit of its own, and a base that has moved on; the job's worktree."""
    world.repo.commit({"a": LINES, "b": "b\n", "c": "c\n", ".gitignore": "*.o\n"})
    tree = made(world)
    commit(world, tree, own="own\n")
    world.repo.commit({"a": LINES.replace("1", "ONE"), "new": "new\n"}, "base moved")
    return tree


def conflicting(world: World) -> Path:
    """A job that conflicts with its base; the job's worktree."""
    world.repo.commit({"a": LINES})
    tree = made(world)
    commit(world, tree, a="theirs\n")
    world.repo.commit({"a": "ours\n"}, "base moved")
    return tree


def test_commits_go_on_top_of_the_base(world: World) -> None:
    tree = diverged(world)
    old, main = world.repo.head("mc/one"), world.repo.head()
    said = world.mc("sync", "one", "--json").ok().json
    head = world.repo.head("mc/one")
    assert said == {
        "schema": "mc.sync/1", "name": "one", "strategy": "rebase", "source": "local",
        "base": "main", "base_commit": main, "old_head": old, "head": head, "changed": True,
        "engine": said["engine"],
    }  # fmt: skip
    assert world.repo.git("log", "--format=%s", "-2", "mc/one") == "own own\nbase moved"
    assert world.repo.head("mc/one~1") == main
    assert world.repo.git("status", "--porcelain", cwd=tree) == ""
    assert (tree / "new").read_text() == "new\n"
    assert world.repo.git("rev-parse", "ORIG_HEAD", cwd=tree) == old
    for ref in ("HEAD", "mc/one"):
        said = world.repo.git("reflog", "-1", "--format=%gs %H", ref, cwd=tree)
        assert said == f"mc sync (rebase): one {head}"
    job = world.job("one")
    assert (job["base_commit"], job["ahead"], job["state"]) == (main, 1, "completed")
    [entry] = [entry for _, entry in world.mission.store.journal.entries()]
    assert entry["action"] == "Sync"
    assert (entry["expected"], entry["commit"], entry["base"]) == (old, head, main)


def test_a_merge_has_the_old_head_as_its_first_parent(world: World) -> None:
    tree = diverged(world)
    old, main = world.repo.head("mc/one"), world.repo.head()
    said = world.mc("sync", "one", "--strategy", "merge", "--json").ok().json
    assert (said["strategy"], said["head"]) == ("merge", world.repo.head("mc/one"))
    shown = world.repo.git("log", "-1", "--format=%P|%s", "mc/one")
    assert shown == f"{old} {main}|Merge branch 'main' into mc/one"
    assert world.repo.git("status", "--porcelain", cwd=tree) == ""
    # What lands then is the job's own work, by its own name.
    world.mc("merge", "one").ok()
    assert world.repo.git("log", "-1", "--format=%s") == "own own"


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["rebase", "merge"])
def test_a_job_without_commits_goes_to_its_base(world: World, strategy: str) -> None:
    made(world)
    main = world.repo.commit({"new": "1\n"})
    world.mc("sync", "one", "--strategy", strategy).ok()
    assert world.repo.head("mc/one") == main
    world.mc("cleanup", "one", "--delete-branch").ok()


def test_a_job_that_has_it_all_has_nothing_to_sync(world: World) -> None:
    diverged(world)
    world.mc("sync", "one").ok()
    head = world.repo.head("mc/one")
    ran = world.mc("sync", "one").ok()
    assert ran.stdout == "one: nothing to sync, it has all of main\n"
    said = world.mc("sync", "one", "--json").ok().json
    assert (said["changed"], said["head"], said["old_head"]) == (False, head, head)
    assert said["engine"] == "none"


@pytest.mark.slow
def test_what_was_done_by_hand_is_recorded(world: World) -> None:
    tree = diverged(world)
    world.repo.git("rebase", "-q", "main", cwd=tree)
    world.mc("sync", "one", "--dry-run").ok()
    assert world.job("one")["ahead"] == 2
    world.mc("sync", "one").ok()
    assert world.job("one")["ahead"] == 1


@pytest.mark.slow
def test_a_base_that_went_back_counts_no_commits_of_others(world: World) -> None:
    diverged(world)
    world.mc("sync", "one").ok()
    world.repo.git("reset", "-q", "--hard", "HEAD~1")
    world.mc("sync", "one").ok()
    assert world.job("one")["ahead"] == 1


@pytest.mark.parametrize("strategy", ["rebase", "merge"])
def test_a_conflict_changes_nothing_and_says_how_to_open_it(world: World, strategy: str) -> None:
    tree = conflicting(world)
    (tree / "more").write_text("uncommitted\n")
    before = all_of(world, tree)
    ran = world.mc("sync", "one", "--strategy", strategy, "--json")
    ran.refused(3, "'one' conflicts with 'main'", "conflict: a (content)", "nothing has changed")
    assert ran.json == {
        "schema": "mc.sync/1", "name": "one", "strategy": strategy, "source": "local",
        "conflicts": ["a"], "kinds": {"a": ["content"]},
    }  # fmt: skip
    assert all_of(world, tree) == before
    (tree / "more").unlink()
    hint = world.mc("sync", "one", "--strategy", strategy).stderr.rpartition("by hand: ")[2]
    opened = subprocess.run(shlex.split(hint), cwd="/", capture_output=True, check=False)
    assert opened.returncode == 1
    assert "UU a" in world.repo.git("status", "--porcelain", cwd=tree)


def test_a_dry_run_changes_nothing(world: World) -> None:
    tree = diverged(world)
    hook(world, "pre-rebase", "exit 1")
    (tree / "c").write_text("changed\n")
    before = all_of(world, tree)
    ran = world.mc("sync", "one", "--dry-run").ok()
    assert ran.stdout == "would rebase one onto main without conflict\n"
    ran = world.mc("sync", "one", "--dry-run", "--strategy", "merge").ok()
    assert ran.stdout == "would merge main into one without conflict\n"
    assert all_of(world, tree) == before
    assert list(world.mission.store.journal.entries()) == []


def test_what_is_uncommitted_comes_along_as_it_was(world: World) -> None:
    tree = diverged(world)
    (tree / "a").write_text(LINES.replace("9", "NINE"))
    (tree / "b").write_text("staged\n")
    (tree / "staged").write_text("staged\n")
    world.repo.git("add", "b", "staged", cwd=tree)
    (tree / "b").write_text("staged, and changed again\n")
    (tree / "c").unlink()
    (tree / "untracked").write_text("untracked\n")
    (tree / "x.o").write_text("ignored\n")
    world.repo.git("add", "--intent-to-add", "untracked", cwd=tree)
    said = "M a\nMM b\n D c\nA  staged\n A untracked"
    assert world.repo.git("status", "--porcelain", cwd=tree).strip() == said
    world.mc("sync", "one").ok()
    assert world.repo.git("status", "--porcelain", cwd=tree).strip() == said
    assert (tree / "a").read_text() == LINES.replace("9", "NINE").replace("1", "ONE", 1)
    assert world.repo.git("show", ":b", cwd=tree) == "staged"
    assert (tree / "b").read_text() == "staged, and changed again\n"
    assert (tree / "x.o").read_text() == "ignored\n"
    assert (tree / "new").read_text() == "new\n"
    assert world.repo.git("for-each-ref", "refs/mc") == ""


@pytest.mark.parametrize("staged", [False, True], ids=["unstaged", "staged"])
def test_uncommitted_work_that_conflicts_refuses_it_all(world: World, staged: bool) -> None:
    tree = diverged(world)
    (tree / "a").write_text(LINES.replace("1", "EINS", 1))
    if staged:
        world.repo.git("add", "a", cwd=tree)
        (tree / "a").write_text(LINES)
    before = all_of(world, tree)
    ran = world.mc("sync", "one", "--json")
    ran.refused(3, "has not committed conflicts with 'main' in a (content)", "commit it first")
    assert ran.json["conflicts"] == ["a"]
    assert all_of(world, tree) == before


def test_an_untracked_file_in_the_way_refuses_it_all(world: World) -> None:
    tree = diverged(world)
    (tree / "new").write_text("precious\n")
    before = all_of(world, tree)
    world.mc("sync", "one").refused(3, "new (add/add)")
    assert all_of(world, tree) == before
    (tree / "new").write_text("new\n")
    world.mc("sync", "one").ok()
    assert world.repo.git("status", "--porcelain", cwd=tree) == ""


@pytest.mark.parametrize("place", ["x.o", "x.o/inside", "folder"])
def test_an_ignored_file_in_the_way_refuses_it_all(world: World, place: str) -> None:
    tree = diverged(world)
    if place == "x.o":
        (tree / "x.o").write_text("precious\n")
        name = "x.o"
    elif place == "folder":
        (tree / "x.o").write_text("precious\n")
        name = "x.o/inside"
    else:
        (tree / "x.o").mkdir()
        (tree / place).write_text("precious\n")
        name = "x.o"
    path = world.repo.path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("from the base\n")
    world.repo.git("add", "--force", name)
    world.repo.git("commit", "-qm", "an object")
    before = all_of(world, tree)
    world.mc("sync", "one").refused(1, "that git ignores is in the way: x.o", "move it away")
    assert all_of(world, tree) == before


@pytest.mark.slow
def test_folders_and_files_change_places(world: World) -> None:
    world.repo.commit({"f": "f\n", "d/a": "a\n", "d/b": "b\n"})
    tree = made(world)
    commit(world, tree, own="own\n")
    world.repo.git("rm", "-qr", "f", "d")
    world.repo.commit({"f/a": "a\n", "d": "d\n"})
    (tree / "loose").write_text("loose\n")
    world.mc("sync", "one").ok()
    assert world.repo.git("status", "--porcelain", cwd=tree) == "?? loose"
    assert (tree / "d").read_text() == "d\n"


def running(world: World, script: str = "") -> Path:
    """A job whose agent runs, once it has run `script`; its worktree."""
    up = world.socket.parent / "up"
    world.sh("one", f"{script}\ntouch {up}; exec sleep 1000")
    until(up.exists, up.parent)
    return world.worktree("one")


def test_a_running_agent_that_has_committed_all_is_synced(world: World) -> None:
    tree = running(world, commits("one"))
    main = world.repo.commit({"new": "1\n"})
    world.mc("sync", "one").ok()
    assert world.repo.head("mc/one~1") == main
    assert (tree / "new").exists()
    assert world.state("one") == "running"


def test_a_running_agent_with_uncommitted_work_is_synced_on_request_only(world: World) -> None:
    tree = running(world, commits("one"))
    (tree / "README.md").write_text("changed\n")
    world.repo.commit({"new": "1\n"})
    before = all_of(world, tree)
    ran = world.mc("sync", "one")
    ran.refused(1, "the agent of 'one' is at work", "git mc sync one --autostash")
    assert all_of(world, tree) == before
    # The agent itself may do it, from where it is.
    world.mc("sync", "one", "--autostash", cwd=tree).ok()
    assert world.repo.git("status", "--porcelain", cwd=tree) == " M README.md"
    assert (tree / "new").exists()


UNDER_WAY = {
    "a rebase": ["rebase", "main"],
    "a merge": ["merge", "main"],
    "a cherry-pick": ["cherry-pick", "main"],
    "a revert": ["revert", "--no-edit", "HEAD~1"],
    "a series of picks": ["cherry-pick", "HEAD~1", "main"],
    "a bisection": ["bisect", "start"],
}


@pytest.mark.slow
@pytest.mark.parametrize(("what", "words"), UNDER_WAY.items(), ids=UNDER_WAY)
def test_what_is_under_way_refuses_it_until_it_is_ended(
    world: World, what: str, words: list[str]
) -> None:
    tree = conflicting(world)
    commit(world, tree, a="theirs again\n")
    subprocess.run(["git", *words], cwd=tree, capture_output=True, check=False)
    before = all_of(world, tree)
    ran = world.mc("sync", "one")
    ran.refused(1, "that is not finished", "finish it, or end it: git -C")
    assert all_of(world, tree) == before
    end = ran.stderr.rpartition("end it: ")[2]
    subprocess.run(shlex.split(end), cwd="/", check=True, capture_output=True)
    world.mc("sync", "one").refused(3, "in a (content)")


@pytest.mark.slow
def test_patches_under_way_are_ended_by_their_own_command(world: World, tmp_path: Path) -> None:
    tree = conflicting(world)
    patch = tmp_path / "patch"
    patch.write_text(world.repo.git("format-patch", "-1", "--stdout") + "\n")
    subprocess.run(["git", "am", "-q", str(patch)], cwd=tree, capture_output=True, check=False)
    end = world.mc("sync", "one").refused(1, "am --abort").stderr.rpartition("end it: ")[2]
    subprocess.run(shlex.split(end), cwd="/", check=True, capture_output=True)
    world.mc("sync", "one").refused(3, "in a (content)")


def test_unresolved_conflicts_refuse_it(world: World) -> None:
    tree = conflicting(world)
    (tree / "a").write_text("more\n")
    world.repo.git("stash", "-q", cwd=tree)
    commit(world, tree, a="less\n")
    subprocess.run(["git", "stash", "pop"], cwd=tree, capture_output=True, check=False)
    assert world.repo.git("status", "--porcelain", cwd=tree) == "UU a"
    before = all_of(world, tree)
    world.mc("sync", "one").refused(1, "unresolved conflicts", "resolve and commit them")
    assert all_of(world, tree) == before


@pytest.mark.parametrize("words", [["--detach"], ["-c", "other"]], ids=["detached", "other"])
def test_a_worktree_that_is_elsewhere_refuses_it(world: World, words: list[str]) -> None:
    tree = diverged(world)
    world.repo.git("switch", "-q", *words, cwd=tree)
    before = all_of(world, tree)
    ran = world.mc("sync", "one").refused(1, "not on 'mc/one'")
    assert all_of(world, tree) == before
    hint = ran.stderr.rpartition("hint: ")[2]
    subprocess.run(shlex.split(hint), cwd="/", check=True, capture_output=True)
    world.mc("sync", "one").ok()


def test_the_hook_of_a_rebase_is_asked(world: World, tmp_path: Path) -> None:
    tree = diverged(world)
    hook(world, "pre-rebase", f'echo "$PWD $*" >>{tmp_path}/asked; echo not today >&2; exit 1')
    before = all_of(world, tree)
    world.mc("sync", "one").refused(1, "the pre-rebase hook refuses: not today")
    assert all_of(world, tree) == before
    world.mc("sync", "one", "--strategy", "merge").ok()
    world.mc("sync", "one").ok()
    assert (tmp_path / "asked").read_text() == f"{tree} main\n"


@pytest.mark.slow
def test_a_hook_that_keeps_the_branch_where_it_is_is_heard(world: World) -> None:
    tree = diverged(world)
    (tree / "a").write_text(LINES.replace("9", "NINE"))
    before = all_of(world, tree)
    hook(
        world,
        "reference-transaction",
        "[ $1 = prepared ] && grep -q refs/heads/mc/one && { echo frozen >&2; exit 1; }; true",
    )
    world.mc("sync", "one").refused(128, "update-ref", "frozen")
    assert all_of(world, tree) == before


def test_without_a_worktree_only_the_branch_moves(world: World) -> None:
    tree = diverged(world)
    world.repo.git("worktree", "remove", str(tree))
    main = world.repo.head()
    world.mc("sync", "one").ok()
    assert world.repo.head("mc/one~1") == main
    assert not tree.exists()
    world.repo.commit({"own": "in conflict\n"})
    ran = world.mc("sync", "one").refused(3, "own (add/add)", f"git worktree add {tree} mc/one; ")
    script = ran.stderr.rpartition("by hand: ")[2]
    opened = subprocess.run(["sh", "-c", script], cwd=world.repo.path, capture_output=True)
    assert opened.returncode == 1
    assert world.repo.git("status", "--porcelain", cwd=tree) == "AA own"


@pytest.mark.slow
def test_a_branch_that_is_checked_out_elsewhere_is_left_alone(world: World, tmp_path: Path) -> None:
    tree = diverged(world)
    world.repo.git("worktree", "remove", str(tree))
    world.repo.git("worktree", "add", "-q", str(tmp_path / "mine"), "mc/one")
    ran = world.mc("sync", "one").refused(1, f"is checked out in {tmp_path}/mine as well")
    hint = ran.stderr.rpartition("hint: ")[2]
    subprocess.run(shlex.split(hint), cwd="/", check=True, capture_output=True)
    world.mc("sync", "one").ok()


@pytest.mark.slow
def test_a_folder_that_is_no_worktree_any_more_is_left_alone(world: World) -> None:
    tree = diverged(world)
    (tree / ".git").unlink()
    world.mc("sync", "one").refused(1, "is no worktree any more")
    assert (tree / "own").exists()


@pytest.fixture
def remote(world: World, tmp_path: Path) -> Repo:
    """Where the world's repository was cloned from, as it were; it is one commit ahead."""
    world.repo.git("clone", "-q", str(world.repo.path), str(tmp_path / "up"))
    made = Repo(tmp_path / "up")
    world.repo.git("remote", "add", "origin", str(made.path))
    world.repo.git("fetch", "-q")
    made.commit({"remote": "1\n"}, "at the remote")
    return made


def test_the_base_is_fetched_from_its_remote(world: World, remote: Repo) -> None:
    tree = diverged(world)
    main = world.repo.head()
    remote.git("pull", "-q", "--rebase", str(world.repo.path), "main")
    world.mc("sync", "one", "--source", "origin", "--dry-run").ok()
    assert world.repo.head("origin/main") != remote.head()
    said = world.mc("sync", "one", "--source", "origin", "--json").ok().json
    assert (said["base"], said["base_commit"]) == ("origin/main", remote.head())
    assert world.repo.head("mc/one~1") == remote.head() == world.repo.head("origin/main")
    assert (world.repo.head(), world.job("one")["ahead"]) == (main, 1)
    assert (tree / "remote").exists()
    assert world.repo.git("for-each-ref", "refs/mc") == ""
    assert not (world.repo.path / ".git/FETCH_HEAD").read_text().count("mc/sync")


@pytest.mark.slow
def test_the_branch_is_the_one_that_the_base_follows(world: World, remote: Repo) -> None:
    diverged(world)
    remote.git("branch", "-m", "main", "trunk")
    world.repo.git("remote", "rename", "origin", "up")
    world.mc("sync", "one", "--source", "origin").refused(128, "'origin' does not appear to be")
    world.repo.git("fetch", "-q", "up")
    world.repo.git("branch", "-q", "--set-upstream-to", "up/trunk", "main")
    ran = world.mc("sync", "one", "--source", "origin", "--strategy", "merge").ok()
    assert ran.stdout.startswith("merged up/trunk into one")
    subject = world.repo.git("log", "-1", "--format=%s", "mc/one")
    assert subject == "Merge remote-tracking branch 'up/trunk' into mc/one"


@pytest.mark.slow
def test_a_conflict_with_the_remote_names_what_git_finds(world: World, remote: Repo) -> None:
    tree = diverged(world)
    remote.commit({"own": "other\n"})
    before = all_of(world, tree)[0:2]
    ran = world.mc("sync", "one", "--source", "origin").refused(3, "own (add/add)")
    assert ran.stderr.rstrip().endswith("rebase origin/main")
    assert all_of(world, tree)[0:2] == before


@pytest.mark.slow
def test_a_base_that_is_gone_can_be_had_from_the_remote(world: World, remote: Repo) -> None:
    diverged(world)
    world.repo.git("branch", "-m", "main", "renamed")
    world.mc("sync", "one").refused(1, "'main' of 'one' is not a branch here", "--source origin")
    world.mc("sync", "one", "--source", "origin").ok()


def with_merge(world: World) -> Path:
    """A job that has merged something of its own; its worktree."""
    tree = diverged(world)
    world.repo.git("checkout", "-q", "-b", "side", "HEAD~1", cwd=tree)
    commit(world, tree, side="side\n")
    world.repo.git("switch", "-q", "mc/one", cwd=tree)
    world.repo.git("merge", "-q", "--no-ff", "-m", "own merge", "side", cwd=tree)
    return tree


def test_a_branch_with_merges_is_rebased_by_git(world: World) -> None:
    tree = with_merge(world)
    world.repo.git("config", "notes.rewriteRef", "refs/notes/*")
    world.repo.git("notes", "add", "-m", "noted", "side")
    hook(world, "post-rewrite", "exit 1")
    (tree / "c").write_text("changed\n")
    world.mc("sync", "one", "--dry-run").ok()
    assert world.repo.git("notes", "list").count("\n") == 0
    world.mc("sync", "one").ok()
    shape = world.repo.git("log", "--format=%s", "--topo-order", "main..mc/one").splitlines()
    assert (shape[0], set(shape[1:])) == ("own merge", {"own side", "own own"})
    assert world.repo.git("status", "--porcelain", cwd=tree) == " M c"
    assert world.repo.git("notes", "show", "mc/one^2") == "noted"
    assert world.repo.git("worktree", "list").count("\n") == 1
    assert list((world.root / "pool").iterdir()) == []


@pytest.mark.slow
def test_a_conflict_in_a_branch_with_merges_is_told_alike(world: World) -> None:
    tree = with_merge(world)
    world.repo.commit({"side": "other\n"})
    before = all_of(world, tree)
    ran = world.mc("sync", "one", "--json").refused(3, "conflict: side (add/add)")
    assert ran.json["kinds"] == {"side": ["add/add"]}
    assert all_of(world, tree) == before
    assert world.repo.git("worktree", "list").count("\n") == 1


@pytest.mark.slow
def test_unrelated_histories_are_refused(world: World) -> None:
    tree = diverged(world)
    world.repo.git("checkout", "-q", "--orphan", "other")
    world.repo.commit({"x": "x\n"})
    world.repo.git("branch", "-f", "main")
    before = all_of(world, tree)
    for strategy in ("rebase", "merge"):
        world.mc("sync", "one", "--strategy", strategy).refused(1, "no commit in common")
    assert all_of(world, tree) == before


def test_notes_go_with_the_commits(world: World) -> None:
    diverged(world)
    world.repo.git("config", "notes.rewriteRef", "refs/notes/*")
    world.repo.git("notes", "add", "-m", "noted", "mc/one")
    world.mc("sync", "one").ok()
    assert world.repo.git("notes", "show", "mc/one") == "noted"


@pytest.mark.parametrize("words", [["--strategy", "ff-only"], []], ids=["needs_rebase", "conflict"])
def test_a_job_that_was_set_aside_can_be_merged_then(world: World, words: list[str]) -> None:
    tree = diverged(world) if words else conflicting(world)
    hint = "git mc sync one" if words else f"git -C {tree} merge main"
    world.mc("merge", "one", *words).refused(1 if words else 3, hint)
    if not words:
        world.mc("sync", "one").refused(3)
        assert world.state("one") == "conflict"
        commit(world, tree, a="ours\n")
        world.repo.git("reset", "-q", "--soft", "HEAD~2", cwd=tree)
        commit(world, tree, other="own\n", a=LINES)
    world.mc("sync", "one").ok()
    job = world.mission.store.job("one")
    assert job is not None
    assert (job.state, job.reason) == ("ready_to_merge", None)
    world.mc("merge", "one", "--strategy", "ff-only").ok()


@pytest.mark.slow
def test_a_job_that_failed_stays_failed(world: World) -> None:
    world.sh("one", commits("one") + "; exit 3")
    world.wait("one")
    world.repo.commit({"new": "1\n"})
    world.mc("sync", "one").ok()
    assert world.state("one") == "failed"


@pytest.mark.slow
def test_a_job_that_has_landed_is_refused(world: World) -> None:
    finished(world, "one", commits("one"))
    world.mc("merge", "one").ok()
    world.repo.commit({"new": "1\n"})
    world.mc("sync", "one").refused(1, "has landed on 'main' already", "git mc cleanup one")


@pytest.mark.slow
def test_a_job_that_waits_or_is_not_there_is_refused(world: World) -> None:
    running(world)
    batch = ["--each", "-", "--max-parallel", "1", "--", "sleep", "1000"]
    world.mc("launch", "n-{}", *batch, stdin="a\nb\n").ok()
    world.mc("sync", "n-b").refused(1, "'n-b' is still queued")
    world.mc("sync", "nobody").refused(1, "no job called 'nobody'")
    world.mc("sync", "one", "--strategy", "octopus").refused(129)


@pytest.mark.slow
def test_marks_of_the_index_stay(world: World) -> None:
    tree = diverged(world)
    world.repo.git("update-index", "--skip-worktree", "b", cwd=tree)
    world.repo.git("update-index", "--assume-unchanged", "c", cwd=tree)
    (tree / "b").write_text("my own\n")
    (tree / "c").write_text("my own\n")
    world.mc("sync", "one").ok()
    tags = world.repo.git("ls-files", "-v", "b", "c", "new", cwd=tree)
    assert tags.splitlines() == ["S b", "h c", "H new"]
    assert ((tree / "b").read_text(), (tree / "c").read_text()) == ("my own\n", "my own\n")
    assert world.repo.git("status", "--porcelain", cwd=tree) == ""


@pytest.mark.slow
def test_a_sparse_worktree_stays_sparse(world: World) -> None:
    world.repo.commit({"in/a": "1\n", "out/a": "1\n"})
    tree = made(world)
    world.repo.git("sparse-checkout", "set", "in", cwd=tree)
    commit(world, tree, own="1\n")
    world.repo.commit({"in/a": "2\n", "out/a": "2\n", "out/b": "2\n"})
    (tree / "in/new").write_text("new\n")
    world.mc("sync", "one").ok()
    assert world.repo.git("status", "--porcelain", cwd=tree) == "?? in/new"
    assert (tree / "in/a").read_text() == "2\n"
    assert not (tree / "out").exists()
    assert world.repo.files("mc/one")["out/b"] == "2"


@pytest.mark.slow
def test_filters_run(world: World) -> None:
    world.repo.git("config", "filter.up.clean", "tr A-Z a-z")
    world.repo.git("config", "filter.up.smudge", "tr a-z A-Z")
    world.repo.commit({".gitattributes": "*.up filter=up\n", "a.up": "WORD\n"})
    tree = made(world)
    commit(world, tree, own="own\n")
    world.repo.commit({"b.up": "NEXT\n"})
    world.repo.commit({"a.up": "WORD\nTHEIRS\n"})
    (tree / "c.up").write_text("MINE\n")
    world.mc("sync", "one").ok()
    assert (tree / "b.up").read_text() == "NEXT\n"
    assert (tree / "a.up").read_text() == "WORD\nTHEIRS\n"
    assert world.repo.git("status", "--porcelain", cwd=tree) == "?? c.up"
    assert world.repo.files("mc/one")["a.up"] == "word\ntheirs"


@pytest.mark.slow
def test_names_are_bytes(world: World) -> None:
    names = [b"new\nline", b'"quoted"', b"caf\xe9", b"-dash", b" space "]
    tree = diverged(world)
    for place, text in ((world.repo.path, "base"), (tree, "mine")):
        for name in names:
            file = os.fsencode(place / text) + name
            Path(os.fsdecode(file)).write_text(text)
    world.repo.commit({})
    before = world.repo.git("status", "--porcelain", "-z", cwd=tree)
    assert len(before.split("\0")) == 6
    world.mc("sync", "one").ok()
    assert world.repo.git("status", "--porcelain", "-z", cwd=tree) == before
    Path(os.fsdecode(os.fsencode(tree / "base") + names[2])).write_text("other\n")
    Path(os.fsdecode(os.fsencode(world.repo.path / "base") + names[2])).write_text("again\n")
    world.repo.commit({})
    ran = world.mc("sync", "one", "--json").refused(3)
    assert os.fsencode(ran.json["conflicts"][0]) == b"basecaf\xe9"
