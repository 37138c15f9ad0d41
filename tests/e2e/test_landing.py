"""What lands besides the files: hooks heard, notes written, other people's operations respected."""

from __future__ import annotations

import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gitmc.control import provenance
from gitmc.control.target import advance
from gitmc.errors import Refused
from tests.e2e.test_merge import commits, finished, hook
from tests.support.world import World

NOTES = ("notes", "--ref", "mission-control")


def note(world: World, name: str = "HEAD") -> list[dict[str, Any]]:
    """The jobs that the commit's note tells of."""
    jobs: list[dict[str, Any]] = tomllib.loads(world.repo.git(*NOTES, "show", name))["job"]
    return jobs


def landed(world: World, name: str, script: str | None = None) -> str:
    """A job that has landed; its commit on the target."""
    finished(world, name, script or commits(name))
    return str(world.mc("merge", name, "--json").ok().json["commit"])


def test_the_landed_commit_and_the_jobs_own_tell_who_made_them(world: World) -> None:
    world.repo.git("config", "mc.testCommand", "test -e one")
    world.launch("one", "/bin/sh", "-c", commits("one"), prompt="Add one\n\nand say so")
    world.wait("one").ok()
    head = world.repo.head("mc/one")
    commit = world.mc("merge", "one", "--json").ok().json["commit"]
    [told] = note(world, commit)
    assert told.pop("at")
    assert told == {
        "name": "one", "agent": "command", "branch": "mc/one", "head": head, "target": "main",
        "commit": commit, "verdict": "pass", "test": "test -e one",
        "prompt": "Add one\n\nand say so",
        "by": world.repo.git("var", "GIT_COMMITTER_IDENT").rpartition(" ")[0].rpartition(" ")[0],
    }  # fmt: skip
    assert note(world, head)[0]["commit"] == commit
    assert 'name = "one"' in world.repo.git("log", "-1", "--notes=mission-control")


def test_what_was_not_tested_has_no_verdict(world: World) -> None:
    [told] = note(world, landed(world, "one"))
    assert "verdict" not in told
    assert "test" not in told


def test_a_commit_that_was_there_before_is_not_called_the_jobs(world: World) -> None:
    before = world.repo.head()
    finished(world, "idle", ":")
    world.mc("merge", "idle").ok()
    assert world.repo.head() == before
    assert world.repo.git("for-each-ref", "refs/notes") == ""


def test_whoever_lands_the_same_commit_adds_to_what_others_wrote(world: World) -> None:
    world.repo.git("branch", "other")
    finished(world, "one", commits("one"))
    finished(world, "two", "git reset -q --hard mc/one")
    commit = world.mc("merge", "one", "--strategy", "ff-only", "--json").ok().json["commit"]
    world.repo.git(*NOTES, "append", "-m", "by hand", commit)
    world.mc("merge", "two", "--into", "other", "--strategy", "ff-only").ok()
    text = world.repo.git(*NOTES, "show", commit)
    assert 'name = "one"' in text
    assert "by hand" in text
    assert 'name = "two"' in text.partition("by hand")[2]


@pytest.mark.parametrize("rewrite", ["amend", "rebase"])
def test_notes_follow_when_git_rewrites_the_commit(world: World, rewrite: str) -> None:
    commit = landed(world, "one")
    told = note(world, commit)
    if rewrite == "amend":
        world.repo.git("commit", "--quiet", "--amend", "-m", "another word for it")
    else:
        world.repo.git("checkout", "--quiet", "-b", "aside", "HEAD~1")
        world.repo.commit({"below": "x"})
        world.repo.git("rebase", "--quiet", "aside", "main")
    assert world.repo.head() != commit
    assert note(world) == told


def test_a_second_landing_does_not_configure_the_notes_twice(world: World) -> None:
    landed(world, "one")
    landed(world, "two")
    assert world.repo.git("config", "--get-all", "notes.rewriteRef") == provenance.REF


