"""What the documentation says is proved by tests that exist; commands name tools that there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from gitmc.mcp.tools import BY_NAME, TOOLS

ROOT = Path(__file__).parent.parent.parent
COMMANDS = sorted((ROOT / "contrib/claude/commands").glob("*.md"))
PAGE = (ROOT / "contrib/docs/mcp.md").read_text()


def test_every_line_of_the_table_names_a_test_that_exists() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 30
    for row in rows:
        named = re.search(r"`(tests/[\w/]+\.py)::(test_\w+)` \|$", row)
        assert named, row
        tree = ast.parse((ROOT / named.group(1)).read_text())
        tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert named.group(2) in tests, row


def test_every_tool_is_in_the_table() -> None:
    assert not {tool.name for tool in TOOLS if f"`{tool.name}`" not in PAGE}


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: str(path.stem))
def test_a_command_of_claude_asks_unless_its_tool_only_looks(path: Path) -> None:
    text = path.read_text()
    tools = [BY_NAME[name] for name in re.findall(r"\bmc_[a-z_]+", text.split("---\n", 2)[2])]
    allowed = re.search(r"^allowed-tools: (.*)$", text, re.MULTILINE)
    looks = [f"mcp__plugin_mc_mc__{tool.name}" for tool in tools if tool.reads_only]
    assert tools
    assert (allowed[1].split(", ") if allowed else []) == looks
