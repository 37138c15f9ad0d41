"""git mc plan"""

from __future__ import annotations

import importlib

import click

VERBS = {
    "start": ("planstart", "start a plan from its file"),
    "check": ("planstart", "say what is wrong with a plan's file"),
    "add": ("planstart", "add jobs to a plan under way"),
    "graph": ("plangraph", "draw how jobs depend on one another"),
    "list": ("planstatus", "list the plans"),
    "status": ("planstatus", "show a plan: its jobs, its train, what it waits for"),
    "wait": ("planstatus", "wait until a plan ends, or waits for a person"),
    "approve": ("planask", "answer what a plan waits for"),
    "skip": ("planask", "go on without a job"),
    "drop": ("planask", "go on without a job and all that depends on it"),
    "pause": ("planask", "launch and merge nothing more for now"),
    "resume": ("planask", "go on after a pause"),
    "cancel": ("planask", "end a plan; what it has done is kept"),
}


class _Plan(click.Group):
    """Verbs by table; a verb's module is imported when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # What the observer starts is no verb for people.
        module = "planstart" if cmd_name == "finish" else VERBS.get(cmd_name, ("",))[0]
        if not module:
            return None
        name = "list_plans" if cmd_name == "list" else cmd_name
        found: click.Command = getattr(importlib.import_module(f"gitmc.cli.{module}"), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])


@click.group(cls=_Plan, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Run jobs that depend on one another, and bring their work together on one branch.

    Alone, it shows the plan under way.
    """
    if ctx.invoked_subcommand is None:
        status = command.get_command(ctx, "status")
        assert status is not None
        with status.make_context("status", [], parent=ctx) as inner:
            status.invoke(inner)
