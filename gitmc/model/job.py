"""A job: one agent in one worktree on one branch in one tmux session or window.

States and legal moves (`TRANSITIONS`), with the commands that lead out of each state that is not
final (`WAYS_OUT`):

    waiting_deps ◀──▶ blocked, and from both and from `queued` to canceled
       ▼
    queued ──▶ running ──▶ completed ──▶ ready_to_merge ──▶ merging ──▶ merged
                  │  ╲                        ▲  ▲             │
                  │   ▶ failed, stopped ──────┘  │             ├──▶ conflict ────────┐
                  ▼                              └─────────────┴──▶ needs_rebase ────┤
               (the run: live → ended → swept → closed)         ▲────── merge again ─┘

Only a plan's jobs are `waiting_deps`, until what they depend on has landed, and `blocked` while
something of it does not land. What was never launched ends as `canceled`.

`queued` lasts while a job stands in line and while its launch makes the worktree; `merging` lasts
while one ref moves. Whoever makes or moves is named as the owner, so that anybody can finish or
undo what a killed process left. From every state that is not final and whose run is over, another
launch leads back to `queued`, and if it comes to nothing, back from there.

Beside its state a job has its latest run, with a life of its own: `live` while the launcher runs,
`ended` once a witness told how it ended, `swept` once no process of it is left, `closed` once its
last screen is kept. A job is only cleaned up after its run is closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from gitmc.errors import Fatal

VANILLA = "vanilla"
"""The mode in which an agent works as it is."""


class State(StrEnum):
    """Where a job stands."""

    WAITING_DEPS = "waiting_deps"
    BLOCKED = "blocked"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    READY_TO_MERGE = "ready_to_merge"
    MERGING = "merging"
    MERGED = "merged"
    CONFLICT = "conflict"
    NEEDS_REBASE = "needs_rebase"
    CANCELED = "canceled"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.WAITING_DEPS: frozenset({State.QUEUED, State.BLOCKED, State.CANCELED}),
    State.BLOCKED: frozenset({State.WAITING_DEPS, State.CANCELED}),
    State.QUEUED: frozenset(
        {
            *(State.RUNNING, State.STOPPED, State.FAILED, State.CANCELED),
            *(State.COMPLETED, State.READY_TO_MERGE, State.CONFLICT, State.NEEDS_REBASE),
        }
    ),
    State.RUNNING: frozenset({State.COMPLETED, State.FAILED, State.STOPPED}),
    State.COMPLETED: frozenset(
        {State.FAILED, State.READY_TO_MERGE, State.QUEUED, State.RUNNING},
    ),
    State.FAILED: frozenset({State.READY_TO_MERGE, State.QUEUED}),
    State.STOPPED: frozenset({State.READY_TO_MERGE, State.QUEUED}),
    State.READY_TO_MERGE: frozenset({State.MERGING, State.QUEUED}),
    State.MERGING: frozenset(
        {State.MERGED, State.READY_TO_MERGE, State.CONFLICT, State.NEEDS_REBASE}
    ),
    State.MERGED: frozenset(),
    State.CONFLICT: frozenset({State.READY_TO_MERGE, State.QUEUED}),
    State.NEEDS_REBASE: frozenset({State.READY_TO_MERGE, State.QUEUED}),
    State.CANCELED: frozenset(),
}

FINAL = frozenset(state for state, moves in TRANSITIONS.items() if not moves)

WAYS_OUT: dict[State, tuple[str, ...]] = {
    State.WAITING_DEPS: ("kill",),
    State.BLOCKED: ("kill",),
    State.QUEUED: ("kill",),
    State.RUNNING: ("kill",),
    State.COMPLETED: ("merge", "relaunch", "cleanup"),
    State.FAILED: ("relaunch", "merge", "cleanup"),
    State.STOPPED: ("relaunch", "merge", "cleanup"),
    State.READY_TO_MERGE: ("merge", "relaunch", "cleanup"),
    State.MERGING: ("jobs",),
    State.CONFLICT: ("sync", "merge", "relaunch", "cleanup"),
    State.NEEDS_REBASE: ("sync", "merge", "relaunch", "cleanup"),
}
"""What a user can type in a state that is not final. `jobs`, like every command, settles first, and
settling finishes or takes back a merge whose process is gone."""


INTERRUPTED = "its launch was interrupted"
"""Why a job failed whose launch was killed."""

REPORTED = "reported by the agent"
"""Why a job is completed whose agent said so, be it at its terminal still."""

NO_CHANGES = "no changes"
"""Why one is to be looked at whose agent ended well: it made no commit, and left nothing that could
be committed. Many agents end so that were refused what they needed."""


class Phase(StrEnum):
    """How far the end of a run has been dealt with."""

    LIVE = "live"
    ENDED = "ended"
    SWEPT = "swept"
    CLOSED = "closed"


class Process(NamedTuple):
    """A process that cannot be mistaken for a later one of the same number.

    `start` is the kernel's start time in clock ticks, `boot` the boot it counts from; both are
    empty where the system does not tell.
    """

    pid: int
    start: str = ""
    boot: str = ""


class Run(NamedTuple):
    """One run of a job's agent; `id` is the nonce that its markers carry."""

    id: str
    phase: Phase = Phase.LIVE
    launcher: Process | None = None
    stop: str | None = None
    """Why somebody asked this run to stop; None while nobody did."""
    lost: bool = False
    """Whether it ended because its terminal, its launcher or the machine went away under it."""
    signals: bool = False
    """Whether its agent has said by its own hooks what it does: a better source than any other."""


class Terminal(NamedTuple):
    """Where tmux shows the job: the server's socket and tmux's own ids, never names."""

    socket: str
    session: str
    window: str
    pane: str


