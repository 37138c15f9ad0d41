"""The command lines of real agents, as they are: got once from npm, and kept.

They go into `npm/<package>@<version>` of the cache that the other long tests use, outside of the
repository. Another version is asked for by `GIT_MC_TEST_<AGENT>`, say `GIT_MC_TEST_CODEX=latest`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.frameworks import CACHE, ENVIRONMENT

PACKAGES = {
    "opencode": ("opencode-ai", "1.18.33"),
    "claude": ("@anthropic-ai/claude-code", "2.1.331"),
    "codex": ("@openai/codex", "0.169.0"),
    "gemini": ("@google/gemini-cli", "0.61.0"),
}
"""By the name of the agent: its package, and the version that its tests were written with."""

OMO = {"loops": ("oh-my-openagent", "4.11.1"), "goals": ("oh-my-opencode", "4.19.4")}
"""A plugin of opencode's, by both its names, before and after its commands changed."""

PATIENCE = 900.0
"""Seconds for npm to bring a package; the largest have some hundred megabytes."""


def program(agent: str) -> Path:
    """The folder with the agent's program; skips, with the reason, where it cannot be had."""
    package, tested = PACKAGES[agent]
    version = ENVIRONMENT.get(f"GIT_MC_TEST_{agent.upper()}") or tested
    binaries = _package(package, version) / ".bin"
    assert (binaries / agent).exists(), f"{package}@{version} brings no program {agent}"
    return binaries


def plugin(kind: str) -> Path:
    """What opencode loads of the plugin; skips, with the reason, where it cannot be had.

    The programs that come with it are left out: none of its dependencies' scripts is run, which
    download some of them from elsewhere.
    """
    package, version = OMO[kind]
    found = _package(package, version, "--ignore-scripts", "--omit=optional")
    return found / package / "dist" / "index.js"


def _package(package: str, version: str, *options: str) -> Path:
    """The `node_modules` that have it."""
    folder = CACHE / "npm" / f"{package.replace('/', '+')}@{version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            _install(folder, f"{package}@{version}", options)
            (folder / "made").touch()
    return folder / "node_modules"


def _install(folder: Path, what: str, options: Sequence[str]) -> None:
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip(f"{what} needs node and npm")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "package.json").write_text("{}\n")
    argv = ["npm", "install", "--no-audit", "--no-fund", "--no-save", *options, what]
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not bring {what} in {PATIENCE:.0f} s")
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        pytest.skip(f"npm could not bring {what}: {' '.join(said[:2])}")


def path_with(*agents: str) -> str:
    """A PATH that has the agents' programs before everything else."""
    return os.pathsep.join([*(str(program(agent)) for agent in agents), ENVIRONMENT["PATH"]])
