"""The command of a job's pane: starts the agent, and tells how it ended.

Run as `python -I -S launcher.py SPEC`, with nothing but the standard library, and never through a
shell. SPEC is a JSON file that the launcher takes away by unlinking it, so that it works once: a
pane that is respawned finds none and says so. Its keys:

    argv     the agent's command
    prompt   the file that holds the prompt, or null where the agent is given none
    prompts  which words of argv the prompt takes the place of
    stdin    a file to read instead of the terminal, or null
    env      the agent's whole environment, less the variables of the terminal
    cwd      where it starts
    events   the folder for markers
    run      the nonce of the run
    spare    shell-style patterns of the programs that may stay when the run is over
    witness  a command that makes tmux a second witness; "$TMUX_PANE" is replaced

    withdraw a command that lets the pane close with us; "$TMUX_PANE" is replaced

States: READ the spec → INSTALL the witness, which also gives the pane its name → TAKE the spec →
START the agent → WAIT for it → TELL how it ended, by an `exit` marker → SWEEP what it left behind →
end with the agent's own status. Who finds the spec taken thus finds the pane by its name; who takes
it first has called the run off, and the launcher withdraws.

The launcher is the leader of the pane's session, so a terminal that closes sends it SIGHUP, and it
alone. The agent runs in the same process group (otherwise ^Z would stop it for good) and gets its
signals from the terminal; the launcher ignores those. SIGHUP and SIGTERM it passes on to every
process below it, and after a moment kills them. On Linux it is a subreaper: a process that detaches
itself becomes the launcher's child, not init's, so nothing gets away but what is to be spared, with
everything below it. The agent itself is never spared; $MC_AGENT_PID tells it from its children.
"""

import json
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

GRACE = 2.0
"""Seconds between asking processes to end and killing them."""

FOREVER = 86400.0
"""Seconds between looks when there is nothing to hurry for."""

PR_SET_CHILD_SUBREAPER = 36
AGENT = "MC_AGENT_PID"
TERMINAL = ("TERM", "TMUX", "TMUX_PANE", "COLORTERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION")

asked = 0


def read(path: str) -> "dict[str, Any]":
    with open(path, encoding="utf-8", errors="surrogateescape") as stream:
        spec: dict[str, Any] = json.load(stream)
    return spec


def start_time(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def mark(spec: "dict[str, Any]", kind: str, value: str) -> None:
    name = f"{spec['run']}.{kind}.launcher.{value}"
    path = os.path.join(spec["events"], "new", name)
    try:
        if os.path.isdir(os.path.dirname(spec["events"])):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))
    except OSError as error:
        # Nobody can be told but the pane's reader; tmux, the second witness, still tells the end.
        print(f"git mc: could not leave the marker {path}: {error.strerror}", file=sys.stderr)


def tell_tmux(command: "list[str]") -> None:
    pane = os.environ.get("TMUX_PANE", "")
    argv = [word.replace("$TMUX_PANE", pane) for word in command]
    if argv and pane:
        pid = os.posix_spawnp(argv[0], argv, os.environ)
        os.waitpid(pid, 0)


def become_reaper() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def on_end(number: int, _frame: object) -> None:
    global asked
    asked = asked or number


