"""What a plan's file says, checked completely. Pure.

The file is TOML, or JSON with the keys in camelCase. Every fault is found at once, each with its
line; a plan with a fault is none.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from gitmc.errors import McError
from gitmc.model import touchset
from gitmc.model.names import check_job_name
from gitmc.model.overlap import overlap
from gitmc.model.places import Path, in_json, in_toml
from gitmc.model.plan import Mode

PLAN_KEYS = {
    "name": "text", "mode": "text", "base": "text", "test": "text", "max_parallel": "count",
    "placement": "text", "strategy": "text", "job": "jobs",
}  # fmt: skip
JOB_KEYS = {
    "name": "text", "prompt": "text", "prompt_file": "text", "depends_on": "texts",
    "touch_set": "texts", "agent": "text", "command": "texts", "mode": "text",
    "copy_files": "texts", "symlink_dirs": "texts", "commands": "texts", "priority": "number",
    "headless": "flag", "timeout": "time",
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


def read(text: str, agents: Collection[str], *, added_to: Collection[str] = ()) -> Read:
    """What `text` says. `agents` are those there are; `added_to` are the jobs of the plan that
    these are to be added to, if there is one."""
    try:
        table, places = _parsed(text)
    except tomllib.TOMLDecodeError as fault:
        at = re.search(r"at line (\d+)", str(fault))
        line = int(at.group(1)) if at else text.count("\n") + 1
        return Read(None, (Fault(line, f"no TOML: {fault}"),))
    except json.JSONDecodeError as fault:
        return Read(None, (Fault(fault.lineno, f"no JSON: {fault.msg}"),))
    except (RecursionError, ValueError) as fault:
        return Read(None, (Fault(0, f"it cannot be read: {fault}"),))
    return _Checker(table, places, agents, added_to).read()


def _parsed(text: str) -> tuple[Mapping[str, Any], dict[Path, int]]:
    if not text.lstrip().startswith("{"):
        return tomllib.loads(text), in_toml(text)
    table = json.loads(text)
    places = {tuple(map(_snake, path)): line for path, line in in_json(text).items()}
    snaked: Mapping[str, Any] = _snaked(table)
    return snaked, places


def _snake(key: Any) -> Any:
    if not isinstance(key, str):
        return key
    name = re.sub(r"(?<=[a-z])([A-Z])", lambda m: "_" + m.group(1).lower(), key)
    return SEED_KEYS.get(name, name)


def _snaked(value: Any) -> Any:
    if isinstance(value, dict):
        return {_snake(key): _snaked(item) for key, item in value.items()}
    return [_snaked(item) for item in value] if isinstance(value, list) else value


class _Checker:
    """Looks at a table that was read, and collects what is wrong with it."""

    def __init__(
        self,
        table: Mapping[str, Any],
        places: Mapping[Path, int],
        agents: Collection[str],
        added_to: Collection[str],
    ) -> None:
        self._table = table
        self._places = places
        self._agents = agents
        self._added_to = added_to
        self._faults: list[Fault] = []
        self._warnings: list[Fault] = []

    def read(self) -> Read:
        values = self._values((), self._table, PLAN_KEYS)
        for key, choices in CHOICES.items():
            self._choose((key,), values.get(key), choices)
        if not self._added_to and not values.get("name", "").strip():
            self._fault((), 'the plan needs a name: name = "..."')
        tables = values.pop("job", [])
        jobs = [self._job(at, one) for at, one in enumerate(tables) if isinstance(one, dict)]
        for at, one in enumerate(tables):
            if not isinstance(one, dict):
                self._fault(("job", at), "a job is a table: [[job]]")
        if not tables:
            self._fault(("job",), "the plan has no job: add [[job]] with a name and a prompt")
        self._check_names(jobs)
        self._check_graph(jobs)
        self._faults.sort()
        if self._faults:
            return Read(None, tuple(self._faults), tuple(self._warnings))
        self._warn_of_overlaps(jobs)
        mode = Mode(values.pop("mode", Mode.AUTOPILOT))
        name = " ".join(values.pop("name", "").split())
        plan = PlanSpec(name, tuple(jobs), mode, **values)
        return Read(plan, (), tuple(sorted(self._warnings)))

    def _fault(self, path: Path, text: str) -> None:
        self._faults.append(Fault(self._line(path), text))

    def _line(self, path: Path) -> int:
        for length in range(len(path), 0, -1):
            if path[:length] in self._places:
                return self._places[path[:length]]
        return 0

    def _values(
        self, path: Path, table: Mapping[str, Any], known: Mapping[str, str]
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in table.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                meant = f"; did you mean '{near[0]}'?" if near else ""
                self._fault((*path, key), f"there is no key '{key}'{meant}")
                continue
            found = READERS[known[key]](value)
            if found is None:
                self._fault((*path, key), f"'{key}' must be {KINDS[known[key]]}")
            else:
                values[key] = found
        return values

    def _choose(self, path: Path, value: str | None, choices: Collection[str]) -> None:
        if value is not None and value not in choices:
            self._fault(path, f"'{path[-1]}' is '{value}', not one of {', '.join(choices)}")

    def _job(self, at: int, table: Mapping[str, Any]) -> JobSpec:
        path: Path = ("job", at)
        values = self._values(path, table, JOB_KEYS)
        self._choose((*path, "mode"), values.get("mode"), JOB_MODES)
        if values.get("mode") in JOB_MODES[1:]:
            self._fault((*path, "mode"), f"the mode '{values['mode']}' is not there yet")
        name = values.get("name", "")
        if "name" in values:
            try:
                check_job_name(name)
            except McError as fault:
                self._fault((*path, "name"), fault.message)
        elif "name" not in table:
            self._fault(path, "the job needs a name")
        whose = f"the job '{name}'" if name else "the job"
        asks = [key for key in ("prompt", "prompt_file") if key in table]
        if len(asks) == 2:
            self._fault((*path, "prompt_file"), f"{whose} has both prompt and prompt_file")
        if not asks and "command" not in table:
            self._fault(path, f"{whose} needs a prompt, a prompt_file or a command")
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
        names = {job.name for job in jobs} | set(self._added_to)
        for at, job in enumerate(jobs):
            for number, other in enumerate(job.depends_on):
                path: Path = ("job", at, "depends_on", number)
                if other == job.name:
                    self._fault(path, f"the job '{job.name}' depends on itself")
                elif other not in names:
                    near = difflib.get_close_matches(other, names, n=1)
                    meant = f"; did you mean '{near[0]}'?" if near else ""
                    self._fault(path, f"'{job.name}' depends on '{other}', which is no job{meant}")
        for cycle in cycles({job.name: job.depends_on for job in jobs}):
            at = next(at for at, job in enumerate(jobs) if job.name == cycle[0])
            around = " -> ".join((*cycle, cycle[0]))
            self._fault(("job", at, "depends_on"), f"the jobs depend on one another: {around}")

    def _warn_of_overlaps(self, jobs: list[JobSpec]) -> None:
        above = {job.name: ancestors({one.name: one.depends_on for one in jobs}, job.name)
                 for job in jobs}  # fmt: skip
        for at, job in enumerate(jobs):
            for other in jobs[:at]:
                if other.name in above[job.name] or job.name in above[other.name]:
                    continue
                both = overlap(other.touch_set, job.touch_set)
                if both is not None:
                    line = self._line(("job", at, "touch_set"))
                    what = f"'{other.name}' and '{job.name}' may both change {both}"
                    self._warnings.append(Fault(line, f"{what}, and run at the same time"))


def ancestors(graph: Mapping[str, Collection[str]], name: str) -> set[str]:
    """All that `name` depends on, directly or through others."""
    found: set[str] = set()
    left = list(graph.get(name, ()))
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += graph.get(one, ())
    return found


def cycles(graph: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Cycles among the jobs, each from its first one on; none in common, and not those of one."""
    found: list[list[str]] = []
    over: set[str] = set()
    for start in graph:
        trail: list[str] = []
        stack = [(start, iter(graph[start]))]
        trail.append(start)
        while stack:
            name, rest = stack[-1]
            following = next((one for one in rest if one in graph and one not in over), None)
            if name in over or following is None:
                over.add(name)
                stack.pop()
                trail.pop()
            elif following in trail:
                cycle = trail[trail.index(following) :]
                if len(cycle) > 1:
                    found.append(cycle)
                over.update(cycle)
            else:
                stack.append((following, iter(graph[following])))
                trail.append(following)
    return found


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


def _list(value: Any) -> list[Any] | None:
    return value if isinstance(value, list) else None


READERS: dict[str, Callable[[Any], Any]] = {
    "text": _text, "texts": _texts, "number": _number, "count": _count, "flag": _flag,
    "time": _time, "jobs": _list,
}  # fmt: skip
