"""The pictures of the documentation can be made anew, and are those that the README shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("textual", reason="the extra git-mc[tui] is not installed")

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "contrib" / "docs" / "pictures"


def words(path: Path) -> str:
    """What is to be read in a picture."""
    tree = ElementTree.parse(path)
    return "".join(tree.getroot().itertext()).replace("\xa0", " ")


@pytest.mark.slow
def test_they_are_made_of_real_screens(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "contrib" / "pictures.py"), "--folder", str(tmp_path)],
        env={**os.environ, "TMPDIR": "/tmp"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    kept = {path.name for path in PICTURES.iterdir()}
    assert {path.name for path in tmp_path.iterdir()} == kept
    for name in kept:
        for path in (tmp_path / name, PICTURES / name):
            assert "unittest or pytest?" in words(path)


def test_the_readme_shows_pictures_that_are_there() -> None:
    shown = re.findall(r"!\[[^\]]+\]\((\S+)\)", (ROOT / "README.md").read_text())
    assert shown
    assert [path for path in shown if not (ROOT / path).is_file()] == []
