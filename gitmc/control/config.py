"""Where settings come from, strongest first.

What is committed is read in the main worktree, and for a gate in the commit that others are to land
on: what they change in the file counts once they have landed, and not for their own test.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from gitmc.errors import Fatal, McError
from gitmc.git import tree
from gitmc.git.repo import Repository
from gitmc.git.run import Git
from gitmc.model.settingkeys import KEYS, Key, identity
from gitmc.model.settings import TRUE, Settings, Source, commands_of, sound, split
from gitmc.model.trust import Wanted
from gitmc.store.files import BadFile, read_toml
from gitmc.store.trusted import read_approvals

COMMITTED = ".mission-control.toml"

ENVIRONMENT, GIT = "the environment", "git config"
"""What errors call these two sources."""


def load_settings(repo: Repository, root: Path, committed: Source) -> Settings:
    """The settings from every source, strongest first. Raises Refused for a fault in one."""
    return Settings([read() for read in _readers(repo, root, lambda: committed)])


def review(repo: Repository, root: Path, main_worktree: Path) -> tuple[Settings, list[McError]]:
    """The settings from all that is sound, and every fault of every source."""
    sources: list[Source] = []
    faults: list[McError] = []
    for read in _readers(repo, root, lambda: committed(main_worktree)):
        try:
            source, wrong = sound(read())
        except McError as fault:
            faults.append(fault)
        else:
            sources.append(source)
            faults += wrong
    return Settings(sources), faults


def _readers(
    repo: Repository, root: Path, committed: Callable[[], Source]
) -> list[Callable[[], Source]]:
    """What reads each source, the strongest first. Each raises McError for a fault of its own."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    return [
        lambda: Source(ENVIRONMENT, _from_environment()),
        lambda: _from_git(repo.here),
        lambda: _from_file(root / "config.toml"),
        lambda: _withheld(committed(), root / "trusted.toml"),
        lambda: _from_file(Path(home, "git-mc", "config.toml")),
    ]


def variable(key: Key) -> str | None:
    """The environment variable that sets a key; None for a list, which none does."""
    if key.kind == "list":
        return None
    return "GIT_MC_" + re.sub(r"(?<=[a-z])(?=[A-Z])|\.", "_", key.name).upper()


def _from_environment() -> dict[str, str]:
    names = {name: key.id for key in KEYS if (name := variable(key)) is not None}
    return {ident: os.environ[name] for name, ident in names.items() if name in os.environ}


class Told(NamedTuple):
    """A setting in force. `value` is None, or empty for a list, where nothing is set."""

    key: Key
    value: Any
    origin: str
    """What set it: `default`, a variable of the environment, a place of git's, a file."""
    withheld: str | None
    """Why it is not run, if it is a command that is not."""


def told(repo: Repository, root: Path, main_worktree: Path) -> tuple[list[Told], list[McError]]:
    """Every setting, and every fault in a source of settings."""
    settings, faults = review(repo, root, main_worktree)
    in_git: dict[str, str] = {}
    with suppress(McError):  # It is among the faults.
        # The last place is the one that counts, but for lists, which have one value from each.
        in_git = {entry.ident: entry.origin for entry in entries_in_git(repo.here)}
    found = []
    for key in KEYS:
        origin = settings.said_by(key.name) or "default"
        if origin == ENVIRONMENT:
            origin = variable(key) or origin
        elif origin == GIT:
            origin = f"{GIT} ({in_git.get(key.id, 'unknown')})"
        value = settings.said(key.name)
        found.append(Told(key, value, origin, settings.withheld(key.name)))
    return found, faults


class Entry(NamedTuple):
    """A key of git's configuration that begins with `mc.`, and where it is set."""

    ident: str
    origin: str
    """Its scope and its file: `local, .git/config`; or `command line`."""


def entries_in_git(git: Git) -> list[Entry]:
    """All keys `mc.*` of git's configuration; of one that is set more than once, each place."""
    asked = ("config", "-z", "--show-scope", "--show-origin", "--get-regexp", r"^mc\.")
    words = (git.answer(*asked) or "").split("\0")
    return [
        Entry(identity(said.partition("\n")[0].removeprefix("mc.")), _place(scope, origin))
        for scope, origin, said in zip(words[::3], words[1::3], words[2::3], strict=False)
    ]


def _from_git(git: Git) -> Source:
    printed = git.answer("config", "-z", "--get-regexp", r"^mc\.")
    values: dict[str, list[str]] = {}
    for entry in (printed or "").split("\0"):
        name, given, value = entry.partition("\n")
        if name:
            # A key without `=` is true, as everywhere in git.
            value = value if given else "true"
            values.setdefault(name.removeprefix("mc."), []).append(value)
    plain: dict[str, list[str]] = {}
    agents: dict[str, dict[str, Any]] = {}
    for name, said in values.items():
        words = name.split(".")
        if words[0] == "agent" and len(words) > 2:
            _put(agents.setdefault(words[1], {}), words[2:], said)
        else:
            plain.setdefault(identity(name), []).extend(said)
    return Source(GIT, plain, strict=False, agents=agents)


def _put(table: dict[str, Any], path: list[str], said: list[str]) -> None:
    """Put what git says of an agent's key where its table has it; git knows no underscores, and
    only texts."""
    from gitmc.agents.schema import KEYS as KEYS_OF_AGENTS

    keys: Any = KEYS_OF_AGENTS
    for at, word in enumerate(path):
        known = {identity(key): key for key in keys} if isinstance(keys, Mapping) else {}
        key = known.get(identity(word), word)
        keys = keys.get(key) if isinstance(keys, Mapping) else None
        if at + 1 < len(path):
            table = table.setdefault(key, {})
        elif keys == "flag" or said[-1:] == ["false"]:
            table[key] = said[-1].lower() in TRUE
        else:
            table[key] = said[-1] if keys in ("text", None) else said


def _from_file(path: Path) -> Source:
    try:
        values, agents = split(read_toml(path))
        return Source(str(path), values, agents=agents)
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
        values, agents = split(tomllib.loads(content.decode()))
    except (ValueError, RecursionError) as fault:
        raise Fatal(
            f"{label}: not a TOML file: {fault}", hint=f"repair it, and commit that on {name}"
        ) from fault
    approval = shlex.join(["git", "mc", "trust", name])
    return Source(label, values, approval=approval, agents=agents)


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


def _place(scope: str, origin: str) -> str:
    if scope == "command":
        return "command line"
    kind, _, name = origin.partition(":")
    return f"{scope}, {name or kind}"
