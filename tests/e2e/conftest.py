"""A real package for whoever wants one: click, from its source distribution."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.support.world import Repo, World

VERSION = "8.1.8"
SDIST = f"click-{VERSION}.tar.gz"
ENVIRONMENT = dict(os.environ)
"""As it is outside of the seal: where the cache is, and how this machine reaches its index."""
CACHE = Path(
    ENVIRONMENT.get("GIT_MC_SDIST_CACHE") or Path("~/.cache/git-mc-tests").expanduser()
).absolute()


@pytest.fixture
def sdist() -> Path:
    """The sdist, from the cache or else by pip, which puts it there; skips where neither has it."""
    path = CACHE / SDIST
    if path.exists():
        return path
    CACHE.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    what = ["--no-deps", "--no-binary", "click", "--dest", str(CACHE), f"click=={VERSION}"]
    done = subprocess.run(
        [*pip, *what], env=ENVIRONMENT, cwd=CACHE, capture_output=True, text=True, check=False
    )
    if done.returncode != 0 or not path.exists():
        said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        pytest.skip(f"{SDIST} is not in {CACHE}, and pip could not get it: {said}")
    return path


@pytest.fixture
def click(world: World, sdist: Path, tmp_path: Path) -> World:
    """A world whose repository is the package."""
    # Python knows the filter since 3.11.4, and warns where it is left out since 3.12.
    with tarfile.open(sdist) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(tmp_path, filter="data")
        else:
            archive.extractall(tmp_path)
    repo = Repo(tmp_path / f"click-{VERSION}")
    repo.git("init", "--quiet")
    repo.git("add", "--all", "--force")
    repo.git("commit", "--quiet", "-m", f"click {VERSION}")
    made = World(repo, world.socket)
    world.adopt(repo.path)
    return made
