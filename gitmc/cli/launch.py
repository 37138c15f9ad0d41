"""git mc launch"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from gitmc.cli.options import complete_agent, outputs
from gitmc.cli.render import Output, mission_here, print_json
from gitmc.control.apart import start_observer
from gitmc.control.launch import (
    enlist,
    launch,
    launch_next,
    launch_with_changes,
    launched,
    plan_all,
)
from gitmc.control.loop import catch_up
from gitmc.control.mission import Mission
from gitmc.control.prepare import Request
from gitmc.errors import McError, Usage
from gitmc.model.fanout import expand, filled_word, items
from gitmc.model.job import VANILLA, Job, Setup, State


class Launch(click.Command):
    """Keeps what follows `--` apart: it is the command to run, and none of our options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["command"] = None
        if "--" in args:
            at = args.index("--")
            args, ctx.meta["command"] = args[:at], tuple(args[at + 1 :])
        return super().parse_args(ctx, args)


@click.command(cls=Launch, options_metavar="[OPTIONS]", epilog="Everything after -- is run as is.")
@click.argument("name")
@click.argument("prompt", nargs=-1)
@click.option(
    "-F",
    "--file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="Read the prompt from a file.",
)
@click.option("-e", "--edit", is_flag=True, help="Write the prompt in an editor.")
@click.option(
    "--agent",
    metavar="AGENT",
    shell_complete=complete_agent,
    help="Which agent runs (mc.agent).",
)
@click.option("--model", metavar="MODEL", help="The model that the agent is to use.")
@click.option(
    "--agent-arg",
    "arguments",
    metavar="WORD",
    multiple=True,
    help="A further word for the agent's command line.",
)
@click.option("--unattended", is_flag=True, help="Have the agent ask for no permissions.")
@click.option(
    "--mode",
    type=click.Choice(["vanilla", "plan", "ralph", "ulw"]),
    help="How opencode works, where it has Oh-My-OpenCode (mc.omo.defaultMode).",
)
@click.option(
    "--plan-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The plan to work through in mode plan.",
)
@click.option("--branch", metavar="BRANCH", help="The job's branch (mc/NAME).")
@click.option("--base", metavar="REF", help="Where it starts (the current branch).")
@click.option("--placement", type=click.Choice(["session", "window"]), help="Its terminal.")
@click.option("--copy", metavar="GLOB", multiple=True, help="Copy files from the main worktree.")
@click.option("--symlink", metavar="DIR", multiple=True, help="Link a folder of the main worktree.")
@click.option("--run", "commands", metavar="CMD", multiple=True, help="Run a set-up command.")
@click.option("--touch", metavar="GLOB", multiple=True, help="Allow changes of these files only.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S",
              help="End the agent after so many seconds.")  # fmt: skip
@click.option("--headless", is_flag=True, help="Start the agent without its user interface.")
@click.option("--reuse", is_flag=True, help="Take up an existing branch where it is.")
@click.option("--with-changes", is_flag=True, help="Move your uncommitted changes into the job.")
@click.option("--attach", is_flag=True, help="Go to the job's terminal at once.")
@click.option(
    "--each",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="One job for each line or JSON object; {} and {KEY} stand for it.",
)
@click.option(
    "-n", "copies", type=click.IntRange(1, 999), metavar="N", help="N jobs: NAME-1, NAME-2…"
)
@click.option(
    "--max-parallel",
    type=click.IntRange(min=1),
    metavar="K",
    help="How many of them run at once (mc.maxParallel); the rest wait in line.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be made; make nothing.")
@outputs()
@click.pass_context
def command(
    ctx: click.Context,
    /,
    name: str,
    prompt: tuple[str, ...],
    file: str | None,
    edit: bool,
    each: str | None,
    copies: int | None,
    max_parallel: int | None,
    with_changes: bool,
    attach: bool,
    dry_run: bool,
    out: Output,
    **wishes: Any,
) -> int:
    """Start an agent on job NAME, in a worktree, on a branch and in a terminal of its own.

    The PROMPT is handed over byte for byte. A COMMAND finds it in the file $MC_PROMPT_FILE.

    With --each or -n it starts many jobs. In NAME and PROMPT, {} and {KEY} are filled in; in a
    COMMAND, --agent, --model and --agent-arg where they are words of their own.
    """
    words = ctx.meta["command"]
    if words == ():
        raise Usage("there is no command after --", hint="git mc launch NAME -- COMMAND…")
    many = each is not None or copies is not None
    if many:
        _check_many(attach, wishes["branch"], with_changes, file, each)
    elif max_parallel is not None:
        raise Usage("--max-parallel is for many jobs", hint="give --each FILE or -n N too")
    text = _prompt(prompt, file, edit)
    mission = mission_here()
    setup = Setup(*(wishes.pop(key) for key in ("copy", "symlink", "commands")))
    request = Request(name=name, prompt=text, command=words or (), setup=setup, **wishes)
    requests = _many(request, each, copies or 1) if many else [request]
    _, troubles = catch_up(mission)
    for trouble in troubles:
        out.warn(trouble)
    if dry_run:
        _show_plans([one.job for one in plan_all(mission, requests)], mission, out, many=many)
        return 0
    if many:
        limit = max_parallel or max(1, mission.settings["maxParallel"])
        return _launch_many(mission, enlist(mission, requests, limit), out)
    left = None
    if with_changes:
        job, left = launch_with_changes(mission, request)
    else:
        job = launch(mission, request)
    start_observer(mission)
    if left is not None:
        out.warn(left)
    _tell(mission, job, out)
    if attach:
        from gitmc.cli.attach import go

        go(mission, job)
    return 0


