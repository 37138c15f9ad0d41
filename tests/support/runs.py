"""Test runs: asked for by a test, or by a process of its own that the test may kill."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from gitmc.control.slots import Slot
from gitmc.control.testrun import Spec
from gitmc.store.state import Store
from tests.support.events import carriers
from tests.support.lost import content
from tests.support.world import PATIENCE, Repo

ASK = """
import json, sys
from gitmc.control.testrun import Spec, run_test
table = json.loads(sys.argv[1])
result = run_test(Spec(**{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}))
print(result.verdict, flush=True)
"""


def root_of(repo: Repo) -> Path:
    """Where the repository's store is."""
    return repo.path / ".git/mission-control"


def spec_for(repo: Repo, run: str, command: str, **more: Any) -> Spec:
    """A run of `command` on the repository's HEAD."""
    fixed = {"root": str(root_of(repo)), "repository": str(repo.path)}
    return Spec(id=run, command=command, **{"commit": repo.head(), **fixed, **more})


def ask(spec: Spec, **more: Any) -> subprocess.Popen[str]:
    """A process of its own that asks for the run and prints the verdict."""
    words = [sys.executable, "-c", ASK, json.dumps(spec._asdict())]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, **more)


def told(asker: subprocess.Popen[str]) -> str:
    """What it printed, once it has ended."""
    return asker.communicate(timeout=PATIENCE)[0].strip()


def kill(asker: subprocess.Popen[str]) -> None:
    """End it as nothing can be refused to be ended."""
    asker.kill()
    asker.communicate(timeout=PATIENCE)


def runner_of(spec: Spec) -> int:
    """The number of the run's runner."""
    return int(json.loads(Path(spec.root, "run", f"test-{spec.id}", "pid").read_text())[0])


def left_of(spec: Spec) -> list[int]:
    """The processes of the run that there still are."""
    return carriers("MC_TEST", str(Path(spec.root, "run", f"test-{spec.id}")))


def slot_of(repo: Repo, number: int = 0) -> Path:
    """Where the worktree of a slot is."""
    return Slot(Store(root_of(repo)), number, -1, "").path


def files_of(repo: Repo, number: int = 0) -> dict[str, bytes]:
    """What is in a slot, git's own file apart."""
    found = content(slot_of(repo, number))
    return {name.decode(errors="surrogateescape"): one for name, (_, one) in found.items()}