def test_a_note_that_cannot_be_written_keeps_nothing_from_landing(world: World) -> None:
    world.repo.git("update-ref", "refs/notes/mission-control/below", "HEAD")
    finished(world, "one", commits("one"))
    ran = world.mc("merge", "one").ok()
    assert "warning: " in ran.stderr
    assert "refs/notes/mission-control" in ran.stderr
    assert world.state("one") == "merged"
    assert [e["action"] for _, e in world.mission.store.journal.entries()
            if e["event"] == "failed"] == ["Note"]  # fmt: skip


def test_a_merge_that_is_killed_before_its_note_is_noted_by_the_next_command(world: World) -> None:
    finished(world, "one", commits("one"))
    hook(world, "reference-transaction", 'case "$1 $(cat)" in "prepared "*refs/notes/mission*)'
         f" kill -9 $(cat {world.root}/victim);; esac")  # fmt: skip
    victim = world.start("merge", "one")
    (world.root / "victim").write_text(str(victim.pid))
    assert victim.wait(60) == -signal.SIGKILL
    victim.communicate()
    (world.repo.path / ".git/hooks/reference-transaction").unlink()
    for lock in (world.repo.path / ".git/refs/notes").glob("*.lock"):
        lock.unlink()
    world.mc("jobs").ok()
    assert world.state("one") == "merged"
    assert note(world)[0]["name"] == "one"


def test_the_journal_tells_which_engine_merged(world: World) -> None:
    world.repo.commit({"f": "1\n2\n3\n4\n5\n6\n7\n8\n"})
    finished(world, "one", commits("one"))
    finished(world, "two", "sed -i s/1/one/ f; git commit -qam two")
    world.repo.commit({"f": "1\n2\n3\n4\n5\n6\n7\neight\n"})
    world.mc("merge", "one").ok()
    world.mc("merge", "two").ok()
    lands = [e for _, e in world.mission.store.journal.entries() if e.get("action") == "Land"]
    assert [(e["job"], e["engine"]) for e in lands] == [("one", "libgit2"), ("two", "git")]
    assert world.repo.files()["f"] == "one\n2\n3\n4\n5\n6\n7\neight"


def test_a_conflict_names_kinds_and_the_command_that_opens_it(world: World) -> None:
    finished(world, "one", "echo theirs >README.md; git commit -qam theirs")
    world.repo.commit({"README.md": "ours\n"})
    opening = f"git -C {world.worktree('one')} merge main"
    ran = world.mc("merge", "one", "--json").refused(3, "conflict: README.md (content)", opening)
    assert ran.json == {
        "schema": "mc.merge/1", "name": "one", "conflicts": ["README.md"],
        "kinds": {"README.md": ["content"]},
    }  # fmt: skip
    opened = subprocess.run(opening.split(), capture_output=True, check=False)
    assert opened.returncode == 1
    assert "<<<<<<<" in (world.worktree("one") / "README.md").read_text()


def test_unrelated_histories_are_refused(world: World) -> None:
    script = "git checkout -q --orphan x; git commit -qm x; git branch -qf mc/one"
    finished(world, "one", f"git checkout -q --detach; {script}; git checkout -q mc/one")
    before = world.repo.head()
    world.mc("merge", "one").refused(1, "no commit in common", "hint: ")
    assert world.repo.head() == before


@pytest.mark.parametrize("strategy", ["squash", "merge"])
def test_a_hook_that_checks_messages_is_asked_for_a_merge(world: World, strategy: str) -> None:
    finished(world, "one", commits("one"))
    before = world.repo.head()
    hook(world, "commit-msg", 'grep -q TICKET "$1" || { echo no ticket >&2; exit 1; }')
    world.mc("merge", "one", "--strategy", strategy).refused(1, "no ticket", "hint: ")
    assert world.repo.head() == before
    assert world.state("one") == "completed"
    world.mc("merge", "one", "--strategy", strategy, "-m", "TICKET one").ok()
    assert world.repo.git("log", "-1", "--format=%s") == "TICKET one"
    assert world.repo.git("log", "-1", "--format=%(trailers:key=Mc-Job,valueonly)").strip() == "one"
    assert len(world.repo.git("log", "-1", "--format=%P").split()) == (strategy == "merge") + 1
    assert world.repo.git("worktree", "list").count("\n") == 1