def start(spec: "dict[str, Any]") -> int:
    argv = list(spec["argv"])
    if spec["prompts"]:
        with open(spec["prompt"], "rb") as stream:
            prompt = os.fsdecode(stream.read())
        for at in spec["prompts"]:
            argv[at] = prompt
    environment = dict(spec["env"])
    environment.update((key, os.environ[key]) for key in TERMINAL if key in os.environ)
    pid = os.fork()
    if pid:
        return pid
    environment[AGENT] = str(os.getpid())
    try:
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.chdir(spec["cwd"])
        if spec.get("stdin"):
            os.dup2(os.open(spec["stdin"], os.O_RDONLY), 0)
        os.execvpe(argv[0], argv, environment)
    except FileNotFoundError as error:
        print(f"git mc: {error.filename or argv[0]}: not found", file=sys.stderr, flush=True)
        os._exit(127)
    except OSError as error:
        print(f"git mc: {argv[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(126)
    os._exit(126)


def below(root: int, agent: int, spare: "list[str]") -> "list[tuple[int, str]]":
    """Every process below `root` with its start, by the kernel's own list of parents."""
    children: dict[int, list[tuple[int, str]]] = {}
    try:
        names = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    for name in names:
        try:
            with open(f"/proc/{name}/stat") as stream:
                fields = stream.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in "ZX":
            children.setdefault(int(fields[1]), []).append((int(name), fields[19]))
    found, parents = [], [root]
    while parents:
        for child in children.get(parents.pop(), []):
            if child[0] == agent or not is_spared(child[0], spare):
                found.append(child)
                parents.append(child[0])
    return found


def is_spared(pid: int, patterns: "Sequence[str]") -> bool:
    """Whether the process's name, or its whole command line, is like one of `patterns`."""
    if not patterns:
        return False
    from fnmatch import fnmatchcase

    try:
        with open(f"/proc/{pid}/comm", errors="surrogateescape") as stream:
            name = stream.read().removesuffix("\n")
        with open(f"/proc/{pid}/cmdline", errors="surrogateescape") as stream:
            words = stream.read().removesuffix("\0").split("\0")
    except OSError:
        return False
    # The kernel cuts its name for a process after 15 bytes.
    names = (name, os.path.basename(words[0]), " ".join(words))
    return any(fnmatchcase(one, pattern) for one in names for pattern in patterns)


def send(processes: "list[tuple[int, str]]", number: int) -> None:
    for pid, start in processes:
        try:
            _send(pid, start, number)
        except ProcessLookupError:
            continue


def _send(pid: int, start: str, number: int) -> None:
    if not hasattr(os, "pidfd_open"):
        os.kill(pid, number)
        return
    # Opened before it is looked at: what is sent then reaches that process, or nobody.
    fd = os.pidfd_open(pid)
    try:
        if start_time(pid) == start:
            signal.pidfd_send_signal(fd, number)
    finally:
        os.close(fd)


def next_event(seconds: float = FOREVER) -> None:
    """Wait for a child's end or a request to end; signals are blocked but here, so none is lost."""
    numbers = {signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM}
    got = signal.sigtimedwait(numbers, max(0.0, seconds))
    if got is not None and got.si_signo != signal.SIGCHLD:
        on_end(got.si_signo, None)


def reap(agent: int) -> "int | None":
    """Collect every child that has ended; the agent's status if it is among them."""
    status = None
    while True:
        try:
            pid, word = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == agent:
            status = word


def wait(agent: int, spare: "list[str]") -> int:
    """The agent's wait status. Asked to end, passes it on, and insists after GRACE seconds."""
    told = deadline = None
    while True:
        status = reap(agent)
        if status is not None:
            return status
        if asked and told is None:
            told = asked
            deadline = time.monotonic() + GRACE
            send(below(os.getpid(), agent, spare), asked)
        if deadline is not None and time.monotonic() >= deadline:
            send(below(os.getpid(), agent, spare), signal.SIGKILL)
            next_event(GRACE)
        else:
            next_event(FOREVER if deadline is None else deadline - time.monotonic())


def sweep(spare: "list[str]") -> None:
    """End what the agent left: a request, then after GRACE seconds the end."""
    reap(0)
    left = below(os.getpid(), 0, spare)
    if not left:
        return
    send(left, signal.SIGHUP)
    send(left, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while left and time.monotonic() < deadline:
        next_event(deadline - time.monotonic())
        reap(0)
        left = below(os.getpid(), 0, spare)
    while left:
        send(left, signal.SIGKILL)
        next_event(GRACE)
        reap(0)
        left = below(os.getpid(), 0, spare)


def let_go() -> None:
    """See that our end, on which the terminal's foreground group gets SIGHUP, spares our group.

    A group that is there no more gets it instead.
    """
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    pid = os.fork()
    if pid == 0:
        try:
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            os.setpgid(0, 0)
            os.tcsetpgrp(terminal, os.getpid())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(terminal)


def value_of(status: int) -> "tuple[int, str]":
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return 128 + number, f"{128 + number}-sig{number}"
    code = os.WEXITSTATUS(status)
    return code, str(code)


def main() -> int:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, on_end)
    signal.signal(signal.SIGTERM, on_end)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM})
    try:
        spec = read(sys.argv[1])
    except FileNotFoundError:
        print("git mc: this run is over; a launcher works only once", file=sys.stderr)
        return 1
    become_reaper()
    tell_tmux(spec["witness"])
    try:
        os.unlink(sys.argv[1])
    except FileNotFoundError:
        tell_tmux(spec["withdraw"])
        return 1
    pane = os.environ.get("TMUX_PANE", "").lstrip("%")
    mark(spec, "start", f"{os.getpid()}-{start_time(os.getpid())}-{pane}")
    agent = start(spec)
    code, value = value_of(wait(agent, spec["spare"]))
    mark(spec, "exit", value + (f"-by{asked}" if asked else ""))
    sweep(spec["spare"])
    if spec["spare"] and below(os.getpid(), 0, []):
        let_go()
    return code


if __name__ == "__main__":
    sys.exit(main())
