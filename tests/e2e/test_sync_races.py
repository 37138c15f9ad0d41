"""A sync that is killed, or that meets somebody at work: nothing is lost, and nothing is stuck."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.test_merge import hook
from tests.e2e.test_sync import LINES, all_of, diverged
from tests.support.agents import script_at
from tests.support.events import gone
from tests.support.lost import content, git_that_kills, status
from tests.support.world import PATIENCE, World

pytestmark = pytest.mark.slow


def dirty(world: World) -> Path:
    """A job whose worktree has changes of each kind, some in files that the base changed too."""
    tree = diverged(world)
    (tree / "a").write_text(LINES.replace("9", "NINE"))
    (tree / "b").write_text("staged\n")
    world.repo.git("add", "b", cwd=tree)
    (tree / "c").unlink()
    (tree / "untracked").write_text("untracked\n")
    (tree / "x.o").write_text("ignored\n")
    return tree


def own(world: World, tree: Path) -> Path:
    """The worktree's own git directory."""
    return Path(world.repo.git("rev-parse", "--absolute-git-dir", cwd=tree))


def whole(world: World, tree: Path) -> bool:
    """Whether everything that the job had is in the worktree: in its files or its commits."""
    held = content(tree)
    names = {b"own", b"untracked", b"x.o", b"a", b"b"}
    return (
        names <= set(held)
        and held[b"b"][1] == b"staged\n"
        and b"NINE" in held[b"a"][1]
        and b"c" not in held
    )


@pytest.mark.slow
@pytest.mark.parametrize("start", range(3))
def test_a_sync_that_is_killed_anywhere_is_finished_by_the_next(
    world: World, tmp_path: Path, start: int
) -> None:
    path = git_that_kills(tmp_path)
    tree = dirty(world)
    refs = world.repo.head(), world.repo.head("mc/one")
    index, before = own(world, tree) / "index", content(tree)
    saved = index.read_bytes()
    world.mc("sync", "one").ok()
    after = content(tree), status(world, tree)
    killed = start + 1
    while True:
        # All as it was before.
        world.repo.git("update-ref", "refs/heads/mc/one", refs[1])
        world.repo.git("reset", "-q", "--hard", cwd=tree)
        for name in ("b", "c", "a", "untracked"):
            held = before.get(os.fsencode(name))
            (tree / name).unlink(missing_ok=True)
            if held is not None:
                (tree / name).write_bytes(held[1])
        index.write_bytes(saved)
        assert content(tree) == before
        ran = world.mc("sync", "one", PATH=path, KILL_AT=str(killed))
        if ran.status != -signal.SIGKILL:
            break
        killed += 3
        assert whole(world, tree), killed
        assert world.repo.head("mc/one") in (refs[1], after[1].split("branch.oid ")[1][:40])
        world.mc("sync", "one").ok()
        assert (content(tree), status(world, tree)) == after, killed
        left = {entry.name for entry in own(world, tree).iterdir() if "repoint" in entry.name}
        assert left <= {"mc-repoint"}
        assert not (own(world, tree) / "index.lock").exists()
    ran.ok()
    assert killed > 50


def blocked(world: World, tmp_path: Path, place: str) -> tuple[Callable[[], int], Path]:
    """Have git stop at `place` of the next sync. The function waits until it does, and returns the
    number of that git; whoever then writes to the file lets it go on."""
    reached, release = tmp_path / "reached", tmp_path / "release"
    os.mkfifo(reached)
    os.mkfifo(release)
    wait = f"echo $PPID >{reached}; cat {release} >/dev/null"
    if place == "files":
        world.repo.git("config", "filter.slow.smudge", f"{wait}; cat")
    else:
        mine = f"[ $1 = {place} ] && grep -q refs/heads/mc/one"
        hook(world, "reference-transaction", f"{mine} && {{ {wait}; }}; true")

    def wait_for_it() -> int:
        return int(reached.read_text())

    return wait_for_it, release


def unblock(world: World, place: str) -> None:
    """Have it stop nobody else."""
    if place == "files":
        world.repo.git("config", "--remove-section", "filter.slow")
    else:
        (world.repo.path / ".git/hooks/reference-transaction").unlink()


def slow_and_dirty(world: World) -> Path:
    """The same, with a file from the base that a filter can stop at."""
    world.repo.commit({".gitattributes": "slow filter=slow\n"})
    tree = dirty(world)
    world.repo.commit({"slow": "slow\n", "z": "z\n"})
    return tree