def test_what_a_hook_makes_of_the_files_is_what_is_tested_and_lands(world: World) -> None:
    finished(world, "one", commits("one"))
    world.repo.git("config", "mc.testCommand", "grep -q tidy one")
    hook(world, "pre-commit", "echo tidy >one; git add one")
    ran = world.mc("merge", "one", "--json").ok().json
    assert (ran["tested"], ran["engine"]) == (True, "git")
    assert world.repo.files()["one"] == "tidy"
    assert world.repo.git("status", "--porcelain") == ""


def test_a_hook_that_git_would_not_run_for_a_merge_is_not_run(world: World) -> None:
    finished(world, "one", commits("one"))
    hook(world, "pre-commit", "exit 1")
    world.mc("merge", "one", "--strategy", "merge").ok()


def test_a_target_that_is_being_rebased_is_refused(world: World) -> None:
    finished(world, "one", commits("one"))
    world.repo.git("checkout", "--quiet", "-b", "other")
    world.repo.commit({"README.md": "theirs\n"})
    world.repo.git("checkout", "--quiet", "main")
    world.repo.commit({"README.md": "ours\n"})
    rebase = ["git", "rebase", "--quiet", "other"]
    stopped = subprocess.run(rebase, cwd=world.repo.path, capture_output=True, check=False)
    assert stopped.returncode == 1
    world.mc("merge", "one").refused(1, "'main' is being rebased in", "rebase --continue")
    world.repo.git("rebase", "--abort")
    world.mc("merge", "one").ok()


def test_a_merge_under_way_in_the_targets_worktree_is_refused(world: World) -> None:
    finished(world, "one", commits("one"))
    world.repo.git("checkout", "--quiet", "-b", "other")
    world.repo.commit({"x": "theirs\n"})
    world.repo.git("checkout", "--quiet", "main")
    world.repo.commit({"y": "ours\n"})
    world.repo.git("merge", "--quiet", "--no-commit", "other")
    before = world.repo.head()
    world.mc("merge", "one").refused(1, "MERGE_HEAD", "hint: ")
    assert world.repo.head() == before


def test_a_target_that_is_checked_out_twice_is_refused(world: World, tmp_path: Path) -> None:
    finished(world, "one", commits("one"))
    world.repo.git("worktree", "add", "--quiet", "--force", str(tmp_path / "twin"), "main")
    before = world.repo.head()
    world.mc("merge", "one").refused(1, "several worktrees", "switch --detach")
    assert world.repo.head() == before


def test_a_commit_that_a_person_makes_in_between_is_kept(world: World) -> None:
    """It comes while the tests run: the merge is made and tested once more, on top of it."""
    finished(world, "one", commits("one"))
    theirs = (
        "git -C {0} diff --quiet HEAD -- by-hand && echo x >{0}/by-hand && git -C {0} add . && "
    )
    theirs += "git -C {0} commit -qm 'by hand'"
    script = f"[ -e by-hand ] || {{ {theirs.format(world.repo.path)}; }}"
    world.repo.git("config", "mc.testCommand", script)
    world.mc("merge", "one").ok()
    assert world.repo.git("log", "--format=%s").splitlines()[:2] == ["add one", "by hand"]
    verdicts = [e for _, e in world.mission.store.journal.entries() if e["event"] == "verdict"]
    assert len(verdicts) == 2


def test_a_target_is_not_moved_from_where_it_is_not(world: World) -> None:
    tip = world.repo.commit({"a": "1"})
    parent = world.repo.head("HEAD~1")
    later = world.repo.git("commit-tree", "-p", tip, "-m", "later", f"{tip}^{{tree}}")
    assert advance(world.mission, "main", parent, later, "test") is False
    assert world.repo.head() == tip
    world.repo.git("checkout", "--quiet", "--detach")
    assert advance(world.mission, "main", parent, later, "test") is False
    assert world.repo.head("main") == tip


def test_git_refuses_what_is_no_fast_forward_whoever_asks(world: World) -> None:
    tip = world.repo.commit({"a": "1"})
    aside = world.repo.git("commit-tree", "-m", "aside", f"{tip}^{{tree}}")
    with pytest.raises(Refused):
        advance(world.mission, "main", tip, aside, "test")
    assert world.repo.head() == tip


