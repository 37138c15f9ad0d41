"""`git mc dash` in a real terminal: what is shown, and what keys do."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("textual", reason="the extra git-mc[tui] is not installed")

from tests.e2e.test_live import Pane
from tests.e2e.test_merge import finished
from tests.support.agents import Agent
from tests.support.world import World

pytestmark = pytest.mark.slow


def names(lines: list[str]) -> list[str]:
    """The jobs that are listed, in order; the one under the cursor with `>`."""
    end = next((at for at, line in enumerate(lines) if line.startswith(" 1 terminal")), 1)
    return [line[2:].split()[0] if line[0] == " " else f">{line[2:].split()[0]}"
            for line in lines[1:end]]  # fmt: skip


def dash(world: World, folder: Path) -> Pane:
    """A terminal in which the dashboard runs."""
    pane = Pane(world, folder, "dash")
    world.tmux("resize-window", "-t", pane.id, "-x", "100", "-y", "24")
    return pane


def test_jobs_are_live_and_it_leaves_the_terminal_as_it_was(world: World, tmp_path: Path) -> None:
    agent, other = Agent(world, "one", tmp_path), Agent(world, "two", tmp_path)
    pane = dash(world, tmp_path)
    pane.until(lambda lines: names(lines) == [">one", "two"])
    assert other.do(f"{world.command} report blocked 'which one?'") == 0
    lines = pane.until(lambda lines: names(lines) == ["two", ">one"])
    assert lines[0].startswith("git mc  1 running, 1 waiting")
    assert "which one?" in lines[1]
    agent.do(r"printf 'a \033[32mgreen\033[0m word\n'")
    pane.until(lambda lines: "a green word" in lines)
    world.tmux("resize-window", "-t", pane.id, "-x", "60", "-y", "7")
    pane.until(lambda lines: "a green word" not in lines and "> one" in lines[2])
    world.tmux("resize-window", "-t", pane.id, "-x", "90", "-y", "20")
    pane.until(lambda lines: "a green word" in lines)
    pane.keys("q")
    pane.until(lambda lines: "ended 0" in lines)
    assert pane.asked("#{alternate_on} #{cursor_flag} #{mouse_any_flag}") == "0 1 0"


def test_panes_and_filter_and_what_asks_first(world: World, tmp_path: Path) -> None:
    finished(world, "docs", "echo text >USAGE.md; git add .; git commit -qm docs")
    agent = Agent(world, "one", tmp_path)
    pane = dash(world, tmp_path)
    pane.until(lambda lines: names(lines) == [">one", "docs"])
    pane.keys("/", "d", "o", "c")
    pane.until(lambda lines: names(lines) == [">docs"] and "filter: doc" in lines)
    pane.keys("Enter", "d")
    pane.until(lambda lines: "1 file differs from main" in lines and "+text" in lines)
    pane.keys("3")
    pane.until(lambda lines: "no plans; start one: git mc plan start FILE" in lines)
    pane.keys("Tab")
    pane.until(lambda lines: "no train runs; start one: git mc merge-train" in lines)
    pane.keys("m")
    pane.until(lambda lines: "land docs on main? y or n" in lines)
    pane.keys("y")
    pane.until(lambda lines: any(line.startswith("merged docs into main") for line in lines))
    assert world.state("docs") == "merged"
    pane.keys("Escape")
    pane.until(lambda lines: len(names(lines)) == 2)
    pane.keys("Up", "k")
    pane.until(lambda lines: "end the agent of one and all its processes? y or n" in lines)
    pane.keys("n")
    pane.until(lambda lines: "left as it was" in lines)
    assert agent.do("true") == 0
    pane.keys("k", "y")
    pane.until(lambda lines: "one: stopped" in lines)
    pane.keys("C-c")
    pane.until(lambda lines: "ended 130" in lines)


def test_without_jobs_it_says_how_to_start_one(world: World, tmp_path: Path) -> None:
    world.mc("dash").refused(1, "the dashboard is for a terminal", "git mc jobs")
    pane = dash(world, tmp_path)
    pane.until(lambda lines: any("no jobs; start one: git mc launch" in line for line in lines))
    pane.keys("q")
    pane.until(lambda lines: "ended 0" in lines)
