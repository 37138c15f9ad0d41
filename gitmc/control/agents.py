"""The agents there are here, and how a job's is started: the catalog, and what the user adds."""

from __future__ import annotations

from gitmc.agents import catalog
from gitmc.agents.catalog import COMMAND, Further, Options, Start
from gitmc.agents.schema import Agent
from gitmc.control.mission import Mission
from gitmc.model.job import Job


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


def start(mission: Mission, job: Job, prompt_size: int) -> Start:
    """How the job's agent is started on a prompt of `prompt_size` bytes.

    Raises Refused where it cannot be, as the job wants it.
    """
    if job.agent == COMMAND:
        return catalog.of_command(job.command)
    return catalog.start(agent(mission, job.agent), prompt_size, options(job))


def resume(mission: Mission, job: Job, prompt_size: int, *, told: bool) -> Start | None:
    """How the job's agent takes up its session; None where it cannot. Raises as `start`, and where
    it is to be `told` something that it would not take."""
    if job.agent == COMMAND or job.session_id is None:
        return None
    found = agent(mission, job.agent)
    return catalog.resume(found, job.session_id, prompt_size, options(job), told=told)


def options(job: Job) -> Options:
    """How the job's launches differ from others of its agent."""
    return Options(job.model, job.arguments, job.unattended, job.headless)
