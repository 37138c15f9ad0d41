"""The main job on a real package: click, from its source distribution."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from tests.support.agents import names
from tests.support.world import World


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
