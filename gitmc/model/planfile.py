"""What a plan's file says, checked completely. Pure.

The file is TOML, or JSON with the keys in camelCase. Every fault is found at once, each with its
line; a plan with a fault is none.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gitmc.errors import McError
from gitmc.model import names, touchset
from gitmc.model.overlap import overlap
from gitmc.model.places import Path, in_json, in_toml
from gitmc.model.plan import Mode
from gitmc.model.plangraph import ancestors, cycles

PLAN_KEYS = {
    "name": "text", "mode": "text", "base": "text", "test": "text", "max_parallel": "count",
    "placement": "text", "strategy": "text", "job": "jobs",
}  # fmt: skip
JOB_KEYS = {
    "name": "text", "prompt": "text", "prompt_file": "text", "depends_on": "texts",
    "touch_set": "texts", "agent": "text", "command": "texts", "mode": "text",
    "copy_files": "texts", "symlink_dirs": "texts", "commands": "texts", "priority": "number",
    "headless": "flag", "timeout": "time", "model": "text", "unattended": "flag",
}  # fmt: skip
SEED_KEYS = {"jobs": "job", "base_branch": "base", "test_command": "test"}
KINDS = {
    "text": "a text", "texts": "a list of texts", "count": "a whole number of at least 1",
    "number": "a whole number", "flag": "true or false",
    "time": "seconds above 0, or a text like \"90s\", \"10m\" or \"2h\"", "jobs": "a list of jobs",
}  # fmt: skip
CHOICES = {
    "mode": tuple(Mode),
    "placement": ("session", "window"),
    "strategy": ("merge", "squash", "ff-only"),
}
JOB_MODES = ("vanilla", "plan", "ralph", "ulw")
UNFIT = re.compile("[\0\ud800-\udfff]")
"""What JSON and TOML can spell, and neither a program's words nor a file can hold."""
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


class JobSpec(NamedTuple):
    """One job of a plan, as it is asked for."""

    name: str
    prompt: str = ""
    prompt_file: str | None = None
    depends_on: tuple[str, ...] = ()
    touch_set: tuple[str, ...] = ()
    agent: str | None = None
    command: tuple[str, ...] = ()
    mode: str | None = None
    copy_files: tuple[str, ...] = ()
    symlink_dirs: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    priority: int = 0
    headless: bool = False
    timeout: float | None = None
    model: str | None = None
    unattended: bool = False


class PlanSpec(NamedTuple):
    """A plan, as it is asked for."""

    name: str
    jobs: tuple[JobSpec, ...]
    mode: Mode = Mode.AUTOPILOT
    base: str | None = None
    test: str | None = None
    max_parallel: int | None = None
    placement: str | None = None
    strategy: str | None = None


class Fault(NamedTuple):
    """What is wrong on a line; 0 where it is no single one."""

    line: int
    text: str


class Read(NamedTuple):
    """What came of a plan's text: the plan where there is no fault; warnings come beside it."""

    plan: PlanSpec | None
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...] = ()
    prompt_files: tuple[tuple[str, int], ...] = ()
    """Where its prompts are, and on which line each is named; with faults too."""


def read(text: str, agents: Collection[str], *, added_to: Collection[str] = ()) -> Read:
    """What `text` says. `agents` are those there are; `added_to` are the jobs of the plan that
    these are to be added to, if there is one."""
    try:
        parsed = _parsed(text)
    except tomllib.TOMLDecodeError as fault:
        at = re.search(r"at line (\d+)", str(fault))
        line = int(at.group(1)) if at else text.count("\n") + 1
        return Read(None, (Fault(line, f"no TOML: {fault}"),))
    except json.JSONDecodeError as fault:
        return Read(None, (Fault(fault.lineno, f"no JSON: {fault.msg}"),))
    except (RecursionError, ValueError) as fault:
        return Read(None, (Fault(0, f"it cannot be read: {fault}"),))
    return _Checker(parsed, agents, added_to).read()


def _parsed(text: str) -> _Parsed:
    if not text.lstrip().startswith("{"):
        return _Parsed(tomllib.loads(text), in_toml(text))
    table: Mapping[str, Any] = _snaked(json.loads(text))
    places: dict[Path, int] = {}
    twice: dict[Path, int] = {}
    for path, line in in_json(text):
        known = tuple(map(_snake, path))
        within = any(known[:length] in twice for length in range(1, len(known)))
        if known in places and isinstance(known[-1], str) and not within:
            twice[known] = line
        places.setdefault(known, line)
    return _Parsed(table, places, tuple(twice.items()), json=True)


