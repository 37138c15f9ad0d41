"""The table of commands. A command's module is imported when it runs, and not for its help line."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click

from gitmc.errors import Usage

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

SECTIONS: dict[str, dict[str, str]] = {
    "Start and watch jobs": {
        "launch": "start an agent on a job in a worktree of its own",
        "overview": "what runs, what is done, what to do next",
        "jobs": "list the jobs",
        "status": "show everything about one job",
        "capture": "print the last lines of a job's terminal",
        "attach": "go to a job's terminal",
        "pick": "pick a job from a list with its terminal beside it",
        "dash": "show all jobs, diffs, plans and trains on one screen",
        "send": "type a message into a running agent's terminal",
        "answer": "show what an agent asks, or answer it",
        "wait": "wait until jobs are done",
        "log": "show what happened, and why",
        "watch": "watch jobs in the foreground as things happen",
    },
    "Finish jobs": {
        "diff": "show what a job has done",
        "conflicts": "show which jobs would conflict",
        "sync": "bring a job's base into the job",
        "merge": "land a job's work on its base",
        "merge-train": "land many branches, testing many at once",
        "verify": "see that a commit passes its test",
        "pr": "push a job's branch and open a pull request",
        "kill": "end a job's agent and all its processes",
        "relaunch": "start a job's agent again where it was",
        "resurrect": "bring back jobs after a restart",
        "cleanup": "remove finished jobs' worktrees and records",
        "restore": "bring back a job whose work was salvaged",
    },
    "Run plans": {
        "plan": "run jobs that depend on one another",
    },
    "Set up": {
        "init": "install git hooks and settings in this repository",
        "install": "give an agent of your own, or tmux, the commands of git mc",
        "doctor": "find what is inconsistent, and mend it",
        "agents": "list the agents that can be run, and what each can tell",
        "config": "show the settings, and what set them",
        "trust": "approve the commands of the committed settings file",
    },
    "For agents": {
        "report": "say how the job goes, from inside it",
        "hook": "answer a git hook",
        "mcp": "serve these commands to agents as tools",
    },
    "Try it": {
        "demo": "see it all in a scratch repository",
    },
}

HELP = {name: line for section in SECTIONS.values() for name, line in section.items()}


class NobodyReadsError(Exception):
    """A broken pipe, by a name that click does not know: click would exit with 1."""


class LazyGroup(click.Group):
    """Commands by table."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as gone:
            raise NobodyReadsError from gone

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(HELP)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in HELP:
            return None
        command: click.Command = importlib.import_module(
            f"gitmc.cli.{cmd_name.replace('-', '_')}"
        ).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in HELP and not name.startswith("-"):
            import difflib

            near = difflib.get_close_matches(name, HELP, n=1)
            meant = f" (did you mean '{near[0]}'?)" if near else ""
            raise click.UsageError(f"'{name}' is not a git mc command{meant}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        # By the table, where click would import every command for its line of help.
        names = [name for name in HELP if name.startswith(incomplete)]
        items = [CompletionItem(name, help=HELP[name]) for name in names]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"git mc {version('git-mc')}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("-q", "--quiet", is_flag=True, help="Say only what was asked for.")
@click.option("-v", "--verbose", is_flag=True, help="Say more about what is done.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version)
@click.pass_context
def group(ctx: click.Context, quiet: bool, verbose: bool) -> None:
    """Run coding agents in parallel, each in its own worktree, and bring their work together.

    Alone, it shows the overview.
    """
    ctx.obj = {"quiet": quiet, "verbose": verbose}
    if ctx.invoked_subcommand is None:
        command = group.get_command(ctx, "overview")
        assert command is not None
        with command.make_context("overview", [], parent=ctx) as inner:
            command.invoke(inner)


def run(words: list[str]) -> int:
    """Run the command that `words` name; its exit code. Raises McError for what click refuses."""
    try:
        code = group.main(
            words, prog_name="git mc", standalone_mode=False, complete_var="_GIT_MC_COMPLETE"
        )
    except click.UsageError as error:
        message = error.format_message().rstrip(".")
        path = error.ctx.command_path if error.ctx else "git mc"
        raise Usage(message[:1].lower() + message[1:], hint=f"{path} -h shows its use") from error
    except click.ClickException as error:
        raise Usage(error.format_message()) from error
    except NobodyReadsError as error:
        raise BrokenPipeError from error
    except click.Abort as error:
        raise KeyboardInterrupt from error
    return code if isinstance(code, int) else 0
