"""git mc launch"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from gitmc.cli.options import outputs
from gitmc.cli.render import Output, mission_here, print_json
from gitmc.control.launch import launch
from gitmc.control.loop import catch_up, start_observer
from gitmc.control.prepare import Plan, Request, plan
from gitmc.errors import Usage
from gitmc.model.job import Setup


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
@click.option("--agent", metavar="AGENT", help="Which agent runs (mc.agent).")
@click.option("--branch", metavar="BRANCH", help="The job's branch (mc/NAME).")
@click.option("--base", metavar="REF", help="Where it starts (the current branch).")
@click.option("--placement", type=click.Choice(["session", "window"]), help="Its terminal.")
@click.option("--copy", metavar="GLOB", multiple=True, help="Copy files from the main worktree.")
@click.option("--symlink", metavar="DIR", multiple=True, help="Link a folder of the main worktree.")
@click.option("--run", "commands", metavar="CMD", multiple=True, help="Run a set-up command.")
@click.option("--headless", is_flag=True, help="Start the agent without its user interface.")
@click.option("--reuse", is_flag=True, help="Take up an existing branch where it is.")
@click.option("--attach", is_flag=True, help="Go to the job's terminal at once.")
@click.option("--dry-run", is_flag=True, help="Say what would be made; make nothing.")
@outputs()
@click.pass_context
def command(
    ctx: click.Context,
    name: str,
    prompt: tuple[str, ...],
    file: str | None,
    edit: bool,
    agent: str | None,
    branch: str | None,
    base: str | None,
    placement: str | None,
    copy: tuple[str, ...],
    symlink: tuple[str, ...],
    commands: tuple[str, ...],
    headless: bool,
    reuse: bool,
    attach: bool,
    dry_run: bool,
    out: Output,
) -> int:
    """Start an agent on job NAME, in a worktree, on a branch and in a terminal of its own.

    The PROMPT is handed over byte for byte. A COMMAND finds it in the file $MC_PROMPT_FILE.
    """
    words = ctx.meta["command"]
    if words == ():
        raise Usage("there is no command after --", hint="git mc launch NAME -- COMMAND…")
    mission = mission_here()
    request = Request(
        name=name,
        prompt=_prompt(prompt, file, edit),
        command=words or (),
        agent=agent,
        branch=branch,
        base=base,
        placement=placement,
        headless=headless,
        reuse=reuse,
        setup=Setup(copy, symlink, commands),
    )
    _, troubles = catch_up(mission)
    for trouble in troubles:
        out.warn(trouble)
    if dry_run:
        _show_plan(plan(mission, request))
        return 0
    job = launch(mission, request)
    start_observer(mission)
    if out.json:
        from gitmc.control.view import objects

        print_json("mc.job/1", objects(mission, [job])[0])
    else:
        out.say(f"launched {job.name} on {job.branch} in {job.worktree}")
        out.say(f"hint: git mc attach {job.name}")
    if attach:
        from gitmc.cli.attach import go

        go(mission, job)
    return 0


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


def _show_plan(planned: Plan) -> None:
    job, setup = planned.job, planned.setup
    made = "make" if planned.start_point else "take up"
    click.echo(f"would {made} branch {job.branch} at {job.base_commit[:12]} (base {job.base})")
    click.echo(f"would make worktree {job.worktree}")
    for what, items in (("copy", setup.copy), ("link", setup.symlink), ("run", setup.commands)):
        for item in items:
            click.echo(f"would {what} {item}")
    click.echo(f"would start agent {job.agent} in a tmux {job.placement}")
