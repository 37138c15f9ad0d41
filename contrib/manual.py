"""The manual page: what the commands, the settings and the README say of themselves, as roff.

`page` is a pure function of the code and of the README, and `python contrib/docs.py` writes it.
Commands are asked for their help as they print it: click is handed a formatter that writes roff.
"""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from gitmc.cli.group import HELP, SECTIONS, group
from gitmc.control.config import variable
from gitmc.model.settingkeys import KEYS, Key

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "contrib" / "man" / "git-mc.1"

EVERYWHERE = ("-q, --quiet", "-v, --verbose", "-h, --help")
"""Options of every command, which are told once."""

INTRODUCTION = """\
`git mc` runs many coding agents in parallel on one repository. Each job is one agent in a git
worktree, on a branch and in a tmux session of its own, so that agents never write into each
other's files. When a job is done, `git mc merge` tests its work as it would land, and brings it
to its base without breaking a branch or losing a commit; `git mc merge-train` does so for many at
once.

Alone, it shows the overview: what runs, what is done, and what to type next. JOB is the name of a
job; where nothing is taken away, the beginning of one is enough, and where several make sense, so
is a pattern such as `'fix-*'`.

The repository is the one that git finds, by `-C`, `--git-dir`, GIT_DIR and GIT_WORK_TREE as
everywhere."""

PRECEDENCE = """\
Set them with `git config mc.KEY VALUE`; `git mc config` shows them all, with what set each. What
wins, in this order: an option of the command; the environment; git's configuration, where `git -c
mc.KEY=VALUE mc` is for one command; `.git/mission-control/config.toml`; a committed
`.mission-control.toml`, whose commands run only after you approve them with `git mc trust`;
`$XDG_CONFIG_HOME/git-mc/config.toml`. In TOML files, keys are in snake_case, and what comes
before a point is a table."""

OPTIONS = (
    ("-q, --quiet", "Say only what was asked for."),
    ("-v, --verbose", "Say more about what is done."),
    ("--version", "Print the version."),
    ("-h", "Print a command's use and options. `git mc COMMAND --help` does the same."),
    (
        "--json",
        """Print one JSON object, whose first key is `schema`: what scripts read. All commands that
        print data take it; most lists take --porcelain, too, for tab-separated records to which
        fields will be added at the end only, and -z to end those with NUL.""",
    ),
    ("--dry-run", "Say what would be made, merged or removed, and do nothing of it."),
)

STATUS = (
    ("0", "Done."),
    ("1", "An honest no: refused, a test that failed, nothing to do. Nothing was changed."),
    ("3", "A conflict; the paths are listed."),
    ("128", "It cannot work here at all: no repository, no tmux, a broken file."),
    ("129", "The command line is wrong."),
    ("130", "Interrupted."),
)

GIVEN = (
    ("MC_JOB", "The job's name."),
    ("MC_DIR", "The folder `.git/mission-control`."),
    ("MC_RUN", "What tells this run of the agent from any other."),
    ("MC_PROMPT_FILE", "A file with the prompt, byte for byte."),
    ("MC_SIGNAL", "A program that an agent's hooks call with `working`, `waiting` or `idle`."),
)


