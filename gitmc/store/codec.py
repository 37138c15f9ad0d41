"""A job as a TOML table and back. The only place that knows the file's layout.

Version 1. Keys that are not known are carried along in `Job.unknown` and written back. A file of a
newer version is refused whole: rewriting it could lose what we do not understand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from math import inf
from typing import Any, TypeVar, cast

from gitmc.model.job import (
    VANILLA,
    Activity,
    Job,
    Landed,
    Landing,
    Launch,
    Phase,
    Process,
    PullRequest,
    Queue,
    Report,
    Run,
    Setup,
    State,
    Terminal,
)
from gitmc.model.trust import Approval

VERSION = 1

PARTS = frozenset(
    {
        *("run", "terminal", "activity", "report", "setup", "queue"),
        *("launch", "landing", "landed", "pr", "launcher", "owner"),
    }
)
"""Keys that hold a table of ours."""

T = TypeVar("T")


class Malformed(ValueError):
    """A table that is not a job's: the text says which key breaks which rule."""


def time_text(at: datetime) -> str:
    """`at` as ISO 8601 in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode_job(job: Job) -> dict[str, Any]:
    """The table of `job`; what has not happened is absent."""
    table = _encode(job)
    unknown = table.pop("unknown", {})
    return {"version": VERSION, **_with(table, unknown)}


def _with(table: dict[str, Any], unknown: Mapping[str, Any]) -> dict[str, Any]:
    """`table` with the keys of `unknown`, also inside the parts that it still has."""
    for key, value in unknown.items():
        if key not in PARTS:
            table.setdefault(key, value)
        elif key in table:
            _with(table[key], value)
    return table


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, (State, Phase)):
        return str(value)
    if isinstance(value, tuple):
        names: Sequence[str] | None = getattr(value, "_fields", None)
        if names is None:
            return [_encode(item) for item in value]
        pairs = zip(names, value, strict=True)
        return {name: _encode(item) for name, item in pairs if item not in (None, (), {})}
    return value


def decode_job(table: Mapping[str, Any]) -> Job:
    """The job in `table`. Raises Malformed."""
    version = table.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise Malformed("no 'version', so not one of git mc's files")
    if version > VERSION:
        raise Malformed(f"version {version} was written by a newer git mc")
    take = _Taker(table)
    job = Job(
        name=take.text("name"),
        state=State(take.choice("state", State)),
        agent=take.text("agent"),
        branch=take.text("branch"),
        base=take.text("base"),
        base_commit=take.text("base_commit"),
        worktree=take.text("worktree"),
        placement=take.text("placement"),
        created_at=take.needed("created_at", take.time),
        mode=take.maybe("mode", str) or VANILLA,
        command=tuple(take.texts("command")),
        headless=take.maybe("headless", bool) or False,
        model=take.maybe("model", str),
        arguments=tuple(take.texts("arguments")),
        unattended=take.maybe("unattended", bool) or False,
        started_at=take.time("started_at"),
        ended_at=take.time("ended_at"),
        exit_status=take.maybe("exit_status", int),
        reason=take.maybe("reason", str),
        session_id=take.maybe("session_id", str),
        plan=take.maybe("plan", str),
        run=take.part("run", _run),
        terminal=take.part("terminal", _terminal),
        activity=take.part("activity", _activity),
        report=take.part("report", _report),
        untold=tuple(take.texts("untold")),
        setup=take.part("setup", _setup),
        touch=tuple(take.texts("touch")),
        timeout=take.seconds("timeout"),
        queue=take.part("queue", _queue),
        launch=take.part("launch", _launch),
        landing=take.part("landing", _landing),
        landed=take.part("landed", _landed),
        pr=take.part("pr", _pull_request),
    )
    return job._replace(unknown=take.rest())


def _process(take: _Taker) -> Process:
    return Process(
        take.needed("pid", lambda key: take.maybe(key, int)),
        take.maybe("start", str) or "",
        take.maybe("boot", str) or "",
    )


def _run(take: _Taker) -> Run:
    return Run(
        id=take.text("id"),
        phase=Phase(take.choice("phase", Phase)),
        launcher=take.part("launcher", _process),
        stop=take.maybe("stop", str),
        lost=take.maybe("lost", bool) or False,
        signals=take.maybe("signals", bool) or False,
    )


def _terminal(take: _Taker) -> Terminal:
    return Terminal(*(take.text(key) for key in ("socket", "session", "window", "pane")))


def _activity(take: _Taker) -> Activity:
    return Activity(take.text("state"), take.needed("since", take.time), take.text("source"))


def _report(take: _Taker) -> Report:
    return Report(
        status=take.text("status"),
        message=take.maybe("message", str) or "",
        at=take.needed("at", take.time),
        progress=take.maybe("progress", int),
    )


def decode_report(table: Mapping[str, Any]) -> Report:
    """The report in `table`, as a report marker holds it. Raises Malformed."""
    return _report(_Taker(table))


def encode_report(report: Report) -> dict[str, Any]:
    """The table of `report`."""
    table: dict[str, Any] = _encode(report)
    return table


def decode_approval(table: Mapping[str, Any]) -> Approval:
    """The approval in `table`. Raises Malformed."""
    take = _Taker(table)
    return Approval(take.text("sha256"), take.text("text"), take.needed("at", take.time))


def encode_approval(approval: Approval) -> dict[str, Any]:
    """The table of `approval`."""
    table: dict[str, Any] = _encode(approval)
    return table


def _launch(take: _Taker) -> Launch:
    return Launch(
        owner=take.part("owner", _process),
        new_branch=take.maybe("new_branch", bool) or False,
        back=State(take.choice("back", State)) if take.maybe("back", str) else None,
    )


def _setup(take: _Taker) -> Setup:
    return Setup(*(tuple(take.texts(key)) for key in ("copy", "symlink", "commands")))


def _queue(take: _Taker) -> Queue:
    return Queue(
        batch=take.text("batch"),
        limit=take.needed("limit", lambda key: take.maybe(key, int)),
        socket=take.maybe("socket", str),
        host=take.maybe("host", str),
    )


def _landing(take: _Taker) -> Landing:
    landing = Landing(
        take.needed("owner", lambda key: take.part(key, _process)),
        *(take.text(key) for key in ("target", "expected", "commit", "head")),
    )
    return landing._replace(verdict=take.maybe("verdict", str), test=take.maybe("test", str))


def _landed(take: _Taker) -> Landed:
    return Landed(*(take.text(key) for key in ("target", "commit", "head")))


def _pull_request(take: _Taker) -> PullRequest:
    words = (take.text(key) for key in ("forge", "remote", "branch", "base", "head"))
    return PullRequest(*words)._replace(url=take.maybe("url", str))


class _Taker:
    """Takes keys out of a table, checking kinds, and knows which were not taken."""

    def __init__(self, table: Mapping[str, Any], where: str = "") -> None:
        self._table = table
        self._where = where
        self._taken = {"version"} if not where else set()
        self._parts: dict[str, _Taker] = {}

    def maybe(self, key: str, kind: type[T]) -> T | None:
        self._taken.add(key)
        value = self._table.get(key)
        if value is None:
            return None
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return cast("T", float(value))
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise Malformed(f"'{self._where}{key}' must be of kind {kind.__name__}")
        return value

    def needed(self, key: str, take: Callable[[str], T | None]) -> T:
        value = take(key)
        if value is None:
            raise Malformed(f"'{self._where}{key}' is missing")
        return value

    def text(self, key: str) -> str:
        return self.needed(key, lambda name: self.maybe(name, str))

    def texts(self, key: str) -> list[str]:
        values: list[Any] = self.maybe(key, list) or []
        if not all(isinstance(value, str) for value in values):
            raise Malformed(f"'{self._where}{key}' must be a list of strings")
        return values

    def seconds(self, key: str) -> float | None:
        value = self.maybe(key, float)
        if value is not None and not 0 < value < inf:
            raise Malformed(f"'{self._where}{key}' is {value}, not a number of seconds above 0")
        return value

    def choice(self, key: str, kind: type[State | Phase]) -> str:
        value = self.text(key)
        if value not in set(kind):
            raise Malformed(f"'{self._where}{key}' is {value!r}, not one of {', '.join(kind)}")
        return value

    def time(self, key: str) -> datetime | None:
        text = self.maybe(key, str)
        if text is None:
            return None
        fault = f"'{self._where}{key}' is {text!r}, not a time with a zone"
        try:
            at = datetime.fromisoformat(text)
            utc = at.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise Malformed(fault) from error
        if at.tzinfo is None:
            raise Malformed(fault)
        return utc

    def part(self, key: str, decode: Callable[[_Taker], T]) -> T | None:
        table: dict[str, Any] | None = self.maybe(key, dict)
        if table is None:
            return None
        inner = self._parts[key] = _Taker(table, f"{self._where}{key}.")
        return decode(inner)

    def rest(self) -> dict[str, Any]:
        own = {key: value for key, value in self._table.items() if key not in self._taken}
        inside = {key: rest for key, part in self._parts.items() if (rest := part.rest())}
        return own | inside
