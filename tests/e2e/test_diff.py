"""git mc diff: all of a job's work, shown by git itself, and nothing of the job touched."""

from __future__ import annotations

import hashlib
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.test_merge import commits, finished
from tests.support.agents import names, some_slow
from tests.support.world import PATIENCE, Ran, World

WORK = f"{commits('one')}; echo more >>README.md; echo untracked >new"


@pytest.fixture
def tree(world: World) -> Path:
    """The worktree of the job `one`, with work of each kind."""
    finished(world, "one", WORK)
    return world.worktree("one")


def paths(ran: Ran) -> dict[str, str]:
    """By path: the status of each file in a difference."""
    return {file["path"]: file["status"] for file in ran.ok().json["files"]}


def state(tree: Path) -> dict[str, tuple[float, str]]:
    """All files of the worktree and of its git directory, with their times."""
    own = Path((tree / ".git").read_text().removeprefix("gitdir: ").rstrip("\n"))
    files = [path for top in (tree, own) for path in top.rglob("*") if path.is_file()]
    return {
        str(path): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in files
    }


def test_committed_uncommitted_and_untracked_work_is_shown_and_nothing_touched(
    world: World, tree: Path
) -> None:
    before = state(tree)
    shown = world.mc("diff", "one").ok().stdout
    assert [line for line in shown.splitlines() if line.startswith("diff")] == [
        f"diff --git a/{name} b/{name}" for name in ("README.md", "new", "one")
    ]
    assert "+untracked\n" in shown
    assert state(tree) == before
    stat = world.mc("diff", "one", "--stat").ok().stdout
    assert stat.endswith(" 3 files changed, 3 insertions(+)\n")
    assert world.repo.git("status", "--porcelain", cwd=tree) == " M README.md\n?? new"


def test_committed_work_alone_and_that_of_a_job_whose_worktree_is_gone(
    world: World, tree: Path
) -> None:
    alone = world.mc("diff", "one", "--committed").ok().stdout
    assert alone.count("diff --git") == 1
    assert "+++ b/one" in alone
    world.repo.git("worktree", "remove", "--force", str(tree))
    assert world.mc("diff", "one").ok().stdout == alone


def test_what_the_base_did_since_is_no_work_of_the_job(world: World, tree: Path) -> None:
    fork = world.repo.head()
    world.repo.commit({"other": "1\n"})
    found = world.mc("diff", "one", "--json").ok().json
    assert (found["base"], found["merge_base"]) == ("main", fork)
    assert found["head"] == world.repo.head("mc/one")
    assert "other" not in [file["path"] for file in found["files"]]


def test_json_has_the_patch_that_makes_the_one_of_the_other(world: World, tree: Path) -> None:
    world.repo.git("config", "diff.noprefix", "true")
    world.repo.git("config", "diff.external", "false")
    world.repo.git("config", "color.diff", "always")
    found = world.mc("diff", "one", "--json").ok().json
    assert list(found) == ["schema", "name", "base", "merge_base", "head", "files", "diff"]
    assert found["schema"] == "mc.diff/1"
    one = {"path": "one", "status": "A", "insertions": 1, "deletions": 0}
    assert one in found["files"]
    world.repo.git("apply", "-", stdin=found["diff"])
    assert (world.repo.path / "new").read_text() == "untracked\n"
    assert "diff" not in world.mc("diff", "one", "--json", "--stat").ok().json


def test_a_rename_has_its_old_path_and_a_binary_file_no_numbers(world: World) -> None:
    world.repo.commit({"old": "1\n2\n3\n4\n5\n", "binary": "a\0b"})
    finished(world, "one", "git mv old moved; echo 6 >>moved; printf 'a\\0c' >binary")
    found = world.mc("diff", "one", "--json").ok().json["files"]
    assert found == [
        {"path": "binary", "status": "M", "insertions": None, "deletions": None},
        {"path": "moved", "status": "R", "old_path": "old", "insertions": 1, "deletions": 0},
    ]


ODD = ["new\nline", 'quo"te', "-dash", "\udcff\udcfe", "tab\there", ":(top)x", "*", "sub/*"]


