"""One run of a test command on one commit, which goes on when whoever asked for it is gone.

A run is known by its id, and lives in the folder `run/test-ID`. Whoever asks for it holds the lock
`run/test-ID.lock`, and its runner does, until both are gone. In the folder are:

    setup/       the run of the set-up commands, if they were due
    spec.json    what the runner is to do; from here on this run is never started again
    pid          who the runner is
    canceled     nothing more begins, and what has begun ends
    result.json  how it ended

    ── claim the lock ─▶ result there? ─▶ return it
                         spec there, no result? ─▶ its runner was killed: sweep, LOST
                         canceled? ─▶ CANCELED
                         take a slot ─▶ its files ─▶ its set-up ─▶ write spec ─▶ runner ─▶ result

Whoever asks for a run that another process began, and did not live to see the end of, waits for the
lock, and so for the runner. That an id is used once, whatever is killed in between, is by the order
above: without a spec no runner was started, with one none is started again. A run that is lost is
repeated under another id. A set-up whose asker is gone says nothing, and is done again.

`run_test` takes and returns plain values, so that any Executor can run it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from gitmc.agents.before import before
from gitmc.control import runner
from gitmc.control import setup as setups
from gitmc.control.mission import Mission
from gitmc.control.slots import Busy, Slot, is_no_space, taken
from gitmc.errors import McError
from gitmc.git.repo import Repository
from gitmc.git.run import environment_for_others
from gitmc.model.ended import Ended, Verdict, judge
from gitmc.model.job import Setup
from gitmc.store.files import replace_file
from gitmc.store.lock import claim
from gitmc.store.state import Store
from gitmc.tmux.process import end, sweep, wait_gone

CANCELED = Ended(stopped=signal.SIGTERM)

DAY = 86400.0


class Spec(NamedTuple):
    """A run that is asked for, in plain values."""

    id: str
    """Names the run, and its folder; of letters, digits, `-`, `_` and `.`."""
    root: str
    """The store's folder: `.git/mission-control`."""
    repository: str
    """The main worktree, from which files are copied and linked."""
    commit: str
    command: str
    setup: tuple[str, ...] = ()
    digest: str = ""
    """Stands for all that the set-up depends on: it is done again only when this changes."""
    copy: tuple[str, ...] = ()
    symlink: tuple[str, ...] = ()
    slot: int | None = None
    """The test worktree to use; None for any that is free."""
    seconds: float = 600.0
    """What the command may take, and the set-up before it."""
    train: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    """Variables that the command gets beside ours."""
    log: str = ""
    """The file for the output; by default `logs/train/ID.log` in the store."""


class Result(NamedTuple):
    """How a run ended. `status` is None where it has no exit status, `why` a sentence."""

    verdict: Verdict
    why: str
    status: int | None
    seconds: float
    cpu: float
    """Seconds of processor time, all descendants included."""
    memory: int
    """Bytes of the largest process at its largest."""
    log: Path


def run_test(spec: Spec) -> Result:
    """Run the test, or wait for the run of that id that is under way; how it ended.

    Raises Busy, having changed nothing, where another run is in the slot that is asked for.
    """
    folder = _folder(spec)
    with _claimed(spec) as lock:
        folder.mkdir(exist_ok=True)
        _outlive(folder)
        done = _result(spec)
        if done is not None:
            return done
        if (folder / "spec.json").exists():
            return _lost(spec)
        if _is_canceled(spec):
            return _told(spec, CANCELED)
        if (folder / "setup").exists():
            _clear(folder)
            shutil.rmtree(folder / "setup")
        try:
            with taken(Store(_root(spec)), spec.slot, spec.id) as slot:
                return _Run(spec, slot, (lock, slot.lock)).done()
        except Busy:
            _remove(folder)
            raise
        except (McError, OSError) as fault:
            why = fault.message if isinstance(fault, McError) else str(fault)
            return _told(spec, Ended(trouble=why, full=is_no_space(fault, folder)))


def cancel(spec: Spec) -> None:
    """End the run, and all of it; returns once it is gone. One that has ended stays as it ended."""
    folder = _folder(spec)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "canceled").touch()
    for one in (folder / "setup", folder):
        who = _runner(one)
        if who is not None and end(*who, signal.SIGTERM):
            # One that is stopped hears nothing else.
            end(*who, signal.SIGCONT)
    with _claimed(spec):
        _outlive(folder)
        if _result(spec) is None:
            _clear(folder)
            _told(spec, CANCELED)


