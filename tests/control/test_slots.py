"""Test worktrees: made once, set up once, clean for every run, made anew when they are damaged."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from gitmc.control.testrun import Result, Spec, run_test
from gitmc.git import worktree
from tests.support.lost import git_that_kills
from tests.support.runs import ask, files_of, kill, left_of, root_of, slot_of, spec_for
from tests.support.world import PATIENCE, Repo

SETUP = "mkdir -p deps; echo made >deps/x; echo ran >>$RAN"


class Runs:
    """Runs in slot 0, one after the other."""

    def __init__(self, repo: Repo, folder: Path) -> None:
        self.repo, self.ran = repo, folder / "ran"
        self._count = 0
        repo.commit({".gitignore": "deps/\n.env\n*.o\n", "src/a": "a\n"})

    def spec(self, command: str = "true", **more: object) -> Spec:
        """The next of them."""
        self._count += 1
        settled = {"slot": 0, "environment": (("RAN", str(self.ran)),), **more}
        return spec_for(self.repo, f"r{self._count}", command, **settled)

    def run(self, command: str = "true", **more: object) -> Result:
        """How the next of them ended."""
        return run_test(self.spec(command, **more))

    def clean(self) -> bool:
        """Whether the slot is just the commit, as the next run finds it."""
        assert self.run().verdict == "pass"
        want = {name: text.encode() + b"\n" for name, text in self.repo.files().items()}
        assert files_of(self.repo) == want
        return worktree.standing(slot_of(self.repo)) == (self.repo.head(), [])

    def inode(self) -> int:
        """What tells the slot's folder from one made anew."""
        return slot_of(self.repo).stat().st_ino

    def times_set_up(self) -> int:
        """How often the set-up has run."""
        return self.ran.read_text().count("ran")


@pytest.fixture
def runs(repo: Repo, tmp_path: Path) -> Runs:
    """Runs in slot 0."""
    return Runs(repo, tmp_path)


def test_a_slot_is_made_once_and_pointed_anew(runs: Runs) -> None:
    assert runs.clean()
    made = runs.inode()
    commit = runs.repo.commit({"src/b": "b\n"})
    assert runs.run("test -f src/b").verdict == "pass"
    assert runs.clean()
    assert runs.run("test ! -e src/b", commit=commit + "~").verdict == "pass"
    assert runs.inode() == made
    assert not list((root_of(runs.repo) / "pool").glob(".trash/*"))


def test_what_a_run_leaves_the_next_does_not_see(runs: Runs) -> None:
    made = runs.run("echo x >new; echo x >x.o; echo changed >src/a; mkdir -p ro/x; touch ro/x/y; "
                    "chmod -R a-w ro; git init -q nested; touch nested/x; "
                    ": >$(git rev-parse --git-path index.lock)")  # fmt: skip
    assert made.verdict == "pass"
    before = runs.inode()
    assert runs.clean()
    assert runs.inode() == before


@pytest.mark.parametrize(
    "damage",
    [
        "cd ..; rm -rf slot-0",
        "cd ..; rm -rf slot-0; touch slot-0",
        "cd ..; mv slot-0 away; ln -s away slot-0",
        "rm .git; git init -q; git commit -q --allow-empty -m x",
        "top=$PWD/../../../..; rm .git; git init -q; git fetch -q $top; git reset -q FETCH_HEAD",
        "rm -r $(git rev-parse --absolute-git-dir)",
        "echo junk >$(git rev-parse --git-path commondir)",
        "rm ../slot-0.json",
        "echo '{' >../slot-0.json",
        "echo '[1]' >../slot-0.json",
        "rm ../slot-0.index",
        "echo junk >../slot-0.index",
        "cd ..; git worktree remove --force slot-0",
        "git worktree lock .; cd ..; rm -rf slot-0",
    ],
)
def test_a_damaged_slot_is_made_anew(runs: Runs, damage: str) -> None:
    assert runs.run(damage).verdict == "pass"
    assert runs.clean()
    assert slot_of(runs.repo).is_dir()
    common = runs.repo.git("rev-parse", "--git-common-dir", cwd=slot_of(runs.repo))
    assert Path(common) == runs.repo.path / ".git"
    listed = runs.repo.git("worktree", "list", "--porcelain").splitlines()
    assert listed.count(f"worktree {slot_of(runs.repo)}") == 1


def test_a_slot_of_a_repository_that_was_moved_is_made_anew(runs: Runs, tmp_path: Path) -> None:
    runs.run()
    runs.repo.path = runs.repo.path.rename(tmp_path / "moved")
    assert runs.clean()


def test_a_commit_that_is_not_there_costs_no_slot(runs: Runs) -> None:
    runs.run()
    made = runs.inode()
    assert runs.run(commit="0" * 40).verdict == "broken"
    assert runs.clean()
    assert runs.inode() == made


def test_set_up_runs_once_for_a_slot_and_again_when_its_inputs_change(runs: Runs) -> None:
    tested = "test -f deps/x && test ! -e deps/old"
    for digest, count in [("1", 1), ("1", 1), ("2", 2), ("2", 2), ("1", 3)]:
        result = runs.run(tested, setup=(SETUP,), digest=digest)
        assert (result.verdict, runs.times_set_up()) == ("pass", count)
        runs.repo.commit({"src/a": f"{count}\n"})
    runs.run("touch deps/old", setup=(SETUP,), digest="1")
    assert runs.run("test ! -e deps/old", setup=(SETUP,), digest="3").verdict == "pass"
    assert runs.run(tested, setup=(SETUP,), digest="3", slot=1).verdict == "pass"
    assert runs.times_set_up() == 5
    assert runs.run("test ! -e deps").verdict == "pass", "without a set-up nothing of it is there"


