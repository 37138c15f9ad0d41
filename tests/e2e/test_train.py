"""The merge train, with real branches, tests and accidents."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gitmc.store.trains import Trains
from tests.e2e.test_merge import commits, finished
from tests.support.agents import Pipe
from tests.support.events import until
from tests.support.world import Ran, World

GREEN = "test ! -e bad"


def branch(world: World, name: str, **files: str) -> str:
    """A branch off main with one commit; the commit."""
    world.repo.git("checkout", "-q", "-b", name, "main")
    commit = world.repo.commit(files or {name: f"{name}\n"}, f"add {name}")
    world.repo.git("checkout", "-q", "main")
    return commit


def train(world: World, *words: str, status: int = 0, test: str | None = GREEN) -> dict[str, Any]:
    """A train that ends with that status; its object."""
    asked = [] if test is None else ["--test", test]
    ran = world.mc("merge-train", *words, *asked, "--json")
    assert ran.status == status, f"exit {ran.status}\n{ran.stdout}\n{ran.stderr}"
    found: dict[str, Any] = ran.json
    return found


def ended(world: World, train_id: str) -> None:
    """Wait until the train has ended."""
    trains = Trains(world.root)
    until(lambda: (t := trains.get(train_id)) is not None and t.ended_at is not None, trains.folder)


def names(found: Sequence[dict[str, Any]]) -> list[str]:
    return [one["name"] for one in found]


def tree(world: World, name: str = "main") -> str:
    return world.repo.head(f"{name}^{{tree}}")


def test_what_passes_lands_in_order(world: World) -> None:
    heads = {name: branch(world, name) for name in ("a", "b", "c")}
    base = world.repo.head()
    found = train(world, "a", "b", "c", "--strategy", "merge", "--slots", "2")
    assert (found["schema"], found["state"], found["target"]) == ("mc.train/1", "done", "main")
    assert (found["base"], found["tip"]) == (base, world.repo.head())
    assert names(found["landed"]) == ["a", "b", "c"]
    assert {one["name"]: one["head"] for one in found["landed"]} == heads
    assert found["landed"][-1]["commit"] == world.repo.head()
    assert found["landed"][-1]["tree"] == tree(world)
    assert found["ejected"] == found["blocked"] == []
    assert set(world.repo.files()) == {"README.md", "a", "b", "c"}
    assert world.repo.git("status", "--porcelain") == ""
    subjects = world.repo.git("log", "--first-parent", "--format=%s").splitlines()
    assert subjects[:3] == [f"Merge branch '{name}' into main" for name in "cba"]


def test_the_guilty_is_ejected_with_a_witness_and_the_rest_land(world: World) -> None:
    for name in ("a", "b", "c", "d"):
        branch(world, name)
    branch(world, "guilty", bad="x\n")
    branch(world, "clash", b="other\n")
    found = train(world, "a", "guilty", "b", "clash", "c", "d", "--slots", "3", status=1)
    assert sorted(names(found["landed"])) == ["a", "b", "c", "d"]
    by_name = {one["name"]: one for one in found["ejected"]}
    assert by_name["guilty"]["reason"] == "test"
    witness = by_name["guilty"]["witness"]
    assert witness["runs"] == 2
    red = [run for run in found["runs"] if run["tree"] == witness["red_tree"]]
    assert [run["verdict"] for run in red] == ["fail", "fail"]
    assert (by_name["clash"]["reason"], by_name["clash"]["with"]) == ("conflict", "b")
    assert by_name["clash"]["files"] == ["b"]
    assert "bad" not in world.repo.files()
    passed = {run["tree"] for run in found["runs"] if run["verdict"] == "pass"}
    assert witness["green_tree"] in passed
    assert tree(world) in passed


def test_only_conflicts_left_is_exit_3(world: World) -> None:
    branch(world, "a", f="1\n")
    branch(world, "b", f="2\n")
    found = train(world, "a", "b", status=3)
    assert names(found["landed"]) == ["a"]


def test_why_it_failed_is_shown_and_can_be_had_in_a_worktree(world: World, tmp_path: Path) -> None:
    branch(world, "guilty", bad="x\n")
    found = train(world, "guilty", "--test", "test ! -e bad || { echo the reason; exit 1; }",
                  test=None, status=1)  # fmt: skip
    place = tmp_path / "made"
    words = ("merge-train", "show", found["id"], "guilty", "--checkout", str(place))
    told = world.mc(*words, "--json").ok().json
    assert told["lines"] == ["the reason"]
    assert (place / "bad").exists()
    again = subprocess.run(told["reproduce"], shell=True, capture_output=True, check=False)
    assert again.returncode == 1
    assert b"the reason" in again.stdout
    world.mc("merge-train", "show", found["id"], "other").refused(1, "'other' was not taken out")


def test_without_names_all_completed_jobs_land_and_are_merged(world: World) -> None:
    for name in ("one", "two"):
        finished(world, name, commits(name))
    world.sh("failed", "exit 3")
    world.wait("failed")
    found = train(world)
    assert names(found["landed"]) == ["one", "two"]
    assert [world.state(name) for name in ("one", "two", "failed")] == [
        "merged", "merged", "failed"
    ]  # fmt: skip
    landed = {one["name"]: one["commit"] for one in found["landed"]}
    for name, commit in landed.items():
        note = world.repo.git("notes", "--ref", "mission-control", "show", commit)
        assert f'name = "{name}"' in note
        assert 'verdict = "pass"' in note
        trailer = world.repo.git("log", "-1", "--format=%(trailers:key=Mc-Job,valueonly)", commit)
        assert trailer.strip() == name
    world.mc("cleanup", "one", "two", "--delete-branch").ok()


def test_jobs_that_do_not_land_say_why(world: World) -> None:
    finished(world, "one", commits("one", "1", "same"))
    finished(world, "two", commits("two", "2", "same"))
    finished(world, "three", commits("three", "x", "bad"))
    train(world, status=1)
    assert [world.state(name) for name in ("one", "two", "three")] == [
        "merged", "conflict", "ready_to_merge"
    ]  # fmt: skip
    assert "conflict with 'one'" in world.job("two")["reason"]
    assert "the tests fail with it" in world.job("three")["reason"]


def test_what_an_agent_left_uncommitted_lands_too(world: World) -> None:
    finished(world, "left", "echo new >new")
    train(world)
    assert world.repo.files()["new"] == "new"


def test_without_a_test_command_it_refuses_unless_told_not_to_test(world: World) -> None:
    branch(world, "a")
    before = world.repo.head()
    world.mc("merge-train", "a").refused(1, "no test command", "--no-test")
    assert world.repo.head() == before
    found = train(world, "a", "--no-test", test=None)
    assert names(found["landed"]) == ["a"]
    assert found["runs"] == []


@pytest.mark.parametrize("strategy", ["squash", "ff-only"])
def test_other_strategies_land_what_was_tested(world: World, strategy: str) -> None:
    branch(world, "a")
    world.repo.git("checkout", "-q", "a")
    world.repo.commit({"a2": "x\n"}, "add a2")
    world.repo.git("checkout", "-q", "main")
    branch(world, "b")
    found = train(world, "a", "b", "--strategy", strategy)
    assert world.repo.git("rev-list", "--count", "--merges", "main") == "0"
    assert set(world.repo.files()) == {"README.md", "a", "a2", "b"}
    expected = {"squash": ["add b", "Squash branch 'a'"], "ff-only": ["add b", "add a2", "add a"]}
    subjects = world.repo.git("log", "--format=%s").splitlines()
    assert subjects[: len(expected[strategy])] == expected[strategy]
    assert found["landed"][-1]["tree"] == tree(world)


def test_every_commit_on_the_way_passes_if_asked_for(world: World) -> None:
    for name in ("a", "b", "c"):
        branch(world, name)
    branch(world, "breaks", broken="x\n")
    branch(world, "mends", mended="x\n")
    test = "test ! -e broken || test -e mended"
    queue = ("a", "breaks", "b", "mends", "c")
    found = train(world, *queue, "--every", "--slots", "4", test=test, status=1)
    assert names(found["ejected"]) == ["breaks"]
    for commit in world.repo.git("rev-list", "--first-parent", "main").split()[:4]:
        assert "broken" not in world.repo.files(commit)


def test_a_target_that_fails_by_itself_convicts_nobody(world: World) -> None:
    world.repo.commit({"bad": "x\n"})
    branch(world, "a")
    before = world.repo.head()
    found = train(world, "a", status=1)
    assert (found["state"], found["ejected"], found["landed"]) == ("stopped", [], [])
    assert "the target fails by itself" in found["reason"]
    assert world.repo.head() == before


@pytest.mark.parametrize("test", ["./not-there", "exit 126", "kill -9 $$"])
def test_a_gate_that_cannot_run_neither_passes_nor_convicts(world: World, test: str) -> None:
    branch(world, "a")
    before = world.repo.head()
    found = train(world, "a", test=test, status=1)
    assert (found["state"], found["ejected"], found["landed"]) == ("stopped", [], [])
    assert "the test command could not be run" in found["reason"]
    assert world.repo.head() == before


def test_a_command_that_cannot_tell_convicts_nobody(world: World) -> None:
    branch(world, "a")
    branch(world, "odd")
    found = train(world, "odd", "a", test="test ! -e odd || exit 125", status=1)
    assert names(found["landed"]) == ["a"]
    assert [(one["name"], one["reason"]) for one in found["blocked"]] == [("odd", "skip")]


def test_a_test_that_takes_too_long_is_told_apart(world: World) -> None:
    branch(world, "slow")
    branch(world, "a")
    test = "test ! -e slow || exec sleep 1000"
    found = train(world, "slow", "a", "--timeout", "1", "--retries", "0", test=test, status=1)
    assert names(found["landed"]) == ["a"]
    assert [(one["name"], one["reason"]) for one in found["ejected"]] == [("slow", "timeout")]


def test_what_passed_before_is_not_tested_again(world: World) -> None:
    world.repo.git("config", "train.dummy", "x")
    branch(world, "a")
    first = train(world, "a")
    world.repo.git("reset", "-q", "--hard", first["base"])
    again = train(world, "a")
    assert names(again["landed"]) == ["a"]
    assert [(run["verdict"], run["cached"]) for run in again["runs"]] == [("pass", True)]


def held(world: World, tmp_path: Path) -> tuple[Pipe, Pipe, str]:
    """A test command whose first run says that it runs, and goes on when it is told to."""
    said, line = Pipe(tmp_path / "said"), Pipe(tmp_path / "line")
    once = f"mkdir {tmp_path}/once 2>/dev/null"
    return said, line, f"if {once}; then echo up >{said}; read -r _ <{line}; fi; {GREEN}"


def finish(process: subprocess.Popen[bytes]) -> Ran:
    out, err = process.communicate(timeout=60)
    return Ran(process.returncode, out.decode(), err.decode())


def test_a_commit_on_the_target_meanwhile_is_kept(world: World, tmp_path: Path) -> None:
    said, line, test = held(world, tmp_path)
    branch(world, "a")
    started = world.start("merge-train", "a", "--test", test, "--json", "--strategy", "merge")
    said.read()
    mine = world.repo.commit({"mine": "x\n"}, "by hand")
    line.write("go")
    found = finish(started).ok().json
    assert names(found["landed"]) == ["a"]
    assert set(world.repo.files()) == {"README.md", "a", "mine"}
    assert world.repo.head("main^1") == mine
    assert tree(world) in {run["tree"] for run in found["runs"] if run["verdict"] == "pass"}


def test_a_branch_that_is_pushed_to_or_deleted_meanwhile_lands_as_it_is_then(
    world: World, tmp_path: Path
) -> None:
    said, line, test = held(world, tmp_path)
    for name in ("a", "b", "c"):
        branch(world, name)
    started = world.start("merge-train", "a", "b", "c", "--test", test, "--json")
    said.read()
    world.repo.git("checkout", "-q", "a")
    world.repo.commit({"bad": "x\n"}, "worse")
    world.repo.git("checkout", "-q", "main")
    world.repo.git("branch", "-q", "-D", "b")
    line.write("go")
    found = finish(started).json
    assert names(found["landed"]) == ["c"]
    assert names(found["ejected"]) == ["a"]
    assert [(one["name"], one["reason"]) for one in found["blocked"]] == [("b", "deleted")]


def test_files_of_the_user_in_the_way_stop_the_landing_and_are_left_alone(world: World) -> None:
    branch(world, "a", **{"README.md": "theirs\n"})
    (world.repo.path / "README.md").write_text("mine\n")
    before = world.repo.head()
    found = train(world, "a", status=1)
    assert found["state"] == "stopped"
    assert "README.md" in found["reason"]
    assert (world.repo.path / "README.md").read_text() == "mine\n"
    assert world.repo.head() == before


def test_a_train_can_be_canceled(world: World, tmp_path: Path) -> None:
    said, _, test = held(world, tmp_path)
    branch(world, "a")
    world.mc("merge-train", "a", "--test", test, "--detach").ok()
    said.read()
    canceled = world.mc("merge-train", "cancel", "--json").ok().json
    assert (canceled["state"], canceled["landed"], names(canceled["queue"])) == (
        "canceled", [], ["a"]
    )  # fmt: skip
    assert [run["verdict"] for run in canceled["runs"]] == ["canceled"]
    world.mc("merge-train", "cancel").refused(1, "there is no running train")


def test_a_detached_train_goes_on_by_itself(world: World) -> None:
    branch(world, "a")
    started = world.mc("merge-train", "a", "--test", GREEN, "--detach", "--json").ok().json
    ended(world, started["id"])
    found = world.mc("merge-train", "status", "--json").ok().json
    assert (found["state"], names(found["landed"])) == ("done", ["a"])


def test_a_train_whose_driver_is_killed_goes_on(world: World, tmp_path: Path) -> None:
    said, line, test = held(world, tmp_path)
    for name in ("a", "b"):
        branch(world, name)
    started = world.start("merge-train", "a", "b", "--test", test, "--slots", "1")
    said.read()
    os.kill(started.pid, signal.SIGKILL)
    started.communicate()
    line.write("go")
    ended(world, "t1")
    found = world.mc("merge-train", "status", "t1", "--json").ok().json
    assert (found["state"], names(found["landed"])) == ("done", ["a", "b"])
    # The run that was under way was not done again.
    assert [run["verdict"] for run in found["runs"]] == ["pass"]


def test_names_that_are_nothing_are_refused(world: World) -> None:
    branch(world, "a")
    for nothing in ("nothing", "a~0", "a\nb"):
        words = ("merge-train", "a", nothing, "--no-test")
        world.mc(*words).refused(1, "neither a job nor a branch")
    world.mc("merge-train", "--no-test").refused(1, "nothing is ready to land")
    world.mc("merge-train", "main", "a", "--no-test").refused(1, "'main' is the target")
    world.mc("merge-train", "status", "t7").refused(1, "there is no train 't7'")
    assert not list((world.root / "trains").glob("*")) if world.root.exists() else True


def test_a_dry_run_starts_nothing(world: World) -> None:
    branch(world, "a")
    found = train(world, "a", "--dry-run")
    assert names(found["queue"]) == ["a"]
    assert not (world.root / "trains").exists()
    assert world.repo.head() == world.repo.head("a~1")


def test_help_tells_the_options_and_the_verbs(world: World) -> None:
    shown = world.mc("merge-train", "-h").ok().stdout
    assert shown.startswith("Usage: git mc merge-train [OPTIONS] [JOB|BRANCH]...\n")
    for word in ("--into BRANCH", "--test CMD", "status [TRAIN]", "cancel [TRAIN]", "show TRAIN"):
        assert word in shown
    assert "--drive" not in shown
    world.mc("merge-train", "--bogus").refused(129, "git mc merge-train -h shows its use")
    bogus = world.mc("merge-train", "status", "--bogus")
    bogus.refused(129, "git mc merge-train status -h shows its use")


def test_words_are_completed_by_what_may_stand_there(world: World) -> None:
    finished(world, "stable", commits("stable"))
    branch(world, "a")
    train(world, "a")

    def completed(*words: str) -> list[str]:
        done = world.mc(
            _GIT_MC_COMPLETE="bash_complete",
            COMP_WORDS=" ".join(["git-mc", *words]),
            COMP_CWORD=str(len(words)),
        ).ok()
        return [line.removeprefix("plain,") for line in done.stdout.split()]

    assert completed("merge-train", "sta") == ["stable", "status"]
    assert completed("merge-train", "a", "sta") == ["stable"]
    assert completed("merge-train", "status", "t") == ["t1"]


def test_a_branch_that_is_called_as_a_verb_is_can_be_named(world: World) -> None:
    branch(world, "status")
    branch(world, "start")
    found = train(world, "start", "--strategy", "merge")
    assert names(found["landed"]) == ["start"]
    world.mc("merge-train", "--no-test", "--", "status").ok()
    assert set(world.repo.files()) == {"README.md", "start", "status"}
