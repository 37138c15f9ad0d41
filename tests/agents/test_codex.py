"""What codex is told of its hooks: each is trusted by what it is, and nothing else is."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gitmc.agents.catalog import load
from gitmc.control.spec import hooks_folder


def settings() -> dict[str, Any]:
    """What the words of a launch set, as one table."""
    hooks = load("codex").hooks
    assert hooks is not None
    words = list(hooks.words)
    given = [words[at + 1] for at, word in enumerate(words) if word == "-c"]
    table: dict[str, Any] = {}
    for one in given:
        path, _, value = one.partition("=")
        *parents, last = path.split(".")
        inner = table
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = tomllib.loads(f"value = {value}")["value"]
    return table


def test_each_hook_is_trusted_by_what_it_is_and_no_other() -> None:
    hooks = settings()["hooks"]
    state = hooks.pop("state")
    wanted = {}
    for event, groups in hooks.items():
        key = re.sub(r"(?<!^)(?=[A-Z])", "_", event).lower()
        identity = {"event_name": key, "hooks": [{**groups[0]["hooks"][0], "async": False}]}
        canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        wanted[f"/<session-flags>/config.toml:{key}:0:0"] = {"trusted_hash": f"sha256:{digest}"}
    assert state == wanted


@pytest.mark.parametrize(
    ("event", "left"),
    [
        ("SessionStart", ["session.agent.01a2-b"]),
        ("UserPromptSubmit", ["activity.agent.working"]),
        ("PermissionRequest", ["activity.agent.waiting"]),
        ("PostToolUse", []),
        ("Stop", ["activity.agent.idle"]),
        ("Interrupt", ["activity.agent.idle"]),
        ("Another", []),
    ],
)
def test_what_its_hooks_say(run: Path, event: str, left: list[str]) -> None:
    assert said(run, event) == left


def test_a_tool_that_is_done_is_news_after_a_permission_only(run: Path) -> None:
    assert said(run, "PostToolUse") == []
    assert said(run, "PermissionRequest") == ["activity.agent.waiting"]
    assert json.loads((run / "asks/main").read_text())["session_id"] == "01a2-b"
    assert said(run, "PostToolUse") == ["activity.agent.working"]
    assert said(run, "PostToolUse") == []
    assert not (run / "asks/main").exists()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run."""
    (tmp_path / "jobs").mkdir()
    folder = tmp_path / "run" / "ab12"
    folder.mkdir(parents=True)
    return folder


def said(run: Path, event: str) -> list[str]:
    """What codex's hook of this event leaves as markers, which are taken away."""
    script, root = hooks_folder() / "agent" / "codex", run.parent.parent
    groups = settings()["hooks"].get(event)
    line = groups[0]["hooks"][0]["command"] if groups else f"'{script}' {event}"
    told = {"session_id": "01a2-b", "prompt": '}"session_id":"no"', "more": "x" * 99_999}
    ran = subprocess.run(
        ["/bin/sh", "-c", line],
        input=json.dumps(told),
        env={
            "PATH": "/usr/bin:/bin",
            "MC_SIGNAL": str(script.with_name("signal")),
            "MC_DIR": str(root),
            "MC_RUN": run.name,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    markers = sorted(root.glob("events/new/*"))
    for marker in markers:
        marker.unlink()
    return [re.sub(r"^ab12\.|-\d+$", "", marker.name) for marker in markers]
