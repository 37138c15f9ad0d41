"""Indexes: what would take long to find out again, each in one file.

Caches, never the truth. `Store.jobs` keeps what the files of jobs held when they were last read:
each record stands beside the stamp of its file, and is used only while the file still has it. An
index that is torn, foreign, from another version, or that cannot be read or written, is as good as
none, and nobody is told.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from zlib import crc32

from gitmc.model.job import (
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
from gitmc.model.slots import History, Measured
from gitmc.store.files import replace_file

Stamp = tuple[int, int, int, int]
"""What changes with a file: inode, two times, size."""

FRESH = 100_000_000
"""Nanoseconds within which a file may change twice and keep its stamp: clocks of file systems tick
in milliseconds. What is younger is not kept."""

FEW = 8
"""How much may be missing before an index is written anew."""

MANY = 20_000
"""How many counts are kept before those that nobody asks for are let go."""

T = TypeVar("T", bound=NamedTuple)


def stamp(stat: os.stat_result) -> Stamp:
    """The stamp of a file of which `stat` was asked."""
    return stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size


def is_settled(seen: Stamp) -> bool:
    """Whether a file with the stamp `seen` cannot change any more and keep it."""
    return time.time_ns() - max(seen[1], seen[2]) > FRESH


def keeps(seen: Stamp, job: Job) -> bool:
    """Whether an index takes `job`, whose file has the stamp `seen`."""
    # What later versions have added may be of any kind that TOML has; it is read where it is.
    return not job.unknown and is_settled(seen)


def read_jobs(path: Path) -> dict[str, tuple[Stamp, Job]]:
    """By name: the jobs in the index at `path`."""
    rows = read(path, _SHAPES)
    return {name: (tuple(seen), _job(row)) for name, (seen, row) in rows.items()}


def write_jobs(path: Path, records: Mapping[str, tuple[Stamp, Job]]) -> None:
    """Write the index of `records` to `path`, where that is possible."""
    kept = {name: (seen, _row(job)) for name, (seen, job) in records.items() if keeps(seen, job)}
    write(path, _SHAPES, kept)


def read_counts(path: Path) -> dict[str, int]:
    """The numbers in the index at `path`, each by what it was the answer to."""
    return read(path, "counts")


def add_counts(path: Path, known: Mapping[str, int], new: Mapping[str, int]) -> None:
    """Add `new` to the index at `path`, which has the `known` ones, where that is possible."""
    write(path, "counts", {**known, **new} if len(known) < MANY else new)


def read_history(path: Path) -> History:
    """What the index at `path` has of earlier test runs and trains."""
    content = read(path, _HISTORY)
    runs = tuple(Measured(*row) for row in content.pop("runs", ()))
    return History(runs, **content)


def write_history(path: Path, history: History) -> None:
    """Write the index of `history` to `path`, where that is possible."""
    rows = [list(run) for run in history.runs]
    write(path, _HISTORY, {**history._asdict(), "runs": rows})


_HISTORY = repr((History._fields, Measured._fields))


def read(path: Path, kind: str) -> dict[str, Any]:
    """What the index of `kind` at `path` holds; nothing where it is not one."""
    try:
        head, _, body = path.read_bytes().partition(b"\n")
    except OSError:
        return {}
    if head != _head(kind, body):
        return {}
    import json

    content: dict[str, Any] = json.loads(body)
    return content


def write(path: Path, kind: str, content: Mapping[str, Any]) -> None:
    """Write an index of `kind` to `path`, where that is possible."""
    import json

    body = json.dumps(content, separators=(",", ":")).encode()
    with suppress(OSError):
        replace_file(path, _head(kind, body) + b"\n" + body)


def _head(kind: str, body: bytes) -> bytes:
    """How a whole file of this version begins."""
    return b"git mc index 1 %08x %08x" % (crc32(kind.encode()), crc32(body))


def _row(value: Any) -> Any:
    """`value` with every tuple in it as a list."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_row(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def _maker(
    shape: type[T], makers: Mapping[str, Callable[[Any], Any]] | None = None
) -> Callable[[list[Any]], T]:
    """What makes a `shape` of a row of its fields. Nothing is checked: that was done long ago."""
    places = [(shape._fields.index(name), make) for name, make in (makers or {}).items()]
    new: Callable[[type[T], list[Any]], T] = tuple.__new__

    def make(row: list[Any]) -> T:
        for place, part in places:
            value = row[place]
            if value is not None:
                row[place] = part(value)
        return new(shape, row)

    return make


_time = datetime.fromisoformat
_process = _maker(Process)
_state = {state.value: state for state in State}.__getitem__
_job = _maker(
    Job,
    {
        "state": _state,
        "created_at": _time,
        "command": tuple,
        "arguments": tuple,
        "started_at": _time,
        "ended_at": _time,
        "run": _maker(
            Run,
            {"phase": {phase.value: phase for phase in Phase}.__getitem__, "launcher": _process},
        ),
        "terminal": _maker(Terminal),
        "activity": _maker(Activity, {"since": _time}),
        "report": _maker(Report, {"at": _time}),
        "untold": tuple,
        "touch": tuple,
        "setup": _maker(Setup, dict.fromkeys(Setup._fields, tuple)),
        "queue": _maker(Queue),
        "launch": _maker(Launch, {"owner": _process, "back": _state}),
        "landing": _maker(Landing, {"owner": _process}),
        "landed": _maker(Landed),
        "pr": _maker(PullRequest),
    },
)
_SHAPES = repr(
    [
        (shape.__name__, shape._fields)
        for shape in (
            *(Job, Run, Process, Terminal, Activity, Report),
            *(Setup, Queue, Launch, Landing, Landed, PullRequest),
        )
    ]
)
"""Rows of other fields are of another version."""