def test_names_are_bytes(world: World, tree: Path) -> None:
    for name in ODD:
        path = tree / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x\n")
    (tree / "link").symlink_to("nowhere")
    os.mkfifo(tree / "pipe")
    expected = {*ODD, "link", "one", "new", "README.md"}
    assert set(paths(world.mc("diff", "one", "--json"))) == expected
    odd = world.mc("diff", "one", "--json", "--", "--", "-dash", "\udcff\udcfe")
    assert set(paths(odd)) == {"-dash", "\udcff\udcfe"}
    world.mc("diff", "one").ok()


def test_options_and_paths_go_to_git_as_they_are(world: World, tree: Path) -> None:
    ran = world.mc("diff", "one", "--", "--name-status", "--", "new", "README.md").ok()
    assert ran.stdout == "M\tREADME.md\nA\tnew\n"
    assert world.mc("diff", "one", "--stat", "--", "new").ok().stdout.startswith(" new |")
    assert world.mc("diff", "one", "--", "--quiet").status == 1
    assert world.mc("diff", "one", "--", "--exit-code", "--", "nothing").status == 0
    assert world.mc("diff", "one", "--", "--no-such-option").status == 129
    world.mc("diff", "one", "--json", "--", "-w").refused(129, "takes no options", "hint: ")
    (world.repo.path / ".gitattributes").write_text("new diff=loud\n")
    (tree / ".gitattributes").write_text("new diff=loud\n")
    world.repo.git("config", "diff.loud.textconv", "sed s/^/loudly:/")
    assert "+loudly:untracked" in world.mc("diff", "one").ok().stdout


def test_paths_are_meant_where_the_user_stands(world: World, tree: Path) -> None:
    for top in (tree, world.repo.path):
        (top / "sub").mkdir()
    (tree / "sub/file").write_text("x\n")
    (tree / "file").write_text("y\n")
    for where in (world.repo.path / "sub", tree / "sub"):

        def shown(*words: str, where: Path = where) -> str:
            return world.mc("diff", "one", "--", "--name-only", *words, cwd=where).ok().stdout

        assert shown("--", "file") == "sub/file\n"
        assert shown("--", "../file") == "file\n"
        assert shown("--", ":/file", ":(top)new") == "file\nnew\n"
        assert shown("--", ":!file") == "README.md\nfile\nnew\none\n"
        assert paths(world.mc("diff", "one", "--json", "file", cwd=where)) == {"sub/file": "A"}
        world.mc("diff", "one", "--", "--output=patch", cwd=where).ok()
        assert "diff --git" in (where / "patch").read_text()


def test_a_running_job_and_one_that_is_at_odds_with_itself(world: World) -> None:
    world.repo.commit({"two": "1\n", "hidden": "1\n"})
    world.sh("busy", "exec sleep 1000")
    tree = world.worktree("busy")
    assert world.mc("diff", "bus").ok().stdout == ""
    (tree / "hidden").write_text("2\n")
    world.repo.git("update-index", "--assume-unchanged", "hidden", cwd=tree)
    (tree / "two").unlink()
    (tree / "two").mkdir()
    (tree / "two/inside").write_text("x\n")
    world.repo.git("init", "--quiet", "inner", cwd=tree)
    world.repo.git("checkout", "--quiet", "--detach", cwd=tree)
    ran = world.mc("diff", "busy", "--json").ok()
    assert paths(ran) == {"hidden": "M", "two": "D", "two/inside": "A"}
    assert "is not on 'mc/busy'" in ran.stderr
    assert "left out: inner/" in ran.stderr


def test_a_file_that_is_as_old_as_the_index_and_as_long_as_before_is_shown(world: World) -> None:
    world.repo.commit({"same": "1\n"})
    world.sh("busy", "exec sleep 1000")
    tree = world.worktree("busy")
    world.repo.git("config", "core.trustCTime", "false")
    (tree / "untracked").touch()
    index = Path(
        world.repo.git("rev-parse", "--path-format=absolute", "--git-path", "index", cwd=tree)
    )
    seen = 1_500_000_000_000_000_000
    os.utime(tree / "same", ns=(seen, seen))
    world.repo.git("add", "same", cwd=tree)
    os.utime(index, ns=(seen, seen))
    (tree / "same").write_text("2\n")
    os.utime(tree / "same", ns=(seen, seen))
    assert "\n+2\n" in world.mc("diff", "busy").ok().stdout


