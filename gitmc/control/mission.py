"""What every use case is given: the repository, its store, the settings, tmux, the time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gitmc.errors import Fatal, Refused
from gitmc.git.repo import Repository, find
from gitmc.git.run import Git
from gitmc.model.job import Job, Process, Terminal
from gitmc.store.lock import Held
from gitmc.store.state import Store

if TYPE_CHECKING:
    from gitmc.control.standby import Standby
    from gitmc.model.settings import Settings
    from gitmc.tmux.run import Tmux


class Mission:
    """One repository and all that belongs to it."""

    def __init__(self, repo: Repository) -> None:
        self.repo = repo
        self.store = Store(repo.common_dir / "mission-control")

    @cached_property
    def git(self) -> Git:
        """git for refs and objects."""
        return self.repo.common

    @cached_property
    def settings(self) -> Settings:
        """The settings in force when they were first asked for."""
        return self.read_settings()

    def read_settings(self) -> Settings:
        """The settings as they are now. Raises Refused for a fault in one."""
        from gitmc.control.config import committed, load_settings

        return load_settings(self.repo, self.store.root, committed(self.main_worktree))

    def settings_in(self, commit: str, name: str) -> Settings:
        """The settings, with what `commit`, which is called `name`, has committed of them."""
        from gitmc.control.config import committed_in, load_settings

        return load_settings(self.repo, self.store.root, committed_in(self.git, commit, name))

    @cached_property
    def tmux(self) -> Tmux:
        """The tmux server that new jobs go to."""
        from gitmc.tmux.run import Tmux

        return Tmux(self.settings["tmuxSocket"])

    @cached_property
    def standby(self) -> Standby:
        """The process that stands by to launch what is in line."""
        from gitmc.control.standby import Standby

        return Standby(self)

    def tmux_for(self, job: Job) -> Tmux:
        """The tmux server that the job goes to, as it was asked for."""
        from gitmc.tmux.run import Tmux

        return Tmux(job.queue.socket) if job.queue else self.tmux

    def tmux_of(self, terminal: Terminal) -> Tmux:
        """The tmux server that a job is in."""
        from gitmc.tmux.run import Tmux

        return Tmux(terminal.socket)

    def now(self) -> datetime:
        """The time, to the millisecond that is stored."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def save(self, held: Held, before: Job | None, after: Job, cause: str) -> Job:
        """Store `after`, and journal the transition if there was one."""
        self.save_all(held, [(before, after)], cause)
        return after

    def save_all(self, held: Held, changes: Sequence[tuple[Job | None, Job]], cause: str) -> None:
        """Store what each job is after, and journal the transitions."""
        self.store.save_all(held, [after for _, after in changes])
        for before, after in changes:
            if before is None or before.state is not after.state:
                self.store.journal.write(
                    self.now(),
                    "transition",
                    job=after.name,
                    **{"from": str(before.state) if before else None},
                    to=str(after.state),
                    cause=cause,
                    reason=after.reason if before else None,
                    run=after.run.id if after.run else None,
                )

    def job(self, name: str) -> Job:
        """The job called `name`. Raises Refused, with the nearest names, where there is none."""
        job = self.store.job(name)
        if job is None:
            raise unknown_job(name, self.store.job_names())
        return job

    @cached_property
    def main_worktree(self) -> Path:
        """The repository's own worktree, from which settings and set-up files are taken."""
        common = self.repo.common_dir
        elsewhere = self.git.answer("config", "--get", "core.worktree")
        if elsewhere:
            return Path(common, elsewhere).resolve()
        return common.parent if common.name == ".git" else self.repo.top


def open_mission(folder: Path | None = None) -> Mission:
    """The mission of the repository that `folder`, or the current one, is in."""
    try:
        here = folder or Path.cwd()
    except FileNotFoundError as gone:
        raise Fatal("the current folder no longer exists", hint="change to one that does") from gone
    return Mission(find(here))


def this_process() -> Process:
    """This very process, as an owner of what it is about to do."""
    from gitmc.tmux.process import boot_id, start_time

    pid = os.getpid()
    return Process(pid, start_time(pid) or "", boot_id())


def unknown_job(name: str, names: list[str]) -> Refused:
    """The error for a job that is not there."""
    import difflib

    near = difflib.get_close_matches(name, names, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "git mc jobs lists the jobs"
    return Refused(f"there is no job called '{name}'", hint=hint)
