"""The picker's screen: the list, the terminal of the job under the cursor, and the keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from gitmc.cli.listing import activity_since
from gitmc.cli.render import COLOURS, age, note, one_line
from gitmc.model.ask import Ask
from gitmc.model.columns import columns, cut
from gitmc.model.job import Job
from gitmc.model.overview import needs_person, overview, why
from gitmc.model.picker import Mode, Picker, question
from gitmc.model.screen import tail

_VERBS = "[d]iff [m]erge [k]ill [s]end [a]nswer"
LIST_KEYS = f"enter attach   alt or tab: {_VERBS}   esc quit"
PLAIN_KEYS = f"{_VERBS} [q]uit   enter attach   tab: filter"
SMALL = 8
"""Lines of a screen on which there is no room but for the list."""


class View(NamedTuple):
    """What is drawn, on `width` columns and `height` lines."""

    picker: Picker
    screen: str | None
    """What the terminal of the job under the cursor shows; None while that is not known."""
    trouble: str
    now: datetime
    width: int
    height: int
    colour: bool = True


class Frame(NamedTuple):
    """The lines of a screen, and the column of the cursor in the last one; None for no cursor."""

    lines: list[str]
    cursor: int | None = None


def frame(view: View) -> Frame:
    """The screen as it is drawn."""
    below, cursor = foot(view)
    between = asked(view.picker, view.width)
    room = max(0, view.height - 1 - len(between))
    lines = [head(view), *rows(view, list_height(view.height, len(view.picker.shown)))]
    if view.height > SMALL:
        lines += _preview(view, room - len(lines))
    lines = lines[:room]
    lines += [""] * (room - len(lines)) + between + [below]
    return Frame([cut(line, view.width) for line in lines[-view.height :]], cursor)


def list_height(height: int, count: int) -> int:
    """How many jobs of `count` there is room for on a screen of `height` lines."""
    room = height - 3 if height <= SMALL else max(3, height * 2 // 5)
    return max(1, min(count or 1, room))


def _styled(view: View, code: str, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if view.colour else text


def head(view: View) -> str:
    """How many run, wait and failed, and what the filter is."""
    found = overview(view.picker.jobs)
    running = len([job for job in found.running if not needs_person(job)])
    counts = {
        "running": (running, "34"),
        "waiting": (len(found.waiting), "33"),
        "failed": (len(found.failed), "31"),
    }
    told = [_styled(view, code, f"{n} {word}") for word, (n, code) in counts.items() if n]
    picker = view.picker
    shown = ""
    if picker.query:
        shown = f"  {len(picker.shown)} of {len(picker.jobs)}: {one_line(picker.query)}"
    return f"{_styled(view, '1', 'git mc')}  {', '.join(told) or 'nothing runs'}{shown}"


def rows(view: View, room: int) -> list[str]:
    """At most `room` lines of the list, with the cursor's among them."""
    picker = view.picker
    jobs = picker.shown
    if not jobs:
        if not picker.known:
            return ["  looking"]
        empty = (
            "no job is like that"
            if picker.jobs
            else "no jobs; start one: git mc launch NAME PROMPT"
        )
        return [f"  {empty}"]
    start = first(picker, room)
    shown = jobs[start : start + room]
    fields = [_fields(job, view.now) for job in shown]
    widths = [max(map(columns, column)) for column in zip(*fields, strict=True)]
    return [
        _row(view, job, row, widths, chosen=job.name == picker.at)
        for job, row in zip(shown, fields, strict=True)
    ]


def first(picker: Picker, room: int) -> int:
    """Which of the shown jobs is listed first where there is room for `room` of them."""
    names = [job.name for job in picker.shown]
    place = names.index(picker.at) if picker.at in names else 0
    # The cursor is kept away from the edges while there is more beyond them.
    return max(0, min(place - room // 2, len(names) - room))


def _fields(job: Job, now: datetime) -> tuple[str, ...]:
    said = one_line(why(job), 200) if needs_person(job) else note(job)
    return job.name, str(job.state), activity_since(job, now), age(job, now), said


def _row(
    view: View, job: Job, fields: Sequence[str], widths: Sequence[int], *, chosen: bool
) -> str:
    pairs = zip(fields, widths, strict=True)
    padded = [field + " " * (width - columns(field)) for field, width in pairs]
    if chosen:
        line = cut(f"> {'  '.join(padded)}", view.width)
        return _styled(view, "7", line + " " * (view.width - columns(line)))
    padded[1] = _styled(view, str(COLOURS[job.state]), padded[1])
    if needs_person(job):
        padded[2] = _styled(view, "33", padded[2])
    return f"  {'  '.join(padded)}".rstrip()


def _preview(view: View, room: int) -> list[str]:
    job = view.picker.job
    if job is None or room < 2:
        return []
    title = f"── {job.name}: {job.branch} → {job.base} "
    rule = _styled(view, "2", title + "─" * max(0, view.width - columns(title)))
    if view.screen is None:
        return [rule]
    return [rule, *tail(view.screen, view.width, room - 1, colour=view.colour)]


def asked(picker: Picker, width: int) -> list[str]:
    """What an agent asks, while the answer is typed."""
    act = picker.act
    if picker.mode is not Mode.TEXT or act is None or act.ask is None:
        return []
    return [cut(line, width) for line in ask_lines(act.ask)]


def ask_lines(ask: Ask) -> list[str]:
    """What is asked, and what can be answered."""
    if ask.kind == "permission":
        return [f"permission: {one_line(ask.text, 500)}", "  yes, always, or no and why"]
    lines: list[str] = []
    for asked in ask.questions:
        lines.append(f"question: {one_line(asked.text, 500)}")
        lines += [f"  {at}. {one_line(label, 200)}" for at, label in enumerate(asked.labels, 1)]
    return lines


def foot(view: View) -> tuple[str, int | None]:
    """The last line, and the column of the cursor in it; None for no cursor."""
    picker, act = view.picker, view.picker.act
    if picker.mode is Mode.CONFIRM:
        return _styled(view, "1", f"{question(picker)}? y or n"), None
    if picker.mode is Mode.TEXT and act is not None:
        return _typed(
            f"{act.verb} to {act.job}: " if act.verb == "send" else f"answer {act.job}: ",
            act.text,
            view.width,
        )
    if picker.said or view.trouble:
        return _styled(view, "1", one_line(picker.said or f"warning: {view.trouble}", 1000)), None
    if picker.mode is Mode.KEYS:
        return PLAIN_KEYS, None
    if picker.query:
        return _typed("filter: ", picker.query, view.width)
    return LIST_KEYS, None


def _typed(label: str, text: str, width: int) -> tuple[str, int]:
    """A line that is being typed, of which the end is always seen."""
    plain = "".join(char if char.isprintable() else "⏎" for char in text)
    room = max(1, width - columns(label) - 1)
    while columns(plain) > room:
        plain = plain[1:]
    return label + plain, columns(label + plain)
