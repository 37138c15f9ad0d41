"""Answer: what a running agent asks a person, and telling it the answer.

    LOOK     the agent's own hooks have left what it asks in the folder of the run
    TELL     the answer is put there, and the agent's plugin takes it away
    CONFIRM  the plugin has done so, and says why where it could not

An answer that nobody takes is withdrawn, so that it does not answer something later.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from gitmc.control.loop import catch_up
from gitmc.control.mission import Mission
from gitmc.errors import Refused
from gitmc.model import ask as asks
from gitmc.model.ask import Ask
from gitmc.model.job import Job
from gitmc.store.asks import Box

PATIENCE = 10.0
"""Seconds for the agent to take what it is told. It has nothing else to do but wait for it."""

TICK = 0.5
"""Seconds between two looks where files arrive unheard."""

OVER = "its run is over"


def box_of(mission: Mission, job: Job) -> Box:
    """Where the agent of the job's run asks, and is told."""
    assert job.run is not None
    return Box(mission.store.run_folder(job.run.id))


def asked(mission: Mission, job: Job) -> list[Ask]:
    """What the job's agent asks, the oldest first."""
    if job.run is None or not job.live:
        return []
    found = box_of(mission, job).asked()
    return [asks.read(one.name, one.content, answerable=one.answerable) for one in found]


def chosen(job: Job, pending: Sequence[Ask], which: str | None) -> Ask:
    """The one that is to be answered. Raises Refused where it is not there, or could be others."""
    name = job.name
    if not pending:
        hint = f"speak to it: git mc send {name} TEXT"
        if job.activity is not None and job.activity.state == "waiting":
            hint = f"see what it waits for: git mc attach {name}; or {hint}"
        raise Refused(f"'{name}' asks nothing that is known here", hint=hint)
    found = [one for one in pending if which is None or one.id.startswith(which)]
    if len(found) == 1:
        return found[0]
    hint = "choose one by --ask: " + ", ".join(one.id for one in pending)
    if not found:
        raise Refused(f"'{name}' does not ask '{which}', or not any more", hint=hint)
    raise Refused(f"'{name}' asks {len(found)} things at once", hint=hint)


def answer(
    mission: Mission, job: Job, ask: Ask, words: Sequence[str], *, reject: bool = False
) -> None:
    """Tell the job's agent the answer to `ask`.

    Raises Usage where the words mean none, Refused where the agent takes none, or did not.
    """
    assert job.run is not None
    if os.environ.get("MC_RUN") == job.run.id:
        raise Refused(
            f"'{job.name}' cannot answer itself", hint="a person answers, outside of the job"
        )
    if not ask.answerable:
        raise Refused(
            f"the agent of '{job.name}' takes answers in its terminal only",
            hint=f"git mc attach {job.name}",
        )
    meant = asks.answer(ask, words, reject=reject)
    fault = tell(box_of(mission, job), {"ask": ask.id, **meant})
    if fault is not None:
        raise Refused(
            f"the agent of '{job.name}' did not take the answer: {fault}",
            hint=f"git mc answer {job.name} shows what it asks now",
        )
    mission.store.journal.write(
        mission.now(), "action", action="Answer", job=job.name, run=job.run.id, kind=ask.kind
    )
    catch_up(mission)


def tell(box: Box, content: Mapping[str, Any]) -> str | None:
    """Have the agent told `content`; None once it has taken it, else why it did not."""
    from gitmc.events.bell import Bell

    deadline = time.monotonic() + PATIENCE
    with Bell([box.answers], removals=True) as bell:
        try:
            name = box.put(content)
        except FileNotFoundError:
            return OVER
        while not box.done(name):
            left = deadline - time.monotonic()
            if left > 0:
                bell.wait(min(left, TICK) if bell.deaf else left)
            elif box.withdraw(name):
                return "it does not read what it is told"
            else:
                break
    # With its run everything that belonged to that is gone, and so is what nobody took.
    return box.fault(name) if box.open else OVER
