"""Where settings come from, strongest first.

What is committed is read in the main worktree, and for a gate in the commit that others are to land
on: what they change in the file counts once they have landed, and not for their own test.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from gitmc.errors import Fatal
from gitmc.git import tree
from gitmc.git.repo import Repository
from gitmc.git.run import Git
from gitmc.model.settings import KEYS, Settings, Source, commands_of, flatten, identity
from gitmc.model.trust import Wanted
from gitmc.store.files import BadFile, read_toml
from gitmc.store.trusted import read_approvals

COMMITTED = ".mission-control.toml"


def load_settings(repo: Repository, root: Path, committed: Source) -> Settings:
    """The settings from every source, strongest first. Raises Refused for a fault in one."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    return Settings(
        [
            Source("the environment", _from_environment()),
            Source("git config", _from_git(repo.here), strict=False),
            _from_file(root / "config.toml"),
            _withheld(committed, root / "trusted.toml"),
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


def committed(main_worktree: Path) -> Source:
    """What the committed file says in the main worktree."""
    return _from_file(main_worktree / COMMITTED)


def committed_in(git: Git, commit: str, name: str) -> Source:
    """What it says in `commit`, which is called `name`. Raises Fatal where it cannot be read."""
    import tomllib

    label = f"{name}:{COMMITTED}"
    found = tree.texts(git, commit, [COMMITTED])
    if COMMITTED not in found:
        return Source(label, {})
    content = found[COMMITTED]
    if content is None:
        raise Fatal(f"{label}: not a file", hint=f"commit one on {name}, or none")
    try:
        values = flatten(tomllib.loads(content.decode()))
    except (ValueError, RecursionError) as fault:
        raise Fatal(
            f"{label}: not a TOML file: {fault}", hint=f"repair it, and commit that on {name}"
        ) from fault
    return Source(label, values, approval=shlex.join(["git", "mc", "trust", name]))


def _withheld(source: Source, approvals: Path) -> Source:
    """`source`, whose commands are not to be run unless the user approved exactly these."""
    commands = commands_of(source)
    if not commands:
        return source
    try:
        approved = read_approvals(approvals)
    except BadFile as torn:
        return source._replace(withheld=f"what is approved cannot be read: {torn.message}")
    wanted = Wanted(source.label, commands)
    if any(one.sha256 == wanted.sha256 for one in approved):
        return source
    return source._replace(withheld="nobody has approved it")
