"""pre-commit and husky, as they are: got once from their registries, and kept."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ENVIRONMENT = dict(os.environ)
"""As it is outside of the seal: where the cache is, and how this machine reaches its indexes."""
CACHE = Path(
    ENVIRONMENT.get("GIT_MC_SDIST_CACHE") or Path("~/.cache/git-mc-tests").expanduser()
).absolute()
HUSKY = "9.1.7"


def pre_commit() -> str:
    """The program: from PATH, or of an environment that is made once; skips where it cannot be."""
    found = shutil.which("pre-commit")
    if found:
        return found
    folder = CACHE / "pre-commit"
    with _alone("pre-commit"):
        if not (folder / "made").exists():
            _run(sys.executable, "-m", "venv", "--clear", folder)
            pip: list[str | Path] = [folder / "bin" / "pip", "--disable-pip-version-check"]
            _run(*pip, "install", "-q", "pre-commit")
            (folder / "made").touch()
    return str(folder / "bin" / "pre-commit")


def husky() -> Path:
    """The package's folder; skips where npm or node is missing, or cannot get it."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("husky needs node and npm")
    folder = CACHE / f"husky-{HUSKY}"
    with _alone("husky"):
        if not (folder / "made").exists():
            _run("npm", "pack", "--silent", "--pack-destination", CACHE, f"husky@{HUSKY}")
            with tarfile.open(CACHE / f"husky-{HUSKY}.tgz") as archive:
                archive.extractall(folder)
            (folder / "made").touch()
    return folder / "package"


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Hold a lock: several tests may want it at once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(*argv: str | Path) -> None:
    done = subprocess.run(argv, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        pytest.skip(f"{' '.join(map(str, argv[:4]))}: {said}")
