"""Send: type a message into a running agent's terminal, submit it, and see that it was taken.

    CHECK   the text may be typed, the job runs, its terminal is there
    NOTE    what the agent was last known to do is over: it is stored as working, by us
    GIVE    where the agent's plugin takes prompts, it gets the text, which is all; else:
    PASTE   the text goes into the pane as one paste
    SUBMIT  Return, on its own: some agents take one that comes with a paste as a part of it
    CONFIRM where the agent's own hooks speak, or its title: wait for it to say that it works, press
            Return once more if it does not, and wait once more

One send at a time to a job, by a lock of the kernel's, so that no two texts mix.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from gitmc.control.answer import asked, box_of, tell
from gitmc.control.loop import catch_up
from gitmc.control.mission import Mission
from gitmc.control.settle import live_pids
from gitmc.control.wait import GOOD
from gitmc.errors import Refused, Usage
from gitmc.events import markers
from gitmc.model.activity import guessed
from gitmc.model.job import FINAL, Activity, Job, Phase, State, move
from gitmc.store.lock import hold
from gitmc.tmux import input as typing

SOURCE = "send"
"""The source of an activity that we stored because of a message."""

PATIENCE = 5.0
"""Seconds for an agent to say that it works, after each Return."""

SOON = 1.0
"""Seconds for a title to say so after the first Return: some agents take none with a paste."""

QUEUE = 60.0
"""Seconds to wait for other messages to the same job."""

TICK = timedelta(seconds=1)
"""How exactly tmux tells when something was printed: a silence that is older tells of before."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\udc80-\udc9f]")
"""Control characters but for tab and newline; the last are bytes that are no part of UTF-8."""


class Sent(NamedTuple):
    """A message that is in the agent's terminal. `confirmed` is None where nobody can tell."""

    name: str
    confirmed: bool | None
    run: str
    at: datetime


def checked(raw: bytes) -> bytes:
    """The text as it is typed. Raises Usage where it is empty, Refused where it must not be.

    An escape sequence could end the paste, and what follows it would be typed as keys.
    """
    text = raw.replace(b"\r\n", b"\n").removesuffix(b"\n")
    plain = text.decode("utf-8", "surrogateescape")
    if not plain.strip():
        raise Usage("there is no text to send", hint="git mc send JOB TEXT, or -F FILE")
    found = _CONTROL.search(plain)
    if found:
        line = plain.count("\n", 0, found.start()) + 1
        raise Refused(
            f"the text has the control character {_name(found[0])} in line {line}",
            hint="only newlines and tabs can be typed into a terminal as text",
        )
    return text


def _name(char: str) -> str:
    code = ord(char)
    return f"0x{code - 0xDC00:02x}" if code > 0xFF else f"U+{code:04X}"


def check_runs(job: Job) -> None:
    """Raises Refused where no agent is there that could be sent to.

    One that has done its job may be at its prompt still, and then goes on with it.
    """
    there = job.run is not None and job.run.phase is Phase.LIVE
    if there and (job.state is State.RUNNING or _stays(job)):
        return
    hint = f"start its agent again: git mc relaunch {job.name}"
    if job.unstarted:
        hint = f"wait for its start: git mc wait --for running {job.name}"
    elif job.state in FINAL or job.state is State.RUNNING:
        hint = f"git mc log {job.name} tells what happened"
    state = "ending" if job.state is State.RUNNING else job.state
    raise Refused(f"the job '{job.name}' is not running: it is {state}", hint=hint)


def _stays(job: Job) -> bool:
    # What a plan's agent has done is the plan's by then, which ends it.
    assert job.run is not None
    return job.state is State.COMPLETED and job.plan is None and job.run.stop is None


def send(mission: Mission, name: str, text: bytes) -> Sent:
    """Send `text`, which is `checked`, to the job. Raises Refused where it cannot be typed."""
    job = mission.job(name)
    check_runs(job)
    assert job.run is not None
    run = job.run.id
    with hold(mission.store.send_lock(run), patience=QUEUE):
        # Before anything else, since the times of markers are not as exact as ours.
        at = mission.now()
        catch_up(mission)
        before = _note(mission, name, run, at)
        try:
            confirmed = _deliver(mission, before, at, text)
        except BaseException:
            _take_back(mission, before, at)
            raise
        if confirmed is False:
            _take_back(mission, before, at)
            if before.activity and before.activity.state == "working":
                # It was at work already, and has no reason to say so again: it may well have taken
                # the message, for when it is done.
                confirmed = None
    mission.store.journal.write(
        mission.now(), "action", action="Send", job=name, run=run, bytes=len(text),
        confirmed=confirmed,
    )  # fmt: skip
    return Sent(name, confirmed, run, at)


def _note(mission: Mission, name: str, run: str, at: datetime) -> Job:
    """Store that what the agent was known to do is over; the job as it was before.

    So nobody goes on asking for a person, and whatever the agent says from here on is new.
    """
    with mission.store.locked() as held:
        job = mission.job(name)
        check_runs(job)
        if job.run is None or job.run.id != run:
            raise Refused(f"the job '{name}' was launched again", hint="send it once more")
        after = job
        if job.state is State.COMPLETED:
            after = move(after, State.RUNNING, ended_at=None, reason=None)
        if job.activity is not None:
            after = after._replace(activity=Activity("working", at, SOURCE))
        mission.save(held, job, after, "send")
    return job


