"""Finding jobs by name, and printing them. Free of click, whose import outlasts all of this."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TextIO

from gitmc.control.loop import catch_up
from gitmc.control.mission import Mission, open_mission, unknown_job
from gitmc.errors import Conflict, Fatal, McError, Refused, of_system
from gitmc.model.job import REPORTED, Job, State

COLOURS = {  # numbers of ANSI's "select graphic rendition"
    State.WAITING_DEPS: 36,
    State.BLOCKED: 33,
    State.QUEUED: 36,
    State.RUNNING: 34,
    State.COMPLETED: 32,
    State.FAILED: 31,
    State.STOPPED: 33,
    State.READY_TO_MERGE: 32,
    State.MERGING: 36,
    State.MERGED: 35,
    State.CONFLICT: 31,
    State.NEEDS_REBASE: 33,
    State.CANCELED: 33,
}


class Output(NamedTuple):
    """How to speak."""

    quiet: bool = False
    verbose: bool = False
    json: bool = False

    def say(self, text: str) -> None:
        """A word to a person, on stderr; not with -q."""
        if not self.quiet:
            print(text, file=sys.stderr)

    def detail(self, text: str) -> None:
        """More for a person who asked for it with -v."""
        if self.verbose:
            print(text, file=sys.stderr)

    def warn(self, trouble: McError) -> None:
        """Something went wrong beside what was asked for."""
        print(f"warning: {trouble.message}", file=sys.stderr)
        if trouble.hint:
            print(f"hint: {trouble.hint}", file=sys.stderr)


def mission_here(*, outside: bool = False) -> Mission:
    """The mission of the current folder. With `outside`, raises Fatal in a job's own worktree:
    what lands or removes jobs, or takes the terminal, is not for the agent inside one."""
    mission = open_mission()
    if outside:
        from gitmc.control.report import job_of_worktree

        name = job_of_worktree(mission.repo.git_dir)
        if name is not None and mission.store.job_path(name).exists():
            raise Fatal(
                f"this is the worktree of the job '{name}', and the command is for outside of it",
                hint=f"run it in {mission.main_worktree}; agents use `git mc report`",
            )
    return mission


def current_jobs(mission: Mission, out: Output, *, wait: bool = True) -> list[Job]:
    """All jobs, after catching up with what happened; troubles on the way become warnings.

    Without `wait`, for who only looks, so does it if nothing can be stored: the jobs are then as
    they were stored last.
    """
    try:
        jobs, troubles = catch_up(mission, wait=wait)
    except OSError as fault:
        if wait:
            raise
        jobs, troubles = mission.store.jobs()[0], [of_system(fault)]
    _, faults = mission.store.jobs()
    for trouble in (*troubles, *faults):
        out.warn(trouble)
    return jobs


def find_job(mission: Mission, name: str, jobs: Sequence[Job]) -> Job:
    """The one job that is called `name` or begins so. Raises Refused."""
    by_name = {job.name: job for job in jobs}
    if name in by_name:
        return by_name[name]
    mission.store.job(name)  # a torn file of that name is said to be torn, not missing
    begin = [job for job in jobs if job.name.startswith(name)]
    if len(begin) == 1:
        return begin[0]
    if begin:
        raise Refused(
            f"'{name}' could be any of {', '.join(job.name for job in begin)}",
            hint="give the whole name",
        )
    raise unknown_job(name, list(by_name))


def match_jobs(mission: Mission, patterns: Sequence[str], jobs: Sequence[Job]) -> list[Job]:
    """The jobs that `patterns` name, each once; raises Refused for one that names none.

    A word without `*`, `?` or `[` is a whole name here: these jobs may be about to be ended.
    """
    import fnmatch

    found: dict[str, Job] = {}
    for pattern in patterns:
        if any(char in pattern for char in "*?["):
            hits = [job for job in jobs if fnmatch.fnmatchcase(job.name, pattern)]
        else:
            hits = [job for job in jobs if job.name == pattern]
            if not hits:
                mission.store.job(pattern)
        if not hits:
            raise unknown_job(pattern, [job.name for job in jobs])
        found.update((job.name, job) for job in hits)
    return list(found.values())


def print_json(schema: str, content: dict[str, Any], *, indent: int | None = 2) -> None:
    """One JSON document on stdout; on one line without `indent`."""
    import json

    print(json.dumps({"schema": schema, **content}, indent=indent))


def clashes_json(conflict: Conflict) -> dict[str, Any]:
    """The paths in conflict, and by path the kinds that git calls them."""
    return {
        "conflicts": [clash.path for clash in conflict.clashes],
        "kinds": {clash.path: list(clash.kinds) for clash in conflict.clashes},
    }


def print_records(rows: Iterable[Sequence[str]], *, nul: bool) -> None:
    """Tab-separated records; each ends with a newline, or with NUL, inside which all is raw."""
    for row in rows:
        if nul:
            print("\t".join(row), end="\0")
        else:
            escapes = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n"})
            print("\t".join(field.translate(escapes) for field in row))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], colours: Sequence[int]) -> None:
    """Columns under `head`; a row's second field in its colour, the last one ragged."""
    print("\n".join(table(head, rows, colours if use_colour() else None)))


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], colours: Sequence[int] | None
) -> list[str]:
    """The lines of that table; without colour where none are given."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(f.ljust(w) for f, w in zip(head, widths, strict=True)).rstrip()]
    shades: Sequence[int | None] = colours or [None] * len(rows)
    for row, shade in zip(rows, shades, strict=True):
        fields = [field.ljust(width) for field, width in zip(row, widths, strict=True)]
        if shade is not None:
            fields[1] = f"\x1b[{shade}m{fields[1]}\x1b[0m"
        lines.append("  ".join(fields).rstrip())
    return lines


def paint(job: Job, text: str) -> str:
    """`text` in the colour of the job's state, where stdout takes colour."""
    return f"\x1b[{COLOURS[job.state]}m{text}\x1b[0m" if use_colour() else text


