"""What there is of git mc's in a repository and around it, for `gitmc/model/health.py` to judge.

Everything is a plain value that was looked up, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gitmc.model.job import Job
from gitmc.model.plan import Plan


class Tree(NamedTuple):
    """A worktree that git knows, but for the main one."""

    path: str
    own: str
    """Its git directory."""
    branch: str | None
    there: bool
    """Whether its folder is."""
    label: str | None = None
    """The job that it says it is of."""
    last: str | None = None
    """The last commit that its HEAD was at, as far as that is there."""
    held: bool = True
    """Whether that commit is in a branch or another ref."""
    under_way: bool = False
    """Whether git has something unfinished there, a rebase for example."""
    moving: bool = False
    """Whether a move of its branch was killed."""
    locked: bool = False
    age: float = 0.0
    """Seconds since something was changed in its folder."""


class File(NamedTuple):
    """A file of ours that may be left over: `kind` is draft, run, train, event, unread or lock."""

    kind: str
    path: str
    owner: str = ""
    """The run, or the train, that it is for; the process that wrote it."""
    age: float = 0.0
    alive: bool = False
    """Whether that process is there."""


class Pane(NamedTuple):
    """A pane of tmux in which a launcher of this repository called itself `run`."""

    socket: str
    id: str
    run: str
    dead: bool


class Ref(NamedTuple):
    """A ref under `refs/mc/`."""

    name: str
    commit: str
    held: bool
    """Whether another ref has its commit."""


class Trouble(NamedTuple):
    """Something that could not be read or asked, as it was said."""

    id: str
    text: str
    hint: str | None


class Facts(NamedTuple):
    """All that was looked up."""

    jobs: tuple[Job, ...]
    known: frozenset[str]
    """Names of jobs, those included whose records cannot be read."""
    tips: Mapping[str, str]
    """By branch of a job or a plan: the commit at it."""
    trees: tuple[Tree, ...] = ()
    spares: frozenset[str] = frozenset()
    folders: tuple[str, ...] = ()
    """The folders in the place of this repository's worktrees."""
    present: frozenset[str] = frozenset()
    """Those of the jobs' worktrees whose folders are there."""
    half_removed: frozenset[str] = frozenset()
    """Jobs whose worktrees lie in the trash, though git knows them."""
    pool: str = ""
    panes: tuple[Pane, ...] = ()
    processes: tuple[tuple[int, str, str], ...] = ()
    """Processes of this repository's runs: number, run, command."""
    refs: tuple[Ref, ...] = ()
    files: tuple[File, ...] = ()
    trains: Mapping[str, bool] = {}
    """By id of a train: whether it runs."""
    undriven: tuple[str, ...] = ()
    plans: tuple[Plan, ...] = ()
    plan_files: frozenset[str] = frozenset()
    """Ids of plans, those included whose records cannot be read."""
    hooks: tuple[tuple[str, str], ...] = ()
    """Hooks, and `settings`, that are not as they would be installed: name, state."""
    stopped: tuple[tuple[int, str], ...] = ()
    """Processes that hold a lock and are stopped: number, lock."""
    troubles: tuple[Trouble, ...] = ()