def test_filters_are_applied_where_the_target_is_checked_out(world: World) -> None:
    """As with LFS: what is in the commit is not what is in the file."""
    world.repo.git("config", "filter.upper.clean", "tr a-z A-Z")
    world.repo.git("config", "filter.upper.smudge", "tr A-Z a-z")
    world.repo.git("config", "filter.upper.required", "true")
    world.repo.commit({".gitattributes": "*.txt filter=upper\n", "a.txt": "one\n"})
    landed(world, "one", "echo two >b.txt; git add .; git commit -qm two")
    assert world.repo.files()["b.txt"] == "TWO"
    assert (world.repo.path / "b.txt").read_text() == "two\n"
    assert world.repo.git("status", "--porcelain") == ""


def test_a_sparse_checkout_stays_sparse(world: World) -> None:
    world.repo.commit({"in/a": "1", "out/b": "1"})
    world.repo.git("sparse-checkout", "set", "in")
    landed(world, "one", "git sparse-checkout disable; echo 2 >out/b; echo 3 >in/c;"
           " git add .; git commit -qm both")  # fmt: skip
    assert not (world.repo.path / "out").exists()
    assert (world.repo.path / "in/c").exists()
    assert world.repo.git("status", "--porcelain") == ""
    assert world.repo.files()["out/b"] == "2"


def test_a_submodule_that_moves_lands_as_a_commit(world: World, tmp_path: Path) -> None:
    world.repo.git("init", "--quiet", str(tmp_path / "sub"))
    commit = ("-c", "user.name=S", "-c", "user.email=s@example.invalid", "commit", "--quiet")
    for message in ("first", "second"):
        world.repo.git(*commit, "--allow-empty", "-m", message, cwd=tmp_path / "sub")
    second = world.repo.git("rev-parse", "HEAD", cwd=tmp_path / "sub")
    allow = ("-c", "protocol.file.allow=always")
    world.repo.git(*allow, "submodule", "--quiet", "add", str(tmp_path / "sub"), "sub")
    world.repo.git("checkout", "--quiet", "HEAD~1", cwd=world.repo.path / "sub")
    world.repo.commit({}, "with a submodule")
    landed(world, "one", f"git update-index --cacheinfo 160000,{second},sub; git commit -qm moved")
    assert world.repo.git("ls-tree", "HEAD", "sub").split()[2] == second


def test_a_shallow_clone_lands_through_git_or_says_why_not(world: World, tmp_path: Path) -> None:
    world.repo.commit({"a": "1"})
    url = f"file://{world.repo.path}"
    world.repo.git("clone", "--quiet", "--depth=1", url, str(tmp_path / "shallow"))
    world.adopt(tmp_path / "shallow")
    there = tmp_path / "shallow"
    world.mc("launch", "one", "--", "sh", "-c", commits("one"), cwd=there).ok()
    world.mc("wait", "one", cwd=there).ok()
    ran = world.mc("merge", "one", "--json", cwd=there).ok().json
    assert ran["engine"] == "git"


@pytest.mark.slow
def test_ten_thousand_files_and_names_that_no_shell_would_like_land(world: World) -> None:
    script = (
        "import os\n"
        "os.makedirs('deep/er')\n"
        "for n in range(10000): open(f'deep/er/{n}', 'w').write(str(n))\n"
        "for name in ['a\\nb', 'q\\'\"`$(touch canary)', '-rf', b'\\xff\\xfe', 'tab\\t']:\n"
        "    open(name, 'w').write('x')\n"
        "open('.gitattributes', 'w').write('* merge=evil\\n')\n"
        "os.system('git add -A; git commit -qm many')\n"
    )
    world.repo.git("config", "merge.evil.driver", "touch driven; exit 1")
    world.launch("many", sys.executable, "-c", script)
    world.wait("many").ok()
    world.repo.commit({"other": "1"})
    world.mc("merge", "many").ok()
    assert len(world.repo.git("ls-tree", "-r", "-z", "--name-only", "HEAD").split("\0")) > 10000
    assert world.repo.git("status", "--porcelain") == ""
    assert not list(world.repo.path.glob("**/canary"))
    assert not list(world.repo.path.glob("**/driven"))