def forget(spec: Spec) -> None:
    """Remove what is kept of a run that is over; its log stays."""
    with _claimed(spec):
        _remove(_folder(spec))


def forget_abandoned(root: Path, ids: str) -> None:
    """Remove what is kept of runs whose id begins with `ids` and that nobody is at any more."""
    for lock in (root / "run").glob(f"test-{ids}*.lock"):
        with claim(lock, wait=False) as held:
            if held is not None:
                _remove(lock.with_suffix(""))


def _remove(folder: Path) -> None:
    if not (folder / "result.json").exists():
        _clear(folder)
    shutil.rmtree(folder, ignore_errors=True)
    _lock_of(folder).unlink(missing_ok=True)


def _root(spec: Spec) -> Path:
    return Path(spec.root).resolve()


def _folder(spec: Spec) -> Path:
    return _of_run(_root(spec), spec.id)


def _of_run(root: Path, run: str) -> Path:
    return root / "run" / f"test-{run}"


def _log(spec: Spec) -> Path:
    return Path(spec.log) if spec.log else _root(spec) / "logs" / "train" / f"{spec.id}.log"


@contextmanager
def _claimed(spec: Spec) -> Iterator[int]:
    """Hold the run's lock; whoever asked for it before, and its runner, are waited for."""
    path = _lock_of(_folder(spec))
    path.parent.mkdir(parents=True, exist_ok=True)
    with claim(path, wait=True) as lock:
        assert lock is not None
        yield lock


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + ".lock")


def _is_canceled(spec: Spec) -> bool:
    return (_folder(spec) / "canceled").exists()


class _Run:
    """A run in a slot that is its own."""

    def __init__(self, spec: Spec, slot: Slot, locks: tuple[int, ...]) -> None:
        self._spec, self._slot, self._locks = spec, slot, locks
        self._folder, self._log = _folder(spec), _log(spec)
        self._asked = Setup(spec.copy, spec.symlink, spec.setup)

    def done(self) -> Result:
        """Do it all; how it ended. Raises McError or OSError where the slot cannot be had ready."""
        spec = self._spec
        self._sweep_before()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._log.write_bytes(b"")
        mission = self._mission()
        key = self._key(mission)
        if self._slot.point(spec.commit, key).setup != key:
            ended = self._set_up(mission)
            if ended.status != 0:
                return _told(spec, ended)
            self._keep(key)
        self._start(self._folder, [spec.command], announce=bool(spec.setup))
        return _result(spec) or _lost(spec)

    def _sweep_before(self) -> None:
        """End what the run that had the slot before has left, if its runner was killed."""
        before = _of_run(self._slot.store.root, self._slot.last)
        if not self._slot.last or not before.exists():
            return
        with claim(_lock_of(before), wait=False) as free:
            # One that somebody is at goes on in another slot.
            if free is not None and not (before / "result.json").exists():
                _clear(before)

    def _mission(self) -> Mission | None:
        """What is needed to copy and to link; None where nothing is."""
        main, asked = Path(self._spec.repository), self._asked
        if not (asked.copy or asked.symlink or (main / setups.INCLUDE).is_file()):
            return None
        common = self._slot.store.root.parent
        return Mission(Repository(common, common, main))

    def _key(self, mission: Mission | None) -> str:
        """Stands for the set-up and all that it depends on; empty where there is none."""
        if mission is None and not self._asked.commands:
            return ""
        copied = setups.state(mission, self._asked) if mission else ""
        seen = repr((self._asked, self._spec.digest, copied))
        return hashlib.sha256(os.fsencode(seen)).hexdigest()[:16]

    def _set_up(self, mission: Mission | None) -> Ended:
        """Set the slot up; how that ended."""
        if mission is not None:
            setups.check(self._asked)
            setups.files(mission, self._asked, self._slot.path)
        if not self._asked.commands:
            return Ended(status=0)
        inner = self._folder / "setup"
        inner.mkdir()
        self._start(inner, self._asked.commands, announce=True)
        ended = _ended(inner)
        if ended is None:
            _clear(self._folder)
            return Ended()
        verdict, why = judge(ended, self._spec.seconds, canceled=_is_canceled(self._spec))
        if verdict in (Verdict.PASS, Verdict.CANCELED, Verdict.LOST):
            return ended
        return Ended(trouble=f"the set-up command {ended.command!r} failed: {why}")

    def _keep(self, key: str) -> None:
        gone = self._slot.set_up(self._spec.commit, key)
        if gone:
            names = ", ".join(map(ascii, gone[:5])) + (", …" if gone[5:] else "")
            with self._log.open("a") as log:
                log.write(
                    f"git mc: removed what the set-up made, and git does not ignore: {names}\n"
                )

    def _start(self, folder: Path, commands: Sequence[str], *, announce: bool) -> None:
        """Have a runner run the commands in the slot, and wait for its end."""
        scratch = f"{tempfile.gettempdir()}/git-mc-test-{os.urandom(8).hex()}"
        told = {
            "commands": commands,
            "announce": announce,
            "cwd": str(self._slot.path),
            "log": str(self._log),
            "seconds": self._spec.seconds,
            "scratch": scratch,
            "canceled": str(self._folder / "canceled"),
            "locks": self._locks,
        }
        replace_file(folder / "spec.json", json.dumps(told).encode())
        # After it is written where it will be, so that it is always known what to remove.
        Path(scratch).mkdir(0o700)
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", runner.__file__, str(folder)],
            cwd="/",
            env=self._environment(scratch),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=self._locks,
        )
        process.wait()

    def _environment(self, scratch: str) -> dict[str, str]:
        """Ours without what tells of jobs and repositories, and what tells of this run."""
        ours = before(environment_for_others())
        return {
            **ours,
            **dict(self._spec.environment),
            "TMPDIR": scratch,
            "MC_GATE": self._spec.id,
            # Ids may be the same in two repositories.
            "MC_TEST": str(self._folder),
            "MC_TRAIN": self._spec.train,
            "MC_SLOT": str(self._slot.number),
            "MC_PORT_BASE": str(self._slot.ports),
            "MC_DIR": str(self._slot.store.root),
        }


