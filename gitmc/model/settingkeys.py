"""Which settings there are, of what kind, and what each means. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple


def identity(name: str) -> str:
    """`name` in the spelling that all spellings of a key share."""
    return name.replace("_", "").replace("-", "").lower()


class Key(NamedTuple):
    """One setting. `kind` is text, flag, flag or text, seconds, count, size or list.

    `choices` bounds a text. `says` is what it means, for the README, the manual page and
    `git mc config`.
    """

    name: str
    kind: str
    default: Any
    choices: tuple[str, ...] = ()
    says: str = ""

    @property
    def id(self) -> str:
        """The spelling that all spellings share."""
        return identity(self.name)


KEYS: tuple[Key, ...] = (
    Key("agent", "text", "opencode", says="which agent runs; `command` is the other"),
    Key(
        "autoCommit",
        "flag",
        True,
        says="before a merge, commit what the agent left uncommitted, or else refuse",
    ),
    Key(
        "defaultPlacement",
        "text",
        "session",
        ("session", "window"),
        says="a job's terminal: a tmux `session`, or a `window` of this one",
    ),
    Key(
        "forge",
        "text",
        "auto",
        ("auto", "github", "gitlab", "gitea", "none"),
        says="what takes pull requests: `github`, `gitlab`, `gitea`, `none`, or by its address",
    ),
    Key(
        "idleThreshold",
        "seconds",
        300.0,
        says="seconds of silence after which an agent without hooks is idle; and at its prompt "
        "after which one with its work committed is done",
    ),
    Key(
        "keepLogs",
        "size",
        1024 * 1024,
        says="bytes of what a job's terminals showed that are kept: `500k`, `2m`, `0`",
    ),
    Key(
        "kill.spare",
        "list",
        (),
        says="patterns of programs that a job may leave running, such as `*GradleDaemon*`",
    ),
    Key(
        "maxAgents",
        "count",
        0,
        says="how many jobs of all lines and plans run at once; 0 for any number",
    ),
    Key("maxParallel", "count", 3, says="how many jobs of one `--each`, `-n` or plan run at once"),
    Key(
        "mergeStrategy",
        "text",
        "squash",
        ("squash", "ff-only", "merge"),
        says="`squash`, `ff-only` or `merge`",
    ),
    Key(
        "notify.bell",
        "flag",
        False,
        says="ring attached terminals when a job ends, waits or asks for you",
    ),
    Key(
        "notify.command",
        "text",
        None,
        says="run by `sh` then, with a JSON object on its standard input",
    ),
    Key(
        "notify.desktop", "flag", False, says="show it on the desktop (`notify-send`, `osascript`)"
    ),
    Key("notify.tmux", "flag", True, says="show a line in every attached tmux client"),
    Key(
        "omo.defaultMode",
        "text",
        "vanilla",
        ("vanilla", "plan", "ralph", "ulw"),
        says="how opencode works where a launch does not say: see `git mc launch --mode`",
    ),
    Key(
        "omo.enabled",
        "flag",
        False,
        says="take it that opencode has Oh-My-OpenCode, though its configuration does not name it",
    ),
    Key(
        "pollInterval",
        "seconds",
        2.0,
        says="seconds between looks where the system sends no events",
    ),
    Key(
        "privatePrompts",
        "flag",
        False,
        says="keep prompts out of agents' command lines, which `ps` shows to all users of the "
        "machine: where an agent has no other way it is told to read a file",
    ),
    Key(
        "reportProtocol",
        "flag or text",
        True,
        says="tell agents, behind their prompt, how to report; or another text to tell them",
    ),
    Key(
        "testCommand",
        "text",
        None,
        says="what has to pass before a merge, run by `sh`; else what the project's files ask for",
    ),
    Key("testTimeout", "seconds", 600.0, says="seconds that it may take"),
    Key("tmuxSocket", "text", None, says="another tmux server than your own: a path or a name"),
    Key("train.environment", "list", (), says="variables whose values a passed test depends on"),
    Key(
        "train.every",
        "flag",
        False,
        says="test each branch of a merge train by itself, not many at once",
    ),
    Key(
        "train.retries",
        "count",
        1,
        says="how often a failing test is run again before its branch is ejected",
    ),
    Key(
        "train.slots",
        "count",
        0,
        says="how many tests run at once; `0`: as many as the machine was seen to bear",
    ),
    Key(
        "warm",
        "count",
        0,
        says="how many spare worktrees are kept, checked out and set up before they are needed",
    ),
    Key(
        "worktreeBase",
        "text",
        None,
        says="another folder for worktrees than `~/.local/share/git-mc`",
    ),
    Key(
        "worktreeSetup.copyFiles",
        "list",
        (),
        says="globs of files, ignored by git, that new worktrees get a copy of",
    ),
    Key(
        "worktreeSetup.symlinkDirs",
        "list",
        (),
        says="folders, ignored by git, that they get a link to",
    ),
    Key(
        "worktreeSetup.commands",
        "list",
        (),
        says="commands that are run in them before the agent starts",
    ),
)