def _snake(key: Any) -> Any:
    """The name of a key that JSON may call otherwise; what is no key of ours is left alone."""
    if not isinstance(key, str):
        return key
    name = re.sub(r"(?<=[a-z])([A-Z])", lambda m: "_" + m.group(1).lower(), key)
    name = SEED_KEYS.get(name, name)
    return name if name in PLAN_KEYS or name in JOB_KEYS else key


def _camel(key: str) -> str:
    return "jobs" if key == "job" else re.sub(r"_(.)", lambda m: m.group(1).upper(), key)


def _snaked(value: Any) -> Any:
    if isinstance(value, dict):
        return {_snake(key): _snaked(item) for key, item in value.items()}
    return [_snaked(item) for item in value] if isinstance(value, list) else value


class _Parsed(NamedTuple):
    """What a text holds, and where."""

    table: Mapping[str, Any]
    places: Mapping[Path, int]
    twice: tuple[tuple[Path, int], ...] = ()
    """Keys that are there already, and the lines on which they come again."""
    json: bool = False


class _Checker:
    """Looks at a table that was read, and collects what is wrong with it."""

    def __init__(self, parsed: _Parsed, agents: Collection[str], added_to: Collection[str]) -> None:
        self._parsed = parsed
        self._agents = agents
        self._added_to = added_to
        self._faults: list[Fault] = []
        self._prompt_files: list[tuple[str, int]] = []

    def read(self) -> Read:
        for path, line in self._parsed.twice:
            self._faults.append(Fault(line, f"'{self._said(path[-1])}' is given twice"))
        values = self._values((), self._parsed.table, PLAN_KEYS)
        for key, choices in CHOICES.items():
            self._choose((key,), values.get(key), choices)
        name = " ".join(values.pop("name", "").split())
        if not self._added_to and not name and isinstance(self._parsed.table.get("name", ""), str):
            self._fault(("name",), "the plan needs a name")
        if not name.isprintable():
            self._fault(("name",), f"the name {name!r} holds what cannot be shown")
        broken = names.broken_branch_rule(values.get("base", "main").removeprefix("refs/heads/"))
        if broken is not None:
            self._fault(("base",), f"the base '{values['base']}' can be no branch: {broken}")
        tables = values.pop("job", [])
        if self._parsed.table.get("job", []) == []:
            self._fault(("job",), f"the plan has no job: add {self._a_job} with a name")
        jobs = [self._job(at, one) for at, one in enumerate(tables)]
        self._check_names(jobs)
        self._check_graph(jobs)
        asked = tuple(self._prompt_files)
        if self._faults:
            return Read(None, tuple(sorted(self._faults)), prompt_files=asked)
        mode = Mode(values.pop("mode", Mode.AUTOPILOT))
        plan = PlanSpec(name, tuple(jobs), mode, **values)
        return Read(plan, (), tuple(sorted(self._overlaps(jobs))), asked)

    def _said(self, key: Any) -> str:
        """A key as the file spells it."""
        return _camel(key) if self._parsed.json else key

    @property
    def _a_job(self) -> str:
        return 'an object to "jobs"' if self._parsed.json else "[[job]]"

    def _fault(self, path: Path, text: str) -> None:
        self._faults.append(Fault(self._line(path), text))

    def _line(self, path: Path) -> int:
        for length in range(len(path), 0, -1):
            if path[:length] in self._parsed.places:
                return self._parsed.places[path[:length]]
        return 0

    def _values(
        self, path: Path, table: Mapping[str, Any], known: Mapping[str, str]
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in table.items():
            if key not in known:
                near = difflib.get_close_matches(key, map(self._said, known), n=1)
                meant = f"; did you mean '{near[0]}'?" if near else ""
                self._fault((*path, key), f"there is no key '{key}'{meant}")
                continue
            found = READERS[known[key]](value)
            unfit = UNFIT.search("".join(_texts_of(found)))
            if found is None:
                self._fault((*path, key), f"'{self._said(key)}' must be {KINDS[known[key]]}")
            elif unfit is not None:
                which = f"U+{ord(unfit.group()):04X}"
                self._fault((*path, key), f"'{self._said(key)}' holds {which}, which is no text")
            else:
                values[key] = found
        return values

    def _choose(self, path: Path, value: str | None, choices: Collection[str]) -> None:
        if value is not None and value not in choices:
            self._fault(
                path, f"'{self._said(path[-1])}' is '{value}', not one of {', '.join(choices)}"
            )

    def _job(self, at: int, table: Any) -> JobSpec:
        path: Path = ("job", at)
        if not isinstance(table, dict):
            self._fault(path, f"a job is a table: add {self._a_job}")
            return JobSpec("")
        values = self._values(path, table, JOB_KEYS)
        self._choose((*path, "mode"), values.get("mode"), JOB_MODES)
        name = values.get("name", "")
        if "name" in values:
            try:
                names.check_job_name(name)
            except McError as fault:
                self._fault((*path, "name"), fault.message)
        elif "name" not in table:
            self._fault(path, "the job needs a name")
        whose = f"the job '{name}'" if name else "the job"
        asks = [key for key in ("prompt", "prompt_file") if key in table]
        if len(asks) == 2:
            both = f"both prompt and {self._said('prompt_file')}"
            self._fault((*path, "prompt_file"), f"{whose} has {both}")
        if not asks and "command" not in table:
            some = f"a prompt, a {self._said('prompt_file')} or a command"
            self._fault(path, f"{whose} needs {some}")
        if "prompt_file" in values:
            line = self._line((*path, "prompt_file"))
            self._prompt_files.append((values["prompt_file"], line))
        if "agent" in values and values["agent"] not in self._agents:
            known = ", ".join(sorted(self._agents))
            self._fault((*path, "agent"), f"there is no agent '{values['agent']}'; known: {known}")
        if "command" in values and values.get("agent", "command") != "command":
            self._fault((*path, "command"), f"{whose} has a command, and an agent of its own")
        if values.get("command") == ():
            self._fault((*path, "command"), f"the command of {whose} is empty")
        for number, glob in enumerate(values.get("touch_set", ())):
            why = touchset.fault(glob)
            if why is not None:
                self._fault((*path, "touch_set", number), f"bad glob {glob!r}: {why}")
        if "depends_on" in values:
            values["depends_on"] = tuple(dict.fromkeys(values["depends_on"]))
        return JobSpec(**{"name": "", **values})

    def _check_names(self, jobs: list[JobSpec]) -> None:
        first: dict[str, int] = {name.casefold(): -1 for name in self._added_to}
        for at, job in enumerate(jobs):
            folded = job.name.casefold()
            if not folded:
                continue
            if folded in first:
                other = first[folded]
                where = f"on line {self._line(('job', other))}" if other >= 0 else "in the plan"
                self._fault(("job", at, "name"), f"another job {where} is called '{job.name}'")
            first.setdefault(folded, at)

    def _check_graph(self, jobs: list[JobSpec]) -> None:
        known = {job.name for job in jobs if job.name} | set(self._added_to)
        for at, job in enumerate(jobs):
            for number, other in enumerate(job.depends_on):
                path: Path = ("job", at, "depends_on", number)
                if other == job.name:
                    self._fault(path, f"the job '{job.name}' depends on itself")
                elif other not in known:
                    near = difflib.get_close_matches(other, known, n=1)
                    meant = f"; did you mean '{near[0]}'?" if near else ""
                    self._fault(path, f"'{job.name}' depends on '{other}', which is no job{meant}")
        for cycle in cycles({job.name: job.depends_on for job in jobs}):
            at = next(at for at, job in enumerate(jobs) if job.name == cycle[0])
            around = " -> ".join((*cycle, cycle[0]))
            self._fault(("job", at, "depends_on"), f"the jobs depend on one another: {around}")

    def _overlaps(self, jobs: list[JobSpec]) -> Iterator[Fault]:
        graph = {job.name: job.depends_on for job in jobs}
        above = {name: ancestors(graph, name) for name in graph}
        for at, job in enumerate(jobs):
            meets = [
                (other.name, both)
                for other in jobs[:at]
                if other.name not in above[job.name] and job.name not in above[other.name]
                if (both := overlap(other.touch_set, job.touch_set)) is not None
            ]
            if meets:
                (other_name, both), *more = meets
                what = f"'{other_name}' and '{job.name}' may both change {both}"
                so = f"; so it is with {len(more)} other jobs" if more else ""
                so = f"; so it is with '{more[0][0]}'" if len(more) == 1 else so
                line = self._line(("job", at, "touch_set"))
                yield Fault(line, f"{what}, and run at the same time{so}")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Any) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return None
    return tuple(value)


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _count(value: Any) -> int | None:
    number = _number(value)
    return number if number is not None and number >= 1 else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _time(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if 0 < value < 1e9 else None
    found = re.fullmatch(r"(\d{1,9})\s*([smh]?)", value) if isinstance(value, str) else None
    seconds = float(found.group(1)) * UNITS[found.group(2)] if found else 0.0
    return seconds or None


def _texts_of(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return (value,)
    return value if isinstance(value, tuple) else ()


def _list(value: Any) -> list[Any] | None:
    return value if isinstance(value, list) else None


READERS: dict[str, Callable[[Any], Any]] = {
    "text": _text, "texts": _texts, "number": _number, "count": _count, "flag": _flag,
    "time": _time, "jobs": _list,
}  # fmt: skip
