"""Restore: what cleanup took away comes back to the byte, or says what is in the way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitmc.control.cleanup import cleanup
from gitmc.control.restore import restore
from tests.e2e.test_merge import commits, finished, hook
from tests.support.events import until
from tests.support.lost import STRIDE, content, git_that_kills, made, status
from tests.support.world import PATIENCE, World


def salvaged(world: World) -> list[str]:
    """The refs under refs/mc/salvage."""
    return world.repo.git("for-each-ref", "--format=%(refname)", "refs/mc/salvage").splitlines()


def there_and_back(world: World, tree: Path, *options: str) -> None:
    """Clean up and restore, and see that all is as it was."""
    before = content(tree), status(world, tree)
    name = tree.name
    said = world.mc("cleanup", name, "--force", *options).ok().stderr
    assert f"hint: git mc restore {name}" in said
    assert not tree.exists()
    assert world.mc("jobs", "--json").ok().json["jobs"] == []
    assert "warning" not in world.mc("restore", name).ok().stderr
    assert (content(tree), status(world, tree)) == before
    assert salvaged(world) == []


def test_a_job_comes_back_with_its_record_its_prompt_and_all_its_work(world: World) -> None:
    world.mc(
        "launch", "one", "do it\n\n", "--", "/bin/sh", "-c",
        commits("one") + "; echo staged >s; git add s; echo more >>s; echo new >n; rm README.md",
    ).ok()  # fmt: skip
    world.wait("one").ok()
    tree, before = world.worktree("one"), world.job("one")
    there_and_back(world, tree, "--delete-branch")
    after = world.job("one")
    gone = {"tmux"}
    assert {k: v for k, v in after.items() if k not in gone} == {
        k: v for k, v in before.items() if k not in gone
    }
    assert (world.root / "prompts/one.md").read_bytes() == b"do it\n\n"
    assert (world.repo.path / ".git/worktrees/one/mc-job").read_text() == "one\n"
    assert world.job("one")["state"] == "completed"
    world.mc("merge", "one").ok()
    assert world.repo.files()["n"] == "new"


def test_a_salvage_is_a_branch_like_any_other_to_git(world: World) -> None:
    tree = made(world)
    (tree / "new").write_text("x\n")
    world.mc("cleanup", "one", "--force").ok()
    [pin] = salvaged(world)
    world.repo.git("branch", "mine", pin)
    assert world.repo.files("mine") == {"README.md": "# A project", "new": "x"}
    record = world.repo.files(f"{pin}^3")
    assert record["prompt.md"] == "do it"
    assert 'name = "one"' in record["job.toml"]


def test_what_was_salvaged_is_listed(world: World) -> None:
    assert world.mc("restore").ok().stderr == "nothing was salvaged\n"
    tree = made(world)
    world.repo.git("commit", "-q", "--allow-empty", "-m", "empty", cwd=tree)
    (tree / "new").write_text("x\n")
    (tree / "README.md").unlink()
    world.mc("cleanup", "one", "--force").ok()
    [pin] = salvaged(world)
    found = world.mc("restore", "--json").ok().json
    assert found["schema"] == "mc.salvage/1"
    [one] = found["salvage"]
    at = one.pop("at")
    assert at.endswith("Z")
    assert one == {"name": "one", "ref": pin, "branch": "mc/one", "commits": 1, "files": 2}
    assert world.mc("restore", "--porcelain").ok().stdout == f"one\t{pin}\t{at}\tmc/one\t1\t2\n"
    assert world.mc("restore", "-z").ok().stdout == f"one\t{pin}\t{at}\tmc/one\t1\t2\0"
    head, row = world.mc("restore").ok().stdout.splitlines()
    assert (head.split(), row.split()) == (
        ["NAME", "AT", "BRANCH", "COMMITS", "FILES"], ["one", at, "mc/one", "1", "2"],
    )  # fmt: skip


def merge(world: World, tree: Path) -> None:
    """A merge with a conflict."""
    (tree / "README.md").write_text("ours\n")
    world.repo.git("commit", "-qam", "ours", cwd=tree)
    world.repo.git("checkout", "-q", "--detach")
    world.repo.commit({"README.md": "theirs\n"})
    theirs = world.repo.head()
    world.repo.git("checkout", "-q", "main")
    done = subprocess.run(["git", "merge", theirs], cwd=tree, capture_output=True, check=False)
    assert done.returncode == 1


def rebase(world: World, tree: Path) -> None:
    """A rebase that stopped at a conflict, and set aside what was uncommitted."""
    (tree / "README.md").write_text("ours\n")
    world.repo.git("commit", "-qam", "ours", cwd=tree)
    (tree / "late").write_text("late\n")
    world.repo.git("add", "late", cwd=tree)
    world.repo.commit({"README.md": "theirs\n"})
    argv = ["git", "rebase", "--autostash", "main"]
    assert subprocess.run(argv, cwd=tree, capture_output=True, check=False).returncode == 1
    assert not (tree / "late").exists()


def detached(world: World, tree: Path) -> None:
    """A commit on no branch, and another on the job's."""
    world.repo.git("commit", "-q", "--allow-empty", "-m", "on the branch", cwd=tree)
    world.repo.git("checkout", "-q", "--detach", "HEAD~1", cwd=tree)
    (tree / "new").write_text("x\n")
    world.repo.git("add", "new", cwd=tree)
    world.repo.git("commit", "-q", "-m", "on none", cwd=tree)


