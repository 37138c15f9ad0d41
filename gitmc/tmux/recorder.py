"""The reader of a followed pane: keeps what the pane prints in files, for those who follow it.

Run by tmux's pipe-pane as `python -I -S recorder.py FOLDER SOCKET PANE`, with nothing but the
standard library. It never stalls, since tmux does not tell the end of a pane whose pipe is stuck.
In FOLDER:

    followers  a lock that all who follow hold together; the kernel lets go of those that die
    recorder   our own lock, with our process number in it
    opening    the lock of a follower that opens the pipe
    1234       what was printed from byte 1234 on; the next file begins where this one ends

Ends when tmux closes the pipe, when SIGTERM says that the pane is dead (what tmux has read is then
in the pipe to its last byte, but tmux keeps the pipe of a dead pane open), and when nobody follows
any more: the pipe is closed then, and FOLDER goes. A byte that cannot be written, as on a full
disk, leaves a gap between the files; readers see it.
"""

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SIZE = 4 * 1024 * 1024
"""Bytes in a file."""

FILES = 16
"""How many files are kept for those who read more slowly than the agent prints."""

READS = 64
"""How often the pipe is read before anything else is looked at."""

PATIENCE = 10
"""Seconds for tmux to answer."""


class Record:
    """The files."""

    def __init__(self) -> None:
        self.starts = sorted(int(name) for name in os.listdir() if name.isdigit())
        last = self.starts[-1] if self.starts else None
        self.end = 0 if last is None else last + os.path.getsize(str(last))
        self.fd: int | None = None

    def add(self, data: bytes) -> None:
        """Write `data` at the end, or leave a gap for it."""
        try:
            while data:
                data = data[self.write(data) :]
        except OSError:
            self.close()
            self.end += len(data)

    def write(self, data: bytes) -> int:
        if self.fd is not None and self.end - self.starts[-1] >= SIZE:
            self.close()
        if self.fd is None:
            self.fd = os.open(str(self.end), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self.starts = [start for start in self.starts if start != self.end] + [self.end]
            while len(self.starts) > FILES:
                os.unlink(str(self.starts.pop(0)))
        written = os.write(self.fd, data)
        self.end += written
        return written

    def finish(self) -> None:
        """Let readers see a gap that nothing has come behind."""
        if self.fd is None and self.end:
            with contextlib.suppress(OSError):
                os.close(os.open(str(self.end), os.O_WRONLY | os.O_CREAT, 0o600))

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)
        self.fd = None


def own(name: str) -> None:
    """Take our lock, and say who has it."""
    with open("/proc/self/stat" if os.path.exists("/proc/self/stat") else os.devnull) as stream:
        fields = stream.read().rpartition(")")[2].split()
    lock = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()} {fields[19] if fields else ''}\n".encode())


def watch_followers(wake: int) -> None:
    """Write `f` to `wake` once nobody follows; from then on, those who come have to wait."""
    lock = os.open("followers", os.O_RDWR)

    def wait() -> None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(wake, b"f")

    threading.Thread(target=wait, daemon=True).start()


def tell_tmux(socket: str, pane: str, *more: str) -> None:
    """Have tmux forget that the pane's pipe is ours. The pane, or tmux, may be gone."""
    argv = ["tmux", "-S", socket, "set-option", "-pu", "-t", pane, "@mc_pipe", *more]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)


def drain(record: Record, reads: int) -> bool:
    """Record what is in the pipe, by so many reads at most; whether it is still open."""
    for _ in range(reads):
        try:
            data = os.read(0, 65536)
        except BlockingIOError:
            return True
        if not data:
            return False
        record.add(data)
    return True


def read_on(record: Record, wake: int) -> str:
    """Record until there is a reason to end; the reason."""
    os.set_blocking(0, False)
    while True:
        ready, _, _ = select.select([0, wake], [], [])
        word = os.read(wake, 1) if wake in ready else b""
        if word == b"f":
            return "nobody"
        if not drain(record, sys.maxsize if word else READS):
            return "closed"
        if word:
            return "dead"


def main(folder: str, socket: str, pane: str) -> None:
    os.chdir(folder)
    read, wake = os.pipe()

    def on_end(_number: int, _frame: "Any") -> None:
        os.write(wake, b"t")

    signal.signal(signal.SIGTERM, on_end)
    own("recorder")
    watch_followers(wake)
    record = Record()
    why = read_on(record, read)
    record.finish()
    if why == "closed":
        tell_tmux(socket, pane)
    elif why == "nobody":
        tell_tmux(socket, pane, ";", "pipe-pane", "-t", pane)
        for name in os.listdir():
            os.unlink(name)
        os.rmdir(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
