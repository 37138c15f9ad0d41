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
        ("SessionStart", ["activity.agent.idle", "session.agent.01a2-b"]),
        ("UserPromptSubmit", ["activity.agent.working"]),
        ("PermissionRequest", ["activity.agent.waiting"]),
        ("PostToolUse", ["activity.agent.working"]),
        ("Stop", ["activity.agent.idle"]),
        ("Interrupt", ["activity.agent.idle"]),
        ("Another", []),
    ],
)
def test_what_its_hooks_say(tmp_path: Path, event: str, left: list[str]) -> None:
    (tmp_path / "jobs").mkdir()
    command = settings()["hooks"].get(event, [{"hooks": [{"command": None}]}])[0]["hooks"][0]
    script = hooks_folder() / "agent" / "codex"
    line = command["command"] or f"'{script}' {event}"
    told = {
        "session_id": "01a2-b",
        "cwd": "/x",
        "prompt": '}"session_id":"no"',
        "more": "x" * 99999,
    }
    ran = subprocess.run(
        ["/bin/sh", "-c", line],
        input=json.dumps(told),
        env={
            "PATH": "/usr/bin:/bin",
            "MC_SIGNAL": str(script.with_name("signal")),
            "MC_DIR": str(tmp_path),
            "MC_RUN": "ab12",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    found = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(re.sub(r"-\d+$", "", name) for name in found) == [f"ab12.{one}" for one in left]