def test_conflicts_under_way_are_shown_as_they_stand(world: World) -> None:
    finished(world, "one", commits("one", "theirs", "README.md"))
    world.repo.commit({"README.md": "ours\n"})
    subprocess.run(["git", "merge", "-q", "main"], cwd=world.worktree("one"), check=False)
    assert "<<<<<<< HEAD" in world.mc("diff", "one").ok().stdout
    assert paths(world.mc("diff", "one", "--json")) == {"README.md": "M"}


def test_another_base_and_bases_that_are_not_there(world: World, tree: Path) -> None:
    assert paths(world.mc("diff", "one", "--base", "mc/one", "--json")) == {
        "README.md": "M",
        "new": "A",
    }
    world.mc("diff", "one", "--base", "nope").refused(1, "bad base 'nope'", "hint: ")
    world.repo.git("checkout", "-q", "--orphan", "else")
    world.repo.commit({"x": "1"})
    world.mc("diff", "one", "--base", "else").refused(1, "no commit in common", "--base")
    first = world.repo.head("main")
    world.repo.git("branch", "-D", "main")
    world.mc("diff", "one").refused(1, "the base 'main' of 'one' is gone", f"--base {first[:12]}")
    assert world.mc("diff", "one", "--base", first).ok().stdout


def test_jobs_that_have_nothing_to_show_say_so(world: World, tree: Path) -> None:
    world.mc("diff", "nobody").refused(1, "there is no job called 'nobody'")
    world.mc("merge", "one").ok()
    landed = world.repo.head()
    ran = world.mc("diff", "one", "--committed").ok()
    assert f"git show {landed[:12]}" in ran.stderr
    world.repo.git("worktree", "remove", "--force", str(tree))
    world.repo.git("branch", "-D", "mc/one")
    world.mc("diff", "one").refused(1, "has landed, and its branch 'mc/one' is gone", landed[:12])
    finished(world, "two", ":")
    world.repo.git("worktree", "remove", "--force", str(world.worktree("two")))
    world.repo.git("branch", "-D", "mc/two")
    world.mc("diff", "two").refused(1, "there is no branch 'mc/two'", "hint: ")
    assert names(world.mc("jobs", "--json")) == ["one", "two"]


def on_terminal(
    world: World, *args: str, keys: bytes, when: bytes, **env: str
) -> tuple[int, bytes]:
    """Run git mc on a terminal of its own, and type `keys` once it has shown `when`."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(world.repo.path)
        os.execvpe(sys.executable, [sys.executable, "-m", "gitmc", *args], {**os.environ, **env})
    shown = b""
    while when not in shown:
        shown += os.read(terminal, 4096)
    os.write(terminal, keys)
    try:
        while piece := os.read(terminal, 4096):
            shown += piece
    except OSError:
        assert shown, "a terminal ends so"
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


PAGER = "sh -c 'trap : INT; head -n 1; echo ready; read -r line </dev/tty; echo read $line'"


def test_the_pager_has_the_terminal_and_outlives_an_interrupt(world: World, tree: Path) -> None:
    _, shown = on_terminal(
        world, "diff", "one", keys=b"\x03hello\n", when=b"ready", GIT_PAGER=PAGER
    )
    assert b"\x1b[1mdiff --git" in shown
    assert b"read hello" in shown


READERS = {"one that reads a line": "head -n 1", "one that reads nothing": "true"}


@pytest.mark.parametrize("reader", some_slow(READERS, ["one that reads a line"]))
def test_a_reader_that_has_read_enough_hears_no_complaint(
    world: World, tree: Path, reader: str
) -> None:
    (tree / "long").write_text("line\n" * 200_000)
    script = f"{{ {world.command} diff one; echo $? >&2; }} | {reader}"
    done = subprocess.run(
        ["sh", "-c", script], cwd=world.repo.path, capture_output=True, check=True, timeout=PATIENCE
    )
    assert done.stderr == b"141\n"
