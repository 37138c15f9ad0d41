"""Test runs: each goes on to its end whoever is killed, once, and says what it may."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from gitmc.control.slots import Busy
from gitmc.control.testrun import Spec, cancel, forget, forget_abandoned, run_test
from gitmc.tmux.process import start_time
from tests.support.agents import Pipe
from tests.support.events import file_appears, gone
from tests.support.mounts import can_mount
from tests.support.runs import ASK, ask, kill, left_of, root_of, runner_of, spec_for, told
from tests.support.world import PATIENCE, Repo


class Held:
    """A test command that a test holds: it says when it has begun, and ends when it is told."""

    def __init__(self, folder: Path) -> None:
        self.began, self._goes_on = Pipe(folder / "began"), Pipe(folder / "goes-on")
        self.command = f"echo $$ >{self.began}; read status <{self._goes_on}; exit $status"

    def pid(self) -> int:
        """Its process, once it has begun."""
        return int(self.began.read())

    def end(self, status: int) -> None:
        """Have it end so."""
        self._goes_on.write(str(status))


@pytest.fixture
def held(tmp_path: Path) -> Held:
    """A test command that the test holds."""
    return Held(tmp_path)


@pytest.mark.parametrize(
    ("command", "verdict", "status"),
    [
        ("test -f README.md", "pass", 0),
        ("exit 2", "fail", 2),
        ("exit 125", "skip", 125),
        ("no-such-command", "broken", 127),
        ("./README.md", "broken", 126),
        ("kill -9 $$", "broken", None),
        ("kill -SEGV $$", "fail", None),
    ],
)
def test_the_verdict_is_by_the_end(
    repo: Repo, command: str, verdict: str, status: int | None
) -> None:
    result = run_test(spec_for(repo, "one", command))
    assert (result.verdict, result.status) == (verdict, status), result.why


def test_what_takes_too_long_is_late(repo: Repo) -> None:
    result = run_test(spec_for(repo, "one", "sleep 1000", seconds=0.1))
    assert (result.verdict, result.why) == ("late", "it took longer than 0.1 s")


def test_a_result_is_kept_and_the_command_not_run_again(repo: Repo, tmp_path: Path) -> None:
    spec = spec_for(repo, "one", f"echo ran >>{tmp_path}/ran; echo said; exit 3")
    first = run_test(spec)
    assert run_test(spec) == first
    assert (tmp_path / "ran").read_text() == "ran\n"
    assert first.log == root_of(repo) / "logs/train/one.log"
    assert first.log.read_text() == "said\n"
    forget(spec)
    assert list((root_of(repo) / "run").glob("test-*")) == []
    assert first.log.exists()


def test_a_commit_that_is_not_there_is_no_verdict(repo: Repo) -> None:
    run_test(spec_for(repo, "one", "true"))
    result = run_test(spec_for(repo, "two", "true", commit="0" * 40))
    assert result.verdict == "broken"
    assert "0" * 40 in result.why


def test_the_command_is_told_where_it_is_and_nothing_of_whoever_asked(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_for(
        repo,
        "one",
        'env; echo "in $(ls -A "$TMPDIR")."; : >"$TMPDIR/left"',
        slot=3,
        train="t1",
        environment=(("EXTRA", "ü\udc80 x"),),
    )
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("MC_RUN", "of a job")
    result = run_test(spec)
    said = result.log.read_text(errors="surrogateescape")
    lines = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    ours = {key: value for key, value in lines.items() if key.startswith("MC_")}
    assert ours == {
        "MC_GATE": "one", "MC_TRAIN": "t1", "MC_SLOT": "3", "MC_PORT_BASE": "20300",
        "MC_DIR": str(root_of(repo)),
        "MC_TEST": str(root_of(repo) / "run/test-one"),
    }  # fmt: skip
    assert "GIT_DIR" not in lines
    assert lines["EXTRA"] == "ü\udc80 x"
    assert "in .\n" in said
    assert not Path(lines["TMPDIR"]).exists()


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_any_executor_can_run_it(repo: Repo, kind: str) -> None:
    context = multiprocessing.get_context("spawn")
    made: dict[str, Executor] = {
        "threads": ThreadPoolExecutor(3),
        "processes": ProcessPoolExecutor(2, mp_context=context),
    }
    statuses = [0, 1, 125]
    with made[kind] as executor:
        specs = [spec_for(repo, f"r{n}", f"exit {n}") for n in statuses]
        results = list(executor.map(run_test, specs))
        refused = executor.submit(run_test, spec_for(repo, "bad", "true", commit="f" * 40))
        assert refused.result().verdict == "broken"
    assert [result.verdict for result in results] == ["pass", "fail", "skip"]
    assert [result.status for result in results] == statuses


def test_a_busy_slot_is_refused_and_nothing_is_left_of_the_request(repo: Repo, held: Held) -> None:
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(run_test, spec_for(repo, "first", held.command, slot=0))
        held.pid()
        with pytest.raises(Busy, match="slot 0 is busy: the run 'first' is in it") as refused:
            run_test(spec_for(repo, "second", "true", slot=0))
        assert pickle.loads(pickle.dumps(refused.value)).hint == refused.value.hint
        assert list((root_of(repo) / "run").glob("test-second*")) == []
        assert run_test(spec_for(repo, "third", "true")).verdict == "pass"
        held.end(0)
        assert first.result(PATIENCE).verdict == "pass"
    assert run_test(spec_for(repo, "second", "true", slot=0)).verdict == "pass"


def test_two_who_ask_for_one_run_get_one(repo: Repo, held: Held, tmp_path: Path) -> None:
    spec = spec_for(repo, "one", f"echo ran >>{tmp_path}/ran; {held.command}")
    askers = [ask(spec), ask(spec)]
    held.pid()
    held.end(4)
    assert [told(asker) for asker in askers] == ["fail", "fail"]
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_a_run_whose_asker_is_killed_goes_on_and_is_adopted(
    repo: Repo, held: Held, tmp_path: Path
) -> None:
    spec = spec_for(repo, "one", f"echo ran >>{tmp_path}/ran; {held.command}", slot=0)
    asker = ask(spec)
    pid = held.pid()
    kill(asker)
    with pytest.raises(Busy):
        run_test(spec_for(repo, "two", "true", slot=0))
    successor = ask(spec)
    with ThreadPoolExecutor(1) as pool:
        adopted = pool.submit(run_test, spec)
        assert start_time(pid) is not None
        held.end(5)
        assert (adopted.result(PATIENCE).verdict, told(successor)) == ("fail", "fail")
    assert adopted.result().status == 5
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_a_run_that_ended_while_nobody_asked_is_told(repo: Repo, held: Held) -> None:
    spec = spec_for(repo, "one", held.command)
    asker = ask(spec)
    held.pid()
    runner = runner_of(spec)
    kill(asker)
    held.end(0)
    assert gone(runner)
    assert run_test(spec).verdict == "pass"


def test_a_runner_that_is_there_without_its_lock_is_waited_for(repo: Repo, held: Held) -> None:
    spec = spec_for(repo, "one", held.command)
    asker = ask(spec)
    held.pid()
    kill(asker)
    (root_of(repo) / "run/test-one.lock").unlink()
    with ThreadPoolExecutor(1) as pool:
        adopted = pool.submit(run_test, spec)
        file_appears(root_of(repo) / "run/test-one.lock")
        held.end(6)
        assert adopted.result(PATIENCE).status == 6


BREEDS = "setsid sleep 1000 & setsid sh -c 'trap \"\" TERM; sleep 1000; :' & "


@pytest.mark.parametrize("asker_lives", [True, False])
def test_a_run_whose_runner_is_killed_is_lost_and_swept(
    repo: Repo, held: Held, asker_lives: bool
) -> None:
    spec = spec_for(repo, "one", BREEDS + held.command)
    asker = ask(spec)
    held.pid()
    runner = runner_of(spec)
    if not asker_lives:
        kill(asker)
    os.kill(runner, signal.SIGKILL)
    assert gone(runner)
    if asker_lives:
        assert told(asker) == "lost"
    assert run_test(spec).verdict == "lost"
    assert left_of(spec) == []
    assert run_test(spec_for(repo, "again", "true", slot=0)).verdict == "pass"


def test_what_a_lost_run_left_in_a_slot_is_swept_by_the_next_there(
    repo: Repo, held: Held, tmp_path: Path
) -> None:
    spec = spec_for(repo, "one", f'echo "$TMPDIR" >{tmp_path}/where; {BREEDS} {held.command}')
    asker = ask(spec)
    held.pid()
    kill(asker)
    os.kill(runner_of(spec), signal.SIGKILL)
    assert gone(runner_of(spec))
    assert left_of(spec)
    assert run_test(spec_for(repo, "two", "true", slot=0)).verdict == "pass"
    assert left_of(spec) == []
    assert not Path((tmp_path / "where").read_text().strip()).exists()
    assert run_test(spec).verdict == "lost"


def test_a_set_up_whose_asker_and_runner_are_killed_is_swept_and_done_again(
    repo: Repo, held: Held
) -> None:
    spec = spec_for(repo, "one", "true", setup=(BREEDS + held.command,))
    asker = ask(spec)
    held.pid()
    kill(asker)
    setup = root_of(repo) / "run/test-one/setup/pid"
    runner = int(json.loads(setup.read_text())[0])
    os.kill(runner, signal.SIGKILL)
    assert gone(runner)
    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(run_test, spec)
        held.pid()
        held.end(0)
        assert again.result(PATIENCE).verdict == "pass"
    assert left_of(spec) == []


def test_a_live_run_is_not_swept_by_who_takes_a_slot_that_it_once_had(
    repo: Repo, held: Held
) -> None:
    run_test(spec_for(repo, "before", "true", slot=0))
    asker = ask(spec_for(repo, "live", held.command, slot=1))
    held.pid()
    (root_of(repo) / "pool/slot-0.lock").write_text("live")
    assert run_test(spec_for(repo, "after", "true", slot=0)).verdict == "pass"
    held.end(0)
    assert told(asker) == "pass"


def test_a_run_that_is_canceled_in_its_set_up_is_canceled(repo: Repo, held: Held) -> None:
    spec = spec_for(repo, "one", "touch ran", setup=(BREEDS + held.command,))
    asker = ask(spec)
    held.pid()
    cancel(spec)
    assert left_of(spec) == []
    assert told(asker) == "canceled"
    assert not (root_of(repo) / "pool/slot-0/ran").exists()


def test_a_run_from_before_the_machine_restarted_is_lost(repo: Repo) -> None:
    folder = root_of(repo) / "run/test-one"
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text('{"scratch": "/nowhere/at/all"}')
    (folder / "pid").write_text('["1", "0", "another boot"]')
    (folder / "result.json").write_text('{"status": 0')
    result = run_test(spec_for(repo, "one", "true"))
    assert (result.verdict, result.status) == ("lost", None)


def test_a_run_is_canceled_and_gone_when_that_returns(repo: Repo, held: Held) -> None:
    spec = spec_for(repo, "one", BREEDS + held.command)
    asker = ask(spec)
    held.pid()
    cancel(spec)
    assert left_of(spec) == []
    assert told(asker) == "canceled"
    assert run_test(spec).verdict == "canceled"
    assert run_test(spec_for(repo, "two", "true", slot=0)).verdict == "pass"


def test_a_run_whose_asker_is_gone_is_canceled(repo: Repo, held: Held) -> None:
    spec = spec_for(repo, "one", held.command)
    asker = ask(spec)
    held.pid()
    kill(asker)
    cancel(spec)
    assert left_of(spec) == []
    assert run_test(spec).verdict == "canceled"


def test_a_runner_that_is_stopped_is_canceled_too(repo: Repo, held: Held) -> None:
    spec = spec_for(repo, "one", held.command)
    asker = ask(spec)
    held.pid()
    os.kill(runner_of(spec), signal.SIGSTOP)
    cancel(spec)
    assert told(asker) == "canceled"


def test_what_is_canceled_first_never_begins(repo: Repo, tmp_path: Path) -> None:
    spec = spec_for(repo, "one", f"touch {tmp_path}/ran")
    cancel(spec)
    assert run_test(spec).verdict == "canceled"
    assert not (tmp_path / "ran").exists()


def test_what_has_ended_is_not_canceled_afterwards(repo: Repo) -> None:
    spec = spec_for(repo, "one", "exit 1")
    first = run_test(spec)
    cancel(spec)
    assert run_test(spec) == first


def test_canceling_meets_a_run_that_is_being_started(repo: Repo, held: Held) -> None:
    hook = repo.path / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{held.command}\n")
    hook.chmod(0o755)
    spec = spec_for(repo, "one", "touch ran; sleep 1000")
    asker = ask(spec)
    held.pid()
    with ThreadPoolExecutor(1) as pool:
        canceled = pool.submit(cancel, spec)
        file_appears(root_of(repo) / "run/test-one/canceled")
        held.end(0)
        canceled.result(PATIENCE)
    assert told(asker) == "canceled"
    assert not (root_of(repo) / "pool/slot-0/ran").exists()


def test_a_runner_that_somebody_else_ends_is_lost_and_not_canceled(repo: Repo, held: Held) -> None:
    spec = spec_for(repo, "one", held.command)
    asker = ask(spec)
    held.pid()
    os.kill(runner_of(spec), signal.SIGTERM)
    assert told(asker) == "lost"


def test_abandoned_runs_can_be_forgotten_and_living_ones_are_not(repo: Repo, held: Held) -> None:
    run_test(spec_for(repo, "m-done", "true"))
    run_test(spec_for(repo, "other", "true"))
    live = ask(spec_for(repo, "m-live", held.command))
    held.pid()
    forget_abandoned(root_of(repo), "m-")
    left = {path.name for path in (root_of(repo) / "run").glob("test-*")}
    assert left == {"test-m-live", "test-m-live.lock", "test-other", "test-other.lock"}
    held.end(0)
    assert told(live) == "pass"


def test_an_asker_that_is_interrupted_leaves_the_run_to_whoever_cancels_it(
    repo: Repo, held: Held
) -> None:
    spec = spec_for(repo, "one", held.command, slot=0)
    asker = ask(spec, stderr=subprocess.DEVNULL)
    held.pid()
    asker.send_signal(signal.SIGINT)
    asker.communicate(timeout=PATIENCE)
    with pytest.raises(Busy):
        run_test(spec_for(repo, "two", "true", slot=0))
    cancel(spec)
    assert left_of(spec) == []


@can_mount
@pytest.mark.parametrize("status", [0, 1])
def test_a_full_disk_says_nothing_of_the_commit(repo: Repo, tmp_path: Path, status: int) -> None:
    fills = f"head -c 99999999 /dev/zero >big; exit {status}"
    mount = 'mount -t tmpfs -o size=3m none "$0" && exec "$@"'
    words = [sys.executable, "-c", ASK + "print(result.why)"]
    root_of(repo).mkdir()
    done = _in_namespace(mount, root_of(repo), words, spec_for(repo, "one", fills))
    verdict, why = done.splitlines()
    assert verdict == ("broken" if status else "pass")
    assert ("no space left on a disk" in why) == bool(status)


@can_mount
def test_a_full_disk_is_named_where_the_files_find_no_room(repo: Repo) -> None:
    repo.commit({"big": "x" * 400_000})
    root_of(repo).mkdir()
    mount = 'mount -t tmpfs -o size=200k none "$0" && exec "$@"'
    words = [sys.executable, "-c", ASK + "print(result.why)"]
    done = _in_namespace(mount, root_of(repo), words, spec_for(repo, "one", "true"))
    verdict, why = done.splitlines()[0], " ".join(done.splitlines()[1:])
    assert verdict == "broken"
    assert "no space left on a disk" in why


def _in_namespace(mount: str, folder: Path, words: list[str], spec: Spec) -> str:
    argv = ["unshare", "-m", "sh", "-c", mount, str(folder), *words, json.dumps(spec._asdict())]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout
