"""What a person does with a job from a list on a screen: the verbs of the picker."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from gitmc.control import answer, end, send
from gitmc.control.loop import catch_up
from gitmc.control.mission import Mission, open_mission
from gitmc.errors import McError, Usage, of_system
from gitmc.model.ask import Ask
from gitmc.model.picker import Act

OWN_TERMINAL = ("diff", "merge")
"""Verbs that print what takes more than a line, or have a pager: they are given the terminal."""


def argv(act: Act) -> list[str]:
    """The command for a verb that is given the terminal."""
    return [sys.executable, "-P", "-m", "gitmc", act.verb, act.job]


def do(folder: Path, act: Act) -> str:
    """Do what takes no terminal; how it went, or why it did not, in a line."""
    deeds: dict[str, Callable[[Mission, Act], str]] = {
        "kill": _kill,
        "send": _send,
        "answer": _answer,
    }
    return _told(lambda: deeds[act.verb](open_mission(folder), act))


def asked(folder: Path, name: str) -> Ask | str:
    """What the job's agent asks first, or why nothing can be answered."""
    try:
        mission = open_mission(folder)
        catch_up(mission)
        job = mission.job(name)
        send.check_runs(job)
        pending = answer.asked(mission, job)
        first = answer.chosen(job, pending[:1], None)
    except (McError, OSError) as fault:
        return said(fault)
    return first if first.answerable else f"{name} takes answers in its terminal only: press Enter"


def said(fault: McError | OSError) -> str:
    """An error in a line."""
    error = of_system(fault) if isinstance(fault, OSError) else fault
    return f"{error.message} ({error.hint})" if error.hint else error.message


def _told(deed: Callable[[], str]) -> str:
    try:
        return deed()
    except (McError, OSError) as fault:
        return said(fault)


def _kill(mission: Mission, act: Act) -> str:
    catch_up(mission)
    return f"{act.job}: {end.kill(mission, act.job).state}"


def _send(mission: Mission, act: Act) -> str:
    text = send.checked(act.text.encode("utf-8", "surrogateescape"))
    catch_up(mission)
    send.check_runs(mission.job(act.job))
    sent = send.send(mission, act.job, text)
    if sent.confirmed is False:
        return f"{act.job} did not say that it took the text, which is in its input: press Enter"
    return f"{act.job}: sent" + (", and the agent took it" if sent.confirmed else "")


def _answer(mission: Mission, act: Act) -> str:
    assert act.ask is not None
    words = [act.text]
    try:
        if act.ask.kind == "permission":
            words = act.text.split(maxsplit=1)
        elif len(act.ask.questions) > 1:
            words = shlex.split(act.text)
    except ValueError as unclosed:
        raise Usage(f"{act.text!r} cannot be split into words: {unclosed}") from unclosed
    answer.answer(mission, mission.job(act.job), act.ask, words)
    return f"{act.job}: answered"
