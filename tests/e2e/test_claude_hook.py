"""What the script for claude's hooks makes of what claude tells it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gitmc.control.spec import hooks_folder

SUBAGENT = {"agent_id": "a1", "agent_type": "general-purpose"}
TASK = {"id": "a1", "type": "subagent", "status": "running"}
SHELL = {"id": "b1", "type": "shell", "status": "running"}
TRAP = 'no "agent_id":"x", no "session_id":"x", "background_tasks":[{"type":"subagent"}], \\" \n'


class Claude:
    """Calls the script as claude does."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.run = folder, folder / "run" / "ab12"
        for path in (folder / "jobs", folder / "events" / "new", self.run):
            path.mkdir(parents=True)
        (folder / "prompt").write_text("do it")

    def tells(self, event: str, agent: dict[str, Any] | None = None, **facts: Any) -> list[str]:
        """What the script left as markers, in no order, when it was told of `event`."""
        about = {"session_id": "s-1", "cwd": '/a"b', **(agent or {}), "hook_event_name": event}
        text = json.dumps({**about, **facts}, separators=(",", ":"))
        done = subprocess.run(
            [hooks_folder() / "agent" / "claude", event, str(self.run)],
            input=text.encode(),
            env={
                "PATH": os.environ["PATH"],
                "MC_DIR": str(self.folder),
                "MC_RUN": "ab12",
                "MC_PROMPT_FILE": str(self.folder / "prompt"),
            },
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        left = list((self.folder / "events" / "new").iterdir())
        for path in left:
            path.unlink()
        names = (path.name.removeprefix("ab12.") for path in left)
        return sorted(
            name.rpartition("-")[0] if name.startswith("activity") else name for name in names
        )

    @property
    def asks(self) -> list[str]:
        """Whose questions are open."""
        return sorted(path.name for path in self.run.glob("asks/*"))


@pytest.fixture
def claude(tmp_path: Path) -> Claude:
    """A run of claude's."""
    return Claude(tmp_path)


WORKING, WAITING, IDLE = (f"activity.agent.{state}" for state in ("working", "waiting", "idle"))
SESSION = "session.agent.s-1"


def test_a_turn(claude: Claude) -> None:
    assert claude.tells("SessionStart", source="startup") == [WORKING, SESSION]
    assert claude.tells("UserPromptSubmit", prompt=TRAP) == [WORKING, SESSION]
    assert claude.tells("PostToolBatch") == []
    assert claude.tells("PermissionRequest", tool_name="Bash") == [WAITING]
    assert claude.asks == ["main"]
    assert json.loads((claude.run / "asks" / "main").read_text())["tool_name"] == "Bash"
    assert claude.tells("PostToolBatch") == [WORKING]
    assert claude.asks == []
    assert claude.tells("Stop", last_assistant_message=TRAP, background_tasks=[]) == [IDLE]
    assert claude.tells("StopFailure", error="unknown") == ["activity.agent.error"]


def test_a_session_without_a_prompt_is_idle(claude: Claude) -> None:
    assert claude.tells("SessionStart", source="clear") == [IDLE, SESSION]
    (claude.folder / "prompt").write_text("")
    assert claude.tells("SessionStart", source="startup") == [IDLE, SESSION]


def test_while_one_asks_nobody_says_that_it_works_or_rests(claude: Claude) -> None:
    assert claude.tells("PermissionRequest", SUBAGENT) == [WAITING]
    assert claude.tells("PostToolBatch") == []
    assert claude.tells("Stop", background_tasks=[TASK]) == []
    assert claude.tells("Notification") == []
    assert claude.tells("UserPromptSubmit", prompt="<task-notification>\n") == []
    assert claude.asks == ["a1"]
    assert claude.tells("PostToolBatch", SUBAGENT) == [WORKING]
    assert claude.tells("PermissionRequest", SUBAGENT) == [WAITING]
    assert claude.tells("UserPromptSubmit", prompt="never mind") == [WORKING, SESSION]
    assert claude.asks == []


def test_a_subagent_in_the_background_is_work_and_a_program_there_is_not(claude: Claude) -> None:
    assert claude.tells("Stop", background_tasks=[TASK]) == [WORKING]
    assert claude.tells("Stop", background_tasks=[SHELL]) == [IDLE]
    assert claude.tells("StopFailure", SUBAGENT) == []


def test_a_run_that_is_over_is_left_alone(claude: Claude) -> None:
    claude.run.rmdir()
    assert claude.tells("PermissionRequest") == [WAITING]
    assert not claude.run.exists()
    assert claude.tells("PostToolBatch", tool_calls=["x" * 1_000_000]) == []