class Roff(click.HelpFormatter):
    """Takes down what a command says of itself, as the body of one entry of the page."""

    def __init__(self) -> None:
        super().__init__(width=10_000)
        self.lines: list[str] = []

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        self.lines += [".PP", f"{bold(prog)} {escaped(args)}".rstrip()]

    def write_text(self, text: str) -> None:
        self.lines += paragraphs(text, indent=True)

    def write_dl(
        self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        told = [(term, says) for term, says in rows if term not in EVERYWHERE]
        if told:
            self.lines += [".RS 4", *definitions(told), ".RE"]

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        # An entry is too short for headings of its own.
        yield

    @contextmanager
    def indentation(self) -> Iterator[None]:
        yield


def escaped(text: str) -> str:
    """`text` as roff that prints just that."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    plain = plain.replace("|", "|\\:")  # Where a line may be broken.
    plain = "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in plain)
    return f"\\&{plain}" if plain.startswith(".") else plain


def bold(text: str) -> str:
    """`text` in bold."""
    return f"\\fB{escaped(text)}\\fR"


def inline(text: str) -> str:
    """One paragraph, with what is between backticks in bold."""
    words = " ".join(text.split()).split("`")
    parts = [bold(word) if place % 2 else escaped(word) for place, word in enumerate(words)]
    joined = "".join(parts)
    return f"\\&{joined}" if joined.startswith("\\(aq") else joined


def paragraphs(text: str, *, indent: bool = False) -> list[str]:
    """Paragraphs that are kept apart by empty lines; indented below a command's name."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        # How click is told to leave the lines of a paragraph as they are.
        kept = paragraph.startswith("\b\n")
        body = "\n.br\n".join(map(inline, paragraph[2:].split("\n"))) if kept else inline(paragraph)
        lines += [".RS 4", body, ".RE"] if indent else [".PP", body]
        if indent:
            lines.append(".sp")
    return lines[:-1] if indent else lines


def definitions(rows: Sequence[tuple[str, str]]) -> list[str]:
    """A list of terms, and what is said of each."""
    return [line for term, says in rows for line in (".TP", bold(term), inline(says))]


def command(name: str, found: click.Command, above: click.Context) -> list[str]:
    """The entry of one command, and those of its own commands."""
    roff = Roff()
    context = click.Context(found, info_name=name, parent=above)
    found.format_usage(context, roff)
    found.format_help_text(context, roff)
    found.format_options(context, roff)
    found.format_epilog(context, roff)
    lines = roff.lines
    for inner_name, inner in verbs(found, context).items():
        lines += command(f"{name} {inner_name}", inner, above)
    return lines


def verbs(found: click.Command, context: click.Context) -> dict[str, click.Command]:
    """The commands below a command."""
    if isinstance(found, click.Group):
        named = {name: found.get_command(context, name) for name in found.list_commands(context)}
        return {name: inner for name, inner in named.items() if inner is not None}
    module = importlib.import_module(found.callback.__module__) if found.callback else None
    mine = getattr(module, "command", None) is found
    below: dict[str, click.Command] = getattr(module, "VERBS", {}) if mine else {}
    return below


def setting(key: Key) -> tuple[str, str]:
    """The entry of one setting."""
    match key.default:
        case bool():
            default = str(key.default).lower()
        case float():
            default = f"{key.default:g}"
        case None | ():
            default = ""
        case _:
            default = str(key.default)
    says = key.says[:1].upper() + key.says[1:] if key.says[0] != "`" else key.says
    unsaid = not all(f"`{one}`" in says for one in key.choices if one != key.default)
    choices = f" One of {', '.join(f'`{one}`' for one in key.choices)}." if unsaid else ""
    several = " May be set more than once." if key.kind == "list" else ""
    also = f" In the environment, `{variable(key)}`." if variable(key) else ""
    given = f" Default: `{default}`." if default else ""
    return f"mc.{key.name}", f"{says.rstrip('.')}.{choices}{several}{given}{also}"


def files() -> list[tuple[str, str]]:
    """The places that the README lists, each with what is there."""
    _, _, after = (ROOT / "README.md").read_text().partition("\n## Where everything is\n")
    listed = re.search(r"^```text\n(.*?)^```$", after, re.M | re.S)
    assert listed is not None
    rows = [re.split(r"\s{2,}", line, maxsplit=1) for line in listed[1].splitlines()]
    return [(place, says[:1].upper() + says[1:] + ".") for place, says in rows]


def page() -> str:
    """The whole page."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    lines = [
        '.\\" Made by `python contrib/docs.py`: change what it is made from.',
        f'.TH GIT\\-MC 1 "" "git mc {version}" "Git Manual"',
        ".nh",
        ".ad l",
        ".SH NAME",
        "git\\-mc \\- run coding agents in parallel, and bring their work together",
        ".SH SYNOPSIS",
        f"{bold('git mc')} [{bold('-q')}] [{bold('-v')}] [COMMAND [ARGUMENT]...]",
        ".SH DESCRIPTION",
        *paragraphs(INTRODUCTION),
        ".SH OPTIONS",
        *definitions(OPTIONS),
        ".SH COMMANDS",
    ]
    for title, names in SECTIONS.items():
        lines += [f".SS {escaped(title)}", *definitions(list(names.items()))]
    lines += [".SH COMMANDS IN FULL"]
    context = click.Context(group, info_name="git mc", help_option_names=["-h", "--help"])
    for name in HELP:
        found = group.get_command(context, name)
        assert found is not None
        lines += command(name, found, context)
    lines += [
        ".SH SETTINGS",
        *paragraphs(PRECEDENCE),
        *definitions([setting(key) for key in KEYS]),
        ".SH EXIT STATUS",
        *definitions(STATUS),
        ".SH ENVIRONMENT",
        *paragraphs("NO_COLOR and `color.mc` say whether there is colour. A job's agent is given:"),
        *definitions(GIVEN),
        ".SH FILES",
        *definitions(files()),
        ".SH SEE ALSO",
        "\\fBgit\\fR(1), \\fBgit\\-worktree\\fR(1), \\fBgit\\-notes\\fR(1), \\fBtmux\\fR(1)",
    ]
    return "\n".join(lines) + "\n"
