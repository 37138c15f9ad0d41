"""A train as a picture: the queue as a line of cars, and what runs below it. Pure.

    t1 into main: 2 of 7 landed, 1 ejected, 4 to go, 1m12s
    ✓a ✓b ✗x ▸c ▸d]1 ▸e]2 ·f
    ]1 through d: 2 branches, 12s of about 40s
    ]2 through e: 3 branches, 3s of about 40s

What has landed or left stands in front, in that order, and the queue behind it. A car whose name is
followed by `]1` is the last one of the prefix that run 1 tests; the prefix begins where the queue
does. Names are cut as the room asks for, down to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from gitmc.cli.render import duration, one_line, since
from gitmc.model.columns import columns, cut
from gitmc.model.trainrecord import Out, Train, TrainRun

LEFT_OUT = ("blocked", "deleted", "withdrawn", "moved", "skip")
"""Reasons for which a branch does not land that are no fault of its own."""

SIGNS = {
    "landed": "✓",
    "ejected": "✗",
    "conflict": "!",
    "left out": "-",
    "testing": "▸",
    "waiting": "·",
    "deferred": "~",
}
SHADES = {  # parameters of ANSI's "select graphic rendition"
    "landed": "32",
    "ejected": "31",
    "conflict": "33",
    "left out": "2",
    "testing": "1;34",
    "waiting": "",
    "deferred": "2",
}
NAMES = (200, 24, 16, 12, 8, 6, 4, 3, 2)
"""To how many columns names are cut, the first that fits."""


class Car(NamedTuple):
    """A branch of the train."""

    name: str
    kind: str
    """One of SIGNS."""
    ends: tuple[int, ...] = ()
    """The runs, as they are numbered in the picture, whose prefix ends with it."""


def prefixes(train: Train) -> list[TrainRun]:
    """What is under test, the shortest prefix first; run N of a picture is the Nth."""
    live = [run for run in train.runs if run.verdict is None]
    return sorted(live, key=lambda run: (len(run.names), run.started_at, run.id))


def cars(train: Train) -> list[Car]:
    """The branches of the train in the order of the picture."""
    runs = prefixes(train)
    tested = {name for run in runs for name in run.names}
    ends: dict[str, list[int]] = {}
    for number, run in enumerate(runs, 1):
        if run.names:
            ends.setdefault(run.names[-1], []).append(number)
    found = [Car(one.name, "landed") for one in train.landed]
    found += [Car(out.name, _kind(out)) for out in train.out]
    for rider in train.queue:
        kind = "deferred" if rider.deferred_by else "waiting"
        kind = "testing" if rider.name in tested else kind
        found.append(Car(rider.name, kind, tuple(ends.get(rider.name, ()))))
    return found


def _kind(out: Out) -> str:
    if out.reason in LEFT_OUT:
        return "left out"
    return "conflict" if out.reason == "conflict" else "ejected"


def picture(
    train: Train, now: datetime, expected: float | None, size: tuple[int, int], *, colour: bool
) -> list[str]:
    """The lines of the picture for a terminal of that many columns and lines.

    They leave its last column and its last line free. `expected` is how many seconds a run takes,
    where that is known.
    """
    width, height = max(1, size[0] - 1), max(1, size[1] - 1)
    below = _running(train, now, expected)
    few = max(1, (height - 1) // 2)
    if len(below) > few:
        below = [*below[: few - 1], f"… {len(below) - few + 1} more under test"]
    rows = _rows(cars(train), width, max(1, height - 1 - len(below)), colour=colour)
    lines = [f"{headline(train)}, {took(train, now)}", *rows, *below]
    return [cut(line, width) for line in lines[:height]]


def headline(train: Train) -> str:
    """Where the train stands, in a few words."""
    kinds = [car.kind for car in cars(train)]
    ejected = kinds.count("ejected") + kinds.count("conflict")
    counts = {"ejected": ejected, "left out": kinds.count("left out"), "to go": len(train.queue)}
    words = [f"{count} {word}" for word, count in counts.items() if count]
    landed = f"{len(train.landed)} of {len(kinds)} landed"
    return f"{train.id} into {one_line(train.target)}: {', '.join([landed, *words])}"


def summary(train: Train, now: datetime) -> str:
    """The train on a line, for who looks around."""
    words = headline(train)
    if train.ended_at is None:
        return "; ".join(filter(None, [f"{words}, {took(train, now)}", under_test(train)]))
    why = f": {one_line(train.reason, 100)}" if train.reason else ""
    return f"{words}; {train.state} {since(train.ended_at, now)} ago{why}"


def under_test(train: Train) -> str:
    """What is under test, in a few words; empty where nothing is."""
    found = [_what(train, run) for run in prefixes(train)]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f"testing {'; '.join(found[:3])}{more}" if found else ""


def took(train: Train, now: datetime) -> str:
    """How long it ran, or has run."""
    return _for((train.ended_at or now, train.created_at))


def _for(span: tuple[datetime, datetime]) -> str:
    # A clock that was set back makes it 0s.
    return duration(max(0.0, (span[0] - span[1]).total_seconds()))


def _running(train: Train, now: datetime, expected: float | None) -> list[str]:
    lines = []
    for number, run in enumerate(prefixes(train), 1):
        so_far = _for((now, run.started_at))
        about = f" of about {duration(expected)}" if expected is not None else ""
        lines.append(f"]{number} {_what(train, run)}, {so_far}{about}")
    return lines


def _what(train: Train, run: TrainRun) -> str:
    if not run.names:
        return f"{one_line(train.target)} by itself"
    again = any(
        one.tree == run.tree and one.verdict not in (None, "canceled") for one in train.runs
    )
    word = ", again" if again else ""
    if len(run.names) == 1:
        return one_line(run.names[0]) + word
    return f"through {one_line(run.names[-1])}: {len(run.names)} branches{word}"


def _rows(some: Sequence[Car], width: int, room: int, *, colour: bool) -> list[str]:
    """The cars in at most `room` lines; the first ones are left out where even signs do not fit."""
    for longest in NAMES:
        rows = _wrapped(some, width, longest, colour=colour)
        if len(rows) <= room:
            return rows
    for left in range(len(some)):
        rows = _wrapped(some[left:], width, 0, colour=colour, before=left)
        if len(rows) <= room:
            return rows
    return []


def _wrapped(
    some: Iterable[Car], width: int, longest: int, *, colour: bool, before: int = 0
) -> list[str]:
    rows: list[str] = []
    used = width
    texts = [(f"…{before}", "")] if before else []
    for car in some:
        name = one_line(car.name, 200)
        short = name if columns(name) <= longest else cut(name, longest - 1) + "…" * bool(longest)
        ends = "".join(f"]{number}" for number in car.ends)
        texts.append((cut(f"{SIGNS[car.kind]}{short}{ends}", width), SHADES[car.kind]))
    gap = " " if longest else ""
    for text, shade in texts:
        painted = f"\x1b[{shade}m{text}\x1b[0m" if colour and shade else text
        if used + len(gap) + columns(text) > width:
            rows.append(painted)
            used = columns(text)
        else:
            rows[-1] += gap + painted
            used += len(gap) + columns(text)
    return rows
