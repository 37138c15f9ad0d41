"""Which repository this is."""

from __future__ import annotations

import os
import re
import subprocess
from functools import cached_property
from pathlib import Path

from gitmc.errors import Fatal
from gitmc.git.run import Git

OLDEST_GIT = (2, 38)
"""The first with `git merge-tree --write-tree`."""


class Repository:
    """A repository with a worktree. `git_dir` and `top` are those of the worktree we stand in."""

    def __init__(self, common_dir: Path, git_dir: Path, top: Path) -> None:
        self.common_dir = common_dir
        self.git_dir = git_dir
        self.top = top

    @cached_property
    def here(self) -> Git:
        """git in the worktree we stand in."""
        return Git(self.top, {"GIT_DIR": str(self.git_dir), "GIT_WORK_TREE": str(self.top)})

    @cached_property
    def common(self) -> Git:
        """git in the common directory: for refs and objects, whatever the worktrees do."""
        return Git(self.common_dir, refs=self.common_dir)

    @cached_property
    def id(self) -> str:
        """Eight hex digits that tell this repository from any other of the same folder name."""
        import hashlib

        real = os.fsencode(self.common_dir.resolve())
        return hashlib.sha256(real).hexdigest()[:8]

    @cached_property
    def name(self) -> str:
        """The name of the repository's folder."""
        real = self.common_dir.resolve()
        return real.parent.name if real.name == ".git" else real.name.removesuffix(".git")

    def current_branch(self) -> str | None:
        """The branch checked out here, without `refs/heads/`; None where HEAD is detached."""
        ref = self.here.answer("symbolic-ref", "-q", "HEAD")
        return None if ref is None else ref.removeprefix("refs/heads/")


def find(folder: Path) -> Repository:
    """The repository that `folder` is in. Raises Fatal where there is none that we can work in."""
    try:
        version = subprocess.Popen(
            ["git", "version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except FileNotFoundError as missing:
        raise Fatal("git is not installed, or not on PATH") from missing
    with version:
        done = _rev_parse(folder)
        _check_version(os.fsdecode(version.communicate()[0]))
    answers = os.fsdecode(done.stdout).removesuffix("\n").split(f"\n{_SEPARATOR}\n")
    if answers[0] == "true":
        raise Fatal(
            f"{folder} is in a bare repository, and jobs need one with a worktree",
            hint="run git mc in a clone of it, or in one of its worktrees",
        )
    if done.returncode != 0:
        said = os.fsdecode(done.stderr).strip().removeprefix("fatal: ")
        hint = "run git mc in a worktree of a repository; `git init` makes one"
        # Of a repository that is another user's, git itself says what to type.
        raise Fatal(said or "not a git repository", hint=None if "safe.directory" in said else hint)
    _, common, git_dir, top = answers
    common_dir = Path(folder, common).resolve()
    if common_dir.stat().st_uid != os.geteuid():
        _trust_all_of_it()
    return Repository(common_dir, Path(git_dir), Path(top))


def _trust_all_of_it() -> None:
    """Have git work in all of a repository that is another user's, and that it was told to trust.

    `safe.directory` tells it of one worktree; it would ask anew for the git directory, and for each
    other worktree. What we start that is not ours is told nothing of this.
    """
    count = os.environ.get("GIT_CONFIG_COUNT", "")
    number = int(count) if count.isdigit() else 0
    if os.environ.get(f"GIT_CONFIG_KEY_{number - 1}") != "safe.directory":
        os.environ[f"GIT_CONFIG_KEY_{number}"] = "safe.directory"
        os.environ[f"GIT_CONFIG_VALUE_{number}"] = "*"
        os.environ["GIT_CONFIG_COUNT"] = str(number + 1)


_SEPARATOR = "--mc-next-answer"
"""`git rev-parse` prints options that it does not know, which keeps apart paths with newlines."""


def _rev_parse(folder: Path) -> subprocess.CompletedProcess[bytes]:
    # The environment is the user's own here: GIT_DIR says which repository is meant.
    asked = ["--is-bare-repository", "--git-common-dir", "--absolute-git-dir", "--show-toplevel"]
    words = [word for question in asked for word in (_SEPARATOR, question)][1:]
    return subprocess.run(
        ["git", "rev-parse", *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def _check_version(printed: str) -> None:
    match = re.search(r"(\d+)\.(\d+)", printed)
    if match is None or (int(match[1]), int(match[2])) < OLDEST_GIT:
        oldest = ".".join(map(str, OLDEST_GIT))
        raise Fatal(
            f"git {oldest} or newer is needed, and this is {printed.strip() or 'unknown'}",
            hint="install a newer git, and see that it comes first on PATH",
        )