def _take_back(mission: Mission, before: Job, at: datetime) -> None:
    """Store what was known before, where no word of the agent's has come since."""
    with mission.store.locked() as held:
        job = mission.store.job(before.name)
        if job is None or job.run is None or before.run is None or job.run.id != before.run.id:
            return
        after = job
        ours = job.activity == Activity("working", at, SOURCE)
        if ours or (guessed(job.activity) and not guessed(before.activity)):
            after = after._replace(activity=before.activity)
        if job.state is State.RUNNING and before.state is State.COMPLETED:
            ended, why = before.ended_at, before.reason
            after = move(after, State.COMPLETED, ended_at=ended, reason=why)
        mission.save(held, job, after, "send")


def _deliver(mission: Mission, job: Job, at: datetime, text: bytes) -> bool | None:
    assert job.run is not None
    run = job.run.id
    if job.terminal is None:
        raise _no_terminal(job)
    if asked(mission, job):
        raise Refused(
            f"the agent of '{job.name}' asks something, and would take the text for an answer",
            hint=f"git mc answer {job.name}",
        )
    box = box_of(mission, job)
    if box.open and tell(box, {"prompt": text.decode()}) is None:
        return True
    tmux = mission.tmux_of(job.terminal)
    if not typing.paste(tmux, run, text, run) or not typing.press_return(tmux, run):
        raise _no_terminal(job)
    by_title = job.activity is not None and job.activity.source == "title"
    if not job.run.signals and not by_title:
        return None
    first = PATIENCE if job.run.signals else SOON

    def answered(job: Job | None, words: Sequence[str]) -> bool:
        return job is None or job.state is not State.RUNNING or bool(words)

    for attempt, patience in enumerate((first, PATIENCE)):
        # Return is not pressed at an agent that has spoken: it may be asking for a permission.
        if attempt and not typing.press_return(tmux, run):
            return None
        job_now, words = listen(mission, job.name, run, at, answered, patience)
        if job_now is None or job_now.state is not State.RUNNING:
            return None
        # A title may have said that it works for too short a moment to be seen.
        took = {"working", "idle", "error"} if by_title and not job.run.signals else {"working"}
        if took & set(words):
            return True
        if words:
            return False
    return False


def _no_terminal(job: Job) -> Refused:
    return Refused(
        f"the terminal of '{job.name}' is gone", hint=f"git mc log {job.name} tells what happened"
    )


def heard(mission: Mission, name: str, run: str, at: datetime) -> tuple[Job | None, list[str]]:
    """The job, None if that run is not its latest, and what its agent said it does since `at`.

    An agent that works for a moment only may have said two things before anybody looked, so the
    markers that nobody has stored are looked at too.
    """
    words = [
        one.marker.value.partition("-")[0]
        for one in markers.delivered(mission.store.events)
        if one.marker.run == run and one.marker.kind == "activity" and one.at >= at
    ]
    catch_up(mission)
    job = mission.store.job(name)
    if job is None or job.run is None or job.run.id != run:
        return None, words
    activity = job.activity
    # A title that has said so before says nothing new.
    exact = at if activity and activity.source == "title" else at - TICK
    if activity and activity.source != SOURCE and activity.since >= exact:
        words.append(activity.state)
    return job, words


def listen(
    mission: Mission,
    name: str,
    run: str,
    at: datetime,
    enough: Callable[[Job | None, Sequence[str]], bool],
    seconds: float | None = None,
) -> tuple[Job | None, list[str]]:
    """What is `heard`, once it is `enough` or `seconds` are up."""
    from gitmc.events.bell import Bell

    store = mission.store
    deadline = None if seconds is None else time.monotonic() + seconds
    with Bell([store.events / "new", store.jobs_dir]) as bell:
        while True:
            job, words = heard(mission, name, run, at)
            left = None if deadline is None else deadline - time.monotonic()
            if enough(job, words) or (left is not None and left <= 0):
                return job, words
            bell.watch(live_pids([job] if job else []))
            tick: float = mission.settings["pollInterval"]
            bell.wait(tick if left is None else min(tick, left))


def wait_until_done(mission: Mission, sent: Sent) -> str | None:
    """Wait until the agent has dealt with a message; why it did not, or None where it did."""

    def done(job: Job | None, words: Sequence[str]) -> bool:
        stands = words[-1] if words else ""
        ended = job is None or job.state is not State.RUNNING
        return ended or stands in ("idle", "waiting", "error")

    job, _ = listen(mission, sent.name, sent.run, sent.at, done)
    if job is None:
        return f"the job '{sent.name}' is gone"
    if job.state is State.RUNNING or job.state in GOOD:
        return None
    return f"the job '{sent.name}' is {job.state}" + (f": {job.reason}" if job.reason else "")
