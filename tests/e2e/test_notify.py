"""Notifications: each event once, by every way that is switched on, and never in anybody's way."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gitmc.model.job import Job, State
from tests.support.agents import (
    Agent,
    Pipe,
    closed,
    observer,
    script_at,
    stored,
    without_observer,
)
from tests.support.events import until
from tests.support.world import PATIENCE, World

pytestmark = pytest.mark.slow


@pytest.fixture
def told(world: World, tmp_path: Path) -> Path:
    """The file to which the command appends what it is given."""
    file = tmp_path / "told" / "events.jsonl"
    file.parent.mkdir()
    file.touch()
    world.repo.git("config", "mc.notify.command", f"cat >>'{file}'")
    return file


def events(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def words(file: Path) -> list[tuple[str, str]]:
    return [(event["job"], event["event"]) for event in events(file)]


def heard(file: Path, count: int) -> list[tuple[str, str]]:
    """What was told, once there are so many."""
    until(lambda: file.read_text().count("\n") >= count, file.parent)
    return words(file)


def settled(world: World, name: str) -> None:
    """Once the job's run is closed and nothing is left to tell."""
    stored(world, name, lambda job: job.settled and not job.untold and job.ended_at is not None)


def said(status: str, job: Job) -> bool:
    """Whether that was the last word of the job's agent."""
    return job.report is not None and job.report.status == status


def works(job: Job) -> bool:
    """Whether the job's agent works."""
    return job.activity is not None and job.activity.state == "working"


def failures(world: World) -> list[dict[str, Any]]:
    """What the journal says of notifications that failed."""
    entries = (entry for _, entry in world.mission.store.journal.entries())
    return [e for e in entries if e["event"] == "failed" and e.get("action") == "Tell"]


def test_a_command_is_told_each_event_once_with_all_that_is_known(
    world: World, told: Path, tmp_path: Path
) -> None:
    world.mc("launch", "good", "do it\nand more", "--", "/bin/sh", "-c", ": >left").ok()
    assert heard(told, 1) == [("good", "completed")]
    world.sh("bad", "exit 3")
    heard(told, 2)
    agent = Agent(world, "asks", tmp_path)
    report = f"{world.command} report"
    assert agent.do(f"{report} blocked 'which colour?'") == 0
    heard(told, 3)
    assert agent.do(f"{report} blocked 'which colour?'") == 0
    assert agent.do(f"{report} needs_review 'look at it'") == 0
    assert heard(told, 4)[1:] == [("bad", "failed"), ("asks", "blocked"), ("asks", "needs_review")]
    agent.tell("exit 0")
    settled(world, "asks")
    assert heard(told, 5)[4:] == [("asks", "completed")]
    good, bad, asks, review, _ = events(told)
    job = world.job("good")
    assert good == {
        "schema": "mc.notification/1",
        "event": "completed",
        "job": "good",
        "state": "completed",
        "reason": None,
        "message": None,
        "branch": "mc/good",
        "worktree": job["worktree"],
        "at": job["ended_at"],
        "prompt": "do it",
    }
    assert (bad["state"], bad["reason"]) == ("failed", "exit status 3")
    assert (asks["state"], asks["message"]) == ("running", "which colour?")
    assert review["message"] == "look at it"
    assert failures(world) == []


def test_many_who_settle_at_once_tell_it_once(world: World, told: Path, tmp_path: Path) -> None:
    agent = Agent(world, "one", tmp_path)
    observer(world)
    agent.tell("exit 0")
    crowd = [world.start("jobs") for _ in range(6)]
    assert all(one.wait(PATIENCE) == 0 for one in crowd)
    for one in crowd:
        one.communicate()
    settled(world, "one")
    world.sh("two", "exit 1")
    heard(told, 2)
    assert words(told) == [("one", "completed"), ("two", "failed")]


