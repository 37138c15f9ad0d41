"""The one door to the programs of forges: gh and glab."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from gitmc.errors import CommandFailed, Fatal


class Program:
    """Runs `name` in `folder`. `environment` must not point git at another repository."""

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str]) -> None:
        self._name = name
        self._folder = folder
        self._environment = environment

    def __call__(self, *args: str, stdin: str = "") -> str:
        """What it prints, given `stdin`. Raises CommandFailed unless it exits 0."""
        try:
            done = subprocess.run(
                [self._name, *args],
                cwd=self._folder,
                env=self._environment,
                input=stdin.encode("utf-8", "replace"),
                capture_output=True,
                check=False,
            )
        except FileNotFoundError as missing:
            if not self._folder.is_dir():
                raise Fatal(f"the folder {self._folder} does not exist") from missing
            raise Fatal(
                f"{self._name} is not installed, or not on PATH", hint=str(missing)
            ) from missing
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace")
            raise CommandFailed([self._name, *map(_short, args)], done.returncode, said)
        return done.stdout.decode("utf-8", "replace")


def _short(word: str) -> str:
    """`word` as it is shown: what a program fails of is not said by all of a long text."""
    return word if len(word) <= 200 else word[:199] + "…"
