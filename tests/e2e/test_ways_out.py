"""Every state that is not final has a way on that a user can type: all are walked, for real."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from gitmc.control.launch import enlist
from gitmc.control.prepare import Request
from gitmc.model.job import FINAL, WAYS_OUT, State
from tests.e2e.test_merge import commits, finished, hook
from tests.support.events import until
from tests.support.world import PATIENCE, World

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def queued(world: World) -> None:
    """A launch that waits for its set-up."""
    script = f"touch {world.socket.parent / 'up'}; exec sleep 1000"
    launching = world.start("launch", "one", "--run", script, "--", "true")
    world.later(lambda: launching.communicate(timeout=PATIENCE))
    until((world.socket.parent / "up").exists, world.socket.parent)


def held(world: World, state: State) -> None:
    """A job of a plan, as it is kept until its turn has come."""
    mission = world.mission
    (job,) = enlist(mission, [Request("one", command=("sleep", "1000"))], 1)
    with mission.store.locked() as lock:
        mission.store.save(lock, job._replace(state=state))


def running(world: World) -> None:
    """An agent that goes on."""
    world.sh("one", "exec sleep 1000")


def completed(world: World) -> None:
    """An agent that did its work."""
    finished(world, "one", commits("one"))


def failed(world: World) -> None:
    """An agent that gave up after some work."""
    world.sh("one", commits("one") + "; exit 3")
    world.wait("one")


def stopped(world: World) -> None:
    """An agent that was killed after some work."""
    up = world.socket.parent / "up"
    world.sh("one", commits("one") + f"; touch {up}; exec sleep 1000")
    until(up.exists, up.parent)
    world.mc("kill", "one").ok()


def ready_to_merge(world: World) -> None:
    """A merge that was refused because of a file in the way."""
    completed(world)
    (world.repo.path / "one").write_text("mine\n")
    world.mc("merge", "one").refused(1)
    (world.repo.path / "one").unlink()


def merging(world: World) -> None:
    """A merge that was killed while the target moved."""
    completed(world)
    world.repo.git("branch", "release")
    reached, release = (world.socket.parent / name for name in ("reached", "release"))
    os.mkfifo(reached)
    os.mkfifo(release)
    blocked = f"echo >{reached}; cat {release}"
    hook(world, "reference-transaction", f"[ $1 != prepared ] || {{ {blocked}; }}")
    merge = world.start("merge", "one", "--into", "release")
    reached.read_text()
    assert 'state = "merging"' in (world.root / "jobs/one.toml").read_text()
    os.kill(merge.pid, signal.SIGKILL)
    (world.repo.path / ".git/hooks/reference-transaction").unlink()
    release.write_text("")
    merge.communicate(timeout=PATIENCE)


def conflict(world: World) -> None:
    """A merge that conflicts, and has been sorted out since."""
    finished(world, "one", commits("one", "theirs", "README.md"))
    world.repo.commit({"README.md": "ours\n"})
    world.mc("merge", "one").refused(3)
    world.repo.git("merge", "-q", "-X", "ours", "main", cwd=world.worktree("one"))


def needs_rebase(world: World) -> None:
    """A merge that is no fast-forward, and has been rebased since."""
    completed(world)
    world.repo.commit({"other": "y\n"})
    world.mc("merge", "one", "--strategy", "ff-only").refused(1)
    world.repo.git("rebase", "-q", "main", cwd=world.worktree("one"))


MAKERS: dict[State, Callable[[World], None]] = {
    State.WAITING_DEPS: partial(held, state=State.WAITING_DEPS),
    State.BLOCKED: partial(held, state=State.BLOCKED),
    State.QUEUED: queued,
    State.RUNNING: running,
    State.COMPLETED: completed,
    State.FAILED: failed,
    State.STOPPED: stopped,
    State.READY_TO_MERGE: ready_to_merge,
    State.MERGING: merging,
    State.CONFLICT: conflict,
    State.NEEDS_REBASE: needs_rebase,
}

WORDS = {
    "kill": ["kill", "one"],
    "sync": ["sync", "one"],
    "merge": ["merge", "one"],
    "relaunch": ["relaunch", "one"],
    "cleanup": ["cleanup", "one", "--force"],
    "jobs": ["jobs"],
}


def test_every_state_that_is_not_final_is_made_here() -> None:
    assert set(MAKERS) == set(WAYS_OUT) == set(State) - FINAL


@pytest.mark.parametrize(
    ("state", "verb"),
    [(state, verb) for state, verbs in WAYS_OUT.items() for verb in verbs],
    ids=lambda value: str(value),
)
def test_a_way_out_leads_out(world: World, state: State, verb: str) -> None:
    MAKERS[state](world)
    before = world.mission.store.job("one")
    assert before is not None
    assert before.state is state
    world.mc(*WORDS[verb]).ok()
    after = world.mission.store.job("one")
    # An agent that was launched again may have come to the same end.
    again = after is not None and after.run and before.run and after.run.id != before.run.id
    assert after is None or after.state is not state or again


def test_the_document_of_the_states_is_made_from_them() -> None:
    spec = importlib.util.spec_from_file_location("docs", ROOT / "contrib/docs.py")
    assert spec is not None
    assert spec.loader is not None
    docs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(docs)
    made: str = docs.states()
    assert docs.STATES.read_text() == made, "run: python contrib/docs.py"
