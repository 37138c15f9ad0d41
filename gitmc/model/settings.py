"""Settings: what is said of each key (`settingkeys`), and which source wins. Pure.

A key has one identity in every spelling: `worktreeSetup.copyFiles` in git config and
`worktree_setup.copy_files` in TOML are both `worktreesetup.copyfiles` here. Sources are given with
the strongest first; a list takes its values from the strongest source that names it.

A table `[agent.NAME]` describes an agent, or changes one. It is handed on as it is, from every
source that has one: what may be in it is for the catalog of agents to say. All of it is run, so it
is treated as a command. Since TOML has no room for `agent = "x"` beside such tables, that key is
written `[agent] default = "x"` there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from gitmc.errors import Refused
from gitmc.model.settingkeys import KEYS, Key, identity
from gitmc.model.trust import Commands, shown

TRUE = frozenset({"true", "yes", "on", "1"})
FALSE = frozenset({"false", "no", "off", "0", ""})


_BY_ID = {key.id: key for key in KEYS}

COMMAND_KEYS = frozenset({"worktreesetup.commands", "testcommand", "notify.command"})
"""Keys whose values are run. They are never taken from a committed file without approval."""


NOTHING: Mapping[str, Any] = MappingProxyType({})


class Source(NamedTuple):
    """Where values come from: `label` names it in errors, `values` is by key identity."""

    label: str
    values: Mapping[str, Any]
    strict: bool = True
    """Whether a key that is not ours is a fault; in git config it may be another tool's."""
    withheld: str | None = None
    """Why its commands may not be run; None where they may."""
    approval: str = "git mc trust"
    """What approves its commands."""
    agents: Mapping[str, Mapping[str, Any]] = NOTHING
    """By name: what it says of an agent."""


def commands_of(source: Source) -> Commands:
    """What `source` wants to run, by setting. Raises Refused for a value that is no command."""
    commands = {
        key.name: _checked(key, source.values[key.id], source.label)
        for key in KEYS
        if key.id in COMMAND_KEYS and key.id in source.values
    }
    return commands | _words_of(source.agents, "agent.")


