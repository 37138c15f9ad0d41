"""Runs commands to their end, whatever becomes of who asked; then nothing of them is left.

Run as `python -I -S runner.py FOLDER`, with nothing but the standard library, as the leader of a
session of its own. Its environment is that of the commands. FOLDER/spec.json has the keys:

    commands  what sh runs, one after the other, until one fails
    announce  whether each is written into the log before it runs
    cwd       where they run
    log       the file for their output
    seconds   what all of them may take
    scratch   a folder that goes when they are over
    canceled  a file; once it is there, nothing begins
    locks     descriptors that we are given to hold until we end, and the commands do not get

States: say who we are, in FOLDER/pid → LOOK whether we are canceled → RUN the commands, each in a
process group of its own → END what they left → TELL, in FOLDER/result.json. Who cancels leaves the
file and then looks for our number; we leave our number and then look for the file. So one sees the
other, and a run that was canceled ends however early that was.

SIGTERM, SIGHUP, SIGINT and the time-out end the commands at once. We are a subreaper (on Linux):
what leaves its group, its session and its parent becomes our child, and no child outlives us. Only
our children are killed, time and again until there is none; nobody else can have their numbers. The
room for the result is taken beforehand, so that it can be told on a full disk too.
"""

import errno
import json
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PR_SET_CHILD_SUBREAPER = 36

ROOM = 4096
"""Bytes that are kept free for the result."""

PROBE = 256 * 1024
"""Bytes that a disk must have room for not to be called full."""

SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT}

FOREVER = 86400.0

TICK = 0.05
"""Seconds after which our children are listed again, should the list have missed one."""


class Run:
    """What is known of the run so far."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.asked = 0
        self.cpu = 0.0
        self.memory = 0
        self.childless = True
        self.groups: list[int] = []

    def reap(self, wanted: int) -> "int | None":
        """Collect every child that has ended; the status of `wanted` if it is among them."""
        status = None
        while True:
            try:
                pid, word, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self.childless = True
                return status
            self.childless = False
            if pid == 0:
                return status
            # What a child has collected of its own children is in its figures.
            self.cpu += used.ru_utime + used.ru_stime
            self.memory = max(self.memory, used.ru_maxrss)
            if pid == wanted:
                status = word

    def wait(self, pid: int, deadline: float) -> "int | None":
        """The wait status of `pid`; None where it was not to end by itself."""
        while True:
            status = self.reap(pid)
            left = deadline - time.monotonic()
            if status is not None or self.asked or left <= 0:
                return status
            # These are blocked but here, so none is lost.
            got = signal.sigtimedwait(SIGNALS, min(left, FOREVER))
            if got is not None and got.si_signo != signal.SIGCHLD:
                self.asked = got.si_signo

    def end(self) -> int:
        """End all that is left; returns how many processes there are that we may not end."""
        for group in self.groups:
            # All at once, so that none of them begets another meanwhile.
            kill(-group)
        while True:
            self.reap(0)
            if self.childless:
                return 0
            left = children()
            ended = [kill(pid) for pid in left]
            if left and not any(ended):
                return len(left)
            # Whatever was killed ends; its children, of which we may not know, become ours.
            signal.sigtimedwait(SIGNALS, TICK)


def kill(pid: int) -> bool:
    """Whether the process could be killed, or has ended already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return True


def children() -> "list[int]":
    me = os.getpid()
    try:
        with open(f"/proc/{me}/task/{me}/children") as stream:
            return [int(word) for word in stream.read().split()]
    except OSError:
        return [pid for pid in processes() if parent(pid) == me]


def processes() -> "list[int]":
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def parent(pid: int) -> int:
    fields = stat(pid)
    return int(fields[1]) if fields else 0


def stat(pid: int) -> "list[str]":
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rpartition(")")[2].split()
    except OSError:
        return []


def become_reaper() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def put(path: str, content: bytes) -> None:
    """Have `content` at `path`, all at once; in the room that was made for it, if it was."""
    draft = path + ".new"
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        os.write(fd, content)
        os.ftruncate(fd, len(content))
    finally:
        os.close(fd)
    os.rename(draft, path)


