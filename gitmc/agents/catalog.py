"""The catalog: one TOML file per agent, read when a job is started with it.

A file of ours, or a table `[agent.NAME]` of the user's settings, which may also change single keys
of one of ours (tables are joined, all else is replaced, `false` takes a table away):

    program = "claude"              what is run; the lists below are the words after it
    version = ["--version"]         the words that make it print its version
    about = "https://…"             where it comes from
    tested = false                  nobody has run it: it is as its documentation says
    ignored = [".cache"]            folders that it makes in the worktree, and that belong in no
                                    commit: made before it starts, with a .gitignore of their own

    [start]                         for each way to run it, `interactive` and `headless`:
    interactive = […]               its words
    interactive_by_file = […]       instead, where the prompt is too long for one word, or `ps` is
                                    not to show it
    interactive_bare = […]          instead, where there is no prompt
    headless_stdin = true           the prompt is its standard input
    [resume]                        the same, for a session that it is to take up again

    [environment]                   variables of every launch
    [unattended]  [model]  [hooks]  what is added to a launch: without asking for permissions
                                    (only with --unattended), with a model (only with --model), and
                                    with the agent's own hooks, which call our scripts (always)
    [title]  [screen]               by state (working, waiting, idle, error): regular expressions
                                    for the title and the last lines of its terminal

`[unattended]`, `[model]` and `[hooks]` each have

    words = […]                     words of the command line
    environment                     a table of variables
    files                           a table of files, by name: made in the folder {run_dir} of the
                                    run, for their owner only, and gone with the run

and `[hooks]` has `signals`, a list of what they tell: working, waiting, idle, error, session. The
value of a variable or a file is a text, or a table, which is written as JSON; as a variable such a
table is joined with the JSON that the variable holds already (tables are joined, lists added to).

Placeholders, in every text (`words` tells of `:sh`, `:json`, `:escaped` and `:url`):

    {prompt}         the prompt; a word of its own, in [start] and [resume] only
    {options}        a word of its own, in [start] and [resume]: where what is added goes; without
                     it, that comes first
    {prompt_file} {prompt_dir}
                     the file with the prompt, and the folder that it is in
    {session}        what the session is called, in [resume] only
    {new_session}    what a new one is to be called, in [start] only: an UUID
    {model}          the model, in [model] only
    {hooks} {signal} the folder of our scripts for agents, and the script `signal` in it
    {job} {run_dir}  the job's name, and the run's own folder
    {worktree} {main_worktree} {git_dir} {git_common_dir}
                     the job's worktree, the repository's, the worktree's git directory and the one
                     that all worktrees share
    {git_logs}       the folder of the reflogs there; where there is none, {git_dir}
    {report}         the shell command by which it is told to report

A hook calls `{signal} STATE [SESSION]`; in the agent's environment `$MC_SIGNAL` is the same script.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from gitmc.agents import schema
from gitmc.agents.schema import Addition, Agent, Content, Fault, Way
from gitmc.agents.words import ARGUMENTS, OPTIONS, PROMPT
from gitmc.errors import Refused

COMMAND = "command"
"""The agent that is whatever command the user gives."""

ARGUMENT_LIMIT = 100_000
"""Bytes. Linux refuses a single argument of 131,072; this leaves room for what is around it."""


class Further(NamedTuple):
    """A table `[agent.NAME]` of the file, or other source, that `label` names."""

    label: str
    table: Mapping[str, Any]


class Options(NamedTuple):
    """How a launch differs from others of its agent."""

    model: str | None = None
    arguments: tuple[str, ...] = ()
    """Words for the agent's command line, as they are."""
    unattended: bool = False
    headless: bool = False
    private: bool = False
    """Whether the prompt is kept out of the command line, which `ps` shows to everybody."""


class Start(NamedTuple):
    """How to start an agent, before its placeholders are filled in."""

    program: str
    words: tuple[str, ...]
    stdin: bool = False
    arguments: tuple[str, ...] = ()
    environment: Sequence[Mapping[str, Content]] = ()
    """Variables; later ones count."""
    files: Mapping[str, Content] = schema.NONE
    values: Mapping[str, str] = schema.NONE
    """What some placeholders stand for."""
    ignored: tuple[str, ...] = ()
    """Folders to be made in the worktree, and kept out of commits."""
    placed: Mapping[str, str] = schema.NONE
    """Files in those folders, by their path in the worktree."""


def bundled() -> list[str]:
    """The agents that come with git mc, in order."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.toml"))


def described() -> list[str]:
    """Those of them that are described: all but the user's own command."""
    return [name for name in bundled() if name != COMMAND]


def check(name: str, names: Sequence[str]) -> None:
    """Raises Refused where there is no agent `name` among `names`."""
    if name not in names:
        raise Refused(f"there is no agent called '{name}'", hint="known: " + ", ".join(names))