def _words_of(table: Mapping[str, Any], prefix: str) -> dict[str, str | tuple[str, ...]]:
    """All that is said in `table`, by the whole name of each key."""
    found: dict[str, str | tuple[str, ...]] = {}
    for name, value in table.items():
        if isinstance(value, Mapping) and value:
            found.update(_words_of(value, f"{prefix}{name}."))
        elif isinstance(value, (list, tuple)):
            found[prefix + name] = tuple(map(str, value))
        else:
            found[prefix + name] = str(value)
    return found


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A TOML table as values by key identity."""
    flat: dict[str, Any] = {}
    for name, value in table.items():
        key = identity(prefix + name)
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[key] = value
    return flat


def split(table: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Mapping[str, Any]]]:
    """A TOML table as values by key identity, and what it says of agents, by their names."""
    said = table.get("agent")
    if not isinstance(said, Mapping):
        return flatten(table), {}
    values = flatten({key: value for key, value in table.items() if key != "agent"})
    agents = {name: value for name, value in said.items() if isinstance(value, Mapping)}
    for name, value in said.items():
        if name not in agents:
            values["agent" if name == "default" else identity(f"agent.{name}")] = value
    return values, agents


def sound(source: Source) -> tuple[Source, list[Refused]]:
    """`source` without what is wrong in it, and each fault that there was."""
    good: dict[str, Any] = {}
    faults: list[Refused] = []
    for ident, raw in source.values.items():
        try:
            Settings([source._replace(values={ident: raw})])
        except Refused as fault:
            faults.append(fault)
        else:
            good[ident] = raw
    return source._replace(values=good), faults


class Settings:
    """The settings in force: `settings["mergeStrategy"]`.

    Raises Refused for a command whose source may not say what is run, when it is asked for.
    """

    def __init__(self, sources: Sequence[Source] = ()) -> None:
        self._withheld: dict[str, Source] = {}
        self._values: dict[str, Any] = {key.id: key.default for key in KEYS}
        self._labels: dict[str, str] = {}
        self._sources = tuple(sources)
        for source in reversed(sources):
            for ident, raw in source.values.items():
                key = _BY_ID.get(ident)
                if key is not None:
                    self._values[ident] = _checked(key, raw, source.label)
                    self._labels[ident] = source.label
                    self._withheld.pop(ident, None)
                    if source.withheld is not None and ident in COMMAND_KEYS:
                        self._withheld[ident] = source
                elif source.strict:
                    raise Refused(
                        f"{source.label}: unknown setting '{ident}'",
                        hint="known settings: " + ", ".join(key.name for key in KEYS),
                    )

    def __getitem__(self, name: str) -> Any:
        ident = identity(name)
        source = self._withheld.get(ident)
        if source is not None:
            raise _not_trusted(_BY_ID[ident].name, self._values[ident], source)
        return self._values[ident]

    @property
    def agents(self) -> frozenset[str]:
        """The names of the agents that some source says something of."""
        return frozenset(name for source in self._sources for name in source.agents)

    def agent(self, name: str) -> list[tuple[str, Mapping[str, Any]]]:
        """What each source that says something of the agent says, the strongest first, and what
        names the source. Raises Refused where one of them may not say what is run."""
        telling = [source for source in self._sources if name in source.agents]
        for source in telling:
            if source.withheld is not None:
                raise Refused(
                    f"{source.label}: what it says of the agent '{name}' is not used: "
                    f"{source.withheld}",
                    hint=f"look at it, and approve it: {source.approval}",
                )
        return [(source.label, source.agents[name]) for source in telling]

    def withheld(self, name: str) -> str | None:
        """Why the command in `settings[name]` may not be run; None where it may."""
        source = self._withheld.get(identity(name))
        return None if source is None else source.withheld

    def said(self, name: str) -> Any:
        """The value of a key, also where it may not be run: for a person to see."""
        return self._values[identity(name)]

    def said_by(self, name: str) -> str | None:
        """What names the source of `settings[name]`; None for a default."""
        return self._labels.get(identity(name))


def _not_trusted(name: str, value: str | Sequence[str], source: Source) -> Refused:
    return Refused(
        f"{source.label}: {name} is {shown(value)}, and is not run: {source.withheld}",
        hint=f"approve it: {source.approval}; or set your own: git config mc.{name} COMMAND",
    )


def _checked(key: Key, raw: Any, label: str) -> Any:
    values = list(raw) if isinstance(raw, (list, tuple)) else [raw]
    if key.kind == "list":
        if not all(isinstance(value, str) for value in values):
            raise _bad(key, raw, label, "a list of strings")
        return tuple(values)
    if not values:
        raise _bad(key, raw, label, "a single value")
    value = values[-1]
    if key.kind == "flag":
        return _flag(key, value, label)
    if key.kind == "seconds":
        return _seconds(key, value, label)
    if key.kind in ("count", "size"):
        return _whole(key, value, label)
    if key.kind == "flag or text" and (isinstance(value, bool) or value in TRUE | FALSE):
        return _flag(key, value, label)
    if not isinstance(value, str):
        raise _bad(key, value, label, "a string")
    if key.choices and value not in key.choices:
        raise _bad(key, value, label, "one of " + ", ".join(key.choices))
    return value


def _flag(key: Key, value: Any, label: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in TRUE | FALSE:
        return value.lower() in TRUE
    raise _bad(key, value, label, "true or false")


def _seconds(key: Key, value: Any, label: str) -> float:
    if isinstance(value, bool):
        raise _bad(key, value, label, "a number of seconds above 0")
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise _bad(key, value, label, "a number of seconds above 0")
    return seconds


UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
"""What git's own sizes may end in."""


def _whole(key: Key, value: Any, label: str) -> int:
    text = str(value).lower()
    unit = text.lstrip("0123456789") if key.kind == "size" else ""
    digits = text.removesuffix(unit)
    if isinstance(value, bool) or unit not in UNITS or not (digits.isascii() and digits.isdigit()):
        what = "a number of bytes, such as 500k or 2m" if key.kind == "size" else "a whole number"
        raise _bad(key, value, label, what)
    return int(digits) * UNITS[unit]


def _bad(key: Key, value: Any, label: str, rule: str) -> Refused:
    return Refused(f"{label}: {key.name} is {value!r}, and must be {rule}")