def test_what_a_command_found_out_an_observer_tells_and_the_next_one_does_not(
    world: World, told: Path, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    without_observer(world)
    agent.tell("exit 4")
    assert world.wait("one").status == 1
    assert heard(told, 1) == [("one", "failed")]
    settled(world, "one")
    without_observer(world)
    world.mc("jobs").ok()
    world.sh("two", ":")
    assert heard(told, 2) == [("one", "failed"), ("two", "completed")]


def test_a_list_of_jobs_starts_nobody_where_there_is_nothing_to_tell(world: World) -> None:
    store = world.mission.store
    store.make()
    job = Job(
        *("one", State.COMPLETED, "command", "mc/one", "main", world.repo.head(), "/w", "session"),
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    with store.locked() as held:
        store.save(held, job)
    world.mc("jobs").ok()
    assert not store.observer_lock.exists()
    with store.locked() as held:
        store.save(held, job._replace(untold=("completed",)))
    world.mc("jobs").ok()
    observer(world)
    stored(world, "one", lambda job: not job.untold)


def test_each_turn_to_waiting_is_told_and_what_came_before_the_observer_is_too(
    world: World, told: Path, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    for number in range(2):
        for status in ("blocked", "working"):
            assert agent.do(f"{world.command} report {status} again") == 0
            stored(world, "one", partial(said, status))
        assert heard(told, number + 1) == [("one", "blocked")] * (number + 1)


def test_the_settings_are_read_when_there_is_something_to_tell(
    world: World, told: Path, tmp_path: Path
) -> None:
    world.sh("one", ":")
    heard(told, 1)
    pid = observer(world)
    other = told.with_name("other.jsonl")
    other.touch()
    world.repo.git("config", "mc.notify.command", f"cat >>'{other}'")
    world.sh("two", ":")
    assert heard(other, 1) == [("two", "completed")]
    world.repo.git("config", "--unset", "mc.notify.command")
    world.sh("three", ":")
    settled(world, "three")
    assert observer(world) == pid
    assert words(told) + words(other) == [("one", "completed"), ("two", "completed")]


def test_a_command_that_hangs_holds_nobody_up(world: World, tmp_path: Path) -> None:
    said, line = Pipe(tmp_path / "said"), Pipe(tmp_path / "line")
    world.repo.git("config", "mc.notify.command", f"echo here >{said}; read -r _ <{line}")
    world.sh("one", ":")
    assert said.read() == "here"
    world.sh("two", "exit 3")
    assert closed(world, "two").state is State.FAILED
    settled(world, "two")
    line.write("go on")
    assert said.read() == "here"
    line.write("go on")


def test_a_command_that_hangs_is_ended_with_all_it_started(world: World, tmp_path: Path) -> None:
    said = Pipe(tmp_path / "said")
    world.repo.git("config", "mc.notify.command", f"sh -c 'echo $$ >{said}; exec sleep 1000'; :")
    world.sh("one", ":")
    pid = int(said.read())
    until(lambda: failures(world) != [], world.root)
    assert "did not end within 10 s" in failures(world)[0]["error"]
    assert not Path(f"/proc/{pid}/cmdline").exists() or b"sleep" not in (
        Path(f"/proc/{pid}/cmdline").read_bytes()
    )


def test_a_command_that_fails_is_journalled_with_what_it_said(world: World) -> None:
    world.repo.git("config", "mc.notify.command", "echo no bus >&2; exit 3")
    world.repo.git("config", "mc.notify.desktop", "true")
    world.sh("one", ":")
    until(lambda: len(failures(world)) > 1, world.root)
    by_sender = {entry["sender"]: entry["error"] for entry in failures(world)}
    assert "echo no bus" in by_sender["command"]
    assert "failed (exit 3): no bus" in by_sender["command"]
    assert "notify-send could not be run" in by_sender["desktop"]
    assert world.state("one") == "completed"


def test_the_desktop_is_told_by_words_that_nothing_reads(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "argv" / "out"
    out.parent.mkdir()
    out.touch()
    script_at(tmp_path / "bin/notify-send", f"printf '%s\\n' \"$@\" end >>'{out}'")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    world.repo.git("config", "mc.notify.desktop", "true")
    world.sh(
        "one", f"{world.command} report needs_review -- '-x <b>$(touch no)\"'; exec sleep 1000"
    )
    until(lambda: "end" in out.read_text(), out.parent)
    lines = out.read_text().splitlines()
    title, body = "one: needs_review", '-x &lt;b&gt;$(touch no)"'
    assert lines == ["-a", "git mc", "--", title, body, "end"]


class Terminal:
    """A terminal of our own in which tmux is attached."""

    def __init__(self, world: World) -> None:
        self.fd, inner = pty.openpty()
        argv = ["tmux", "-S", str(world.socket), "attach-session"]
        self.client = subprocess.Popen(argv, stdin=inner, stdout=inner, stderr=inner)
        os.close(inner)
        self.shown = b""

    def until(self, text: bytes) -> None:
        """Read what is shown until `text` is among it."""
        while text not in self.shown:
            assert select.select([self.fd], [], [], PATIENCE)[0], self.shown
            self.shown += os.read(self.fd, 65536)

    def close(self) -> None:
        os.close(self.fd)
        self.client.wait(PATIENCE)


def test_who_is_attached_sees_the_name_and_the_event_and_hears_the_bell(world: World) -> None:
    world.repo.git("config", "mc.notify.bell", "true")
    world.sh("first", "exec sleep 1000")
    terminal = Terminal(world)
    terminal.until(b"mc-first")
    terminal.shown = b""
    script = f"{world.command} report blocked '#(touch {world.repo.path}/no)'; exec sleep 1000"
    world.sh("asks", script)
    terminal.until(b"git mc: asks: blocked")
    terminal.until(b"\a")
    settled_events = stored(world, "asks", lambda job: not job.untold)
    assert settled_events.report is not None
    assert b"touch" not in terminal.shown
    assert not (world.repo.path / "no").exists()
    assert failures(world) == []
    terminal.close()


def test_a_watch_in_the_foreground_tells_too(world: World, told: Path) -> None:
    world.sh("one", "exec sleep 1000")
    watching = world.start("watch")
    assert watching.stdout is not None
    assert watching.stdout.readline() == b"one: running\n"
    world.sh("two", ":")
    assert heard(told, 1) == [("two", "completed")]
    watching.terminate()
    watching.communicate(timeout=PATIENCE)
    assert watching.returncode == 130


def test_with_nothing_switched_on_it_is_claimed_and_nothing_is_sent(world: World) -> None:
    world.repo.git("config", "mc.notify.tmux", "false")
    world.sh("one", ":")
    settled(world, "one")
    entries = [entry for _, entry in world.mission.store.journal.entries()]
    assert [e["told"] for e in entries if e.get("action") == "Tell"] == [["completed"]]
    assert failures(world) == []


def test_one_who_needs_review_waits_for_a_person_and_for_nothing_else(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    assert agent.do(f"{world.command} report needs_review 'see the tests'") == 0
    assert world.mc("wait", "one", "--timeout", "0.05").status == 1
    assert world.state("one") == "running"
    agent.tell("exit 0")
    world.wait("one").ok()
    assert world.state("one") == "completed"
    assert world.repo.head() == world.repo.head("mc/one")


def test_an_agent_s_own_hook_is_told_each_time_that_it_comes_to_wait(
    world: World, told: Path, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    for count in (1, 2):
        assert agent.do('"$MC_SIGNAL" waiting') == 0
        assert heard(told, count) == [("one", "waiting")] * count
        assert agent.do('"$MC_SIGNAL" working') == 0
        stored(world, "one", works)
    assert words(told) == [("one", "waiting")] * 2


def test_a_command_that_nobody_approved_is_journalled_and_the_loop_goes_on(
    world: World, tmp_path: Path
) -> None:
    world.repo.commit({".mission-control.toml": '[notify]\ncommand = "touch /nowhere"\n'})
    agent = Agent(world, "one", tmp_path)
    assert agent.do(f"{world.command} report blocked 'which?'") == 0
    until(lambda: bool(failures(world)), world.root)
    assert "nobody has approved it" in failures(world)[0]["error"]
    agent.tell("exit 0")
    settled(world, "one")
