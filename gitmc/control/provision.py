"""Set-up commands: run one after the other, with all that they say kept in a log."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from gitmc.errors import CommandFailed, naming

SAID = 4000
"""Bytes of a failed command's output that its error shows."""


def run(commands: Sequence[str], worktree: Path, environment: Mapping[str, str], log: Path) -> None:
    """Run the commands in the worktree, in order. Raises CommandFailed for the first that fails.

    Their output is in `log` afterwards; without commands there is none. Where we are told to end,
    the command ends first.
    """
    log.unlink(missing_ok=True)
    if not commands:
        return
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    output = os.open(log, flags, 0o600)
    try:
        with told_to_end():
            for command in commands:
                _run(command, worktree, environment, output, log)
    finally:
        os.close(output)


def _run(
    command: str, worktree: Path, environment: Mapping[str, str], output: int, log: Path
) -> None:
    begin = _head(command, output, log)
    process: subprocess.Popen[bytes] | None = None
    try:
        with held():
            process = subprocess.Popen(
                ["/bin/sh", "-c", command],
                cwd=worktree,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        status = process.wait()
    except BaseException:
        if process is not None and process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        raise
    if status != 0:
        said = os.pread(output, SAID, max(begin, os.fstat(output).st_size - SAID))
        failed = CommandFailed([command], status, os.fsdecode(said))
        failed.hint = f"all that it said is kept in {log}"
        raise failed


def _head(command: str, output: int, log: Path) -> int:
    """Begin a command's part of the log; where what it says will begin."""
    size = os.fstat(output).st_size
    gap = "\n" if size and os.pread(output, 1, size - 1) != b"\n" else ""
    with naming(log):
        os.write(output, os.fsencode(f"{gap}$ {command}\n"))
    return os.fstat(output).st_size


@contextmanager
def told_to_end() -> Iterator[None]:
    """Have SIGTERM and SIGHUP, where they would end us at once, end what we wait for first."""
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) == signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    for number in numbers:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def held() -> Iterator[None]:
    """Have what tells us to end wait until this is over: a process that starts is then known."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: heard.append(number))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) not in (signal.SIG_IGN, None)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if heard:
            raise KeyboardInterrupt


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Have an interrupt wait until this is over, for us and for what we start meanwhile."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    # What we start gets this, and a terminal interrupts all at once.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
        if heard:
            raise KeyboardInterrupt


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