def load(name: str, further: Sequence[Further] = ()) -> Agent:
    """The agent `name`, as changed by `further` tables, of which the first counts most.

    Raises Refused for a fault in one of them, and where none tells how it is started.
    """
    table: Mapping[str, Any] = _table(name) if name in bundled() else {}
    for one in reversed(further):
        try:
            schema.check(one.table)
        except Fault as fault:
            raise _refused(name, fault, one.label) from fault
        table = schema.over(table, one.table)
    try:
        return schema.agent(name, table)
    except Fault as fault:
        raise _refused(name, fault, further[0].label if further else f"{name}.toml") from fault


def _refused(name: str, fault: Fault, label: str) -> Refused:
    return Refused(
        f"{label}: agent.{name}: {fault}",
        hint=f"correct or remove it in the table [agent.{name}]",
    )


@cache
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text())


def of_command(command: Sequence[str]) -> Start:
    """How the agent `command` runs the user's own. Raises Refused where there is none."""
    if not command:
        raise Refused(
            "the agent 'command' needs a command to run",
            hint="git mc launch NAME [PROMPT…] -- COMMAND [ARGUMENT…]",
        )
    return Start(command[0], (ARGUMENTS,), arguments=tuple(command[1:]))


def start(agent: Agent, prompt_size: int, options: Options) -> Start:
    """How to start `agent` on a prompt of `prompt_size` bytes. Raises Refused where it cannot."""
    way = _way(agent.start, options)
    if way is None:
        known = ", ".join(sorted(agent.start)) or "none"
        wanted = "headless" if options.headless else "interactive"
        flag = "leave out --headless" if options.headless else "add --headless"
        raise Refused(f"'{agent.name}' has no {wanted} mode; it has: {known}", hint=flag)
    return _start(agent, way, prompt_size, options, {})


def resume(
    agent: Agent, session: str, prompt_size: int, options: Options, *, told: bool
) -> Start | None:
    """How `agent` takes up its session; None where it cannot.

    Raises Refused where it is to be `told` something with that, and takes nothing.
    """
    way = _way(agent.resume, options)
    if way is None:
        return None
    if told and not (way.stdin or PROMPT in way.words):
        raise Refused(
            f"'{agent.name}' takes no prompt when it resumes a session",
            hint="relaunch it without -p, and then: git mc send JOB TEXT; or use --fresh",
        )
    return _start(agent, way, prompt_size, options, {"session": session})


def _way(ways: Mapping[str, Way], options: Options) -> Way | None:
    return ways.get("headless" if options.headless else "interactive")


def _start(
    agent: Agent, way: Way, prompt_size: int, options: Options, values: Mapping[str, str]
) -> Start:
    added = _additions(agent, options)
    if options.model is not None:
        values = {**values, "model": options.model}
    words = _words(agent, way, prompt_size, options.private)
    extra = (*(word for one in added for word in one.words), ARGUMENTS)
    if OPTIONS in words:
        at = words.index(OPTIONS)
        words = (*words[:at], *extra, *words[at + 1 :])
    else:
        words = (*extra, *words)
    return Start(
        agent.program,
        words,
        way.stdin,
        options.arguments,
        [agent.environment, *(one.environment for one in added)],
        {name: content for one in added for name, content in one.files.items()},
        values,
        agent.ignored,
    )


def _words(agent: Agent, way: Way, prompt_size: int, private: bool) -> tuple[str, ...]:
    if not prompt_size and way.bare is not None:
        return way.bare
    hidden = private and prompt_size > 0
    if PROMPT not in way.words or (prompt_size <= ARGUMENT_LIMIT and not hidden):
        return way.words
    if way.by_file is None and hidden:
        raise Refused(
            f"prompts are to be private, and '{agent.name}' takes one in its command line alone",
            hint="git config mc.privatePrompts false; or: git mc launch --headless, where it can",
        )
    if way.by_file is None:
        raise Refused(
            f"the prompt has {prompt_size} bytes, and '{agent.name}' takes no more than "
            f"{ARGUMENT_LIMIT}",
            hint="put the most of it into a file, and tell the agent to read that",
        )
    return way.by_file


def _additions(agent: Agent, options: Options) -> list[Addition]:
    found = [agent.hooks] if agent.hooks is not None else []
    for wanted, part, flag in (
        (options.unattended, agent.unattended, "--unattended"),
        (options.model is not None, agent.model, "--model"),
    ):
        if not wanted:
            continue
        if part is None:
            raise Refused(
                f"it is not known how '{agent.name}' is told {flag}",
                hint=f"leave it out, or give the agent's own words: --agent-arg WORD; or say how: "
                f"[agent.{agent.name}.{flag.lstrip('-')}] words = […] in config.toml",
            )
        found.append(part)
    return found
