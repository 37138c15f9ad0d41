"""`git mc pick` in a real terminal: what is shown, and what keys do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.test_live import Pane
from tests.e2e.test_merge import finished
from tests.support.agents import Agent
from tests.support.world import World

pytestmark = pytest.mark.slow


def names(lines: list[str]) -> list[str]:
    """The jobs that are listed, in order; the one under the cursor with `>`."""
    listed = lines[1 : next(at for at, line in enumerate([*lines, "──"]) if line.startswith("──"))]
    return [line.removeprefix("  ").replace("> ", ">").split()[0] for line in listed if line]


def picker(world: World, folder: Path, *words: str) -> Pane:
    """A terminal with room for a preview, in which the picker runs."""
    pane = Pane(world, folder, "pick", *words)
    world.tmux("resize-window", "-t", pane.id, "-x", "90", "-y", "24")
    return pane


def test_who_waits_is_first_and_the_terminal_under_the_cursor_is_live(
    world: World, tmp_path: Path
) -> None:
    finished(world, "done", "exit 0")
    agent, other = Agent(world, "one", tmp_path), Agent(world, "two", tmp_path)
    pane = picker(world, tmp_path)
    pane.until(lambda lines: names(lines) == [">one", "two", "done"])
    assert other.do(f"{world.command} report blocked 'which one?'") == 0
    lines = pane.until(lambda lines: names(lines) == ["two", ">one", "done"])
    assert lines[0].startswith("git mc  1 running, 1 waiting")
    assert "which one?" in lines[1]
    agent.do(r"printf 'a \033[32mgreen\033[0m word\n'")
    pane.until(lambda lines: "a green word" in lines)
    agent.do("echo and more")
    pane.until(lambda lines: "and more" in lines)
    pane.keys("Up")
    pane.until(lambda lines: names(lines)[0] == ">two" and "── two: mc/two → main ──" in lines[4])
    pane.keys("Escape")
    pane.until(lambda lines: "ended 0" in lines)
    assert pane.asked("#{alternate_on} #{cursor_flag}") == "0 1"


def test_it_filters_and_merges_and_kills_once_it_is_told_yes(world: World, tmp_path: Path) -> None:
    finished(world, "docs", "echo text >USAGE.md")
    agent = Agent(world, "one", tmp_path)
    pane = picker(world, tmp_path)
    pane.until(lambda lines: names(lines) == [">one", "docs"])
    pane.keys("d", "o", "c")
    pane.until(lambda lines: names(lines) == [">docs"] and "filter: doc" in lines)
    pane.keys("M-m")
    pane.until(lambda lines: "land docs on main? y or n" in lines)
    pane.keys("y")
    pane.until(lambda lines: any("press a key to go back" in line for line in lines))
    assert world.state("docs") == "merged"
    pane.keys("x")
    pane.until(lambda lines: names(lines) == [">docs"] and "merged" in lines[1])
    pane.keys("C-u")
    pane.until(lambda lines: len(names(lines)) == 2)
    pane.keys("Home", "Tab", "k")
    pane.until(lambda lines: "end the agent of one and all its processes? y or n" in lines)
    pane.keys("n")
    pane.until(lambda lines: "left as it was" in lines)
    assert agent.do("true") == 0
    pane.keys("Tab", "k", "y")
    pane.until(lambda lines: "one: stopped" in lines)
    pane.keys("C-c")
    pane.until(lambda lines: "ended 130" in lines)


def test_without_a_terminal_or_jobs_it_says_what_to_do(world: World, tmp_path: Path) -> None:
    world.mc("pick").refused(1, "a job is picked on a terminal", "git mc jobs")
    pane = picker(world, tmp_path)
    pane.until(lambda lines: any("no jobs; start one: git mc launch" in line for line in lines))
    pane.keys("Escape")
    pane.until(lambda lines: "ended 0" in lines)
