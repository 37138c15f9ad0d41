"""git mc install: a link to a plugin, and away again; nobody's own file is written over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.world import World

ROOT = Path(__file__).parent.parent.parent
PLACES = {"opencode": "config/opencode/plugin/git-mc.js", "claude": ".claude/skills/mc"}


@pytest.mark.parametrize("agent", PLACES)
def test_a_plugin_comes_and_goes(world: World, seal: Path, agent: str) -> None:
    link = seal / PLACES[agent]
    assert str(link) in world.mc("install", agent, "--dry-run").ok().stdout
    assert not link.is_symlink()
    world.mc("install", agent).ok()
    assert link.resolve().is_relative_to(ROOT / "contrib" / agent)
    world.mc("install", agent).ok()
    world.mc("install", agent, "--remove").ok()
    assert not link.is_symlink()
    world.mc("install", agent, "--remove").ok()


def test_what_is_there_already_stays(world: World, seal: Path) -> None:
    own = seal / PLACES["opencode"]
    own.parent.mkdir(parents=True)
    own.write_text("// mine\n")
    world.mc("install", "opencode").refused(1, "git-mc.js is there already", "mv ")
    world.mc("install", "opencode", "--remove").ok()
    assert own.read_text() == "// mine\n"


def test_the_manifests_are_json() -> None:
    folder = ROOT / "contrib" / "claude"
    manifest = json.loads((folder / ".claude-plugin" / "plugin.json").read_text())
    servers = json.loads((folder / ".mcp.json").read_text())["mcpServers"]
    assert manifest["name"] == "mc"
    assert servers["mc"] == {"command": "git", "args": ["mc", "mcp"]}
