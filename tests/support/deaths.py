"""Trains whose driver is killed at a point that is chosen beforehand, each time from one state.

The driver is git mc itself, in a Python that counts what it is about to do (an audit hook: Python
tells of each file that is opened or renamed and of each process that is started) and kills itself
at the N-th of these.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from gitmc.control import joins
from gitmc.control.trainqueue import Request, create
from gitmc.model.trainrecord import Rider, Train, TrainState
from gitmc.store.lock import is_held
from gitmc.store.trains import Trains
from gitmc.tmux.process import start_time
from tests.e2e.test_merge import commits, finished
from tests.support.joining import opened
from tests.support.world import PATIENCE, World

DRIVER = """
import os, signal, sys

kind, number, when, train = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
WRITES = os.O_WRONLY | os.O_RDWR
seen, armed = 0, False

def is_point(event, args):
    if kind == "journal":
        return event == "open" and str(args[0]).endswith("journal.jsonl") and args[2] & os.O_APPEND
    if kind == "record":
        return event == "os.rename" and str(args[1]).endswith(f"/trains/{train}.toml")
    if event == "open":
        return isinstance(args[2], int) and bool(args[2] & WRITES)
    return event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate",
                     "subprocess.Popen", "shutil.rmtree")

def hook(event, args):
    global seen, armed
    if event == "os.kill":
        return
    if armed:
        os.kill(os.getpid(), signal.SIGKILL)
    if is_point(event, args):
        seen += 1
        if seen == number:
            if when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            armed = True

