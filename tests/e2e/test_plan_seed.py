"""Two plans as they are written elsewhere, in every mode, to a pull request or without a remote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import test_pr
from tests.e2e.test_plan import states, wait
from tests.support.forge import GitHub
from tests.support.world import Repo, World

github = test_pr.github

SEARCH = {
    "name": "search-upgrade",
    "mode": "autopilot",
    "jobs": [
        {"name": "schema", "prompt": "Add search index tables"},
        {"name": "api", "prompt": "Implement search endpoints", "dependsOn": ["schema"]},
        {"name": "ui", "prompt": "Build search UI", "dependsOn": ["api"]},
    ],
}
DASHBOARD = {
    "name": "dashboard-feature",
    "mode": "autopilot",
    "jobs": [
        {"name": "db-schema", "prompt": "Add the analytics tables to the database schema"},
        {
            "name": "api-endpoints",
            "prompt": "Create REST endpoints for the analytics dashboard",
            "dependsOn": ["db-schema"],
        },
        {
            "name": "dashboard-ui",
            "prompt": "Build the analytics dashboard React components",
            "dependsOn": ["api-endpoints"],
        },
        {
            "name": "docs",
            "prompt": "Update API documentation for analytics endpoints",
            "dependsOn": ["api-endpoints"],
        },
    ],
}

AGENT = """#!/bin/sh
case $* in *--prompt*) ;; *) echo "no prompt: $*" >&2; exit 2 ;; esac
echo "$*" >"$MC_JOB.txt"
git add -A
git commit -qm "$MC_JOB"
"""


@pytest.fixture(autouse=True)
def opencode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of that name that does its work at once."""
    folder = tmp_path / "agents"
    folder.mkdir()
    program = folder / "opencode"
    program.write_text(AGENT)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def run(world: World, table: dict[str, Any], mode: str) -> dict[str, Any]:
    """The plan at its end, with everything approved that it asks for."""
    text = json.dumps({**table, "mode": mode}, indent=2)
    world.mc("plan", "start", "-", stdin=text).ok()
    approved = 0
    while (found := wait(world))["state"] in ("paused", "pending"):
        world.mc(*found["clear_with"].split()[2:]).ok()
        approved += 1
    jobs = len(table["jobs"])
    assert approved == {"autopilot": 0, "copilot": 1, "supervisor": jobs + 1}[mode]
    assert set(states(found).values()) == {"merged"}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["autopilot", "copilot", "supervisor"])
@pytest.mark.parametrize("table", [SEARCH, DASHBOARD], ids=lambda table: str(table["name"]))
def test_a_plan_ends_in_one_pull_request(
    world: World, github: GitHub, tmp_path: Path, table: dict[str, Any], mode: str
) -> None:
    found = run(world, table, mode)
    assert found["state"] == "completed"
    (made,) = github.opened
    assert (made["title"], made["baseRefName"]) == (table["name"], "main")
    assert made["headRefName"] == f"mc/integration/{table['name']}"
    assert all(f"* {job['name']}: {job['prompt']}" in made["body"] for job in table["jobs"])
    assert found["pr_url"] == "https://github.com/acme/demo/pull/7"
    there = Repo(tmp_path / "github.git")
    assert there.head(found["integration_branch"]) == world.repo.head(found["integration_branch"])


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["autopilot", "copilot", "supervisor"])
@pytest.mark.parametrize("table", [SEARCH, DASHBOARD], ids=lambda table: str(table["name"]))
def test_without_a_remote_it_ends_with_the_command_that_lands_it(
    world: World, table: dict[str, Any], mode: str
) -> None:
    found = run(world, table, mode)
    assert found["state"] == "completed"
    assert "pr_url" not in found
    world.mc(*found["land_with"].split()[2:], "--no-test").ok()
    files = set(world.repo.files("main")) - {"README.md"}
    assert files == {f"{job['name']}.txt" for job in table["jobs"]}


@pytest.mark.slow
def test_a_push_that_fails_waits_for_somebody_and_is_tried_again(
    world: World, github: GitHub
) -> None:
    github.fails = "no such luck"
    world.mc("plan", "start", "-", stdin=json.dumps(SEARCH)).ok()
    found = wait(world)
    assert (found["state"], found["checkpoint"]["type"]) == ("paused", "on_error")
    assert "no such luck" in found["checkpoint"]["reason"]
    github.fails = None
    world.mc("plan", "approve").ok()
    assert wait(world)["state"] == "completed"
    assert len(github.opened) == 1