@pytest.mark.parametrize("place", ["prepared", "files", "committed"])
def test_a_sync_that_is_killed_while_git_works_is_mended(
    world: World, tmp_path: Path, place: str
) -> None:
    tree = slow_and_dirty(world)
    wait_for_it, release = blocked(world, tmp_path, place)
    old = world.repo.head("mc/one")
    sync = world.start("sync", "one")
    pid = wait_for_it()
    # Somebody who commits at this moment is told to wait, and cannot get in between.
    argv = ["git", "commit", "--allow-empty", "-qm", "between"]
    between = subprocess.run(argv, cwd=tree, capture_output=True, check=False)
    assert b"index.lock" in between.stderr
    sync.kill()
    sync.communicate(timeout=PATIENCE)
    assert whole(world, tree)
    assert (world.repo.head("mc/one") != old) == (place == "committed")
    if place == "files":
        # The git that updates the files lives on, and so nobody else touches them.
        for verb in ("sync", "merge"):
            world.mc(verb, "one").refused(1, "another process moves the branch", "try again")
    unblock(world, place)
    release.write_text("")
    assert gone(pid)
    assert whole(world, tree)
    world.repo.git("gc", "--quiet", "--prune=now")
    ran = world.mc("sync", "one").ok()
    assert ("nothing to sync" in ran.stdout) == (place == "committed")
    assert whole(world, tree)
    assert {"slow", "z", "new"} <= {entry.name for entry in tree.iterdir()}
    assert world.repo.git("status", "--porcelain", cwd=tree) == " M a\nM  b\n D c\n?? untracked"
    assert world.repo.head("mc/one~1") == world.repo.head()
    assert world.job("one")["ahead"] == 1
    assert not (own(world, tree) / "index.lock").exists()
    assert world.repo.git("for-each-ref", "refs/mc") == ""


@pytest.mark.slow
def test_a_merge_too_mends_what_a_killed_sync_left(world: World, tmp_path: Path) -> None:
    tree = slow_and_dirty(world)
    wait_for_it, release = blocked(world, tmp_path, "files")
    sync = world.start("sync", "one")
    pid = wait_for_it()
    sync.kill()
    sync.communicate(timeout=PATIENCE)
    unblock(world, "files")
    release.write_text("")
    assert gone(pid)
    world.mc("merge", "one").ok()
    found = world.repo.files()
    assert found["a"] == LINES.replace("9", "NINE").replace("1", "ONE", 1).strip()
    assert (found["untracked"], "c" in found) == ("untracked", False)
    assert whole(world, tree)


def test_a_file_that_was_written_to_since_the_kill_is_kept_both_ways(
    world: World, tmp_path: Path
) -> None:
    tree = slow_and_dirty(world)
    wait_for_it, release = blocked(world, tmp_path, "files")
    sync = world.start("sync", "one")
    pid = wait_for_it()
    sync.kill()
    sync.communicate(timeout=PATIENCE)
    unblock(world, "files")
    release.write_text("")
    assert gone(pid)
    (tree / "a").write_text("written since\n")
    world.repo.git("gc", "--quiet", "--prune=now")
    ran = world.mc("sync", "one").refused(1, "neither old nor new: a", "compare: git -C")
    ref = ran.stderr.rpartition("diff ")[2].partition(";")[0]
    assert world.repo.git("show", f"{ref}:a", cwd=tree) == LINES.replace("9", "NINE").strip()
    assert (tree / "a").read_text() == "written since\n"
    assert not (tree / "slow").exists()
    world.mc("cleanup", "one").refused(1)
    world.mc("sync", "one").refused(3, "has not committed conflicts")
    world.repo.git("checkout", ref, "--", "a", cwd=tree)
    world.repo.git("reset", "-q", "--", "a", cwd=tree)
    world.mc("sync", "one").ok()
    assert whole(world, tree)


def test_git_at_work_in_the_worktree_refuses_it(world: World) -> None:
    tree = dirty(world)
    before = all_of(world, tree)
    lock = own(world, tree) / "index.lock"
    lock.write_bytes(b"")
    world.mc("sync", "one").refused(1, "git is at work in", f"remove {lock}")
    assert lock.exists()
    lock.unlink()
    assert all_of(world, tree) == before
    world.mc("sync", "one").ok()


@pytest.mark.slow
def test_two_syncs_at_once_sync_once(world: World) -> None:
    tree = dirty(world)
    both = [world.start("sync", "one") for _ in range(2)]
    ends = [(one.communicate(timeout=PATIENCE)[1], one.returncode) for one in both]
    assert 0 in [status for _, status in ends], ends
    assert all(status in (0, 1) for _, status in ends), ends
    world.mc("sync", "one").ok()
    assert whole(world, tree)
    assert world.repo.head("mc/one~1") == world.repo.head()