def _outlive(folder: Path) -> None:
    """See that no runner is left, should its lock have been taken away from under it."""
    for one in (folder / "setup", folder):
        who = _runner(one)
        if who is not None:
            while not wait_gone(*who, DAY):
                continue


def _runner(folder: Path) -> tuple[int, str, str] | None:
    """Number, start and boot of the runner that works on `folder`, if one has begun."""
    try:
        pid, start, boot = json.loads((folder / "pid").read_bytes())
        return int(pid), str(start), str(boot)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _ended(folder: Path) -> Ended | None:
    """How the runner says that it ended; None where it does not."""
    try:
        table = json.loads((folder / "result.json").read_bytes())
        return Ended(**{key: value for key, value in table.items() if key in Ended._fields})
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return None


def _result(spec: Spec) -> Result | None:
    """How the run ended; None where it has not, or nobody knows how."""
    ended = _ended(_folder(spec))
    return None if ended is None else _as_result(spec, ended)


def _as_result(spec: Spec, ended: Ended) -> Result:
    verdict, why = judge(ended, spec.seconds, canceled=_is_canceled(spec))
    used = (ended.seconds, ended.cpu, ended.memory)
    return Result(verdict, why, ended.status, *used, _log(spec))


def _told(spec: Spec, ended: Ended) -> Result:
    """Keep an end that no runner tells of."""
    # On a full disk it is not kept, and the run may be tried again.
    with suppress(OSError):
        text = json.dumps(ended._asdict())
        replace_file(_folder(spec) / "result.json", text.encode())
    return _as_result(spec, ended)


def _lost(spec: Spec) -> Result:
    """End what a runner that was killed has left behind."""
    _clear(_folder(spec))
    return _told(spec, Ended())


def _clear(folder: Path) -> None:
    sweep("MC_TEST", str(folder))
    for one in (folder / "setup", folder):
        try:
            scratch = json.loads((one / "spec.json").read_bytes())["scratch"]
        except FileNotFoundError:
            continue
        runner.remove(scratch)