def elsewhere(world: World, tree: Path) -> None:
    """Work on another branch than the job's."""
    world.repo.git("commit", "-q", "--allow-empty", "-m", "on the branch", cwd=tree)
    world.repo.git("checkout", "-q", "-b", "other", "HEAD~1", cwd=tree)
    (tree / "new").write_text("x\n")


def unborn(world: World, tree: Path) -> None:
    """A branch before its first commit."""
    world.repo.git("checkout", "-q", "--orphan", "fresh", cwd=tree)
    (tree / "new").write_text("x\n")


def secret(world: World, tree: Path) -> None:
    """A change that git was told not to look for, and a file that is announced."""
    world.repo.git("update-index", "--assume-unchanged", "README.md", cwd=tree)
    (tree / "README.md").write_text("changed\n")
    (tree / "announced").write_text("x\n")
    world.repo.git("add", "-N", "announced", cwd=tree)


def own_ref(world: World, tree: Path) -> None:
    """A commit that only a ref of the worktree holds."""
    world.repo.git("commit", "-q", "--allow-empty", "-m", "kept aside", cwd=tree)
    world.repo.git("update-ref", "refs/worktree/aside", "HEAD", cwd=tree)
    world.repo.git("reset", "-q", "--hard", "HEAD~1", cwd=tree)
    (tree / "new").write_text("x\n")


@pytest.mark.parametrize(
    "begin", [merge, rebase, detached, elsewhere, unborn, secret, own_ref],
    ids=lambda begin: begin.__name__,
)  # fmt: skip
def test_whatever_was_begun_comes_back_and_goes_on(world: World, begin: object) -> None:
    tree = made(world)
    assert callable(begin)
    begin(world, tree)
    world.mc("cleanup", "one").refused(1, "the job 'one' has")
    refs = world.repo.git("for-each-ref", cwd=tree)
    files = tree if begin is not rebase else None
    there_and_back(world, tree, *([] if begin is elsewhere else ["--delete-branch"]))
    assert world.repo.git("for-each-ref", cwd=tree) == refs
    if begin is rebase:
        (tree / "README.md").write_text("both\n")
        world.repo.git("add", "README.md", cwd=tree)
        argv = ["git", "rebase", "--continue"]
        subprocess.run(argv, cwd=tree, env={**os.environ, "GIT_EDITOR": "true"}, check=True)
        assert (tree / "late").read_text() == "late\n"
        assert world.repo.git("symbolic-ref", "HEAD", cwd=tree) == "refs/heads/mc/one"
    if begin is merge:
        assert files is not None
        world.repo.git("commit", "-qam", "both", cwd=tree)
        assert len(world.repo.git("log", "-1", "--format=%P", cwd=tree).split()) == 2


def test_all_of_it_survives_a_garbage_collection(world: World) -> None:
    tree = made(world)
    rebase(world, tree)
    before = content(tree), status(world, tree)
    world.mc("cleanup", "one", "--force", "--delete-branch").ok()
    world.repo.git("reflog", "expire", "--expire=now", "--all")
    world.repo.git("gc", "--quiet", "--prune=now")
    world.mc("restore", "one").ok()
    assert (content(tree), status(world, tree)) == before
    world.repo.git("fsck", "--full", "--connectivity-only")


def test_a_branch_without_a_worktree_comes_back_with_one(world: World) -> None:
    tree = made(world)
    (tree / "new").write_text("x\n")
    world.repo.git("add", "new", cwd=tree)
    world.repo.git("commit", "-qm", "new", cwd=tree)
    before = content(tree)
    shutil.rmtree(tree)
    world.mc("cleanup", "one").refused(1, "not landed")
    world.mc("cleanup", "one", "--force", "--delete-branch").ok()
    world.mc("restore", "one").ok()
    assert content(tree) == before
    assert world.repo.git("status", "--porcelain", cwd=tree) == ""
    assert salvaged(world) == []


