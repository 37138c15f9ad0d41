"""The manual page: it says what the program says, and man can show it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from gitmc.cli.group import HELP
from gitmc.model.settingkeys import KEYS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "contrib" / "man" / "git-mc.1"


@pytest.fixture(scope="module")
def manual() -> ModuleType:
    """What makes the page."""
    spec = importlib.util.spec_from_file_location("manual", ROOT / "contrib" / "manual.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shown() -> str:
    """The page as man shows it, which must find nothing wrong with it."""
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    environment = {**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": ""}
    argv = ["man", "--warnings", "-l", str(PAGE)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr or "illegal option" in done.stderr:
        pytest.skip("this man shows no file by its path")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_page_is_that_of_the_program(manual: ModuleType) -> None:
    assert PAGE.read_text() == manual.page(), "run: python contrib/docs.py"


def test_all_of_the_page_is_shown(shown: str) -> None:
    for name in HELP:
        assert f"git mc {name} [OPTIONS]" in " ".join(shown.split()), name
    for key in KEYS:
        assert re.search(rf"^ +mc\.{re.escape(key.name)}$", shown, re.M), key.name
    words = " ".join(shown.split())
    assert "git mc merge-train status [OPTIONS] [TRAIN]" in words
    assert "git mc plan wait [OPTIONS] [PLAN]" in words
    assert "--max-parallel" in words
    assert "$MC_PROMPT_FILE" in words


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a-b", "a-b"),
        (".so /etc/passwd", ".so /etc/passwd"),
        ("'fix-*' and 'x'", "'fix-*' and 'x'"),
        (r"a\nb \fBc", r"a\nb \fBc"),
        ("`git mc` is…", "git mc is…"),
    ],
)
def test_text_comes_out_as_it_was(manual: ModuleType, text: str, printed: str) -> None:
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    page = "\n".join([".TH X 1", ".SH A", *manual.paragraphs(text)]) + "\n"
    done = subprocess.run(
        ["man", "-l", "-"],
        input=page,
        env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed in done.stdout
