"""What the tests run under here: asked of the machine, once in a process."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache

from gitmc.git.run import environment_for_others
from gitmc.model.environment import Environment, environment, questions

SECONDS = 20.0
"""How long a program may take to say its version. One that takes longer has none."""

OFFLINE = {"COREPACK_ENABLE_NETWORK": "0", "RUSTUP_AUTO_INSTALL": "0", "NO_UPDATE_NOTIFIER": "1"}
"""Keeps those from fetching something that were only asked for a version."""


def environment_of(
    command: str,
    names: Sequence[str] = (),
    setup: Sequence[str] = (),
    further: Mapping[str, str] | None = None,
) -> Environment:
    """What `command` would run under: with the variables `names`, and `further` ones as given."""
    asked = questions(command)
    found = dict(zip((argv[0] for argv in asked), versions(asked), strict=True))
    variables = {name: os.environ.get(name) for name in names} | dict(further or {})
    return environment(_platform(), found, variables, tuple(setup))


def versions(asked: Sequence[tuple[str, ...]]) -> list[str]:
    if len(asked) < 2:
        return [_version(argv) for argv in asked]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(asked)) as pool:
        return list(pool.map(_version, asked))


def _version(argv: tuple[str, ...]) -> str:
    path = shutil.which(argv[0])
    return _asked((path, *argv[1:])) if path else "not found"


@cache
def _asked(argv: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(
            argv,
            # Some look for what to be in the folder that they are in.
            cwd="/",
            env=environment_for_others() | OFFLINE,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    said = (done.stdout.strip() or done.stderr.strip()).decode("utf-8", "replace")
    return re.sub(r"[\x00-\x1f\x7f]", "", said.partition("\n")[0])[:100] or "unknown"


@cache
def _platform() -> str:
    system = os.uname()
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        libc = None
    return " ".join(filter(None, (system.sysname, system.machine, libc)))
