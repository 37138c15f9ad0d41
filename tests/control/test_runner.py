"""The runner, by itself: it tells how a command ended, and nothing of the command is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gitmc.control import runner
from gitmc.tmux.process import boot_id, start_time
from tests.support.agents import Pipe
from tests.support.events import carriers, file_appears, until
from tests.support.world import PATIENCE


class Bench:
    """A folder for one runner."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "run"
        self.cwd = folder / "cwd"
        self.log = folder / "log"
        self.scratch = folder / "scratch"
        for one in (self.folder, self.cwd, self.scratch):
            one.mkdir()

    def start(self, *commands: str, pass_fds: tuple[int, ...] = (), **spec: Any) -> Any:
        """Start a runner on the commands."""
        table = {
            "commands": commands,
            "announce": False,
            "cwd": str(self.cwd),
            "seconds": PATIENCE,
            "log": str(self.log),
            "scratch": str(self.scratch),
            "locks": pass_fds,
            "canceled": str(self.folder / "canceled"),
            **spec,
        }
        (self.folder / "spec.json").write_text(json.dumps(table))
        return subprocess.Popen(
            [sys.executable, "-I", "-S", runner.__file__, str(self.folder)],
            env={**os.environ, "MC_GATE": str(self.folder), "TMPDIR": str(self.scratch)},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=pass_fds,
        )

    def run(self, *commands: str, **spec: Any) -> dict[str, Any]:
        """Run the commands; how they ended, once it is sure that nothing of them is left."""
        return self.end(self.start(*commands, **spec))

    def end(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        """How what `start` began ended."""
        assert process.wait(PATIENCE) == 0
        assert carriers("MC_GATE", str(self.folder)) == []
        assert not self.scratch.exists()
        found: dict[str, Any] = json.loads((self.folder / "result.json").read_text())
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A folder for one runner."""
    return Bench(tmp_path)


@pytest.mark.parametrize(
    ("command", "key", "value"),
    [
        ("exit 0", "status", 0),
        ("exit 3", "status", 3),
        ("exit 125", "status", 125),
        ("no-such-command", "status", 127),
        (": >plain; ./plain", "status", 126),
        ("kill -9 $$", "signal", 9),
        ("kill -SEGV $$", "signal", 11),
    ],
)
def test_it_tells_how_the_command_ended(bench: Bench, command: str, key: str, value: int) -> None:
    found = bench.run(command)
    assert (found[key], found["left"]) == (value, 0)
    assert {"status", "signal"} & set(found) == {key}


def test_a_folder_that_is_not_there_is_no_failure_of_the_command(bench: Bench) -> None:
    bench.cwd.rmdir()
    assert bench.run("true")["status"] == 126
    assert str(bench.cwd) in bench.log.read_text()


def test_a_log_that_cannot_be_written_is_told(bench: Bench) -> None:
    found = bench.run("true", log=str(bench.folder / "no/log"))
    assert "No such file" in found["trouble"]


def test_the_command_gets_a_group_no_input_and_nothing_else_of_ours(bench: Bench) -> None:
    read, write = os.pipe()
    process = bench.start(
        "readlink /proc/$$/fd/0; ls -l /proc/$$/fd >fds; cut -d' ' -f1,5,6 /proc/$$/stat; "
        "grep -E '^Sig(Blk|Ign)' /proc/self/status",
        pass_fds=(write,),
    )
    os.close(write)
    bench.end(process)
    null, ids, *masks = bench.log.read_text().splitlines()
    assert null == os.devnull
    assert "pipe:" not in (bench.cwd / "fds").read_text()
    pid, group, session = map(int, ids.split())
    assert (group, session) == (pid, process.pid)
    assert [int(mask.split()[1], 16) for mask in masks] == [0, 0]
    assert os.read(read, 1) == b"", "what it was given to hold is let go at its end"
    os.close(read)


def test_it_says_at_once_who_it_is(bench: Bench, tmp_path: Path) -> None:
    pipe = Pipe(tmp_path / "pipe")
    process = bench.start(f"read line <{pipe}")
    file_appears(bench.folder / "pid")
    who = json.loads((bench.folder / "pid").read_text())
    assert who == [str(process.pid), start_time(process.pid), boot_id()]
    pipe.write("go on")
    assert bench.end(process)["status"] == 0


DAEMON = """
(setsid sh -c 'trap "" TERM HUP INT; echo $$ >pid.new; mv pid.new pid; exec 1>&- 2>&-
    sleep 1000; sleep 1000' &)
while [ ! -e pid ]; do :; done
"""


@pytest.mark.parametrize("ending", ["exit 0", "exit 1", "kill -9 $$"])
def test_what_left_group_session_and_parent_ends_with_the_command(
    bench: Bench, ending: str
) -> None:
    bench.run(DAEMON + ending)
    assert start_time(int((bench.cwd / "pid").read_text())) is None


def test_a_daemon_that_scrubs_its_environment_ends_too(bench: Bench) -> None:
    bench.run(DAEMON.replace("setsid", "env -i setsid"))
    assert start_time(int((bench.cwd / "pid").read_text())) is None


def test_processes_that_beget_others_all_end(bench: Bench) -> None:
    forks = "while :; do setsid sleep 1000 & done"
    assert bench.run(f"({forks}) & ({forks}) & wait", seconds=0.2)["late"] is True


def test_the_time_out_ends_it(bench: Bench) -> None:
    found = bench.run(DAEMON + "wait; sleep 1000", seconds=0.3)
    assert (found["late"], found["stopped"]) == (True, 0)
    assert "status" not in found
    assert 0.3 <= found["seconds"] < PATIENCE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_it_can_be_told_to_end(bench: Bench, number: signal.Signals) -> None:
    process = bench.start(DAEMON + "trap '' TERM HUP INT; touch begun; sleep 1000")
    file_appears(bench.cwd / "begun")
    process.send_signal(number)
    found = bench.end(process)
    assert (found["stopped"], found["late"]) == (number, False)


def test_what_is_canceled_before_does_not_begin(bench: Bench) -> None:
    (bench.folder / "canceled").touch()
    assert bench.run("touch begun")["stopped"] == signal.SIGTERM
    assert not (bench.cwd / "begun").exists()


def test_it_ends_at_once_however_early_it_is_told(bench: Bench) -> None:
    process = bench.start("sleep 1000")
    file_appears(bench.folder / "pid")
    process.terminate()
    assert bench.end(process)["stopped"] == signal.SIGTERM


def test_commands_run_in_order_until_one_fails(bench: Bench) -> None:
    bench.log.write_text("before")
    commands = ["printf one", "echo two; exit 4", "touch three"]
    found = bench.run(*commands, announce=True)
    assert (found["status"], found["command"]) == (4, "echo two; exit 4")
    assert bench.log.read_text() == "before\n$ printf one\none\n$ echo two; exit 4\ntwo\n"
    assert not (bench.cwd / "three").exists()


def test_all_that_it_says_is_in_the_log(bench: Bench) -> None:
    megabytes = 50
    bench.run(f"head -c {megabytes}000000 /dev/zero; echo end >&2")
    assert bench.log.stat().st_size == megabytes * 10**6 + 4


def test_the_figures_count_all_descendants(bench: Bench) -> None:
    burn = "x = bytearray(60_000_000); import time\nwhile time.process_time() < 0.2: x[::4096]"
    found = bench.run(f"(setsid {sys.executable} -c '{burn}' & wait); sleep 0.01")
    assert 0.2 <= found["cpu"] < PATIENCE
    assert 60_000_000 < found["memory"] < 500_000_000


def test_a_folder_for_files_goes_with_all_that_is_in_it(bench: Bench) -> None:
    bench.run('mkdir -p "$TMPDIR/a/b"; ln -s /etc "$TMPDIR/a/c"; : >"$TMPDIR/a/b/d"; '
              'chmod 500 "$TMPDIR/a/b" "$TMPDIR/a"')  # fmt: skip
    assert Path("/etc").is_dir()


def test_a_runner_does_not_end_with_its_parent(bench: Bench, tmp_path: Path) -> None:
    pipe = Pipe(tmp_path / "pipe")
    process = bench.start(f"read line <{pipe}; exit 7")
    # In a session of its own, it gets nothing that its parent's terminal or group gets.
    assert os.getsid(process.pid) == process.pid
    assert os.getpgid(process.pid) == process.pid
    pipe.write("go on")
    until((bench.folder / "result.json").exists, bench.folder)
    assert bench.end(process)["status"] == 7
