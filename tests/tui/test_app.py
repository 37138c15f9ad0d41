"""What becomes of the screen when something in it breaks."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from contextlib import suppress

import pytest

pytest.importorskip("textual", reason="the extra git-mc[tui] is not installed")

from tests.support.world import PATIENCE, World

pytestmark = pytest.mark.slow

BROKEN = """
import sys
from gitmc.cli.dashview import parts
from gitmc.control.mission import open_mission
from gitmc.tui.app import Dash

def broken(*_):
    raise ZeroDivisionError("a defect")

mission = open_mission()
dash = Dash(mission.main_worktree, parts(mission)._replace(**{sys.argv[1]: broken}))
dash.run()
dash.close()
print(repr(dash.fault), file=sys.stderr)
"""


@pytest.mark.parametrize("part", ["head", "plans"])
def test_a_defect_ends_the_screen_and_is_told_by_whoever_ran_it(world: World, part: str) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", BROKEN, part],
        cwd=world.repo.path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    # A terminal that nobody is left at cannot be read.
    with suppress(OSError):
        while data := os.read(ours, 65536):
            shown += data
    os.close(ours)
    assert child.wait(PATIENCE) == 0
    assert shown.rstrip().endswith(b"ZeroDivisionError('a defect')")
    assert b"Traceback" not in shown
    assert b"\x1b[?1049l" in shown