def test_what_was_staged_in_a_worktree_that_is_away_is_not_lost(world: World) -> None:
    tree = made(world)
    (tree / "new").write_text("staged\n")
    world.repo.git("add", "new", cwd=tree)
    shutil.rmtree(tree)
    world.mc("cleanup", "one").refused(1, "uncommitted changes (new)")
    world.mc("cleanup", "one", "--force").ok()
    world.mc("restore", "one").ok()
    assert (tree / "new").read_text() == "staged\n"


def test_the_newest_is_restored_unless_another_is_named(world: World) -> None:
    tree = made(world)
    for word in ("first", "second"):
        (tree / "new").write_text(word)
        world.mc("cleanup", "one", "--force").ok()
        world.repo.git("branch", "-D", "mc/one")
        if word == "first":
            made(world)
    first, second = salvaged(world)
    world.mc("restore", "one", "--at", "never").refused(1, "no salvage of 'one'", first[-22:])
    world.mc("restore", "one", "--at", first.rpartition("/")[2]).ok()
    assert (tree / "new").read_text() == "first"
    assert salvaged(world) == [second]
    world.mc("restore", "one").refused(1, "a job called 'one' exists already")
    assert salvaged(world) == [second]


def test_a_dry_run_makes_nothing(world: World) -> None:
    tree = made(world)
    (tree / "new").write_text("x")
    world.mc("cleanup", "one", "--force").ok()
    assert f"would make worktree {tree}" in world.mc("restore", "one", "--dry-run").ok().stdout
    assert not tree.exists()
    assert len(salvaged(world)) == 1
    assert world.mc("jobs", "--json").ok().json["jobs"] == []


def test_what_cannot_be_asked_for_is_refused(world: World) -> None:
    world.mc("restore", "one").refused(1, "no salvage of a job called 'one'", "none at all")
    world.mc("restore", "--dry-run").refused(129, "name the job")
    world.mc("restore", "one", "-z").refused(129, "for the list")
    world.repo.git("update-ref", "refs/mc/salvage/old/20260101T000000000000Z", "HEAD")
    world.mc("restore", "old").refused(1, "does not say", "git branch NEW-BRANCH refs/mc/salvage")
    assert "old" in world.mc("restore").ok().stdout
    world.mc("restore", "one").refused(1, "there is salvage of old")


def test_a_branch_that_went_on_is_in_the_way(world: World) -> None:
    tree = made(world)
    (tree / "new").write_text("x")
    world.mc("cleanup", "one", "--force").ok()
    world.repo.git("checkout", "-q", "mc/one")
    world.mc("restore", "one").refused(1, "'mc/one' is checked out in", "git mc restore one")
    world.repo.commit({"more": "1"})
    world.repo.git("checkout", "-q", "main")
    world.mc("restore", "one").refused(1, "the branch 'mc/one' is at", "git branch -m mc/one")
    assert len(salvaged(world)) == 1
    world.repo.git("branch", "-m", "mc/one", "mc/one-2")
    world.mc("restore", "one").ok()
    assert (tree / "new").read_text() == "x"


def test_a_folder_in_the_way_is_left_alone(world: World) -> None:
    tree = made(world)
    (tree / "new").write_text("x")
    world.mc("cleanup", "one", "--force").ok()
    tree.mkdir()
    (tree / "mine").write_text("mine")
    world.mc("restore", "one").refused(1, f"the folder {tree} is in the way")
    world.repo.git("config", "mc.worktreeBase", str(world.socket.parent / "other"))
    world.mc("restore", "one").ok()
    other = world.worktree("one")
    assert other != tree
    assert (other / "new").read_text() == "x"
    assert (tree / "mine").read_text() == "mine"


def test_a_filter_that_has_changed_since_is_told_and_the_salvage_stays(world: World) -> None:
    tree = made(world)
    (tree / ".gitattributes").write_text("new filter=swap\n")
    (tree / "new").write_text("a\n")
    world.mc("cleanup", "one", "--force").ok()
    world.repo.git("config", "filter.swap.clean", "tr a b")
    said = world.mc("restore", "one").ok().stderr
    assert "warning: not all is as it was: the files" in said
    assert salvaged(world)[0] in said
    assert (tree / "new").read_text() == "a\n"


def test_an_agent_does_not_restore_from_inside_of_its_job(world: World) -> None:
    tree = made(world)
    world.mc("restore", "two", cwd=tree).refused(128, "outside of it")


EDITS = st.lists(
    st.tuples(
        st.sampled_from(
            ["write", "add", "delete", "unstage", "move", "mode", "link", "commit", "intend"]
        ),
        st.sampled_from(["README.md", "sub/a", "sub/b", "n e\nw", "bin", "x/y/z"]),
        st.sampled_from([b"", b"text\n", b"a\r\nb\n", b"\0\xff\x00bin", b"no newline"]),
    ),
    max_size=12,
)


