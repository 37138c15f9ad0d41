"""Where settings come from, strongest first."""

from __future__ import annotations

import os
import re
from pathlib import Path

from gitmc.errors import Refused
from gitmc.git.repo import Repository
from gitmc.git.run import Git
from gitmc.model.settings import COMMAND_KEYS, KEYS, Settings, Source, flatten, identity
from gitmc.store.files import read_toml


def load_settings(repo: Repository, root: Path, main_worktree: Path) -> Settings:
    """The settings from every source, strongest first. Raises Refused for a fault in one."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    return Settings(
        [
            Source("the environment", _from_environment()),
            Source("git config", _from_git(repo.here), strict=False),
            _from_file(root / "config.toml"),
            _committed(main_worktree / ".mission-control.toml"),
            _from_file(Path(home, "git-mc", "config.toml")),
        ]
    )


def _from_environment() -> dict[str, str]:
    names = {"GIT_MC_" + re.sub(r"(?<=[a-z])(?=[A-Z])|\.", "_", k.name).upper(): k for k in KEYS}
    found = {name: os.environ[name] for name in names if name in os.environ}
    return {names[name].id: value for name, value in found.items() if names[name].kind != "list"}


def _from_git(git: Git) -> dict[str, list[str]]:
    printed = git.answer("config", "-z", "--get-regexp", r"^mc\.")
    values: dict[str, list[str]] = {}
    for entry in (printed or "").split("\0"):
        name, given, value = entry.partition("\n")
        if name:
            # A key without `=` is true, as everywhere in git.
            value = value if given else "true"
            values.setdefault(identity(name.removeprefix("mc.")), []).append(value)
    return values


def _from_file(path: Path) -> Source:
    try:
        return Source(str(path), flatten(read_toml(path)))
    except FileNotFoundError:
        return Source(str(path), {})


def _committed(path: Path) -> Source:
    source = _from_file(path)
    commands = sorted(COMMAND_KEYS & set(source.values))
    if commands:
        raise Refused(
            f"{path}: {', '.join(commands)}: a committed file may not say what is run",
            hint="set it for yourself instead: git config mc." + commands[0],
        )
    return source
