"""Commands that need a library which not everybody has installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.world import World

pytestmark = pytest.mark.slow

WITHOUT = """
import runpy, sys

missing = sys.argv.pop(1)

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        return None if name == missing else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
runpy._run_module_as_main("gitmc", alter_argv=False)
"""
"""Runs `git mc` as where a library is missing."""


@pytest.mark.parametrize(
    ("command", "library", "extra"), [("dash", "textual", "tui"), ("mcp", "mcp", "mcp")]
)
def test_without_the_library_it_says_what_to_install(
    world: World, command: str, library: str, extra: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", WITHOUT, library, command],
        cwd=world.repo.path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (128, "")
    assert done.stderr.splitlines()[-1] == f"hint: pip install 'git-mc[{extra}]'"
    assert "Traceback" not in done.stderr