def edit(world: World, tree: Path, what: str, name: str, data: bytes) -> None:
    """One thing that an agent may do; what is not possible now is not done."""
    path = tree / name
    here = path.is_symlink() or path.is_file()

    def git(*words: str) -> None:
        subprocess.run(["git", "--literal-pathspecs", *words], cwd=tree, capture_output=True)

    if what in ("write", "link"):
        if any(
            above.is_file() for above in path.parents if above != tree and tree in above.parents
        ):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to("sub/a") if what == "link" else path.write_bytes(data)
    elif what == "delete" and here:
        path.unlink()
    elif what == "mode" and here and not path.is_symlink():
        path.chmod(0o755 if not os.access(path, os.X_OK) else 0o644)
    elif what == "move" and here:
        git("mv", "-f", "--", name, "moved")
    elif what == "commit":
        git("commit", "-qm", "some")
    elif what in ("add", "unstage", "intend"):
        verb = {"add": ["add"], "intend": ["add", "-N"], "unstage": ["reset", "-q"]}[what]
        git(*verb, "--", name)


@pytest.mark.slow
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=10
)
@given(EDITS)
def test_any_work_comes_back_byte_for_byte(
    world: World, edits: list[tuple[str, str, bytes]]
) -> None:
    # A name of its own for each example: what a failing one leaves is in no other's way.
    name = f"n{os.urandom(4).hex()}"
    tree = made(world, name)
    (tree / ".gitattributes").write_text("*.md text eol=lf\n")
    for what, file, data in edits:
        edit(world, tree, what, file, data)
    before = content(tree), status(world, tree)
    done = cleanup(world.mission, name, force=True, delete_branch=True)
    assert done.salvaged
    assert not tree.exists()
    assert restore(world.mission, name).differs == ()
    assert (content(tree), status(world, tree)) == before


@pytest.mark.slow
def test_a_restore_that_is_killed_anywhere_is_taken_back_and_works_again(
    world: World, tmp_path: Path
) -> None:
    path = git_that_kills(tmp_path)
    tree = made(world)
    merge(world, tree)
    (tree / "new").write_text("x")
    before = content(tree), status(world, tree)
    killed = 1
    while True:
        world.mc("cleanup", "one", "--force", "--delete-branch").ok()
        ran = world.mc("restore", "one", PATH=path, KILL_AT=str(killed))
        if ran.status != -signal.SIGKILL:
            break
        killed += STRIDE
        # The next command takes back what there is of it, or finds the job whole.
        world.mc("jobs").ok()
        if not world.mission.store.job_path("one").exists():
            world.mc("restore", "one").ok()
        assert (content(tree), status(world, tree)) == before, killed
        for pin in salvaged(world):
            world.repo.git("update-ref", "-d", pin)
    ran.ok()
    assert killed > 30


def test_a_restore_that_is_stopped_halfway_is_taken_back(world: World) -> None:
    tree = made(world)
    (tree / "new").write_text("x")
    world.mc("cleanup", "one", "--force", "--delete-branch").ok()
    reached, release = (world.socket.parent / name for name in ("reached", "release"))
    os.mkfifo(reached)
    os.mkfifo(release)
    hook(
        world,
        "reference-transaction",
        f"[ $1 != prepared ] || {{ echo >{reached}; cat {release}; }}",
    )
    restoring = world.start("restore", "one")
    reached.read_text()
    (world.repo.path / ".git/hooks/reference-transaction").unlink()
    world.mc("restore", "one").refused(1, "a job called 'one' exists already")
    world.mc("kill", "one").ok()
    release.write_text("")
    _, said = restoring.communicate(timeout=PATIENCE)
    assert restoring.returncode == 1
    assert b"was stopped while it was being restored" in said
    assert not tree.exists()
    assert world.repo.git("branch", "--list", "mc/one") == ""
    world.mc("restore", "one").ok()
    assert (tree / "new").read_text() == "x"


def test_of_two_restores_at_once_one_works(world: World) -> None:
    tree = made(world)
    (tree / "new").write_text("x")
    world.mc("cleanup", "one", "--force", "--delete-branch").ok()
    both = [world.start("restore", "one") for _ in range(2)]
    for one in both:
        one.communicate(timeout=PATIENCE)
    assert sorted(one.returncode for one in both) == [0, 1]
    assert (tree / "new").read_text() == "x"
    assert world.state("one") == "completed"


def test_a_job_that_was_restored_can_be_launched_over_again_by_name(world: World) -> None:
    finished(world, "one", "echo x >new")
    world.mc("cleanup", "one", "--force", "--delete-branch").ok()
    world.mc("restore", "one").ok()
    world.mc("merge", "one").ok()
    world.mc("cleanup", "one", "--delete-branch").ok()
    finished(world, "one", ":")
    until(lambda: world.state("one") == "completed", world.mission.store.jobs_dir)
