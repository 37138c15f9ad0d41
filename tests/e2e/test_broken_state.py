"""State that cannot be had or written: it is said by name, with a cure, and all else goes on."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.agents import Agent, Pipe, closed, names, some_slow, without_observer
from tests.support.events import gone, until
from tests.support.mounts import can_mount
from tests.support.world import PATIENCE, Ran, World

pytestmark = pytest.mark.slow

HOLD = """
import sys
from collections.abc import Callable
from pathlib import Path
from gitmc.store.lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
READS = (["jobs"], ["jobs", "--json"], ["status", "one"], ["overview"], ["log"], ["capture", "one"])


@pytest.mark.parametrize("lock", ["state", "worktree"])
@pytest.mark.parametrize("stored", [False, True], ids=["an end to store", "an end to deal with"])
def test_who_only_looks_waits_for_no_lock_that_a_stopped_process_holds(
    world: World, tmp_path: Path, lock: str, stored: bool
) -> None:
    agent = Agent(world, "one", tmp_path)
    without_observer(world)
    if stored:
        path = world.mission.store.job_path("one")
        path.write_text(path.read_text().replace('phase = "live"', 'phase = "ended"'))
    argv = [sys.executable, "-c", HOLD, str(world.root / f"run/{lock}.lock")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.send_signal(signal.SIGSTOP)
        agent.tell("exit 4")
        assert gone(agent.launcher)
        for words in READS:
            ran = world.mc(*words).ok()
            assert "waiting" not in ran.stderr
        holder.kill()
    world.mc("jobs").ok()
    job = world.mission.job("one")
    assert job.settled
    assert stored or job.exit_status == 4


BROKEN: dict[str, Callable[[str], str]] = {
    "truncated": lambda text: text[: text.index("anch =")],
    "empty": lambda _: "",
    "no TOML": lambda text: text + "= =\n",
    "wrong state": lambda text: text.replace('state = "completed"', 'state = "done"'),
    "wrong kind": lambda text: text.replace('branch = "mc/one"', "branch = 3"),
    "another name": lambda text: text.replace('name = "one"', 'name = "other"'),
    "newer": lambda text: text.replace("version = 1", "version = 99"),
}


@pytest.mark.parametrize("breaking", some_slow(BROKEN, ("truncated", "wrong kind")))
def test_a_job_whose_file_is_broken_is_named_and_the_others_go_on(
    world: World, tmp_path: Path, breaking: Callable[[str], str]
) -> None:
    world.sh("one", ":")
    # An observer that has yet to deal with its end would write it whole again.
    closed(world, "one")
    agent = Agent(world, "two", tmp_path)
    path = world.mission.store.job_path("one")
    broken = breaking(path.read_text())
    path.write_text(broken)
    ran = world.mc("jobs", "--json").ok()
    assert names(ran) == ["two"]
    assert str(path) in ran.stderr
    assert "hint: it was left untouched; repair it or move it away" in ran.stderr
    for words in (["status", "one"], ["kill", "one"], ["merge", "one"]):
        world.mc(*words).refused(128, str(path), "repair it or move it away")
    assert agent.do("echo x >new") == 0
    agent.tell("exit 0")
    world.wait("two").ok()
    world.mc("merge", "two").ok()
    world.mc("cleanup", "two").ok()
    assert path.read_text() == broken


def where(world: World, mount: str, *commands: list[str]) -> list[Ran]:
    """How commands end where `mount` was done first, in a namespace of its own."""
    lines = [
        f"{shlex.join([sys.executable, '-m', 'gitmc', *words])} >{i}.out 2>{i}.err; echo $? >{i}"
        for i, words in enumerate(commands)
    ]
    results = world.socket.parent / "results"
    results.mkdir(exist_ok=True)
    script = f"{mount} || exit 99; cd {results}\n" + "\n".join(lines)
    done = subprocess.run(
        ["unshare", "-m", "/bin/sh", "-c", script],
        cwd=world.repo.path,
        env={**os.environ, "GIT_DIR": str(world.repo.path / ".git"),
             "GIT_WORK_TREE": str(world.repo.path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [
        Ran(int((results / f"{i}").read_text()), (results / f"{i}.out").read_text(),
            (results / f"{i}.err").read_text())
        for i in range(len(commands))
    ]  # fmt: skip


READ_ONLY = "mount --bind .git .git && mount -o remount,ro,bind .git"
FULL = (
    "cp -a .git/mission-control .mc && mount -t tmpfs -o size=400k none .git/mission-control &&"
    " cp -a .mc/. .git/mission-control/ && rm -rf .mc &&"
    " (cat /dev/zero >.git/mission-control/fill 2>/dev/null; :)"
)


def unsettled(world: World, tmp_path: Path) -> Agent:
    """An agent whose end nobody has stored yet."""
    agent = Agent(world, "one", tmp_path)
    without_observer(world)
    agent.tell("exit 4")
    assert gone(agent.launcher)
    return agent


@can_mount
@pytest.mark.parametrize(
    ("mount", "cause", "cure"),
    [
        (READ_ONLY, "Read-only file system", "make that file system writable"),
        (FULL, "No space left on device", "make room on that disk"),
    ],
    ids=["read-only", "full"],
)
def test_an_end_that_cannot_be_stored_is_found_again_and_looking_goes_on(
    world: World, tmp_path: Path, mount: str, cause: str, cure: str
) -> None:
    agent = unsettled(world, tmp_path)
    report = ["report", "working", "hello"]
    looked, status, log, kill, said = where(
        world, mount, ["jobs", "--json"], ["status", "one"], ["log"], ["kill", "one"], report
    )
    for ran in (looked, status, log):
        warned = ran.ok().stderr
        assert f"warning: {world.root}" in warned
        assert cause in warned
        assert f"hint: {cure}" in warned
    assert [job["state"] for job in looked.json["jobs"]] == ["running"]
    kill.refused(128, f"{world.root}", cause, cure)
    said.refused(1, "not inside a job")
    job = world.mc("jobs", "--json").ok().json["jobs"][0]
    assert (job["state"], job["exit_status"]) == ("failed", 4)
    assert gone(agent.pid)


ROOT = str(Path(__file__).parents[2])
STORED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.support.events import until
jobs = Path(sys.argv[1])
until(lambda: "exit_status = 4" in (jobs / "one.toml").read_text(), jobs)
"""


@can_mount
def test_an_observer_outlives_a_full_disk_and_stores_the_end_when_there_is_room(
    world: World, tmp_path: Path
) -> None:
    agent = unsettled(world, tmp_path)
    go, said = Pipe(tmp_path / "go"), tmp_path / "said"
    watch = shlex.join([sys.executable, "-m", "gitmc", "watch", "--background"])
    look = shlex.join([sys.executable, "-c", STORED, str(world.root / "jobs"), ROOT])
    script = (
        f"{FULL} || exit 99\n{watch} 2>{said} & observer=$!; read -r _ <{go};"
        f" rm {shlex.quote(str(world.root))}/fill; {look}; stored=$?; kill $observer; exit $stored"
    )
    process = subprocess.Popen(
        ["unshare", "-m", "/bin/sh", "-c", script], cwd=world.repo.path, env=os.environ
    )
    until(lambda: said.exists() and "No space left on device" in said.read_text(), tmp_path)
    go.write("on")
    assert process.wait(PATIENCE) == 0
    assert said.read_text().count("No space left on device") == 1
    assert gone(agent.pid)


@can_mount
@pytest.mark.parametrize(
    ("mount", "cause"),
    [(READ_ONLY, "Read-only file system"), (FULL, "No space left on device")],
    ids=["read-only", "full"],
)
def test_a_report_that_cannot_be_left_is_said_to_be(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mount: str, cause: str
) -> None:
    agent = Agent(world, "one", tmp_path)
    without_observer(world)
    monkeypatch.setenv("MC_RUN", agent.run)
    monkeypatch.setenv("MC_DIR", str(world.root))
    (ran,) = where(world, mount, ["report", "blocked", "x" * 5000])
    ran.refused(128, str(world.root / "events"), cause, "then try again")
    assert list((world.root / "events/new").glob("*.report.*")) == []
    assert list((world.root / "events/tmp").iterdir()) == []
    assert agent.do(":") == 0
