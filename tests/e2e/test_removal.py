"""Removing a worktree: killed, raced, locked, moved or broken, it loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from gitmc.git import trash
from tests.support.agents import all_gone, script_at
from tests.support.events import carriers, until
from tests.support.lost import STRIDE, content, git_that_kills, made, status
from tests.support.world import PATIENCE, World


def salvaged(world: World) -> list[str]:
    """The refs under refs/mc/salvage."""
    return world.repo.git("for-each-ref", "--format=%(refname)", "refs/mc/salvage").splitlines()


def in_trash(tree: Path) -> list[Path]:
    """What is in the trash beside the worktree."""
    folder = tree.parent / ".trash"
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def work(world: World, tree: Path) -> None:
    """Some of each kind: committed, staged, changed, untracked."""
    (tree / "committed").write_text("1\n")
    world.repo.git("add", "committed", cwd=tree)
    world.repo.git("commit", "-qm", "some", cwd=tree)
    (tree / "staged").write_text("2\n")
    world.repo.git("add", "staged", cwd=tree)
    (tree / "README.md").write_text("3\n")
    (tree / "new").write_text("4\n")


def test_a_removed_worktree_lies_in_the_trash_with_what_git_ignores(world: World) -> None:
    world.repo.commit({".gitignore": "*.o\n"})
    tree = made(world)
    (tree / "x.o").write_text("ignored")
    world.mc("cleanup", "one", "--delete-branch").ok()
    assert not tree.exists()
    [entry] = in_trash(tree)
    assert (entry / "x.o").read_text() == "ignored"
    assert not (entry / ".git").exists()
    assert world.repo.git("worktree", "list").count("\n") == 0
    assert salvaged(world) == []


def test_what_is_a_day_in_the_trash_is_swept_by_a_later_cleanup(world: World) -> None:
    tree = made(world)
    world.mc("cleanup", "one", "--delete-branch").ok()
    [entry] = in_trash(tree)
    aged = entry.with_name("one-20260101T000000000000Z")
    entry.rename(aged)
    os.utime(aged, (time.time() - 90000,) * 2)
    made(world, "two")
    world.mc("cleanup", "two", "--dry-run").ok()
    assert aged.exists()
    world.mc("cleanup", "two").ok()
    assert all_gone(carriers("HOME", os.environ["HOME"]))
    assert not aged.exists()
    assert [path.name[:4] for path in in_trash(tree)] == ["two-"]


@pytest.mark.slow
def test_a_cleanup_that_is_killed_anywhere_loses_nothing_and_goes_on(
    world: World, tmp_path: Path
) -> None:
    path = git_that_kills(tmp_path)
    words = ["cleanup", "one", "--force", "--delete-branch"]
    tree = made(world)
    work(world, tree)
    before = content(tree), status(world, tree)
    killed = 1
    while True:
        ran = world.mc(*words, PATH=path, KILL_AT=str(killed))
        if ran.status != -signal.SIGKILL:
            break
        killed += STRIDE
        folders = [tree, *in_trash(tree)]
        assert salvaged(world) or any(content(folder) == before[0] for folder in folders)
        world.mc(*words).ok()
        world.mc("restore", "one").ok()
        assert (content(tree), status(world, tree)) == before, killed
        for pin in salvaged(world):
            world.repo.git("update-ref", "-d", pin)
    ran.ok()
    assert killed > 40


def test_what_is_written_between_two_looks_is_seen(world: World, tmp_path: Path) -> None:
    tree = made(world)
    # The last thing before the worktree goes into the trash: it is looked up once more.
    count = f"echo >>{tmp_path}/looks; [ $(wc -l <{tmp_path}/looks) = 2 ]"
    script = f"[ $PWD != {tree} ] || {{ {count} && echo late >{tree}/late; }}"
    real = shutil.which("git")
    script_at(
        tmp_path / "late/git",
        f'case " $* " in *" --git-common-dir "*) {script};; esac\nexec {real} "$@"',
    )
    path = f"{tmp_path / 'late'}:{os.environ['PATH']}"
    said = world.mc("cleanup", "one", PATH=path)
    said.refused(1, "somebody works in it at this moment", "(late)")
    assert (tree / "late").read_text() == "late\n"
    assert status(world, tree).count("late") == 1
    assert in_trash(tree) == []
    world.mc("cleanup", "one", "--force", PATH=path).ok()
    world.mc("restore", "one").ok()
    assert (tree / "late").read_text() == "late\n"


def test_force_keeps_what_is_written_between_two_looks(world: World, tmp_path: Path) -> None:
    tree = made(world)
    (tree / "early").write_text("early\n")
    # After the salvage was made and compared, the job's worktree is looked up for its removal.
    count = f"echo >>{tmp_path}/pins; [ $(wc -l <{tmp_path}/pins) = 1 ]"
    real = shutil.which("git")
    script_at(
        tmp_path / "late/git",
        f'{real} "$@"; status=$?\n'
        f'case " $* " in *" refs/mc/salvage/one/"*) {count} && echo late >{tree}/late;; esac\n'
        "exit $status",
    )
    world.mc("cleanup", "one", "--force", PATH=f"{tmp_path / 'late'}:{os.environ['PATH']}").ok()
    [pin] = salvaged(world)
    assert {"early", "late"} <= set(world.repo.files(pin))
    world.mc("restore", "one").ok()
    assert (tree / "late").read_text() == "late\n"


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["gently", "by force"])
def test_a_writer_that_goes_on_writing_loses_nothing(
    world: World, tmp_path: Path, force: list[str]
) -> None:
    tree = made(world)
    (tree / "0").write_text("0\n")
    turn = f"n=$((n+1)); echo $n >{tree}/$((n % 20)) || exit"
    script = f"n=0; touch {tmp_path}/up; while :; do {turn}; done"
    writer = subprocess.Popen(["sh", "-c", script], stderr=subprocess.DEVNULL)
    until((tmp_path / "up").exists, tmp_path)
    ran = world.mc("cleanup", "one", *force)
    writer.kill()
    writer.wait(PATIENCE)
    assert "Traceback" not in ran.stderr
    if ran.status == 0:
        assert force
        [pin] = salvaged(world)
        [entry] = in_trash(tree)
        lying = {
            os.fsdecode(name): text.decode().strip() for name, (_, text) in content(entry).items()
        }
        assert lying == world.repo.files(pin)
    else:
        assert ran.status in (1, 128), ran.stderr
        assert (tree / ".git").exists()
        assert (tree / "0").exists()


def test_a_locked_worktree_is_removed_by_force_only(world: World) -> None:
    tree = made(world)
    world.repo.git("worktree", "lock", "--reason", "on a drive", str(tree))
    world.mc("cleanup", "one").refused(1, "is locked: on a drive", "git worktree unlock")
    assert (tree / "README.md").exists()
    world.mc("cleanup", "one", "--force").ok()
    assert not tree.exists()
    assert world.repo.git("worktree", "list").count("\n") == 0


@pytest.mark.parametrize("obstacle", ["file", "link"])
def test_where_there_can_be_no_trash_git_removes_it(world: World, obstacle: str) -> None:
    tree = made(world)
    folder = tree.parent / trash.FOLDER
    if obstacle == "file":
        folder.write_text("mine")
    else:
        folder.symlink_to(world.repo.path)
    (tree / "new").write_text("x")
    world.mc("cleanup", "one").refused(1, "uncommitted changes (new)")
    world.mc("cleanup", "one", "--force").ok()
    assert not tree.exists()
    world.mc("restore", "one").ok()
    assert (tree / "new").read_text() == "x"
    assert world.repo.git("status", "--porcelain") == ""


def test_another_file_system_is_no_obstacle(world: World, tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system only")
    tree = made(world)
    away = memory / world.socket.parent.name
    away.mkdir()
    world.later(lambda: shutil.rmtree(away))
    (tree.parent / trash.FOLDER).mkdir()
    done = subprocess.run(
        ["mount", "--bind", str(away), str(tree.parent / trash.FOLDER)],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        (tree / "new").write_text("x")
        world.mc("cleanup", "one", "--force").ok()
        assert not tree.exists()
        assert list(away.iterdir()) == [away / ".gitignore"]
        world.mc("restore", "one").ok()
        assert (tree / "new").read_text() == "x"
    finally:
        subprocess.run(["umount", str(tree.parent / trash.FOLDER)], check=True)


def test_a_worktree_that_git_moved_is_found_and_left_alone(world: World) -> None:
    tree = made(world)
    other = tree.with_name("moved")
    (tree / "new").write_text("x")
    world.repo.git("worktree", "move", str(tree), str(other))
    world.mc("cleanup", "one", "--force").refused(1, f"was moved to {other}", "git worktree move")
    assert (other / "new").read_text() == "x"
    world.mc("cleanup", "one", "--keep-worktree").ok()
    assert (other / "new").read_text() == "x"


def test_a_worktree_that_somebody_else_made_a_repository_is_left_alone(world: World) -> None:
    tree = made(world)
    (tree / ".git").unlink()
    world.repo.git("init", "-q", cwd=tree)
    world.mc("cleanup", "one", "--force").refused(1, "it is none any more", "--keep-worktree")
    assert (tree / "README.md").exists()


def test_a_removal_that_was_cut_off_is_taken_back_by_the_next(world: World) -> None:
    tree = made(world)
    (tree / "late").write_text("late")
    (tree.parent / ".trash").mkdir()
    entry = tree.parent / ".trash/one-20260101T000000000000Z"
    tree.rename(entry)
    os.utime(entry, (0, 0))
    world.mc("cleanup", "one", "--dry-run").refused(1, "uncommitted changes (late)")
    assert entry.exists()
    world.mc("cleanup", "one").refused(1, "uncommitted changes (late)")
    assert (tree / "late").read_text() == "late"
    assert not entry.exists()


def test_a_hidden_change_is_not_lost(world: World) -> None:
    tree = made(world)
    world.repo.git("update-index", "--skip-worktree", "README.md", cwd=tree)
    (tree / "README.md").write_text("secret\n")
    world.mc("cleanup", "one").refused(1, "uncommitted changes (README.md)")
    world.mc("cleanup", "one", "--force").ok()
    assert world.repo.files(salvaged(world)[0])["README.md"] == "secret"


def test_an_unfinished_rebase_whose_files_are_clean_is_not_lost(world: World) -> None:
    tree = made(world)
    (tree / "kept").write_text("set aside\n")
    world.repo.git("add", "kept", cwd=tree)
    env = {**os.environ, "GIT_SEQUENCE_EDITOR": "echo break >"}
    argv = ["git", "rebase", "-i", "--autostash", "HEAD"]
    subprocess.run(argv, cwd=tree, env=env, check=True, capture_output=True)
    assert world.repo.git("status", "--porcelain", cwd=tree) == ""
    world.mc("cleanup", "one").refused(1, "a rebase that is not finished")
    world.mc("cleanup", "one", "--force").ok()
    world.mc("restore", "one").ok()
    world.repo.git("rebase", "--continue", cwd=tree)
    assert (tree / "kept").read_text() == "set aside\n"


def test_a_batch_tells_of_each_job_and_stops_at_none(world: World) -> None:
    for name in ("clean", "dirty", "gone", "locked"):
        made(world, name)
    trees = made(world, "last").parent
    (trees / "dirty/new").write_text("x")
    shutil.rmtree(trees / "gone")
    world.repo.git("worktree", "lock", str(trees / "locked"))
    world.mission.store.job_path("torn").write_text("[[")
    words = ["torn", "clean", "dirty", "nope*", "gone", "locked", "never", "last"]
    ran = world.mc("cleanup", *words, "--json")
    assert ran.status == 1
    found = ran.json
    assert list(found) == ["schema", "removed", "refused"]
    assert [one["name"] for one in found["removed"]] == ["clean", "gone", "last"]
    refused = {one["name"]: (one["reason"], one["hint"]) for one in found["refused"]}
    assert list(refused) == ["torn", "nope*", "dirty", "locked"]
    assert "torn.toml" in refused["torn"][0]
    assert "uncommitted changes (new)" in refused["dirty"][0]
    assert "git mc cleanup --force dirty" in refused["dirty"][1]
    assert "git worktree unlock" in refused["locked"][1]
    assert "Traceback" not in ran.stderr
    assert [job["name"] for job in world.mc("jobs", "--json").json["jobs"]] == ["dirty", "locked"]


def test_two_cleanups_of_one_job_at_once_remove_it_once(world: World) -> None:
    tree = made(world)
    work(world, tree)
    before = content(tree), status(world, tree)
    both = [world.start("cleanup", "one", "--force", "--delete-branch") for _ in range(2)]
    for one in both:
        _, said = one.communicate(timeout=PATIENCE)
        assert one.returncode == 0, said
    assert not tree.exists()
    world.mc("restore", "one").ok()
    assert (content(tree), status(world, tree)) == before