def use_colour(stream: TextIO | None = None) -> bool:
    """Whether `stream` takes colour: NO_COLOR, then `color.mc`, then whether it is a terminal.

    By default that is stdout.
    """
    tty = (stream or sys.stdout).isatty() or os.environ.get("GIT_PAGER_IN_USE") == "true"
    if os.environ.get("NO_COLOR") or not tty:
        return False
    import subprocess

    asked = subprocess.run(
        ["git", "config", "--get-colorbool", "color.mc", "true"], capture_output=True, check=False
    )
    return asked.stdout.strip() != b"false"


def duration(seconds: float) -> str:
    """`seconds` for people: 42s, 3m10s, 2h05m, 3d4h."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600}h"


def since(at: datetime, now: datetime) -> str:
    """How long ago `at` was, in the largest unit alone: 42s, 3m, 2h, 3d."""
    # A clock that was set back makes it 0s.
    whole = duration(max(0.0, (now - at).total_seconds()))
    return whole[: next(at for at, char in enumerate(whole) if char.isalpha()) + 1]


def age(job: Job, now: datetime) -> str:
    """How long the job ran, or has run."""
    return duration(job.seconds(now) or 0.0)


def one_line(text: str, longest: int = 60) -> str:
    """`text` on one line that no terminal reads commands from, cut at `longest` characters."""
    plain = text
    if not text.isprintable():
        plain = "".join(char if char.isprintable() else " " for char in text)
    words = " ".join(plain.split())
    return words if len(words) <= longest else words[: longest - 1] + "…"


def note(job: Job) -> str:
    """The last word on a job: why it ended, or what its agent said."""
    if job.reason and not (job.reason == REPORTED and job.report):
        return one_line(job.reason)
    if job.report:
        progress = "" if job.report.progress is None else f"{job.report.progress}% "
        return one_line(f"{progress}{job.report.status}: {job.report.message}")
    return ""
