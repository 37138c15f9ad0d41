"""What the documentation says is proved is proved by a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from gitmc.mcp.tools import TOOLS

ROOT = Path(__file__).parent.parent.parent
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
