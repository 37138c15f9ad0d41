"""A filter in `git mc pick` and `git mc dash` where there is an fzf, in a real terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import test_dash as dashes
from tests.e2e.test_merge import finished
from tests.e2e.test_pick import names, picker
from tests.support.agents import Agent, Pipe
from tests.support.events import gone
from tests.support.fzf import path_with_fzf
from tests.support.world import World

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("any_fzf")
def test_a_filter_in_the_picker_is_what_it_is_to_fzf(world: World, tmp_path: Path) -> None:
    agent = Agent(world, "long-docs", tmp_path)
    finished(world, "docs", "exit 0")
    finished(world, "api", "exit 0")
    pane = picker(world, tmp_path)
    pane.until(lambda lines: names(lines) == [">long-docs", "api", "docs"])
    pane.keys("d", "c", "s")
    pane.until(lambda lines: names(lines) == [">docs", "long-docs"] and "filter: dcs" in lines)
    # It stays with its job, and in that order, whatever happens.
    pane.keys("Down")
    pane.until(lambda lines: names(lines) == ["docs", ">long-docs"])
    assert agent.do(f"{world.command} report blocked 'which one?'") == 0
    pane.until(lambda lines: "which one?" in lines[2] and names(lines) == ["docs", ">long-docs"])
    finished(world, "docs2", "exit 0")
    pane.until(lambda lines: names(lines) == ["docs2", "docs", ">long-docs"])
    pane.keys("z")
    pane.until(lambda lines: "  no job is like that" in lines and "0 of 4: dcsz" in lines[0])
    pane.keys("C-u", "m", "/", "a", "i")
    pane.until(lambda lines: names(lines) == [">api"])
    pane.keys("Tab", "d")
    pane.until(lambda lines: any("git mc diff api" in line for line in lines))
    pane.keys("x")
    pane.until(lambda lines: names(lines)[:1] == [">api"])
    pane.keys("Escape", "Escape")
    pane.until(lambda lines: "ended 0" in lines)


@pytest.mark.usefixtures("any_fzf")
def test_a_filter_on_the_dashboard_is_what_it_is_to_fzf(world: World, tmp_path: Path) -> None:
    pytest.importorskip("textual", reason="the extra git-mc[tui] is not installed")
    agent = Agent(world, "long-docs", tmp_path)
    finished(world, "docs", "echo text >USAGE.md; git add .; git commit -qm docs")
    pane = dashes.dash(world, tmp_path)
    pane.until(lambda lines: dashes.names(lines) == [">long-docs", "docs"])
    pane.keys("2", "/", "d", "c", "s")
    pane.until(lambda lines: dashes.names(lines) == [">docs", "long-docs"] and "+text" in lines)
    pane.keys("Enter", "Escape")
    pane.until(lambda lines: dashes.names(lines) == ["long-docs", ">docs"])
    assert agent.do(f"{world.command} report blocked 'which one?'") == 0
    pane.until(lambda lines: "which one?" in lines[1])
    pane.keys("q")
    pane.until(lambda lines: "ended 0" in lines)


def test_where_it_fails_each_word_must_be_there(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Pipe(tmp_path / "asked")
    monkeypatch.setenv("PATH", path_with_fzf(tmp_path, f"echo here >{asked}; exit 2"))
    finished(world, "docs", "exit 0")
    finished(world, "api", "exit 0")
    pane = picker(world, tmp_path, "dcs")
    pane.until(lambda lines: "  no job is like that" in lines)
    pane.keys("C-u", "O", "C")
    pane.until(lambda lines: names(lines) == [">docs"] and "filter: OC" in lines)
    assert asked.read() == "here"
    pane.keys("C-c")
    pane.until(lambda lines: "ended 130" in lines)


@pytest.mark.parametrize("command", ["pick", "dash"])
def test_one_that_hangs_keeps_nothing_waiting_and_is_gone_with_the_screen(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    if command == "dash":
        pytest.importorskip("textual", reason="the extra git-mc[tui] is not installed")
    said = Pipe(tmp_path / "said")
    monkeypatch.setenv("PATH", path_with_fzf(tmp_path, f'echo "$$" >{said}; exec sleep 1000'))
    finished(world, "docs", "exit 0")
    finished(world, "api", "exit 0")
    if command == "pick":
        pane, listed = picker(world, tmp_path), names
    else:
        pane, listed = dashes.dash(world, tmp_path), dashes.names
    pane.until(lambda lines: listed(lines) == [">api", "docs"])
    pane.keys(*("/" if command == "dash" else ""), "s")
    pane.until(lambda lines: listed(lines) == [">docs"])
    first = int(said.read())
    pane.keys("BSpace", "i")
    pane.until(lambda lines: listed(lines) == [">api"])
    assert gone(first)
    pane.keys("C-c")
    pane.until(lambda lines: "ended 130" in lines)
    assert gone(int(said.read()))