class Activity(NamedTuple):
    """What a running agent is doing: working, waiting (for a person), idle or unknown."""

    state: str
    since: datetime
    source: str


class Report(NamedTuple):
    """The agent's last word. `progress` is a percentage."""

    status: str
    message: str
    at: datetime
    progress: int | None = None


class Setup(NamedTuple):
    """What a worktree is given: globs of files, names of folders, shell commands."""

    copy: tuple[str, ...] = ()
    symlink: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


class Launch(NamedTuple):
    """A launch: who makes it, and what it may take away again if it comes to nothing."""

    owner: Process | None
    """None while the job stands in line."""
    new_branch: bool
    """Whether the branch is the launch's own to remove."""
    back: State | None = None
    """Where the job stood before, if this is another launch of it: there it goes back to if this
    one comes to nothing, and what it has stays whatever happens."""


class Queue(NamedTuple):
    """A job's place in line: with which others it waits, and where it will be shown."""

    batch: str
    """What the jobs of one line have in common."""
    limit: int
    """How many jobs of the batch may run at once."""
    socket: str | None = None
    """The tmux server, as the setting names it; None for the user's own."""
    host: str | None = None
    """The tmux session that a window goes to."""


class Landing(NamedTuple):
    """A landing under way, written before the ref moves so that it can be finished or undone."""

    owner: Process
    target: str
    expected: str
    commit: str
    head: str
    verdict: str | None = None
    """What `test` said of the commit; None where nothing was tested."""
    test: str | None = None


class Landed(NamedTuple):
    """What landed: the job's commit `head` as `commit` on branch `target`."""

    target: str
    commit: str
    head: str


class PullRequest(NamedTuple):
    """What was pushed for review: `head` is the commit that `branch` of `remote` was given."""

    forge: str
    """By what it was opened: gh, glab, gitlab, gitea, or none."""
    remote: str
    branch: str
    base: str
    head: str
    url: str | None = None
    """Where it is; None where nobody has opened it yet."""


class Job(NamedTuple):
    """One job, complete. Times are aware and in UTC; None means that it has not happened."""

    name: str
    state: State
    agent: str
    branch: str
    base: str
    base_commit: str
    worktree: str
    placement: str
    created_at: datetime
    mode: str = VANILLA
    command: tuple[str, ...] = ()
    headless: bool = False
    model: str | None = None
    """What its agent is told to use; None for whatever it uses by itself."""
    arguments: tuple[str, ...] = ()
    """Further words for its agent's command line."""
    unattended: bool = False
    """Whether its agent asks for no permissions, because the user said so."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_status: int | None = None
    reason: str | None = None
    session_id: str | None = None
    plan: str | None = None
    run: Run | None = None
    terminal: Terminal | None = None
    activity: Activity | None = None
    report: Report | None = None
    untold: tuple[str, ...] = ()
    """Events that nobody has been notified of yet."""
    setup: Setup | None = None
    touch: tuple[str, ...] = ()
    """Globs of what it may change; empty for everything."""
    timeout: float | None = None
    """Seconds after which a run of it is ended; None for never."""
    queue: Queue | None = None
    launch: Launch | None = None
    landing: Landing | None = None
    landed: Landed | None = None
    pr: PullRequest | None = None
    unknown: Mapping[str, Any] = MappingProxyType({})
    """Keys of the file that this version does not know; they are kept when it is rewritten."""

    @property
    def live(self) -> bool:
        """Whether a process of the agent may still be there."""
        return self.run is not None and self.run.phase in (Phase.LIVE, Phase.ENDED)

    @property
    def in_line(self) -> bool:
        """Whether the job waits for a place, and nobody launches it yet."""
        in_queue = self.state is State.QUEUED
        return in_queue and self.launch is not None and self.launch.owner is None

    @property
    def held(self) -> bool:
        """Whether it waits for other jobs of its plan, and stands in no line yet."""
        return self.state in (State.WAITING_DEPS, State.BLOCKED)

    @property
    def unstarted(self) -> bool:
        """Whether its agent is still to be started."""
        return self.held or self.state is State.QUEUED

    @property
    def settled(self) -> bool:
        """Whether nothing is left to observe or to do unless a user asks for it."""
        if self.held:
            return True
        run_over = self.run is None or self.run.phase is Phase.CLOSED
        return run_over and self.launch is None and self.landing is None

    def seconds(self, now: datetime) -> float | None:
        """How long the latest run took, or has taken until `now`; None before it began."""
        if self.started_at is None:
            return None
        return max(0.0, ((self.ended_at or now) - self.started_at).total_seconds())


class IllegalMoveError(Fatal):
    """A move that the table does not have: a defect of ours, never silently taken."""


def move(job: Job, to: State, **changes: Any) -> Job:
    """`job` in state `to`, with `changes`; raises IllegalMoveError for a move not in the table."""
    if to not in TRANSITIONS[job.state]:
        raise IllegalMoveError(f"job '{job.name}' cannot go from {job.state} to {to}")
    return job._replace(state=to, **changes)


def begun(job: Job, at: datetime, terminal: Terminal | None, launcher: Process) -> Job:
    """`job` as it is once its agent runs: what an earlier run left is over."""
    assert job.run is not None
    run = job.run._replace(launcher=job.run.launcher or launcher, lost=False)
    return move(
        job,
        State.RUNNING,
        started_at=at,
        ended_at=None,
        exit_status=None,
        reason=None,
        activity=None,
        report=None,
        untold=(),
        launch=None,
        terminal=terminal,
        run=run,
    )


def with_phase(job: Job, phase: Phase) -> Job:
    """`job` with its run in `phase`; unchanged where it has no run."""
    if job.run is None:
        return job
    return job._replace(run=job.run._replace(phase=phase))
