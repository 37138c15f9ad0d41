"""Locks: between real processes, and gone with the process that held them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitmc.errors import Fatal
from gitmc.store.lock import Held, claim, hold, holder_pid, is_held, try_hold
from tests.support.world import PATIENCE

HOLD = """
import sys
from pathlib import Path
from gitmc.store.lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
print("free", flush=True)
"""
COUNT = """
import sys
from pathlib import Path
from gitmc.store.lock import hold
lock, count = map(Path, sys.argv[1:])
for _ in range(100):
    with hold(lock):
        count.write_text(str(int(count.read_text()) + 1))
"""
ASK = """
import sys
from pathlib import Path
from gitmc.store.lock import is_held
print(is_held(Path(sys.argv[1])))
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    with process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.stdin.close()
        process.wait()


def asked(path: Path) -> bool:
    done = subprocess.run(
        [sys.executable, "-c", ASK, path], capture_output=True, text=True, check=True
    )
    return {"True\n": True, "False\n": False}[done.stdout]


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "state.lock"


def test_two_processes_never_hold_a_lock_at_once(lock: Path, tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    argv = [sys.executable, "-c", COUNT, str(lock), str(count)]
    counters = [subprocess.Popen(argv) for _ in range(2)]
    assert [counter.wait() for counter in counters] == [0, 0]
    assert count.read_text() == "200"


def test_a_lock_that_another_process_holds_is_not_had(lock: Path) -> None:
    with holder(lock) as other:
        with try_hold(lock) as held:
            assert held is None
        with (
            pytest.raises(Fatal, match=r"could not get the lock .* within 0\.05 s") as late,
            hold(lock, patience=0.05),
        ):
            raise AssertionError("held twice")
        assert f"process {other.pid} ({sys.executable} -c" in (late.value.hint or "")
    with try_hold(lock) as held:
        assert isinstance(held, Held)


def test_a_lock_is_waited_for_until_its_holder_lets_go(lock: Path) -> None:
    with holder(lock) as other:
        waiter = subprocess.Popen(
            [sys.executable, "-c", HOLD, lock],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert other.stdin is not None
        other.stdin.close()
        assert waiter.communicate()[0] == "held\nfree\n"


def test_a_stopped_holder_is_named_after_a_second_and_once(
    lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with holder(lock) as other:
        other.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, other.pid, os.WSTOPPED | os.WNOWAIT)
        try:
            with pytest.raises(Fatal) as late, hold(lock, patience=1.1):
                raise AssertionError("held twice")
        finally:
            other.send_signal(signal.SIGCONT)
    said = capsys.readouterr().err
    assert said.startswith(f"waiting for process {other.pid} ({sys.executable} -c")
    assert said.count("\n") == 1
    for words in (said, late.value.hint or ""):
        assert f"it is stopped, and goes on after: kill -CONT {other.pid})" in words
    assert str(lock) in said


def test_a_wait_that_is_short_is_silent(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with holder(lock), pytest.raises(Fatal), hold(lock, patience=0.05):
        raise AssertionError("held twice")
    lock.write_text("junk")
    with try_hold(lock) as held:
        assert held is not None
        assert holder_pid(lock) == os.getpid()
    assert capsys.readouterr().err == ""


def test_a_holder_that_is_killed_frees_its_lock_at_once(lock: Path) -> None:
    with holder(lock) as other:
        other.kill()
        other.wait()
        assert not is_held(lock)
        with try_hold(lock) as held:
            assert isinstance(held, Held)


def test_whether_a_lock_is_held_is_told_truly_to_another_process(lock: Path) -> None:
    assert asked(lock) is False
    with hold(lock):
        assert asked(lock) is True
    assert asked(lock) is False
    with try_hold(lock):
        assert asked(lock) is True
    with holder(lock):
        assert is_held(lock)
    assert not is_held(lock)


def test_asking_makes_no_file_and_takes_no_lock(lock: Path) -> None:
    assert not is_held(lock)
    assert not lock.exists()
    with hold(lock):
        assert is_held(lock)
    assert not is_held(lock)
    with try_hold(lock) as held:
        assert held is not None


def test_an_error_inside_frees_the_lock(lock: Path) -> None:
    with pytest.raises(KeyError), hold(lock):
        raise KeyError
    with pytest.raises(KeyError), try_hold(lock):
        raise KeyError
    assert not is_held(lock)


def test_the_holder_is_the_process_that_held_it_last(lock: Path) -> None:
    assert holder_pid(lock) is None
    with hold(lock):
        assert holder_pid(lock) == os.getpid()
    lock.write_text("nobody")
    assert holder_pid(lock) is None


def test_a_lock_that_a_child_was_given_is_held_until_the_child_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with claim(path, wait=False) as ours:
        assert ours is not None
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=(ours,))
        with claim(path, wait=False) as theirs:
            assert theirs is None
    with claim(path, wait=False) as theirs:
        assert theirs is None
    child.communicate(timeout=PATIENCE)
    with claim(path, wait=False) as ours:
        assert ours is not None


def test_a_lock_whose_file_was_removed_meanwhile_is_claimed_anew(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with ThreadPoolExecutor(1) as pool:

        def wait() -> bool:
            with claim(path, wait=True) as lock:
                assert lock is not None
                return os.path.samestat(path.stat(), os.fstat(lock))

        for _ in range(50):
            with claim(path, wait=True):
                waiting = pool.submit(wait)
                path.unlink()
            assert waiting.result(PATIENCE)


def test_who_only_asks_keeps_nobody_from_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    path.touch()
    code = (
        "import sys; from pathlib import Path; from gitmc.store.lock import is_held\n"
        "print(flush=True)\nwhile True: is_held(Path(sys.argv[1]))"
    )
    askers = [
        subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    try:
        for asker in askers:
            assert asker.stdout is not None
            asker.stdout.readline()
        for _ in range(200):
            with try_hold(path) as held:
                assert held is not None
            with claim(path, wait=False) as descriptor:
                assert descriptor is not None
    finally:
        for asker in askers:
            asker.kill()
            asker.communicate()


def test_a_claim_makes_no_folder(tmp_path: Path) -> None:
    for wait in (True, False):
        with pytest.raises(FileNotFoundError), claim(tmp_path / "gone" / "a.lock", wait=wait):
            pass
    assert list(tmp_path.iterdir()) == []
