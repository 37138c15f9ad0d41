"""Passes in notes on trees: for everybody to read, and lost by nobody."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import pytest

from gitmc.control.environment import environment_of
from gitmc.control.mission import open_mission
from gitmc.control.verdicts import known, remember
from gitmc.model.environment import Environment
from gitmc.model.verdict import Pass
from tests.support.world import Repo, World

HERE = Environment("0a" * 8, ("Linux x86_64", "make: GNU Make 4.3"))
AT = "2026-01-02T03:04:05.678Z"
ONE = Pass(1.5, False, AT)


def trees_of(repo: Repo, count: int) -> list[str]:
    """Trees that exist."""
    blobs = [repo.git("hash-object", "-w", "--stdin", stdin=str(n)) for n in range(count)]
    return [repo.git("mktree", stdin=f"100644 blob {blob}\tfile\n") for blob in blobs]


def started(path: Path) -> list[list[str]]:
    events = [json.loads(line) for line in path.read_text().splitlines()]
    return [event["argv"] for event in events if event["event"] == "start"]


def test_many_trees_take_one_commit_and_two_questions(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = trees_of(world.repo, 40)
    mission = world.mission
    passes = {tree: ONE._replace(seconds=float(n)) for n, tree in enumerate(trees[:30])}
    remember(mission, passes, "make test", HERE)
    assert world.repo.git("rev-list", "--count", "refs/notes/mc-verdicts") == "1"
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(trace))
    assert known(world.mission, trees, "make test", HERE) == passes
    assert len([argv for argv in started(trace) if argv[1] != "version"]) <= 3
    assert known(mission, trees, "make", HERE) == {}
    assert known(mission, trees, "make test", Environment("0b" * 8)) == {}
    assert known(mission, [], "make test", HERE) == {}


def test_git_shows_it(world: World) -> None:
    [tree] = trees_of(world.repo, 1)
    remember(world.mission, {tree: ONE}, "make 'the test'", HERE)
    shown = world.repo.git("notes", "--ref", "mc-verdicts", "show", tree)
    for line in ("make 'the test'", '"make: GNU Make 4.3"', "seconds = 1.5", f'at = "{AT}"'):
        assert line in shown


def test_what_others_write_is_kept_and_a_torn_note_is_no_pass(world: World) -> None:
    [tree] = trees_of(world.repo, 1)
    world.repo.git("notes", "--ref", "mc-verdicts", "add", "-m", "by hand", tree)
    remember(world.mission, {tree: ONE}, "make", HERE)
    note = world.repo.git("notes", "--ref", "mc-verdicts", "show", tree)
    assert note.startswith("by hand\n")
    assert known(world.mission, [tree], "make", HERE) == {tree: ONE}
    for text in (note[:-30], note.replace("flaky = false", "flaky = true"), "\udcff"):
        world.repo.git("notes", "--ref", "mc-verdicts", "add", "-f", "-m", "x", tree)
        blob = world.repo.path / "blob"
        blob.write_text(text, errors="surrogateescape")
        world.repo.git("notes", "--ref", "mc-verdicts", "add", "-f", "-F", str(blob), tree)
        assert known(world.mission, [tree], "make", HERE) == {}
        remember(world.mission, {tree: ONE}, "make", HERE)
        assert known(world.mission, [tree], "make", HERE) == {tree: ONE}


def test_a_note_that_was_copied_to_another_tree_is_no_pass(world: World) -> None:
    one, other = trees_of(world.repo, 2)
    remember(world.mission, {one: ONE}, "make", HERE)
    world.repo.git("notes", "--ref", "mc-verdicts", "copy", one, other)
    assert known(world.mission, [one, other], "make", HERE) == {one: ONE}


def write_all(path: Path, trees: list[str], command: str) -> None:
    mission = open_mission(path)
    for tree in trees:
        remember(mission, {tree: ONE}, command, HERE)


def test_two_that_remember_at_once_lose_nothing(world: World) -> None:
    trees = trees_of(world.repo, 8)
    spawn = multiprocessing.get_context("spawn")
    writers = [
        spawn.Process(target=write_all, args=(world.repo.path, trees[::step], str(step)))
        for step in (1, -1)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    for command in ("1", "-1"):
        assert known(world.mission, trees, command, HERE) == dict.fromkeys(trees, ONE)


def test_what_it_ran_under_is_asked_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    tool = tmp_path / "nox"
    tool.write_text("#!/bin/sh\npwd\nprintf 'x\\0371\\n' >&2\n")
    tool.chmod(0o755)
    monkeypatch.setenv("COLOUR", "red")
    first = environment_of("nox -s a && no-such-tool", ["COLOUR", "NONE"], ["a"], {"CI": "true"})
    assert "nox: /" in first.parts
    assert [part for part in first.parts if "python3" in part]
    assert first.parts[-4:] == ("CI=true", "COLOUR=red", "NONE is not set", "set up by: a")
    monkeypatch.setenv("COLOUR", "blue")
    other = environment_of("nox -s a && no-such-tool", ["COLOUR", "NONE"], ["a"], {"CI": "true"})
    assert other.key != first.key


@pytest.mark.parametrize(
    ("name", "script", "said"),
    [
        ("deno", "echo 'v1 \\033[0m' >&2", "deno: v1 [0m"),
        ("prove", "exit 3", "prove: unknown"),
        ("ctest", None, "ctest: unknown"),
    ],
)
def test_a_tool_that_says_nothing_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str | None, said: str
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    text = "#!/no/such/interpreter\n" if script is None else f"#!/bin/sh\n{script}\n"
    (tmp_path / name).write_text(text)
    (tmp_path / name).chmod(0o755)
    assert said in environment_of(f"{name} x").parts


def test_a_tool_that_is_not_there_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "make: not found" in environment_of("make").parts
