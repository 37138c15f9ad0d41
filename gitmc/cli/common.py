"""What commands share: their usual options, finding jobs by name, and printing."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import click

from gitmc.control.loop import catch_up
from gitmc.control.mission import Mission, open_mission, unknown_job
from gitmc.control.report import job_of_worktree
from gitmc.errors import Fatal, McError, Refused
from gitmc.model.job import Job, State

F = TypeVar("F", bound=Callable[..., Any])

COLOURS = {
    State.QUEUED: "cyan",
    State.RUNNING: "blue",
    State.COMPLETED: "green",
    State.FAILED: "red",
    State.STOPPED: "yellow",
    State.READY_TO_MERGE: "green",
    State.MERGING: "cyan",
    State.MERGED: "magenta",
    State.CONFLICT: "red",
    State.NEEDS_REBASE: "yellow",
}


@dataclass(frozen=True, slots=True)
class Output:
    """How to speak."""

    quiet: bool = False
    verbose: bool = False
    json: bool = False

    def say(self, text: str) -> None:
        """A word to a person, on stderr; not with -q."""
        if not self.quiet:
            click.echo(text, err=True)

    def detail(self, text: str) -> None:
        """More for a person who asked for it with -v."""
        if self.verbose:
            click.echo(text, err=True)

    def warn(self, trouble: McError) -> None:
        """Something went wrong beside what was asked for."""
        click.echo(f"warning: {trouble.message}", err=True)
        if trouble.hint:
            click.echo(f"hint: {trouble.hint}", err=True)


def outputs(*, json: bool = True) -> Callable[[F], F]:
    """Add -q and -v, and --json where the command prints data; passes an `Output` as `out`."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def wrapper(*args: Any, quiet: bool, verbose: bool, **kwargs: Any) -> Any:
            above: dict[str, bool] = click.get_current_context().find_root().obj or {}
            out = Output(
                quiet or above.get("quiet", False),
                verbose or above.get("verbose", False),
                kwargs.pop("json", False),
            )
            return function(*args, out=out, **kwargs)

        decorated: Any = wrapper
        decorated = click.option("-v", "--verbose", is_flag=True, help="Say more.")(decorated)
        decorated = click.option("-q", "--quiet", is_flag=True, help="Say less.")(decorated)
        if json:
            decorated = click.option("--json", is_flag=True, help="Print JSON.")(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate


def mission_here(*, outside: bool = False) -> Mission:
    """The mission of the current folder. With `outside`, raises Fatal in a job's own worktree:
    what lands or removes jobs, or takes the terminal, is not for the agent inside one."""
    mission = open_mission()
    if outside:
        name = job_of_worktree(mission.repo.git_dir)
        if name is not None:
            raise Fatal(
                f"this is the worktree of the job '{name}', and the command is for outside of it",
                hint=f"run it in {mission.main_worktree}; agents use `git mc report`",
            )
    return mission


def current_jobs(mission: Mission, out: Output, *, wait: bool = True) -> list[Job]:
    """All jobs, after catching up with what happened; troubles on the way become warnings."""
    jobs, troubles = catch_up(mission, wait=wait)
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


def complete_job(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of jobs, for shells."""
    try:
        names = open_mission().store.job_names()
    except McError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def print_json(schema: str, content: dict[str, Any]) -> None:
    """One JSON document on stdout."""
    import json

    click.echo(json.dumps({"schema": schema, **content}, indent=2))


def print_records(rows: Iterable[Sequence[str]], *, nul: bool) -> None:
    """Tab-separated records; each ends with a newline, or with NUL, inside which all is raw."""
    for row in rows:
        if nul:
            click.echo("\t".join(row) + "\0", nl=False)
        else:
            escapes = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n"})
            click.echo("\t".join(field.translate(escapes) for field in row))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], colours: Sequence[str]) -> None:
    """Columns under `head`; a row's second field in its colour, the last one ragged."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    colour = use_colour()
    click.echo("  ".join(f.ljust(w) for f, w in zip(head, widths, strict=True)).rstrip())
    for row, shade in zip(rows, colours, strict=True):
        fields = [field.ljust(width) for field, width in zip(row, widths, strict=True)]
        if colour and shade:
            fields[1] = click.style(fields[1], fg=shade)
        click.echo("  ".join(fields).rstrip(), color=colour)


def use_colour() -> bool:
    """Whether stdout takes colour: NO_COLOR, then `color.mc`, then whether it is a terminal."""
    tty = sys.stdout.isatty() or os.environ.get("GIT_PAGER_IN_USE") == "true"
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


def age(job: Job, now: datetime) -> str:
    """How long the job ran, or has run."""
    return duration(job.seconds(now) or 0.0)


def one_line(text: str, longest: int = 60) -> str:
    """`text` on one line that no terminal reads commands from, cut at `longest` characters."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    words = " ".join(plain.split())
    return words if len(words) <= longest else words[: longest - 1] + "…"


def note(job: Job) -> str:
    """The last word on a job: why it ended, or what its agent said."""
    if job.reason and not (job.state is State.COMPLETED and job.report):
        return one_line(job.reason)
    if job.report:
        progress = "" if job.report.progress is None else f"{job.report.progress}% "
        return one_line(f"{progress}{job.report.status}: {job.report.message}")
    return ""