from gitmc.cli import main
sys.addaudithook(hook)
raise SystemExit(main(["merge-train", "--drive", train]))
"""

TEST = """
test -z "$(git status --porcelain --ignored)" || exit 3
echo x >junk; echo x >>README.md; (setsid sleep 1000 &)
test ! -e bad
"""
"""Fails in a worktree that is not just the commit, leaves it otherwise, and leaves a process."""


class Scene:
    """A train of six branches, two of them jobs, of which one fails and one conflicts."""

    LANDED = ("a", "one", "b", "two")
    OUT = (("clash", "conflict"), ("red", "test"))

    def __init__(
        self, world: World, kept: Path, test: str = TEST, *, joining: bool = False
    ) -> None:
        """With `joining` they have all joined an open train, one after another, and it is closed.

        One has joined twice."""
        self.world, self._kept = world, kept
        for name in ("one", "two"):
            finished(world, name, commits(name))
        for name, file in (("a", "a"), ("b", "b"), ("red", "bad"), ("clash", "a")):
            world.repo.git("checkout", "-q", "-b", name, "main")
            world.repo.commit({file: f"{name}\n"}, f"add {name}")
        world.repo.git("checkout", "-q", "main")
        queue = ("a", "red", "one", "clash", "b", "two")
        mission = world.mission
        jobs, _ = mission.store.jobs()
        if joining:
            self.id = self._opened(queue, test)
        else:
            asked = Request(queue, test=test, slots=2, retries=1, strategy="merge")
            self.id = create(mission, jobs, asked).id
        world.end_observer()
        shutil.copytree(world.repo.path, kept, symlinks=True)

    def _opened(self, queue: Iterable[str], test: str) -> str:
        self.world.repo.git("config", "mc.train.slots", "2")
        train_id = opened(self.world, test, onto="main").id
        for name in (*queue, "one"):
            branch, job = (f"mc/{name}", name) if name in ("one", "two") else (name, None)
            rider = Rider(name, branch, self.world.repo.head(branch), job)
            assert joins.join(Trains(self.world.root), train_id, rider)
        joins.close(Trains(self.world.root), train_id)
        return train_id

    def again(self) -> None:
        """As it was when the train was made."""
        self.world.end_observer()
        shutil.rmtree(self.world.repo.path)
        shutil.copytree(self._kept, self.world.repo.path, symlinks=True)

    def die(self, kind: str, number: int, when: str) -> bool:
        """Drive it until the `number`-th point of that kind; whether it came to that."""
        words = [sys.executable, "-c", DRIVER, kind, str(number), when, self.id]
        done = subprocess.run(
            words, cwd=self.world.repo.path, capture_output=True, check=False, timeout=PATIENCE
        )
        assert done.returncode in (0, 1, -signal.SIGKILL), done.stderr
        return done.returncode == -signal.SIGKILL

    def drive(self) -> None:
        """Drive it to its end, as the observer does."""
        ran = self.world.mc("merge-train", "--drive", self.id)
        assert (ran.status, ran.stderr) == (1, ""), ran

    @property
    def train(self) -> Train:
        """Its record."""
        train = Trains(self.world.root).get(self.id)
        assert train is not None
        return train

    def check(self) -> None:
        """Whether all is as if nobody had been killed."""
        train, repo = self.train, self.world.repo
        assert (train.state, train.reason) == (TrainState.DONE, None)
        assert sorted(one.name for one in train.landed) == sorted(self.LANDED)
        assert sorted((out.name, out.reason) for out in train.out) == list(self.OUT)
        self.check_target()
        files = {"README.md", "a", "b", "one", "two"}
        assert set(repo.files("main")) == files
        self.check_jobs()
        self.check_rest()

    def check_target(self) -> None:
        """Whether the target never had files that did not pass, and its worktree just has it."""
        train, repo = self.train, self.world.repo
        passed = {run.tree for run in train.runs if run.verdict == "pass"}
        tips = repo.git("reflog", "show", "--format=%H", "main").split()
        for tip in tips[: tips.index(train.base)]:
            assert repo.head(f"{tip}^{{tree}}") in passed
        assert repo.git("status", "--porcelain") == ""

    def check_jobs(self) -> None:
        """Whether each job was merged once, and each of its commits says so once."""
        landed = {one.name: one for one in self.train.landed}
        moves = [entry["job"] for _, entry in self.world.mission.store.journal.entries()
                 if entry.get("to") == "merged"]  # fmt: skip
        # A kill between the job's record and the line about it costs the line.
        assert len(moves) == len(set(moves))
        noted = self.world.repo.git("notes", "--ref", "mission-control", "list").split("\n")
        expected = set()
        for name in ("one", "two"):
            assert self.world.state(name) == "merged"
            for commit in (landed[name].commit, landed[name].head):
                expected.add(commit)
                text = self.world.repo.git("notes", "--ref", "mission-control", "show", commit)
                assert text.count("[[job]]") == 1
                assert f'name = "{name}"' in text
        assert {line.split()[1] for line in noted} == expected

    def check_rest(self) -> None:
        """Whether nothing is left of any run."""
        root = self.world.root
        assert processes(root) == []
        assert not [path.name for path in (root / "run").glob("test-*")]
        held = [path for folder in ("run", "pool") for path in (root / folder).glob("*.lock")
                if is_held(path)]  # fmt: skip
        assert [path.name for path in held if path.name != "observer.lock"] == []
        assert [run.id for run in self.train.runs if run.verdict is None] == []
        assert sorted(path.name for path in (root / "trains").iterdir()) == [f"{self.id}.toml"]
        assert not list((root.parent / "worktrees").glob("slot-*/*.lock"))


def processes(root: Path) -> list[int]:
    """The processes of the runs of the store at `root`, the runners among them."""
    start = f"MC_TEST={root}/run/test-".encode()
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and start_time(int(process.name)) is not None:
            try:
                words = (process / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if any(word.startswith(start) for word in words):
                found.append(int(process.name))
    return found


def runners(root: Path) -> list[int]:
    """The runners of those runs."""
    told = [json.loads(path.read_text()) for path in (root / "run").glob("test-*/pid")]
    return [int(pid) for pid, start, _ in told if start_time(int(pid)) == start]


def kill_all(pids: Iterable[int]) -> None:
    """End these processes at once."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
