"""What agents ask, and how they are answered; the agent's plugin is played by a shell."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.agents import Agent
from tests.support.events import until
from tests.support.world import World

ASK = json.dumps({"kind": "permission", "permission": "bash", "metadata": {"command": "make it"}})


def asking(world: World, folder: Path, *names: str) -> Agent:
    """An agent that asks, and takes what it is told from its box."""
    agent = Agent(world, "one", folder)
    box = world.root / "run" / agent.run
    (box / "asks").mkdir(parents=True)
    (box / "answers").mkdir()
    for name in names:
        (box / "asks" / name).write_text(ASK)
    return agent


def watching(box: Path, then: str) -> str:
    """A line that takes what is in the box, once it is there, says it, and does `then`."""
    there = f'set -- {box}/answers/*.json && [ -e "$1" ]'
    take = f'cat "$1" >&4; echo >&4; mv "$1" "$1.taken"; {then}; rm "$1.taken"'
    return f"until {there}; do :; done; {take}"


def test_what_is_asked_is_shown_and_answered(world: World, tmp_path: Path) -> None:
    agent = asking(world, tmp_path, "per_1.json")
    shown = world.mc("answer", "one").ok().stdout
    assert shown == "permission: bash: make it\n  git mc answer one yes|always|no\n"
    assert agent.do(f"{world.command} report blocked 'may I?'") == 0
    assert "git mc answer one" in world.mc("overview").ok().stdout
    listed = world.mc("answer", "one", "--json").ok().json
    assert listed == {
        "schema": "mc.asks/1",
        "name": "one",
        "asks": [
            {"id": "per_1", "kind": "permission", "answerable": True, "text": "bash: make it"}
        ],
    }
    world.mc("answer", "one", "perhaps").refused(129, "'perhaps' does not answer")
    world.mc("answer", "one", "yes", "--ask", "per_2").refused(1, "does not ask 'per_2'")
    world.mc("send", "one", "a text").refused(1, "asks something", "git mc answer one")
    box = world.root / "run" / agent.run
    assert list((box / "answers").iterdir()) == []
    answering = world.start("answer", "one", "no", "not", "now")
    agent.tell(watching(box, f"rm {box}/asks/per_1.json"))
    assert json.loads(agent.answer()) == {"ask": "per_1", "reply": "reject", "message": "not now"}
    assert answering.communicate() == (b"", b"one: answered\n")
    assert answering.returncode == 0
    world.mc("answer", "one").refused(1, "asks nothing", "git mc send one")
    journal = (world.root / "journal.jsonl").read_text()
    assert '"action":"Answer"' in journal.replace(" ", "")
    assert "not now" not in journal


def test_an_agent_says_why_it_could_not(world: World, tmp_path: Path) -> None:
    agent = asking(world, tmp_path, "per_1.json", "per_2.json")
    world.mc("answer", "one", "yes").refused(1, "asks 2 things at once", "per_1", "per_2")
    shown = world.mc("answer", "one").ok().stdout
    assert "git mc answer one yes|always|no --ask per_2" in shown
    box = world.root / "run" / agent.run
    answering = world.start("answer", "one", "yes", "--ask", "per_2")
    agent.tell(watching(box, 'echo "too late" >"${1%json}failed"'))
    agent.answer()
    _, said = answering.communicate()
    assert answering.returncode == 1
    assert b"did not take the answer: too late" in said
    assert list((box / "answers").iterdir()) == []


def test_an_agent_that_only_tells_is_answered_in_its_terminal(world: World, tmp_path: Path) -> None:
    agent = asking(world, tmp_path, "main")
    shown = world.mc("answer", "one").ok().stdout
    assert shown == "permission: bash: make it\n  in its terminal: git mc attach one\n"
    world.mc("answer", "one", "yes").refused(1, "in its terminal only", "git mc attach one")
    (world.root / "run" / agent.run / "asks" / "main").write_bytes(b"\xff{")
    assert "something that its terminal shows" in world.mc("answer", "one").ok().stdout


def test_an_agent_does_not_answer_itself(world: World, tmp_path: Path) -> None:
    agent = asking(world, tmp_path, "per_1.json")
    world.mc("answer", "one", "yes", MC_RUN=agent.run).refused(1, "cannot answer itself")
    answering = world.start("answer", "one", "yes")
    answers = world.root / "run" / agent.run / "answers"
    until(lambda: bool(list(answers.glob("*.json"))), answers)
    agent.tell("exit")
    assert b"its run is over" in answering.communicate()[1]
    world.wait("one")
    world.mc("answer", "one").refused(1, "is not running")
    assert not (world.root / "run" / agent.run).exists()
