"""What is seen of a train: pictures, and the terminal in which they are drawn."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmc.cli.trainpicture import picture
from gitmc.model.columns import columns
from gitmc.model.trainrecord import Train
from tests.e2e.test_live import Pane
from tests.e2e.test_merge import commits, finished
from tests.e2e.test_train import GREEN, branch, ended, finish, held
from tests.support.events import until
from tests.support.trainmade import a_run, a_train, at
from tests.support.world import PATIENCE, World

pytestmark = pytest.mark.slow

PICTURES: dict[str, tuple[Train, float | None, tuple[int, int], list[str]]] = {
    "all kinds": (
        a_train(
            ["c", "d", "e", "f"],
            "ab",
            [("x", "test"), ("y", "conflict"), ("z", "blocked")],
            [a_run(1, "ab", 0, "pass"), a_run(3, "cde", 60), a_run(2, "cd", 51)],
        ),
        40.0,
        (80, 24),
        [
            "t1 into main: 2 of 9 landed, 2 ejected, 1 left out, 4 to go, 1m03s",
            "✓a ✓b ✗x !y -z ▸c ▸d]1 ▸e]2 ·f",
            "]1 through d: 2 branches, 12s of about 40s",
            "]2 through e: 3 branches, 3s of about 40s",
        ],
    ),
    "nothing runs": (
        a_train("c"),
        None,
        (80, 24),
        ["t1 into main: 0 of 1 landed, 1 to go, 1m03s", "·c"],
    ),
    "nothing at all": (a_train(), None, (80, 24), ["t1 into main: 0 of 0 landed, 1m03s"]),
    "the base": (
        a_train("c", runs=[a_run(1, "", 60)]),
        None,
        (80, 24),
        ["t1 into main: 0 of 1 landed, 1 to go, 1m03s", "·c", "]1 main by itself, 3s"],
    ),
    "again": (
        a_train("c", runs=[a_run(1, "c", 0, "fail"), a_run(2, "c", 60)]),
        None,
        (80, 24),
        ["t1 into main: 0 of 1 landed, 1 to go, 1m03s", "▸c]1", "]1 c, again, 3s"],
    ),
    "wrapped": (
        a_train(["one", "two", "three", "four"]),
        None,
        (13, 24),
        ["t1 into main", "·one ·two", "·three ·four"],
    ),
    "names are cut": (
        a_train(["one-long", "two-long", "six-long"]),
        None,
        (25, 3),
        ["t1 into main: 0 of 3 lan", "·one-l… ·two-l… ·six-l…"],
    ),
    "signs alone, the last ones": (
        a_train([f"name-{number}" for number in range(20)], ["x"] * 40),
        None,
        (31, 3),
        ["t1 into main: 40 of 60 landed,", "…33" + "✓" * 7 + "·" * 20],
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_train_is_drawn(name: str) -> None:
    train, expected, size, lines = PICTURES[name]
    assert picture(train, at(63), expected, size, colour=False) == lines


def test_what_is_known_of_a_car_is_its_colour() -> None:
    train, expected, size, lines = PICTURES["all kinds"]
    shown = picture(train, at(63), expected, size, colour=True)[1]
    assert "\x1b[32m✓a\x1b[0m" in shown
    assert "\x1b[31m✗x\x1b[0m \x1b[33m!y\x1b[0m" in shown
    assert "\x1b[1;34m▸d]1\x1b[0m" in shown
    assert shown.endswith(" ·f")
    assert columns(shown) == len(lines[1])


names = st.lists(st.text(min_size=1, max_size=30), unique=True, max_size=30)


@settings(max_examples=60, deadline=None)
@given(names, st.integers(0, 30), st.integers(0, 30), st.integers(0, 5),
       st.integers(0, 60), st.integers(0, 20), st.booleans())  # fmt: skip
def test_a_picture_fits_whatever_terminal_there_is(
    some: list[str], landed: int, out: int, live: int, width: int, height: int, colour: bool
) -> None:
    arrived, gone, queue = some[:landed], some[landed:][:out], some[landed:][out:]
    runs = [a_run(number, queue[: number + 1], number) for number in range(live)]
    train = a_train(queue, arrived, [(name, "test") for name in gone], runs)
    lines = picture(train, at(9), None, (width, height), colour=colour)
    assert 1 <= len(lines) <= max(1, height - 1)
    assert all(columns(line) <= max(1, width - 1) for line in lines)
    assert all(line.replace("\x1b", "").isprintable() for line in lines)


def gone(lines: list[str]) -> bool:
    """Whether no picture is left on the screen."""
    return not any("▸" in line or "]1" in line for line in lines)


@pytest.mark.slow
def test_a_terminal_shows_the_cars_and_then_what_became_of_them(
    world: World, tmp_path: Path
) -> None:
    said, line, test = held(world, tmp_path)
    for name in ("first", "second"):
        branch(world, name)
    words = ["merge-train", "first", "second", "--slots", "1", "--test", test]
    pane = Pane(world, tmp_path, *words)
    pane.until(lambda lines: "▸first ▸second]1" in lines)
    said.read()
    assert pane.asked("#{alternate_on} #{cursor_flag}") == "0 1"
    world.tmux("resize-window", "-t", pane.id, "-x", "16", "-y", "9")
    pane.until(lambda lines: lines[:3] == ["t1 into main: 0", "▸first", "▸second]1"])
    world.tmux("resize-window", "-t", pane.id, "-x", "70", "-y", "9")
    # By the clock alone.
    pane.until(lambda lines: re.search("branches, (?!0s)", " ".join(lines)) is not None)
    line.write("go")
    lines = pane.until(lambda lines: "ended 0" in lines)
    assert gone(lines)
    result = [line.split()[:4] for line in lines if line][:3]
    assert result[0] == ["t1", "into", "main:", "done,"]
    assert [line[:2] for line in result[1:]] == [["landed", "first"], ["landed", "second"]]


def test_an_interrupt_leaves_the_terminal_as_it_was(world: World, tmp_path: Path) -> None:
    said, _, test = held(world, tmp_path)
    branch(world, "a")
    pane = Pane(world, tmp_path, "merge-train", "a", "--test", test)
    said.read()
    pane.until(lambda lines: "▸a]1" in lines)
    pane.keys("C-c")
    lines = pane.until(lambda lines: "ended 130" in lines)
    assert gone(lines)
    assert pane.asked("#{cursor_flag}") == "1"


def test_a_train_that_another_drives_can_be_watched_to_its_end(
    world: World, tmp_path: Path
) -> None:
    said, line, test = held(world, tmp_path)
    branch(world, "a")
    branch(world, "guilty", bad="x\n")
    started = world.start("merge-train", "a", "guilty", "--test", test, "--slots", "1")
    said.read()
    pane = Pane(world, tmp_path, "merge-train", "status", "--watch")
    pane.until(lambda lines: "▸a ▸guilty]1" in lines)
    watching = world.start("merge-train", "status", "t1", "--watch", "--json")
    line.write("go")
    lines = pane.until(lambda lines: "ended 1" in lines)
    assert gone(lines)
    assert next(filter(None, lines)).startswith("t1 into main: done")
    found = finish(watching)
    assert found.status == finish(started).status == 1
    assert [one["name"] for one in json.loads(found.stdout)["landed"]] == ["a"]
    assert "took out guilty: the tests fail with it" in found.stderr


def test_a_terminal_that_goes_away_is_nothing_to_the_train(world: World, tmp_path: Path) -> None:
    said, line, test = held(world, tmp_path)
    branch(world, "a")
    words = shlex.join(["merge-train", "a", "--test", test])
    code = tmp_path / "ended" / "code"
    code.parent.mkdir()
    script = f"trap '' HUP; cd {world.repo.path}; {world.command} {words} >{tmp_path}/out; "
    script += f"echo $? >{code}.new; mv {code}.new {code}"
    pane = world.tmux("new-session", "-d", "-P", "-F", "#{pane_id}", "--", "/bin/sh", "-c", script)
    said.read()
    world.tmux("kill-pane", "-t", pane)
    line.write("go")
    until(code.exists, code.parent)
    assert code.read_text() == "0\n"
    assert "landed   a" in (tmp_path / "out").read_text()


@pytest.mark.slow
def test_a_terminal_that_is_stopped_holds_up_no_train(world: World, tmp_path: Path) -> None:
    said, line, test = held(world, tmp_path)
    branch(world, "a")
    pane = Pane(world, tmp_path, "merge-train", "a", "--test", test)
    said.read()
    pane.until(lambda lines: "▸a]1" in lines)
    pane.keys("C-s")
    line.write("go")
    ended(world, "t1")
    assert "landed   a" not in " ".join(pane.shown())
    pane.keys("C-q")
    lines = pane.until(lambda lines: "ended 0" in lines)
    assert any(line.startswith("landed   a as ") for line in lines)


def test_a_reader_of_the_news_that_goes_away_is_nothing_to_the_train(
    world: World, tmp_path: Path
) -> None:
    said, line, test = held(world, tmp_path)
    branch(world, "a")
    started = world.start("merge-train", "a", "--test", test)
    said.read()
    assert started.stderr is not None
    assert started.stderr.readline() == b"testing a\n"
    started.stderr.close()
    line.write("go")
    assert started.wait(PATIENCE) == 0
    started.communicate()


@pytest.mark.slow
def test_a_line_is_said_of_each_other_train_that_runs(world: World, tmp_path: Path) -> None:
    said, line, test = held(world, tmp_path)
    branch(world, "a")
    branch(world, "b")
    world.mc("merge-train", "a", "--test", test, "--detach").ok()
    said.read()
    world.mc("merge-train", "b", "--test", GREEN, "--into", "b2").refused(1, "not a branch")
    world.repo.git("branch", "-q", "other", "main")
    world.mc("merge-train", "b", "--test", GREEN, "--into", "other").ok()
    shown = world.mc("merge-train", "status").ok().stdout.splitlines()
    assert shown[0].startswith("t2 into other: done")
    assert re.fullmatch("also: t1 into main: 0 of 1 landed, 1 to go, [0-9]+s; testing a", shown[-1])
    line.write("go")
    ended(world, "t1")


@pytest.mark.slow
def test_the_overview_tells_of_trains_that_run_and_of_what_was_left_behind(
    world: World, tmp_path: Path
) -> None:
    finished(world, "one", commits("one", "x", "bad"))
    world.mc("merge-train", "one", "--test", GREEN)
    shown = world.mc("status", "one").ok().stdout
    assert "why it did not land: git mc merge-train show t1 one\n" in shown
    said, line, test = held(world, tmp_path)
    branch(world, "a")
    world.mc("merge-train", "a", "--test", test, "--detach").ok()
    said.read()
    shown = world.mc().ok().stdout
    section = next(part for part in shown.split("\n\n") if part.startswith("trains:\n"))
    pattern = """trains:
t2 into main: 0 of 1 landed, 1 to go, [0-9]+s; testing a
t1 into main: 0 of 1 landed, 1 ejected; done [0-9]+s ago
  why: git mc merge-train show t1 one"""
    assert re.fullmatch(pattern, section)
    found = world.mc("overview", "--json").ok().json["trains"]
    assert [(one["id"], one["state"]) for one in found] == [("t2", "running"), ("t1", "done")]
    assert all("runs" not in one for one in found)
    line.write("go")
    ended(world, "t2")
    assert [one["id"] for one in world.mc("overview", "--json").ok().json["trains"]] == ["t1"]
    # Long over.
    record = world.root / "trains" / "t1.toml"
    os.utime(record, (0, 0))
    assert "trains:" not in world.mc().ok().stdout
    record.write_text("torn")
    assert f"warning: {record}" in world.mc().ok().stderr
    world.mc("status", "one").ok()
