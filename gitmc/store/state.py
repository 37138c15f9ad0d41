"""The store: where everything lies under `.git/mission-control`, and the jobs in it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

from gitmc.errors import Refused
from gitmc.model.job import Job
from gitmc.store.codec import Malformed, decode_job, encode_job
from gitmc.store.files import BadFile, read_toml, replace_file, write_toml
from gitmc.store.journal import Journal
from gitmc.store.lock import Held, hold, is_held, try_hold

FOLDERS = ("jobs", "prompts", "logs", "run", "events/tmp", "events/new", "events/bad")


class Store:
    """One repository's state. Reading needs nothing; writing needs the lock's token."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.events = root / "events"
        self.jobs_dir = root / "jobs"
        self._cache: dict[str, tuple[tuple[int, int, int], Job]] = {}

    @cached_property
    def journal(self) -> Journal:
        """The journal of this store."""
        return Journal(self.root / "journal.jsonl")

    def make(self) -> None:
        """Make the folders that are missing. Only commands that write call this."""
        for folder in FOLDERS:
            (self.root / folder).mkdir(parents=True, exist_ok=True)

    def locked(self) -> AbstractContextManager[Held]:
        """Hold the state lock: for milliseconds, never across git, tmux, an agent or a test."""
        return hold(self.root / "run" / "state.lock")

    def locked_if_free(self) -> AbstractContextManager[Held | None]:
        """Hold the state lock where nobody does; yields None otherwise."""
        return try_hold(self.root / "run" / "state.lock")

    def worktrees_locked(self) -> AbstractContextManager[Held]:
        """Hold the lock that keeps `git worktree` commands from racing one another."""
        return hold(self.root / "run" / "worktree.lock", patience=300)

    @property
    def observer_lock(self) -> Path:
        """The lock that an observer holds for as long as it lives."""
        return self.root / "run" / "observer.lock"

    def observed(self) -> bool:
        """Whether an observer is alive."""
        return is_held(self.observer_lock)

    def job_path(self, name: str) -> Path:
        """Where the job called `name` is stored."""
        return self.jobs_dir / f"{name}.toml"

    def prompt_path(self, name: str) -> Path:
        """Where the job's prompt is stored, byte for byte."""
        return self.root / "prompts" / f"{name}.md"

    def run_prompt_path(self, run: str) -> Path:
        """Where a run's own prompt is stored, if it was told something else than its job."""
        return self.root / "run" / f"{run}.md"

    def log_path(self, name: str) -> Path:
        """Where the last screen of the job's finished run is kept."""
        return self.root / "logs" / f"{name}.log"

    def spec_path(self, run: str) -> Path:
        """Where a run's spec waits for its launcher, which takes it away."""
        return self.root / "run" / f"{run}.json"

    def job_names(self) -> list[str]:
        """The names of all stored jobs, readable or not, in order."""
        try:
            paths = list(self.jobs_dir.iterdir())
        except FileNotFoundError:
            return []
        return sorted(p.stem for p in paths if p.suffix == ".toml" and p.name[0] != ".")

    def job(self, name: str) -> Job | None:
        """The job called `name`, or None. Raises BadFile where its file is torn or foreign."""
        path = self.job_path(name)
        try:
            stat = path.stat()
        except FileNotFoundError:
            self._cache.pop(name, None)
            return None
        seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        cached = self._cache.get(name)
        if cached is not None and cached[0] == seen:
            return cached[1]
        try:
            job = decode_job(read_toml(path))
        except FileNotFoundError:
            return None
        except Malformed as fault:
            raise BadFile(path, str(fault)) from fault
        if job.name != name:
            raise BadFile(path, f"it holds a job called '{job.name}'")
        self._cache[name] = (seen, job)
        return job

    def jobs(self) -> tuple[list[Job], list[BadFile]]:
        """All readable jobs by name, and a fault for every file that is not one."""
        jobs: list[Job] = []
        faults: list[BadFile] = []
        for name in self.job_names():
            try:
                job = self.job(name)
            except BadFile as fault:
                faults.append(fault)
                continue
            if job is not None:
                jobs.append(job)
        return jobs, faults

    def add(self, held: Held, job: Job) -> None:
        """Store a new job. Raises Refused where the name is taken, even by a foreign file."""
        if self.job_path(job.name).exists():
            raise Refused(
                f"a job called '{job.name}' exists already",
                hint=f"choose another name, or remove it: git mc cleanup {job.name}",
            )
        self.save(held, job)

    def save(self, held: Held, job: Job) -> None:
        """Store `job`, replacing what was there."""
        assert isinstance(held, Held)
        write_toml(self.job_path(job.name), encode_job(job))

    def remove(self, held: Held, name: str) -> None:
        """Forget the job called `name`, and its prompt; its log stays."""
        assert isinstance(held, Held)
        self._cache.pop(name, None)
        self.job_path(name).unlink(missing_ok=True)
        self.prompt_path(name).unlink(missing_ok=True)

    def write_prompt(self, path: Path, prompt: bytes) -> None:
        """Keep a prompt at `path`, for its owner's eyes only."""
        replace_file(path, prompt, mode=0o600)
