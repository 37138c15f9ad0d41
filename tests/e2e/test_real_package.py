"""The main job on a real package: click, from its source distribution."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.support.agents import names
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


def pytest_of_click(result: Path) -> str:
    """The command that runs a part of the package's own tests on the sources around it."""
    tests = "tests/test_formatting.py tests/test_normalization.py tests/test_termui.py"
    python = shlex.quote(sys.executable)
    return (
        f"PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=src"
        f" {python} -m pytest -q -p no:cacheprovider -W ignore {tests}"
        f" >{shlex.quote(str(result))} 2>&1"
    )


@pytest.mark.slow
def test_two_jobs_on_a_real_package_are_tested_and_merged(click: World, tmp_path: Path) -> None:
    repo, result = click.repo, tmp_path / "result"
    sources = repo.files()
    assert len(sources) > 50
    tested = (
        "set -e; echo '# touched by a job' >>src/click/formatting.py;"
        " git commit -qam 'Touch the formatter';"
        f" {pytest_of_click(result)}"
    )
    documented = (
        "set -e; printf 'Written by a job.\\n' >docs/job.md; echo '# and so is this' >>setup.extra;"
        " git add docs/job.md; git commit -qm 'Document the job'"
    )
    click.sh("formatter", tested)
    click.sh("docs", documented)
    for tree in (click.worktree("formatter"), click.worktree("docs")):
        assert (tree / "src/click/core.py").read_text() == (
            repo.path / "src/click/core.py"
        ).read_text()
    click.wait("formatter", "docs").ok()
    assert " passed" in result.read_text()
    assert {job["name"]: job["state"] for job in click.mc("jobs", "--json").json["jobs"]} == {
        "formatter": "completed", "docs": "completed"
    }  # fmt: skip
    assert [click.job(name)["ahead"] for name in ("formatter", "docs")] == [1, 1]
    assert [click.job(name)["dirty"] for name in ("formatter", "docs")] == [False, True]
    click.mc("merge", "formatter").ok()
    click.mc("merge", "docs", "--strategy", "merge").ok()
    merged = repo.files()
    changed = {name for name in merged if merged[name] != sources.get(name)}
    assert changed == {"src/click/formatting.py", "docs/job.md", "setup.extra"}
    assert set(sources) <= set(merged)
    assert merged["src/click/formatting.py"].endswith("# touched by a job")
    assert (repo.path / "docs/job.md").read_text() == "Written by a job.\n"
    assert repo.git("status", "--porcelain") == ""
    click.mc("cleanup", "--all", "--delete-branch").ok()
    assert names(click.mc("jobs", "--json")) == []
    assert repo.git("branch", "--list", "mc/*") == ""
    assert repo.git("worktree", "list").count("\n") == 0
