"""What every use case is given: the repository, its store, the settings, tmux, the time."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from gitmc.errors import Fatal, Refused
from gitmc.git.repo import Repository, find
from gitmc.git.run import Git
from gitmc.model.job import Job, Process, Terminal
from gitmc.model.settings import COMMAND_KEYS, KEYS, Settings, Source, flatten, identity
from gitmc.store.files import read_toml
from gitmc.store.lock import Held
from gitmc.store.state import Store
from gitmc.tmux.process import boot_id, start_time
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
        """The settings in force."""
        return load_settings(self)

    @cached_property
    def tmux(self) -> Tmux:
        """The tmux server that new jobs go to."""
        return Tmux(self.settings["tmuxSocket"])

    def tmux_of(self, terminal: Terminal) -> Tmux:
        """The tmux server that a job is in."""
        return Tmux(terminal.socket)

    def now(self) -> datetime:
        """The time, to the millisecond that is stored."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def save(self, held: Held, before: Job | None, after: Job, cause: str) -> Job:
        """Store `after`, and journal the transition if there was one."""
        self.store.save(held, after)
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
        return after

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
        if common.name == ".git":
            return common.parent
        elsewhere = self.git.answer("config", "--get", "core.worktree")
        return Path(common, elsewhere).resolve() if elsewhere else self.repo.top


def open_mission(folder: Path | None = None) -> Mission:
    """The mission of the repository that `folder`, or the current one, is in."""
    try:
        here = folder or Path.cwd()
    except FileNotFoundError as gone:
        raise Fatal("the current folder no longer exists", hint="change to one that does") from gone
    return Mission(find(here))


def this_process() -> Process:
    """This very process, as an owner of what it is about to do."""
    pid = os.getpid()
    return Process(pid, start_time(pid) or "", boot_id())


def unknown_job(name: str, names: list[str]) -> Refused:
    """The error for a job that is not there."""
    import difflib

    near = difflib.get_close_matches(name, names, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "git mc jobs lists the jobs"
    return Refused(f"there is no job called '{name}'", hint=hint)


def load_settings(mission: Mission) -> Settings:
    """The settings from every source, strongest first. Raises Refused for a fault in one."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    return Settings(
        [
            Source("the environment", _from_environment()),
            Source("git config", _from_git(mission.repo.here), strict=False),
            _from_file(mission.store.root / "config.toml"),
            _committed(mission.main_worktree / ".mission-control.toml"),
            _from_file(Path(home, "git-mc", "config.toml")),
        ]
    )


def _from_environment() -> dict[str, str]:
    names = {"GIT_MC_" + re.sub(r"(?<=[a-z])(?=[A-Z])|\.", "_", k.name).upper(): k for k in KEYS}
    found = {name: os.environ[name] for name in names if name in os.environ}
    return {names[name].id: value for name, value in found.items() if names[name].kind != "list"}


def _from_git(git: Git) -> dict[str, list[str]]:
    printed = git.answer("config", "-z", "--get-regexp", r"^mc\.")
    values: dict[str, list[str]] = {}
    for entry in (printed or "").split("\0"):
        name, _, value = entry.partition("\n")
        if name:
            values.setdefault(identity(name.removeprefix("mc.")), []).append(value)
    return values


def _from_file(path: Path) -> Source:
    try:
        return Source(str(path), flatten(read_toml(path)))
    except FileNotFoundError:
        return Source(str(path), {})


def _committed(path: Path) -> Source:
    source = _from_file(path)
    commands = sorted(COMMAND_KEYS & set(source.values))
    if commands:
        raise Refused(
            f"{path}: {', '.join(commands)}: a committed file may not say what is run",
            hint="set it for yourself instead: git config mc." + commands[0],
        )
    return source
