"""Telling people what happened: once for each event, by whatever the settings name.

Only an observer tells. It claims an event first, by taking it out of the job's record, and sends
afterwards: killed in between, it was told to nobody, but nothing is ever told twice. Each way to
tell has a thread, so that one that hangs holds up neither the loop nor the others.
"""

from __future__ import annotations

import html
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from tempfile import TemporaryFile

from gitmc.control.mission import Mission
from gitmc.control.plannews import claim_news, untold
from gitmc.errors import CommandFailed, Fatal, McError
from gitmc.git.run import environment_for_others
from gitmc.model.decide import Tell, news
from gitmc.model.job import Job
from gitmc.model.notice import Notice
from gitmc.model.settings import Settings
from gitmc.store.codec import time_text
from gitmc.tmux.client import clients, ring, say
from gitmc.tmux.run import Tmux

PATIENCE = 10.0
"""Seconds for one way to tell one thing. tmux has as many of its own."""

LONGEST = 2000
"""Bytes of what a command said that are kept when it fails."""

Send = Callable[[], object]


class Teller:
    """Tells what is untold, on threads of its own, which end with `close`."""

    def __init__(self, mission: Mission) -> None:
        self._mission = mission
        self._senders: dict[str, tuple[SimpleQueue[tuple[str, Send] | None], threading.Thread]] = {}

    def tell(self) -> list[McError]:
        """Claim what is untold and see to it that it is told; what kept us from it, if anything."""
        # Read again: another process may have stored it, and taken the marker away, since we last
        # looked for jobs and before we last looked for markers.
        due = news(self._mission.store.jobs()[0])
        plans = untold(self._mission)
        if not due and not plans:
            return []
        try:
            settings = self._mission.read_settings()
        except McError as fault:
            return [fault]
        for action in due:
            job = self._claim(action)
            for event in job.untold if job else ():
                assert job is not None
                self._send(settings, Notice(event, job))
        for plan in plans:
            for event, stand_in in claim_news(self._mission, plan):
                self._send(settings, Notice(event, stand_in))
        return []

    def _send(self, settings: Settings, notice: Notice) -> None:
        for name, send in _sends(self._mission, settings, notice):
            self._queue(name).put((notice.job.name, send))

    def close(self) -> None:
        """Let everything that was claimed be told, and end the threads."""
        for queue, _ in self._senders.values():
            queue.put(None)
        for _, thread in self._senders.values():
            thread.join()

    def _claim(self, action: Tell) -> Job | None:
        """The job with the events that are now ours to tell."""
        mission, store = self._mission, self._mission.store
        with store.locked() as held:
            job = store.job(action.job)
            if job is None or not job.untold:
                return None
            told = list(job.untold)
            store.journal.write(mission.now(), "action", action="Tell", job=job.name, told=told)
            store.save(held, job._replace(untold=()))
        return job

    def _queue(self, name: str) -> SimpleQueue[tuple[str, Send] | None]:
        if name not in self._senders:
            queue: SimpleQueue[tuple[str, Send] | None] = SimpleQueue()
            thread = threading.Thread(target=self._work, args=(name, queue), daemon=True)
            self._senders[name] = queue, thread
            thread.start()
        return self._senders[name][0]

    def _work(self, name: str, queue: SimpleQueue[tuple[str, Send] | None]) -> None:
        while (item := queue.get()) is not None:
            job, send = item
            try:
                send()
            except (McError, OSError) as fault:
                said = fault.message if isinstance(fault, McError) else str(fault)
                now = self._mission.now()
                with suppress(OSError):  # nobody is left who could be told of that
                    self._mission.store.journal.write(
                        now, "failed", action="Tell", job=job, sender=name, error=said
                    )


def _sends(mission: Mission, settings: Settings, notice: Notice) -> Iterator[tuple[str, Send]]:
    """By its name: each way to tell that is switched on."""
    job = notice.job
    server = job.terminal.socket if job.terminal else settings["tmuxSocket"]
    if settings["notify.tmux"]:
        yield "tmux", lambda: _tmux(Tmux(server), notice)
    if settings["notify.bell"]:
        yield "bell", lambda: _bell(Tmux(server))
    if settings["notify.desktop"]:
        yield "desktop", lambda: _run(mission, _desktop(notice))
    try:
        command = settings["notify.command"]
    except McError as withheld:
        yield "command", partial(_refuse, withheld)
        return
    if command:
        content = json.dumps(_object(mission, notice)).encode() + b"\n"
        yield "command", lambda: _run(mission, ["/bin/sh", "-c", command], content)


def _refuse(why: McError) -> None:
    raise why


def _tmux(tmux: Tmux, notice: Notice) -> None:
    for client in clients(tmux):
        # Words of an agent have no place where tmux reads commands.
        say(tmux, client, f"git mc: {notice.job.name}: {notice.event}")


def _bell(tmux: Tmux) -> None:
    for client in clients(tmux):
        ring(client)


def _desktop(notice: Notice) -> list[str]:
    title = f"{notice.job.name}: {notice.event}"
    body = " ".join((notice.message or notice.job.reason or "").replace("\0", " ").split())
    if sys.platform == "darwin":
        script = (
            "on run argv",
            "display notification (item 2 of argv) with title (item 1 of argv)",
            "end run",
        )
        return ["osascript", *(word for line in script for word in ("-e", line)), title, body]
    # What shows it reads markup in the body.
    return ["notify-send", "-a", "git mc", "--", title, html.escape(body, quote=False)]


def _object(mission: Mission, notice: Notice) -> dict[str, str | None]:
    job = notice.job
    return {
        "schema": "mc.notification/1",
        "event": notice.event,
        "job": job.name,
        "state": job.state.value,
        "reason": job.reason,
        "message": notice.message,
        "branch": job.branch,
        "worktree": job.worktree,
        "at": time_text(notice.at),
        "prompt": _first_line(mission, job),
    }


def _first_line(mission: Mission, job: Job) -> str | None:
    try:
        with mission.store.prompt_path(job.name).open("rb") as prompt:
            return prompt.readline().decode("utf-8", "replace").rstrip("\r\n") or None
    except FileNotFoundError:
        return None


def _run(mission: Mission, argv: list[str], content: bytes = b"") -> None:
    """Run `argv` in the main worktree with `content` on stdin. Raises McError if it fails."""
    # Files, not pipes: what it leaves running in the background may keep them as long as it likes.
    with TemporaryFile() as given, TemporaryFile() as said:
        given.write(content)
        given.seek(0)
        try:
            process = subprocess.Popen(
                argv,
                cwd=mission.main_worktree,
                env=environment_for_others(),
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )
        except OSError as fault:
            raise Fatal(f"{argv[0]} could not be run: {fault.strerror or fault}") from fault
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired as late:
            _kill_group(process)
            raise Fatal(f"{argv[-1]!r} did not end within {PATIENCE:g} s: killed") from late
        if status != 0:
            said.seek(0)
            raise CommandFailed(argv, status, os.fsdecode(said.read(LONGEST)))


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads its own group, and all of that group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
