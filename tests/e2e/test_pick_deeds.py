"""What `git mc pick` and `git mc dash` do with an agent that waits: going to it, answering it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e import test_dash as dashes
from tests.e2e import test_pick as picks
from tests.e2e.test_answer import ASK, asking, watching
from tests.e2e.test_live import Pane
from tests.e2e.test_statusline import Screen, mine
from tests.support.agents import Agent, observer
from tests.support.events import until
from tests.support.world import World

pytestmark = pytest.mark.slow

QUESTIONS = [
    {"question": "Which database?", "options": [{"label": "SQLite"}, {"label": "Postgres it is"}]},
    {"question": "And its name?"},
]


@pytest.fixture(params=["pick", "dash"])
def face(request: pytest.FixtureRequest) -> str:
    """The command with the list."""
    if request.param == "dash":
        pytest.importorskip("textual", reason="the extra git-mc[tui] is not installed")
    return str(request.param)


def opened(world: World, folder: Path, face: str) -> tuple[Pane, str]:
    """A terminal in which it runs, and the key that answers there."""
    how: dict[str, tuple[Callable[[World, Path], Pane], str]] = {
        "pick": (picks.picker, "M-a"),
        "dash": (dashes.dash, "a"),
    }
    start, key = how[face]
    pane = start(world, folder)
    pane.until(lambda lines: lines[1].startswith("> one"))
    return pane, key


def left(pane: Pane, face: str) -> None:
    """See that it ends as it is told."""
    pane.keys("Escape" if face == "pick" else "q")
    pane.until(lambda lines: "ended 0" in lines)


def test_a_permission_is_answered(world: World, tmp_path: Path, face: str) -> None:
    agent = asking(world, tmp_path, "per_1.json")
    box = world.root / "run" / agent.run
    pane, key = opened(world, tmp_path, face)
    pane.keys(key)
    lines = pane.until(lambda lines: any(line.startswith("answer one:") for line in lines))
    assert "permission: bash: make it" in lines
    assert "  yes, always, or no and why" in lines
    pane.keys("Enter")
    pane.keys("perhaps", "Enter")
    pane.until(lambda lines: any("'perhaps' does not answer" in line for line in lines))
    assert list((box / "answers").iterdir()) == []
    pane.keys(key)
    pane.until(lambda lines: "answer one:" in lines)
    agent.tell(watching(box, f"rm {box}/asks/per_1.json"))
    pane.keys("no: not this", "C-w", "C-w", "C-w", "no not", "Space", "now", "Enter")
    assert json.loads(agent.answer()) == {"ask": "per_1", "reply": "reject", "message": "not now"}
    pane.until(lambda lines: "one: answered" in lines)
    pane.keys(key)
    pane.until(lambda lines: any("asks nothing that is known here" in line for line in lines))
    left(pane, face)


def test_questions_are_answered_each_by_a_word(world: World, tmp_path: Path, face: str) -> None:
    agent = asking(world, tmp_path)
    box = world.root / "run" / agent.run
    (box / "asks" / "que_1.json").write_text(json.dumps({"questions": QUESTIONS}))
    pane, key = opened(world, tmp_path, face)
    pane.keys(key)
    lines = pane.until(lambda lines: any(line.startswith("answer one:") for line in lines))
    asked = ["question: Which database?", "  1. SQLite", "  2. Postgres it is"]
    at = lines.index(asked[0])
    assert lines[at : at + 4] == [*asked, "question: And its name?"]
    pane.keys("2", "Enter")
    pane.until(lambda lines: any("there are 2 questions, and 1 answers" in ln for ln in lines))
    pane.keys(key)
    pane.until(lambda lines: "answer one:" in lines)
    pane.keys("2 'my äpp", "Enter")
    pane.until(lambda lines: any("cannot be split into words" in line for line in lines))
    pane.keys(key)
    pane.until(lambda lines: "answer one:" in lines)
    agent.tell(watching(box, f"rm {box}/asks/que_1.json"))
    pane.keys("2 'my äpp'", "Enter")
    told = json.loads(agent.answer())
    assert told == {"ask": "que_1", "answers": [["Postgres it is"], ["my äpp"]]}
    pane.until(lambda lines: "one: answered" in lines)
    left(pane, face)


def test_an_agent_that_is_gone_or_only_tells_is_not_answered(
    world: World, tmp_path: Path, face: str
) -> None:
    agent = asking(world, tmp_path, "main")
    box = world.root / "run" / agent.run
    pane, key = opened(world, tmp_path, face)
    pane.keys(key)
    pane.until(lambda lines: "one takes answers in its terminal only: press Enter" in lines)
    (box / "asks" / "main").unlink()
    (box / "asks" / "per_1.json").write_text(ASK)
    pane.keys(key)
    pane.until(lambda lines: "answer one:" in lines)
    pane.keys("yes", "Escape")
    pane.until(lambda lines: "permission: bash: make it" not in lines)
    assert list((box / "answers").iterdir()) == []
    pane.keys(key)
    pane.until(lambda lines: "answer one:" in lines)
    agent.tell("exit")
    pane.until(lambda lines: "completed" in lines[1])
    pane.keys("yes", "Enter")
    pane.until(lambda lines: any("its run is over" in line for line in lines))
    left(pane, face)


def test_enter_takes_who_looks_on_to_the_terminal_of_the_job(
    world: World, tmp_path: Path, face: str
) -> None:
    mine(world)
    screen = Screen(world, tmp_path)
    agent, other = Agent(world, "one", tmp_path), Agent(world, "two", tmp_path)
    assert agent.do("echo in the first") == 0
    assert other.do("echo in the second") == 0
    world.tmux("send-keys", "-t", "mine", f"exec {world.command} {face}", "Enter")
    screen.until("> one")
    screen.tmux("send-keys", "Down")
    screen.until("> two")
    screen.tmux("send-keys", "Enter")
    session = world.tmux("display-message", "-p", "-t", other.pane, "#{session_name}")
    until(lambda: world.tmux("list-clients", "-F", "#{session_name}") == session, screen.log.parent)
    screen.until("in the second")


def test_enter_outside_of_tmux_attaches(world: World, tmp_path: Path, face: str) -> None:
    mine(world)
    screen = Screen(world, tmp_path)
    agent = Agent(world, "one", tmp_path)
    assert agent.do("echo here it is") == 0
    words = ["env", "-u", "TMUX", *world.command.split(), face]
    screen.tmux("respawn-pane", "-k", "-c", str(world.repo.path), *words)
    screen.until("> one")
    screen.until("here it is")
    screen.tmux("send-keys", "Enter")
    session = world.tmux("display-message", "-p", "-t", agent.pane, "#{session_name}")
    until(lambda: world.tmux("list-clients", "-F", "#{session_name}") == session, screen.log.parent)
    assert agent.do("echo and more") == 0
    screen.until("and more")


def test_the_terminal_of_a_job_that_is_gone_is_told_after_the_screen(
    world: World, tmp_path: Path, face: str
) -> None:
    agent = Agent(world, "one", tmp_path)
    pane, _ = opened(world, tmp_path, face)
    observer(world)
    world.tmux("kill-session", "-t", agent.pane)
    pane.until(lambda lines: "failed" in lines[1] or "stopped" in lines[1])
    pane.keys("Enter")
    lines = pane.until(lambda lines: "ended 1" in lines)
    assert "error: the terminal of 'one' is gone" in lines
    assert pane.asked("#{alternate_on} #{cursor_flag}") == "0 1"