def meeting(world: World, tmp_path: Path, *words: str, script: str) -> str:
    """A PATH with a git that runs `script` before the first git that is told `words`."""
    real = shutil.which("git")
    once = f"{tmp_path}/met"
    script_at(
        tmp_path / "meeting/git",
        f'case " $* " in *" {" ".join(words)} "*) [ -e {once} ] || {{ touch {once}; {script}; }};; '
        f'esac\nexec {real} "$@"',
    )
    return f"{tmp_path / 'meeting'}:{os.environ['PATH']}"


WORDS = {
    "while the trees are merged": ["merge-tree"],
    "before the lock": ["symbolic-ref", "-q", "HEAD"],
    "after the lock": ["write-tree"],
    "before the branch is locked": ["update-ref", "-m"],
    "before the files": ["read-tree", "-m"],
}


MOMENTS = [
    pytest.param(words, id=name, marks=[] if name == "before the files" else [pytest.mark.slow])
    for name, words in WORDS.items()
]


@pytest.mark.parametrize("words", MOMENTS)
def test_a_commit_at_any_moment_stays_on_the_branch(
    world: World, tmp_path: Path, words: list[str]
) -> None:
    tree = dirty(world)
    # By plumbing, which asks for no lock on the index.
    made = 'c=$(git commit-tree -p HEAD -m late "HEAD^{tree}")'
    script = f"(cd {tree} && {made} && git update-ref HEAD $c 2>>{tmp_path}/refused)"
    path = meeting(world, tmp_path, *words, script=script)
    world.mc("sync", "one", PATH=path).ok()
    assert (tmp_path / "met").exists()
    late = world.repo.git("log", "--format=%s", "main..mc/one").splitlines()
    refused = (tmp_path / "refused").read_text()
    assert late == (["own own"] if "cannot lock ref" in refused else ["late", "own own"])
    assert ("cannot lock ref" in refused) == (words == ["read-tree", "-m"])
    assert whole(world, tree)
    assert world.repo.git("status", "--porcelain", cwd=tree) == " M a\nM  b\n D c\n?? untracked"


@pytest.mark.parametrize("words", MOMENTS)
@pytest.mark.parametrize("name", ["a", "new", "late"])
def test_a_file_that_is_written_at_any_moment_is_kept(
    world: World, tmp_path: Path, words: list[str], name: str
) -> None:
    tree = dirty(world)
    before = world.repo.head("mc/one")
    path = meeting(world, tmp_path, *words, script=f"echo late >{tree / name}")
    ran = world.mc("sync", "one", PATH=path)
    assert (tmp_path / "met").exists()
    assert (tree / name).read_text() == "late\n"
    if name == "late":
        ran.ok()
    else:
        ran.refused(3, "has not committed conflicts")
        assert world.repo.head("mc/one") == before
        assert "A  new" not in world.repo.git("status", "--porcelain", cwd=tree)
    assert (tree / "untracked").exists()
    assert not (own(world, tree) / "index.lock").exists()


@pytest.mark.slow
def test_an_agent_that_goes_on_committing_loses_no_commit(world: World, tmp_path: Path) -> None:
    tree = diverged(world)
    count = 40
    turn = "until git add f$n && git commit -qm c$n; do :; done"
    script = f"n=0; while [ $n -lt {count} ]; do n=$((n+1)); echo $n >f$n; {turn}; done"
    agent = subprocess.Popen(["sh", "-c", script], cwd=tree, stderr=subprocess.DEVNULL)
    synced = 0
    while agent.poll() is None:
        world.repo.commit({f"base{synced}": "x\n"}, "base")
        ran = world.mc("sync", "one")
        assert ran.status in (0, 1), ran.stderr
        synced += ran.status == 0
    assert synced
    world.mc("sync", "one").ok()
    subjects = world.repo.git("log", "--format=%s", "main..mc/one").splitlines()
    assert subjects == [*(f"c{n}" for n in range(count, 0, -1)), "own own"]
    assert world.repo.git("status", "--porcelain", cwd=tree) == ""
    found = world.repo.files("mc/one")
    assert {name: found[name] for name in found if name.startswith("f")} == {
        f"f{n}": str(n) for n in range(1, count + 1)
    }
    assert {f"base{n}" for n in range(synced)} <= set(found)
