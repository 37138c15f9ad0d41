"""Moving uncommitted changes into a job: all of them, exactly, or none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.agents import Pipe
from tests.support.world import World

WAIT = "exec sleep 1000"


def status(folder: Path, world: World) -> str:
    return world.repo.git("status", "--porcelain", "-z", "--untracked-files=all", cwd=folder)


def change(world: World) -> None:
    """Changes of every kind."""
    path = world.repo.path
    world.repo.commit({"kept": "1\n", "gone": "2\n", "both": "3\n", "dir/file": "4\n", "x": "5\n"})
    (path / "kept").write_text("changed\n")
    (path / "gone").unlink()
    (path / "both").write_text("staged\n")
    world.repo.git("add", "both")
    (path / "both").write_text("more\n")
    (path / "new folder").mkdir()
    (path / "new folder/n\new").write_bytes(b"\x00\xff")
    (path / "added").write_text("added\n")
    world.repo.git("add", "added")
    (path / "dir/file").unlink()
    (path / "dir").rmdir()
    (path / "dir").symlink_to("kept")
    (path / "x").chmod(0o755)


def test_all_changes_move_and_none_stay(world: World) -> None:
    change(world)
    before = status(world.repo.path, world)
    world.mc("launch", "one", "--with-changes", "--", "/bin/sh", "-c", WAIT).ok()
    there = world.worktree("one")
    assert status(there, world) == before
    assert status(world.repo.path, world) == ""
    assert (there / "new folder/n\new").read_bytes() == b"\x00\xff"
    assert (there / "both").read_text() == "more\n"
    assert world.repo.git("show", ":both", cwd=there) == "staged"
    assert (there / "dir").readlink() == Path("kept")
    assert os.access(there / "x", os.X_OK)
    assert (world.repo.path / "gone").read_text() == "2\n"
    assert (world.repo.path / "dir/file").read_text() == "4\n"
    assert not (world.repo.path / "new folder").exists()
    assert not list((world.root / "run").glob("moved-*"))


def test_the_agent_starts_with_the_changes_there(world: World) -> None:
    (world.repo.path / "note").write_text("mine")
    world.mc("launch", "one", "--with-changes", "--", "/bin/sh", "-c", "cp note seen").ok()
    world.wait("one").ok()
    assert (world.worktree("one") / "seen").read_text() == "mine"


def test_changes_move_onto_another_base_where_they_fit(world: World) -> None:
    world.repo.git("branch", "other")
    world.repo.commit({"here": "1\n"})
    (world.repo.path / "README.md").write_text("# Mine\n")
    (world.repo.path / "note").write_text("mine")
    words = ["launch", "one", "--with-changes", "--base", "other", "--", "/bin/sh", "-c", WAIT]
    world.mc(*words).ok()
    there = world.worktree("one")
    assert (there / "README.md").read_text() == "# Mine\n"
    assert (there / "note").read_text() == "mine"
    assert not (there / "here").exists()
    assert status(there, world) == " M README.md\0?? note\0"
    assert status(world.repo.path, world) == ""


def test_changes_that_conflict_stay_and_nothing_is_launched(world: World) -> None:
    world.repo.git("checkout", "-q", "-b", "other")
    world.repo.commit({"README.md": "# Theirs\n"})
    world.repo.git("checkout", "-q", "main")
    (world.repo.path / "README.md").write_text("# Mine\n")
    words = ["launch", "one", "--with-changes", "--base", "other", "--", "/bin/sh", "-c", WAIT]
    world.mc(*words).refused(3, "conflict with 'mc/one' in README.md")
    assert (world.repo.path / "README.md").read_text() == "# Mine\n"
    assert world.mc("jobs", "--json").ok().json["jobs"] == []
    assert world.repo.git("branch", "--list", "mc/*") == ""


def test_a_launch_that_fails_leaves_the_changes_where_they_were(world: World) -> None:
    change(world)
    before = status(world.repo.path, world)
    words = ["launch", "one", "--with-changes", "--run", "exit 7", "--", "true"]
    world.mc(*words).refused(128, "setting up the worktree")
    assert status(world.repo.path, world) == before
    assert (world.repo.path / "both").read_text() == "more\n"
    assert world.repo.git("show", ":both") == "staged"


def test_what_somebody_writes_meanwhile_is_kept_and_told(world: World, tmp_path: Path) -> None:
    said, line = Pipe(tmp_path / "said"), Pipe(tmp_path / "line")
    note = world.repo.path / "note"
    note.write_text("mine")
    script = f"echo >{said}; read -r _ <{line}"
    launching = world.start("launch", "one", "--with-changes", "--run", script, "--", "true")
    said.read()
    note.write_text("later")
    (world.repo.path / "another").write_text("new")
    line.write("go")
    _, err = launching.communicate(timeout=60)
    assert launching.returncode == 0
    assert b"somebody changed note meanwhile" in err
    [aside] = (world.root / "run").glob("moved-one-*")
    assert (aside / "note").read_text() == "later"
    assert (world.worktree("one") / "note").read_text() == "mine"
    assert (world.repo.path / "another").read_text() == "new"


def test_from_a_linked_worktree_its_own_changes_move(world: World, tmp_path: Path) -> None:
    world.repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    (tmp_path / "side/note").write_text("mine")
    (world.repo.path / "stays").write_text("here")
    words = ["launch", "one", "--with-changes", "--", "/bin/sh", "-c", WAIT]
    world.mc(*words, cwd=tmp_path / "side").ok()
    assert (world.worktree("one") / "note").read_text() == "mine"
    assert not (tmp_path / "side/note").exists()
    assert (world.repo.path / "stays").read_text() == "here"
    assert world.job("one")["base"] == "side"


def conflicted(world: World) -> None:
    world.repo.git("checkout", "-q", "-b", "other")
    world.repo.commit({"README.md": "# Theirs\n"})
    world.repo.git("checkout", "-q", "main")
    world.repo.commit({"README.md": "# Ours\n"})
    merge = ["git", "merge", "--quiet", "other"]
    assert subprocess.run(merge, cwd=world.repo.path, capture_output=True, check=False).returncode


def inner(world: World) -> None:
    world.repo.git("init", "-q", "inner")
    (world.repo.path / "inner/file").write_text("x")
    world.repo.git("add", ".", cwd=world.repo.path / "inner")
    world.repo.git("commit", "-q", "-m", "inner", cwd=world.repo.path / "inner")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda world: None, "no uncommitted changes"),
        (conflicted, "unresolved conflicts"),
        (inner, "a repository of its own"),
    ],
    ids=["none", "conflict", "inner"],
)
def test_what_cannot_move_is_refused(world: World, make: object, said: str) -> None:
    assert callable(make)
    make(world)
    before = status(world.repo.path, world)
    world.mc("launch", "one", "--with-changes", "--", "true").refused(1, said)
    assert status(world.repo.path, world) == before
    assert world.mc("jobs", "--json").ok().json["jobs"] == []


def test_changes_move_into_one_job_only(world: World) -> None:
    (world.repo.path / "note").write_text("mine")
    world.mc("launch", "x", "-n", "2", "--with-changes", "--", "true").refused(129, "one job only")
