"""A merge train on a real package, with all of the package's own tests."""

from __future__ import annotations

import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.world import Repo, World

ADDING = threading.Lock()
"""Of two worktrees that are added at once, git may read one that is not whole."""

ENDS = ("core", "parser", "shell_completion", "testing", "types")
"""Modules of the package at whose end something is added."""


def whole_suite() -> str:
    """The command that runs all of the package's tests on the sources around it."""
    python = f"PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=src {shlex.quote(sys.executable)}"
    return f"{python} -m pytest -q -x -p no:cacheprovider -W ignore tests"


@contextmanager
def on_branch(repo: Repo, name: str) -> Iterator[Path]:
    """The repository's folder, with a new branch off main; what is changed in it is committed."""
    repo.git("checkout", "-q", "-b", name, "main")
    yield repo.path
    repo.git("add", "--all")
    repo.git("commit", "-q", "-m", f"Have {name}")
    repo.git("checkout", "-q", "main")


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def branches(repo: Repo) -> list[str]:
    """Twelve branches, in their order: ten good ones, `breaks`, and `clashes` with `renames`."""
    for module in ENDS:
        with on_branch(repo, f"adds-to-{module}") as folder:
            with (folder / f"src/click/{module}.py").open("a") as source:
                source.write(f"\n\ndef name_of_module() -> str:\n    return {module!r}\n")
            (folder / f"tests/test_added_{module}.py").write_text(
                f"from click.{module} import name_of_module\n\n\n"
                f"def test_name():\n    assert name_of_module() == {module!r}\n"
            )
    # Three more change one file, in places that git merges.
    with on_branch(repo, "renames") as folder:
        formatting = folder / "src/click/formatting.py"
        replaced(formatting, "    any_prefix_is_slash = False\n", "    any_slash = False\n")
        formatting.write_text(formatting.read_text().replace("any_prefix_is_slash", "any_slash"))
    with on_branch(repo, "comments") as folder:
        replaced(folder / "src/click/formatting.py", "def measure_table(",
                 "# Of every column, the widest.\ndef measure_table(")  # fmt: skip
    with on_branch(repo, "moves") as folder:
        (folder / "docs/why.rst").rename(folder / "docs/reasons.rst")
    with on_branch(repo, "documents") as folder:
        (folder / "docs/train.rst").write_text("Trains\n======\n")
    with on_branch(repo, "tests-more") as folder:
        tests = folder / "tests/test_formatting.py"
        more = "\n\ndef test_more():\n    assert click.HelpFormatter().width > 0\n"
        tests.write_text(tests.read_text() + more)
    with on_branch(repo, "breaks") as folder:
        replaced(folder / "src/click/formatting.py", 'prefix = f"{_(\'Usage:\')} "',
                 'prefix = f"{_(\'Use:\')} "')  # fmt: skip
    with on_branch(repo, "clashes") as folder:
        replaced(folder / "src/click/formatting.py", "    any_prefix_is_slash = False\n",
                 "    slash_found = False\n    any_prefix_is_slash = slash_found\n")  # fmt: skip
    good = [*(f"adds-to-{module}" for module in ENDS), "renames", "comments", "moves", "documents",
            "tests-more"]  # fmt: skip
    return [*good[:4], "breaks", *good[4:7], "clashes", *good[7:]]


def is_green(repo: Repo, commit: str, place: Path) -> bool:
    """Whether the package's tests pass in a worktree of that commit, made by git."""
    with ADDING:
        repo.git("worktree", "add", "-q", "--detach", str(place), commit)
    done = subprocess.run(whole_suite(), cwd=place, shell=True, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stdout.decode()
    return done.returncode == 0


@pytest.mark.slow
def test_ten_of_twelve_branches_of_a_real_package_land_and_every_commit_is_green(
    click: World, tmp_path: Path
) -> None:
    repo = click.repo
    queue = branches(repo)
    base = repo.head()
    asked = ("--test", whole_suite(), "--every", "--slots", "2", "--strategy", "merge", "--json")
    ran = click.mc("merge-train", *queue, *asked)
    assert ran.status == 1, ran.stdout + ran.stderr
    found = ran.json
    assert found["state"] == "done"
    assert [one["name"] for one in found["landed"]] == [
        name for name in queue if name not in ("breaks", "clashes")
    ]
    out = {one["name"]: one for one in found["ejected"]}
    assert set(out) == {"breaks", "clashes"}
    assert out["breaks"]["reason"] == "test"
    assert (out["clashes"]["reason"], out["clashes"]["with"]) == ("conflict", "renames")
    assert out["clashes"]["files"] == ["src/click/formatting.py"]
    told = click.mc("merge-train", "show", found["id"], "breaks", "--json").ok().json
    assert "1 failed" in told["lines"][-1]
    assert repo.git("status", "--porcelain") == ""

    commits = repo.git("rev-list", "--reverse", "--first-parent", f"{base}..main").split()
    assert [one["commit"] for one in found["landed"]] == commits
    # By git and the package alone; what broke it shows that this can tell.
    with ThreadPoolExecutor(2) as pool:
        places = [tmp_path / f"at-{number}" for number in range(len(commits) + 1)]
        green = list(pool.map(is_green, [repo] * len(places), [*commits, "breaks"], places))
    assert green == [True] * len(commits) + [False]
