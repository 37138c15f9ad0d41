"""The store: where everything lies under `.git/mission-control`, and the jobs in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from functools import cached_property
from pathlib import Path

from gitmc.errors import Refused
from gitmc.model.job import Job
from gitmc.store import index
from gitmc.store.codec import Malformed, decode_job, encode_job
from gitmc.store.files import BadFile, read_toml, replace_file, write_tomls
from gitmc.store.index import Stamp, stamp
from gitmc.store.journal import Journal
from gitmc.store.lock import Held, hold, is_held, try_hold

FOLDERS = (
    "jobs",
    "prompts",
    "logs",
    "run",
    "events/tmp",
    "events/new",
    "events/bad",
    "events/look",
)


class Store:
    """One repository's state. Reading needs nothing; writing needs the lock's token."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.events = root / "events"
        self.jobs_dir = root / "jobs"
        self._index_path = root / "jobs.index"
        self._indexed = False
        self._cache: dict[str, tuple[Stamp, Job]] = {}

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

    def cleanup_locked(self) -> AbstractContextManager[Held]:
        """Hold the lock that keeps two cleanups from removing one job at once."""
        return hold(self.root / "run" / "cleanup.lock", patience=300)

    def busy(self) -> bool:
        """Whether some process holds one of the locks above, so that acting could have to wait."""
        run = self.root / "run"
        return is_held(run / "state.lock") or is_held(run / "worktree.lock")

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

    def plan_path(self, name: str) -> Path:
        """Where the plan is stored that the job's agent is to work through, if there is one."""
        return self.root / "prompts" / f"{name}.md.plan"

    def run_prompt_path(self, run: str) -> Path:
        """Where a run's own prompt is stored, if it was told something else than its job."""
        return self.root / "run" / f"{run}.md"

    def log_path(self, name: str) -> Path:
        """Where what the job's finished runs showed is kept."""
        return self.root / "logs" / f"{name}.log"

    @property
    def counts_path(self) -> Path:
        """Where it is kept how far one commit is ahead of another."""
        return self.root / "ahead.index"

    @property
    def radar_path(self) -> Path:
        """Where it is kept which commits would conflict."""
        return self.root / "radar.index"

    @property
    def radar_lock(self) -> Path:
        """The lock that whoever finds out about all of them holds."""
        return self.root / "run" / "radar.lock"

    @property
    def history_path(self) -> Path:
        """Where it is kept what earlier test runs took and how earlier trains went."""
        return self.root / "train.index"

    def setup_log_path(self, name: str) -> Path:
        """Where the output of the job's set-up commands is kept."""
        return self.root / "logs" / f"{name}.setup.log"

    @property
    def trusted_path(self) -> Path:
        """Where it is kept which committed commands the user has approved."""
        return self.root / "trusted.toml"

    def spec_path(self, run: str) -> Path:
        """Where a run's spec waits for its launcher, which takes it away."""
        return self.root / "run" / f"{run}.json"

    def run_folder(self, run: str) -> Path:
        """Where the files that were made for a run's agent are; it goes with the run."""
        return self.root / "run" / run

    def clear_run(self, run: str) -> None:
        """Remove the run's spec, its own prompt, and what was made for its agent."""
        import shutil

        self.spec_path(run).unlink(missing_ok=True)
        self.run_prompt_path(run).unlink(missing_ok=True)
        folder = self.run_folder(run)
        going = folder.with_name(f"{run}.going")
        # All at once: that one file is gone says that the agent has taken it.
        with suppress(OSError):
            folder.rename(going)
        shutil.rmtree(going, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)

    def send_lock(self, run: str) -> Path:
        """The lock of those who type into a run's terminal; it goes when the run is closed."""
        return self.root / "run" / f"{run}.send"

    def recording(self, run: str) -> Path:
        """The folder for what a run prints while somebody follows it."""
        return self.root / "run" / f"follow-{run}"

    def recordings(self) -> list[Path]:
        """All such folders."""
        return list((self.root / "run").glob("follow-*"))

    def job_names(self) -> list[str]:
        """The names of all stored jobs, readable or not, in order."""
        return sorted(self._files())

    def _files(self) -> dict[str, os.DirEntry[str]]:
        try:
            with os.scandir(self.jobs_dir) as entries:
                return {
                    entry.name.removesuffix(".toml"): entry
                    for entry in entries
                    if entry.name.endswith(".toml") and not entry.name.startswith(".")
                }
        except FileNotFoundError:
            return {}

    def job(self, name: str) -> Job | None:
        """The job called `name`, or None. Raises BadFile where its file is torn or foreign."""
        return self._job(name, self.job_path(name))

    def _job(self, name: str, file: Path | os.DirEntry[str]) -> Job | None:
        try:
            seen = stamp(file.stat())
        except FileNotFoundError:
            self._cache.pop(name, None)
            return None
        cached = self._cache.get(name)
        if cached is not None and cached[0] == seen:
            return cached[1]
        path = self.job_path(name)
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
        first, known = not self._indexed, self._known()
        jobs: list[Job] = []
        faults: list[BadFile] = []
        for name, file in sorted(self._files().items()):
            try:
                job = self._job(name, file)
            except BadFile as fault:
                faults.append(fault)
                continue
            if job is not None:
                jobs.append(job)
        if first:
            self._index(jobs, known)
        return jobs, faults

    def _known(self) -> dict[str, tuple[Stamp, Job]]:
        """What the index has, the first time that all jobs are read; later it is in the cache."""
        if self._indexed:
            return {}
        self._indexed = True
        known = index.read_jobs(self._index_path)
        self._cache = {**known, **self._cache}
        return known

    def _index(self, jobs: list[Job], known: dict[str, tuple[Stamp, Job]]) -> None:
        """Write the index anew where many of `jobs` are not among the `known` ones."""
        now = {job.name: self._cache[job.name] for job in jobs}
        new = [name for name, record in now.items() if known.get(name) is not record]
        if len(new) > index.FEW and sum(index.keeps(*now[name]) for name in new) > index.FEW:
            index.write_jobs(self._index_path, now)

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
        self.save_all(held, [job])

    def save_all(self, held: Held, jobs: Iterable[Job]) -> None:
        """Store `jobs`; many take little longer than one."""
        assert isinstance(held, Held)
        write_tomls({self.job_path(job.name): encode_job(job) for job in jobs})

    def remove(self, held: Held, name: str) -> None:
        """Forget the job called `name`, its prompt and its plan; its log stays."""
        assert isinstance(held, Held)
        self._cache.pop(name, None)
        self.job_path(name).unlink(missing_ok=True)
        self.prompt_path(name).unlink(missing_ok=True)
        self.plan_path(name).unlink(missing_ok=True)

    def write_prompt(self, path: Path, prompt: bytes) -> None:
        """Keep a prompt at `path`, for its owner's eyes only."""
        replace_file(path, prompt, mode=0o600)
