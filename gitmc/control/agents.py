"""The agents there are here, and how a job's is started: the catalog, and what the user adds."""

from __future__ import annotations

import re
import shutil
from typing import NamedTuple

from gitmc.agents import catalog
from gitmc.agents.catalog import COMMAND, Further, Options, Start
from gitmc.agents.schema import Agent, Patterns
from gitmc.control.environment import versions
from gitmc.control.mission import Mission
from gitmc.errors import McError, Refused
from gitmc.model.job import VANILLA, Job


def names(mission: Mission) -> list[str]:
    """The names of all agents, in order."""
    return sorted({*catalog.bundled(), *mission.settings.agents})


def check(mission: Mission, name: str) -> None:
    """Raises Refused where there is no agent `name`."""
    catalog.check(name, names(mission))


def agent(mission: Mission, name: str) -> Agent:
    """The agent `name`. Raises Refused where there is none, or its description has a fault."""
    check(mission, name)
    return catalog.load(name, [Further(*one) for one in mission.settings.agent(name)])


class Shown(NamedTuple):
    """How what an agent's terminal shows is read: its title, and its last lines."""

    title: Patterns
    screen: Patterns
    speaks: bool = False
    """Whether its hooks tell what it does, once it has begun."""


def shown(mission: Mission, name: str) -> Shown:
    """How that is read of the agent `name`; nothing where it is not known, or not rightly said."""
    if name == COMMAND:
        return Shown({}, {})
    try:
        found = agent(mission, name)
    except Refused:
        return Shown({}, {})
    return Shown(found.title, found.screen, bool(found.signals))


def start(mission: Mission, job: Job, prompt_size: int) -> Start:
    """How the job's agent is started on a prompt of `prompt_size` bytes.

    Raises Refused where it cannot be, as the job wants it.
    """
    if job.agent == COMMAND:
        return catalog.of_command(job.command)
    return catalog.start(agent(mission, job.agent), prompt_size, options(mission, job))


def resume(mission: Mission, job: Job, prompt_size: int, *, told: bool) -> Start | None:
    """How the job's agent takes up its session; None where it cannot. Raises as `start`, and where
    it is to be `told` something that it would not take."""
    if job.agent == COMMAND or job.session_id is None:
        return None
    found = agent(mission, job.agent)
    wanted = options(mission, job)
    return catalog.resume(found, job.session_id, prompt_size, wanted, told=told)


def options(mission: Mission, job: Job) -> Options:
    """How the job's launches differ from others of its agent."""
    # In another mode the prompt is a command of the plugin's, and holds nothing that is private.
    private = mission.settings["privatePrompts"] and job.mode == VANILLA
    return Options(job.model, job.arguments, job.unattended, job.headless, private)


class Surveyed(NamedTuple):
    """An agent, and what of it is here. A description with a fault has no agent."""

    name: str
    agent: Agent | None
    path: str | None = None
    version: str | None = None
    """As it says itself; None where it is not here, or does not say."""

    @property
    def can(self) -> list[str]:
        """What may be asked of it."""
        found = self.agent
        if found is None:
            return []
        return [
            *(way for way in ("interactive", "headless") if way in found.start),
            *(["resume"] if found.resume else []),
            *(["model"] if found.model else []),
            *(["unattended"] if found.unattended else []),
        ]

    @property
    def signals(self) -> list[str]:
        """What its own hooks tell."""
        return list(self.agent.signals) if self.agent else []

    @property
    def shows(self) -> list[str]:
        """What its title or its screen is known to show, where its hooks do not speak."""
        found = self.agent
        return [] if found is None else sorted({*found.title, *found.screen})


def survey(mission: Mission) -> tuple[list[Surveyed], list[McError]]:
    """Every agent but the user's own command, and what is wrong in their descriptions.

    Programs that are here are asked for their versions, all at once.
    """
    found: list[Surveyed] = []
    faults: list[McError] = []
    for name in names(mission):
        if name == COMMAND:
            continue
        try:
            one = agent(mission, name)
        except McError as fault:
            faults.append(fault)
            found.append(Surveyed(name, None))
            continue
        found.append(Surveyed(name, one, shutil.which(one.program)))
    here = [one for one in found if one.agent and one.path]
    asked = [(one.path or "", *one.agent.version) for one in here if one.agent]
    told = {one.name: said for one, said in zip(here, versions(asked), strict=True)}
    return [one._replace(version=_number(told.get(one.name))) for one in found], faults


def _number(said: str | None) -> str | None:
    """The version in what a program says of itself; all that it says where no part is one."""
    if said is None or said in ("unknown", "not found"):
        return None
    match = re.search(r"\d+(\.\d+)+[\w.+-]*", said)
    return match[0] if match else said