def test_only_what_the_set_up_made_and_git_ignores_stays(runs: Runs) -> None:
    setup = (SETUP + "; echo x >seen; echo x >src/a; touch src/x.o; setsid sleep 1000 &",)
    first = runs.run("ls -R; cat src/a; touch y.o", setup=setup)
    said = first.log.read_text()
    assert "removed what the set-up made, and git does not ignore: 'seen'" in said
    second = runs.run("ls -R; cat src/a", setup=setup)
    tested = said.rpartition("$ ls")[2].partition("\n")[2]
    assert second.log.read_text().partition("\n")[2] == tested
    assert tested.splitlines()[-1] == "a"
    assert "seen" not in tested
    assert "x.o" in tested


def test_a_set_up_that_fails_is_no_verdict_and_is_tried_again(runs: Runs) -> None:
    setup = ("echo first", "echo ran >>$RAN; echo oops; exit 3", "touch never")
    for count in (1, 2):
        result = runs.run("touch never", setup=setup)
        assert result.verdict == "broken"
        assert f"the set-up command {setup[1]!r} failed: exit status 3" in result.why
        assert result.log.read_text() == f"$ echo first\nfirst\n$ {setup[1]}\noops\n"
        assert runs.times_set_up() == count
    assert runs.clean()


def test_a_set_up_that_takes_too_long_is_no_verdict(runs: Runs) -> None:
    result = runs.run(setup=("sleep 1000",), seconds=0.2)
    assert (result.verdict, "longer than 0.2 s" in result.why) == ("broken", True)


def test_files_are_copied_and_linked_as_for_jobs(runs: Runs) -> None:
    main = runs.repo.path
    (main / ".env").write_text("secret\n")
    (main / "deps").mkdir()
    (main / "deps/x").write_text("linked\n")
    more = {"copy": (".env",), "symlink": ("deps",)}
    shown = "cat .env deps/x; test -L deps; echo changed >.env; rm -r deps"
    assert runs.run(shown, **more).log.read_text() == "secret\nlinked\n"
    assert (main / "deps/x").exists()
    (main / ".env").write_text("new secret\n")
    assert runs.run(shown, **more).log.read_text() == "new secret\nlinked\n"
    assert (main / ".env").read_text() == "new secret\n"
    (main / ".worktreeinclude").write_text(".env\n")
    assert runs.run("cat .env").log.read_text() == "new secret\n"


def test_what_would_become_a_part_of_the_commit_is_not_copied(runs: Runs) -> None:
    (runs.repo.path / "loose").write_text("x\n")
    result = runs.run(copy=("loose",))
    assert result.verdict == "broken"
    assert "git does not ignore 'loose'" in result.why


def test_a_hook_that_makes_files_is_heard_for_every_commit(runs: Runs) -> None:
    hook = runs.repo.path / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ngit rev-parse HEAD >by-hook.o\n")
    hook.chmod(0o755)
    for number in range(3):
        commit = runs.repo.commit({"src/a": f"{number}\n"})
        assert runs.run("cat by-hook.o").log.read_text() == commit + "\n"


def test_a_slot_is_nobody_elses_commit_or_ref(runs: Runs) -> None:
    before = runs.repo.git("for-each-ref")
    runs.run("echo x >src/a; git commit -qam mine")
    assert runs.clean()
    assert runs.repo.git("for-each-ref") == before
    assert runs.repo.git("status", "--porcelain") == ""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["new", "warm"])
def test_an_asker_that_is_killed_at_any_call_of_git_leaves_no_dirty_slot(
    runs: Runs, tmp_path: Path, kind: str
) -> None:
    path = git_that_kills(tmp_path)
    setup = (SETUP + "; echo x >seen",)
    for number in range(1, 99):
        if kind == "warm":
            assert runs.run("touch seen y.o; echo x >src/a").verdict == "pass"
        else:
            subprocess.run(["rm", "-rf", slot_of(runs.repo)], check=True)
        runs.repo.commit({"src/a": f"{number}\n"})
        spec = runs.spec("touch seen", setup=setup, digest=str(number))
        asker = ask(spec, env={**os.environ, "PATH": path, "KILL_AT": str(number)})
        asker.communicate(timeout=PATIENCE)
        verdict = run_test(spec).verdict
        assert verdict in ("pass", "lost") if asker.returncode else verdict == "pass"
        assert left_of(spec) == []
        assert runs.clean()
        if asker.returncode == 0:
            break
    assert number > 3


@pytest.mark.slow
def test_kills_at_any_moment_leave_no_process_and_no_dirty_slot(runs: Runs) -> None:
    chance = random.Random(1)
    command = (
        "echo x >new; echo x >src/a; touch y.o; (setsid sleep 1000 &); "
        ": >$(git rev-parse --git-path index.lock)"
    )
    ends = set()
    for number in range(40):
        runs.repo.commit({"src/a": f"{number}\n"})
        setup = (SETUP,) if number % 2 else ()
        spec = runs.spec(command, setup=setup, digest=str(number))
        asker = ask(spec, stderr=subprocess.DEVNULL)
        try:
            asker.communicate(timeout=chance.uniform(0.05, 0.5))
        except subprocess.TimeoutExpired:
            kill(asker)
        for pid in left_of(spec) if chance.random() < 0.5 else ():
            subprocess.run(["kill", "-9", str(pid)], check=False, capture_output=True)
        ends.add(run_test(spec).verdict)
        assert left_of(spec) == []
        assert runs.clean()
    assert "pass" in ends
    assert ends <= {"pass", "lost", "broken"}