def identify(folder: str) -> None:
    """Say who we are: number, start and boot, as words."""
    fields = stat(os.getpid())
    try:
        with open("/proc/sys/kernel/random/boot_id") as stream:
            boot = stream.read().strip()
    except OSError:
        boot = ""
    who = [str(os.getpid()), fields[19] if fields else "", boot]
    put(os.path.join(folder, "pid"), json.dumps(who).encode())


def start(command: str, cwd: str) -> int:
    pid = os.fork()
    if pid:
        try:
            # The child does so too; whoever comes first, it is done before we signal the group.
            os.setpgid(pid, pid)
        except (PermissionError, ProcessLookupError):
            return pid
        return pid
    try:
        os.setpgid(0, 0)
        for number in (*SIGNALS, signal.SIGQUIT, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.chdir(cwd)
        os.execv("/bin/sh", ["/bin/sh", "-c", command])
    except OSError as error:
        os.write(2, f"git mc: {error.filename or '/bin/sh'}: {error.strerror}\n".encode())
    finally:
        os._exit(126)


def killed_for_memory() -> int:
    """How many processes the kernel has killed for want of memory since boot."""
    try:
        with open("/proc/vmstat") as stream:
            pairs = (line.split() for line in stream)
            return next((int(value) for key, value in pairs if key == "oom_kill"), 0)
    except OSError:
        return 0


def is_full(folder: str) -> bool:
    """Whether there is no room left where `folder` is."""
    probe = os.path.join(folder, f".probe-{os.getpid()}")
    try:
        fd = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    try:
        os.posix_fallocate(fd, 0, PROBE)
    except OSError as error:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    finally:
        os.close(fd)
        os.unlink(probe)
    return False


def remove(path: str) -> None:
    """Delete a folder and all in it; what cannot be deleted stays."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return
    except OSError:
        import shutil

        for above, folders, _ in os.walk(path):
            for name in folders:
                inside = os.path.join(above, name)
                if not os.path.islink(inside):
                    os.chmod(inside, 0o700)
        shutil.rmtree(path, ignore_errors=True)


def run(spec: "dict[str, Any]", known: Run, result: "dict[str, Any]") -> None:
    log = os.open(spec["log"], os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    begin = time.monotonic()
    killed = killed_for_memory()
    status = None
    for command in spec["commands"]:
        if spec["announce"]:
            size = os.fstat(log).st_size
            gap = "\n" if size and os.pread(log, 1, size - 1) != b"\n" else ""
            os.write(log, os.fsencode(f"{gap}$ {command}\n"))
        result["command"] = command
        pid = start(command, spec["cwd"])
        known.groups.append(pid)
        status = known.wait(pid, begin + spec["seconds"])
        if status != 0:
            break
    result["seconds"] = time.monotonic() - begin
    if status is None:
        result["stopped"] = known.asked
        result["late"] = not known.asked
    elif os.WIFSIGNALED(status):
        result["signal"] = os.WTERMSIG(status)
    else:
        result["status"] = os.WEXITSTATUS(status)
    result["left"] = known.end()
    if status != 0:
        result["starved"] = killed_for_memory() > killed
        result["full"] = any(map(is_full, (known.folder, spec["scratch"])))


def tell(known: Run, result: "dict[str, Any]") -> None:
    result["cpu"] = known.cpu
    result["memory"] = known.memory * (1 if sys.platform == "darwin" else 1024)
    put(os.path.join(known.folder, "result.json"), json.dumps(result).encode())


def main() -> int:
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    known = Run(sys.argv[1])
    with open(os.path.join(known.folder, "spec.json"), encoding="utf-8") as stream:
        spec: dict[str, Any] = json.load(stream)
    for fd in spec["locks"]:
        os.set_inheritable(fd, False)
    become_reaper()
    identify(known.folder)
    result: dict[str, Any] = {}
    try:
        if os.path.exists(spec["canceled"]):
            result["stopped"] = int(signal.SIGTERM)
        else:
            with open(os.path.join(known.folder, "result.json.new"), "wb") as room:
                room.write(b" " * ROOM)
            run(spec, known, result)
    except OSError as error:
        known.end()
        where = f"{error.filename}: " if error.filename else ""
        result["trouble"] = f"{where}{error.strerror}"
        result["full"] = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remove(spec["scratch"])
    tell(known, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
