"""What a merge has to pass: found in the files of its target, and remembered once it has passed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.test_merge import commits, finished
from tests.support.world import World

COUNTING = 'test:\n\ttest -f one\n\techo ran >>"$(MC_DIR)/ran"\n'


def runs(world: World) -> int:
    """How often the tests of `COUNTING` have been run."""
    ran = world.root / "ran"
    return len(ran.read_text().splitlines()) if ran.exists() else 0


def verdicts(world: World) -> list[tuple[str, str]]:
    lines = (world.root / "journal.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    return [
        (one["verdict"], one.get("reason") or "") for one in found if one.get("event") == "verdict"
    ]


@pytest.fixture
def programs(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for programs that are found first."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_without_a_setting_the_targets_own_tests_have_to_pass(world: World) -> None:
    world.repo.commit({"Makefile": COUNTING})
    finished(world, "two", commits("two"))
    finished(world, "one", commits("one"))
    tip = world.repo.head()
    world.mc("merge", "two").refused(
        1, "the tests fail: exit status 2", "two.test.log", "`make test` is from Makefile"
    )
    assert world.repo.head() == tip
    merged = world.mc("merge", "one", "-v").ok()
    assert merged.stdout.endswith(", tested\n")
    assert "the test command is `make test`, from Makefile\n" in merged.stderr
    assert runs(world) == 1
    assert world.mc("merge", "two").ok().stderr == ""
    assert runs(world) == 2


def test_files_that_passed_are_not_tested_again(world: World) -> None:
    base = world.repo.commit({"Makefile": COUNTING})
    finished(world, "one", commits("one"))
    finished(world, "same", commits("one"))
    assert world.mc("merge", "one", "--json").ok().json["cached"] is False
    passed = world.repo.head("HEAD^{tree}")
    world.repo.git("reset", "-q", "--hard", base)
    ran = world.mc("merge", "same", "--json", "-v").ok()
    assert (ran.json["tested"], ran.json["cached"]) == (True, True)
    assert "passed on the same files before" in ran.stderr
    assert (runs(world), world.repo.head("HEAD^{tree}")) == (1, passed)
    assert [verdict for verdict, _ in verdicts(world)] == ["pass", "pass"]
    assert verdicts(world)[1][1].startswith("cached: ")
    assert "command = " in world.repo.git("notes", "--ref", "mc-verdicts", "show", passed)


def test_under_other_variables_it_is_to_be_passed_again(world: World) -> None:
    base = world.repo.commit({"Makefile": COUNTING})
    world.repo.git("config", "mc.train.environment", "COLOUR")
    finished(world, "one", commits("one"))
    finished(world, "same", commits("one"))
    world.mc("merge", "one").ok()
    world.repo.git("reset", "-q", "--hard", base)
    assert world.mc("merge", "same", "--json", COLOUR="red").ok().json["cached"] is False
    assert runs(world) == 2


def test_a_red_verdict_is_not_remembered(world: World) -> None:
    world.repo.git("config", "mc.testCommand", f"echo >>{world.root}/ran; test -e {world.root}/ok")
    finished(world, "one", commits("one"))
    for _ in range(2):
        world.mc("merge", "one").refused(1, "the tests fail")
    (world.root / "ok").touch()
    world.mc("merge", "one").ok()
    assert runs(world) == 3


def test_notes_that_cannot_be_written_keep_nothing_from_landing(world: World) -> None:
    world.repo.commit({"Makefile": COUNTING})
    world.repo.git("update-ref", "refs/notes/mc-verdicts/in/the/way", "HEAD")
    finished(world, "one", commits("one"))
    assert world.mc("merge", "one", "--json").ok().json["tested"] is True
    assert world.state("one") == "merged"
    assert "mc-verdicts" in world.mc("log", "one").ok().stdout


def test_a_runner_that_is_not_there_is_a_hint_and_no_gate(world: World) -> None:
    package = {"scripts": {"test": "exit 1"}, "packageManager": "bun@1.0.0"}
    world.repo.commit({"package.json": json.dumps(package)})
    finished(world, "one", commits("one"))
    world.mc("merge", "one", "--test").refused(1, "no test command to run: `bun run test` cannot")
    merged = world.mc("merge", "one", "--json").ok()
    assert merged.stderr == (
        "hint: not tested: `bun run test` cannot run: 'bun' is not on PATH"
        " (package.json asks for it)\n"
    )
    assert merged.json["tested"] is False


def test_an_empty_setting_says_that_nothing_is_to_be_tested(world: World) -> None:
    world.repo.commit({"Makefile": COUNTING})
    finished(world, "one", commits("one"))
    world.repo.git("config", "mc.testCommand", "")
    merged = world.mc("merge", "one", "-v").ok()
    assert "tested" not in merged.stdout
    assert "there is no test command" in merged.stderr
    assert runs(world) == 0


def test_a_job_does_not_choose_the_gate_that_judges_it(world: World) -> None:
    world.repo.commit({".mission-control.toml": 'test_command = "exit 3"\n'})
    world.mc("trust").ok()
    weaker = "echo 'test_command = \"true\"' >.mission-control.toml; echo 'test:' >Makefile"
    finished(world, "one", f"{weaker}; git add .; git commit -qm weaker")
    (world.repo.path / ".mission-control.toml").write_text('test_command = "true"\n')
    world.mc("trust").ok()
    world.repo.git("checkout", "-q", "--", ".")
    world.mc("merge", "one").refused(1, "exit status 3")
    world.repo.git("switch", "-q", "-c", "mine", "mc/one~")
    world.mc("merge", "one").refused(1, "exit status 3")


def test_what_the_lock_file_asks_for_is_installed_first(world: World, programs: Path) -> None:
    program(
        programs,
        "npm",
        'case $1 in --version) echo 1;; ci) test "$CI" && echo in >in;; test) cat in;; esac',
    )
    package = json.dumps({"scripts": {"test": "x"}})
    files = {"package.json": package, "package-lock.json": "{}", ".gitignore": "in\n"}
    world.repo.commit(files)
    finished(world, "one", commits("one"))
    finished(world, "two", commits("two"))
    world.mc("merge", "one").ok()
    assert (world.root / "logs/one.test.log").read_text().splitlines()[-1] == "in"
    program(programs, "npm", "case $1 in --version) echo 1;; *) echo no network; exit 7;; esac")
    tip = world.repo.commit({"package-lock.json": "{ }"})
    world.mc("merge", "two").refused(
        1, "the test command says nothing: ", "'npm ci' failed: ", "status 7", "two.test.log"
    )
    assert world.repo.head() == tip
    assert "no network" in (world.root / "logs/two.test.log").read_text().splitlines()


def test_a_gate_that_changes_while_it_is_passed_is_asked_again(
    world: World, tmp_path: Path
) -> None:
    """Somebody lands stricter tests while the job is tested: it is judged by those."""
    finished(world, "one", commits("one"))
    stricter = 'test_command = "exit 5"\\n'
    script = (
        f"cd {world.repo.path}; test -e {tmp_path}/done && exit; touch {tmp_path}/done;"
        f" printf '{stricter}' >.mission-control.toml; git add .; git commit -qm stricter"
    )
    world.repo.commit({".mission-control.toml": f"test_command = {json.dumps(script)}\n"})
    world.mc("trust").ok()
    world.mc("merge", "one").refused(1, "main:.mission-control.toml: testCommand is 'exit 5'")
    assert "one" not in world.repo.files()
    world.mc("trust").ok()
    world.mc("merge", "one").refused(1, "exit status 5")
