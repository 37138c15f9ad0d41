"""The one door to git."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from gitmc.errors import CommandFailed, Fatal

REPOSITORY_VARIABLES = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
"""Variables that point git at a repository (`git rev-parse --local-env-vars`, less those that only
carry configuration). Git sets them for hooks and aliases, and they would redirect a command that
names its own folder."""


_PASSED_DOWN = ("GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")


def environment_for_others() -> dict[str, str]:
    """Our environment for programs that are not ours: no repository, and none of `git -c`."""
    return {k: v for k, v in clean_environment().items() if not k.startswith(_PASSED_DOWN)}


def clean_environment() -> dict[str, str]:
    """Our environment without the variables that would point git elsewhere."""
    return {key: val for key, val in os.environ.items() if key not in REPOSITORY_VARIABLES}


class Git:
    """Runs git in one folder."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        descriptors: tuple[int, ...] = (),
        refs: Path | None = None,
    ) -> None:
        """`refs` is where the refs of all worktrees are, if `folder` belongs to the repository."""
        self.folder = folder
        self.refs = refs
        self._environment = clean_environment() | dict(environment or {})
        self._descriptors = descriptors

    def with_environment(self, **variables: str) -> Git:
        """The same door with more variables set."""
        environment = {**self._environment, **variables}
        return Git(self.folder, environment, self._descriptors, self.refs)

    def with_descriptor(self, descriptor: int) -> Git:
        """The same door, where git keeps `descriptor` open until it ends, even if we end first."""
        return Git(self.folder, self._environment, (*self._descriptors, descriptor), self.refs)

    def at(self, folder: Path) -> Git:
        """The same door, in another folder."""
        return Git(folder, self._environment)

    def result(self, *args: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """How `git ARGS` ended, whatever its status. Raises Fatal where git is missing."""
        try:
            return subprocess.run(
                ["git", *args],
                cwd=self.folder,
                env=self._environment,
                input=stdin,
                stdin=None if stdin is not None else subprocess.DEVNULL,
                capture_output=True,
                check=False,
                pass_fds=self._descriptors,
            )
        except FileNotFoundError as missing:
            raise _missing(missing, self.folder) from missing

    def start(self, *args: str, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
        """`git ARGS`, to be talked to; what it says on stderr goes to that file."""
        pipe = subprocess.PIPE
        try:
            return subprocess.Popen(
                ["git", *args],
                cwd=self.folder,
                env=self._environment,
                stdin=pipe,
                stdout=pipe,
                stderr=stderr,
                bufsize=0,
            )
        except FileNotFoundError as missing:
            raise _missing(missing, self.folder) from missing

    def __call__(self, *args: str, stdin: bytes | None = None) -> str:
        """What `git ARGS` prints, less one newline. Raises CommandFailed unless it exits 0."""
        done = self.result(*args, stdin=stdin)
        if done.returncode != 0:
            raise failure(("git", *args), done.returncode, done.stderr)
        return os.fsdecode(done.stdout).removesuffix("\n")

    def answer(self, *args: str) -> str | None:
        """What `git ARGS` prints, or None where it exits 1: git's way of saying no."""
        done = self.result(*args)
        if done.returncode == 1:
            return None
        if done.returncode != 0:
            raise failure(("git", *args), done.returncode, done.stderr)
        return os.fsdecode(done.stdout).removesuffix("\n")

    def attached(self, *args: str) -> int:
        """Run `git ARGS` on our own stdin, stdout and stderr, where it may start its pager.

        Returns its exit status, and 128 + N where signal N ended it, as a shell does.
        """
        # An interrupt is for git and its pager, which may go on; we wait for them. A handler of
        # ours is not handed down, as being deaf to the signal would be.
        before = signal.signal(signal.SIGINT, lambda *_: None)
        try:
            argv = ["git", *args]
            done = subprocess.run(argv, cwd=self.folder, env=self._environment, check=False)
        except FileNotFoundError as missing:
            raise _missing(missing, self.folder) from missing
        finally:
            signal.signal(signal.SIGINT, before)
        return done.returncode if done.returncode >= 0 else 128 - done.returncode


def failure(argv: Sequence[str], status: int, stderr: bytes) -> CommandFailed:
    """The error for a command that failed."""
    return CommandFailed(argv, status, os.fsdecode(stderr))


def _missing(error: FileNotFoundError, folder: Path) -> Fatal:
    if not folder.is_dir():
        return Fatal(f"the folder {folder} does not exist")
    return Fatal("git is not installed, or not on PATH", hint=str(error))
