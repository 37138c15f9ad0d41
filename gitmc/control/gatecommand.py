"""What has to pass before anything lands on a commit, and what is installed for it.

Both are taken from the commit that others are to land on: its settings file and, where none sets a
test command, its files (`gitmc/model/detect.py`). What is about to be judged has no say in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from gitmc.control.mission import Mission
from gitmc.git import tree
from gitmc.git.run import environment_for_others
from gitmc.model import detect
from gitmc.model.detect import Files, Found, Install
from gitmc.model.settings import Settings


class Gate(NamedTuple):
    """What has to pass. `settings` are those that are in force on the commit `base`."""

    base: str
    settings: Settings
    command: str | None
    """None where nothing has to."""
    origin: str | None = None
    """What names the command: an option, a source of settings, a file."""
    detected: bool = False
    missing: str | None = None
    """Why the command that was detected cannot run here, if it is for what is not installed."""

    @property
    def environment(self) -> dict[str, str]:
        """Further variables for the command. What is a project's own is run as CI would run it:
        without a word to that effect, some wait for files to change and never end."""
        return {"CI": os.environ.get("CI", "true")} if self.detected else {}


def gate_of(mission: Mission, base: str, name: str, option: str | None = None) -> Gate:
    """The gate of the commit `base`, called `name`: by `option`, the settings, or its files.

    Raises Refused where the settings' command is not trusted, and McError for a fault in them.
    """
    settings = mission.settings_in(base, name)
    if option is not None:
        return Gate(base, settings, option.strip() and option, "--test")
    origin = settings.said_by("testCommand")
    if origin is not None:
        command: str = settings["testCommand"]
        # An empty one says that there is to be none.
        return Gate(base, settings, command if command.strip() else None, origin)
    found = detect.find(_files(mission, base))
    if found is None:
        return Gate(base, settings, None)
    missing = _missing(found)
    command_there = None if missing else found.command
    return Gate(base, settings, command_there, found.file, detected=True, missing=missing)


def install_of(
    mission: Mission, gate: Gate, commit: str, options: Sequence[str] | None = None
) -> Install:
    """What is to be run before the gate's command in a worktree of `commit`.

    That is `options`, or `worktreeSetup.commands`, or else what the lock files of `commit` ask for,
    as far as it is installed. These only where the test command was detected as well, since one
    that somebody wrote has done without; and not where `worktreeSetup.symlinkDirs` has folders
    linked from the main worktree, into which an installation would write.

    Raises Refused where the settings' commands are not trusted.
    """
    files = _files(mission, commit, below=False)
    asked = gate.settings["worktreeSetup.commands"] if options is None else options
    links = gate.settings["worktreeSetup.symlinkDirs"]
    if options is None and not asked and gate.detected and not links:
        asked = [line for line, program in detect.installs(files) if shutil.which(program)]
    own = tree.ids(mission.git, commit, detect.named(asked))
    inputs = {name: files.ids[name] for name in detect.INPUTS if name in files.ids}
    return detect.install(asked, inputs | own)


def _files(mission: Mission, commit: str, *, below: bool = True) -> Files:
    git = mission.git
    ids = tree.top(git, commit)
    content = tree.texts(git, commit, [name for name in detect.READ if name in ids])
    texts = {
        name: text.decode("utf-8", "replace") for name, text in content.items() if text is not None
    }
    files = Files(ids, texts)
    folders = detect.may_have_tests(files) if below else []
    tests = any(detect.is_test(path) for path in tree.below(git, commit, folders))
    return files._replace(tests=tests)


def _missing(found: Found) -> str | None:
    path = shutil.which(found.program)
    if path is None:
        return f"`{found.command}` cannot run: '{found.program}' is not on PATH"
    if found.module is not None and not _has_module(path, found.module):
        return f"`{found.command}` cannot run: '{path}' has no module '{found.module}'"
    return None


@cache
def _has_module(python: str, module: str) -> bool:
    code = "import importlib.util as u, sys; sys.exit(u.find_spec(sys.argv[1]) is None)"
    try:
        done = subprocess.run(
            [python, "-c", code, module],
            cwd="/",
            env=environment_for_others(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0