def _check_many(
    attach: bool, branch: str | None, with_changes: bool, file: str | None, each: str | None
) -> None:
    if attach:
        raise Usage("--attach is for one job", hint="git mc attach JOB")
    if branch is not None:
        raise Usage("many jobs cannot share a branch", hint="leave out --branch")
    if with_changes:
        raise Usage("changes can move into one job only", hint="commit them, then launch")
    if file == "-" and each == "-":
        raise Usage("standard input can only be read once", hint="give a file to -F or to --each")


def _many(request: Request, each: str | None, copies: int) -> list[Request]:
    from dataclasses import replace

    fillings = items(_read(each)) if each is not None else []
    if each is not None and not fillings:
        raise Usage(f"there is no line in {each}, so there is no job", hint="give one line a job")
    return [
        replace(
            request,
            name=one.name,
            prompt=one.prompt,
            command=one.command,
            agent=request.agent and filled_word(request.agent, one.values),
            model=request.model and filled_word(request.model, one.values),
            arguments=tuple(filled_word(word, one.values) for word in request.arguments),
        )
        for one in expand(request.name, request.prompt, request.command, fillings, copies)
    ]


def _read(path: str) -> str:
    content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    return content.decode("utf-8", "surrogateescape")


def _launch_many(mission: Mission, jobs: list[Job], out: Output) -> int:
    """Launch as many as may run; the rest is the observer's to launch."""
    queue = jobs[0].queue
    assert queue is not None
    failed: list[McError] = []
    told: set[str] = set()
    for made in launch_next(mission, queue.batch, queue.limit):
        if isinstance(made, Job):
            told.add(made.name)
            if not out.json:
                out.say(f"launched {made.name} on {made.branch} in {made.worktree}")
        else:
            failed.append(made)
    start_observer(mission)
    now = launched(mission, [job.name for job in jobs])
    if out.json:
        from gitmc.control.view import objects

        print_json("mc.jobs/1", {"jobs": objects(mission, now)})
    else:
        for job in now:
            if job.state is State.QUEUED:
                out.say(f"queued {job.name}")
            elif job.name not in told:
                # An observer was quicker.
                out.say(f"launched {job.name} on {job.branch} in {job.worktree}")
    for failure in failed[:-1]:
        out.warn(failure)
    if failed:
        raise failed[-1]
    return 0


def _tell(mission: Mission, job: Job, out: Output) -> None:
    if out.json:
        from gitmc.control.view import objects

        print_json("mc.job/1", objects(mission, [job])[0])
    else:
        out.say(f"launched {job.name} on {job.branch} in {job.worktree}")
        out.say(f"hint: git mc attach {job.name}")


def _prompt(words: tuple[str, ...], file: str | None, edit: bool) -> bytes:
    given = [bool(words), file is not None, edit]
    if sum(given) > 1:
        raise Usage(
            "the prompt can come from the command line, from -F or from -e, not from two of them",
            hint="give it once",
        )
    if file == "-":
        return sys.stdin.buffer.read()
    if file is not None:
        return Path(file).read_bytes()
    if edit:
        return (click.edit("", extension=".md") or "").encode("utf-8", "surrogateescape")
    return os.fsencode(" ".join(words))


def _show_plans(jobs: list[Job], mission: Mission, out: Output, *, many: bool) -> None:
    if out.json:
        from gitmc.control.view import objects

        found = objects(mission, jobs)
        print_json(*(("mc.jobs/1", {"jobs": found}) if many else ("mc.job/1", found[0])))
        return
    for job in jobs:
        _show_plan(job, many=many)


def _show_plan(job: Job, *, many: bool) -> None:
    if many:
        click.echo(f"{job.name}:")
    made = "make" if job.launch and job.launch.new_branch else "take up"
    click.echo(f"would {made} branch {job.branch} at {job.base_commit[:12]} (base {job.base})")
    click.echo(f"would make worktree {job.worktree}")
    setup = job.setup or Setup()
    for what, things in (("copy", setup.copy), ("link", setup.symlink), ("run", setup.commands)):
        for thing in things:
            click.echo(f"would {what} {thing}")
    how = (
        (f" in mode {job.mode}" if job.mode != VANILLA else "")
        + (f" with model {job.model}" if job.model else "")
        + (", which asks for no permissions" if job.unattended else "")
    )
    click.echo(f"would start agent {job.agent} in a tmux {job.placement}{how}")
