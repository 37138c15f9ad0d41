"""What an agent is told: the job's prompt, in the words of its mode, and how to report.

The job's own prompt stays as its user wrote it; this is made of it anew for each run.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from gitmc.agents import omo
from gitmc.agents.before import before
from gitmc.agents.catalog import ARGUMENT_LIMIT, COMMAND, Start
from gitmc.control import agents
from gitmc.control.mission import Mission
from gitmc.errors import Refused
from gitmc.model.job import VANILLA, Job

OPENCODE = "opencode"

PROTOCOL = """While you work, say how it goes by the shell command `{command} STATUS MESSAGE`. \
STATUS is `working` when you begin a step, `blocked` when you need an answer before you can go on, \
`needs_review` when a person should look, and `completed` once the work is done and committed."""


class Told(NamedTuple):
    """What an agent is told, and what has to be in its worktree for that."""

    prompt: bytes
    files: Mapping[str, str]
    ignored: tuple[str, ...]


def tell(mission: Mission, job: Job, prompt: bytes, plan: bytes | None) -> Told:
    """What a new session of the job's agent is told of `prompt`, and of its `plan` in that mode.

    Raises Refused where its mode needs what is not there.
    """
    if job.agent == COMMAND:
        return Told(prompt, {}, ())
    found = plugin(mission) if job.agent == OPENCODE else None
    ignored = _ignored(found)
    task = prompt + _protocol(mission, prompt)
    if job.mode == VANILLA:
        return Told(task, {}, ignored)
    if found is None:
        raise _no_plugin(job.mode)
    text = task.decode("utf-8", "surrogateescape")
    work_plan = None if plan is None else plan.decode("utf-8", "surrogateescape")
    longest = 0 if mission.settings["privatePrompts"] else ARGUMENT_LIMIT
    begun = omo.opening(found, job.mode, job.name, text, work_plan, longest)
    return Told(begun.prompt.encode("utf-8", "surrogateescape"), begun.files, ignored)


def _ignored(found: omo.Omo | None) -> tuple[str, ...]:
    """What the plugin leaves in a worktree, and no commit is to take up."""
    if found is None:
        return ()
    return omo.FOLDERS if found.version is None else (found.folder,)


def started(mission: Mission, job: Job, told: Told) -> Start:
    """How the job's agent is started on what it is told. Raises as `agents.start`."""
    start = agents.start(mission, job, len(told.prompt))
    return start._replace(ignored=(*start.ignored, *told.ignored), placed=told.files)


def _protocol(mission: Mission, prompt: bytes) -> bytes:
    said = mission.settings["reportProtocol"]
    if not prompt.strip() or said is False:
        return b""
    text = PROTOCOL.format(command=reporting()) if said is True else said
    return b"\n\n" + os.fsencode(text)


def reporting() -> str:
    """How an agent calls `git mc report`, where git may not find us."""
    ours = "git mc" if shutil.which("git-mc") else f"{shlex.quote(sys.executable)} -P -m gitmc"
    return f"{ours} report"


def plugin(mission: Mission) -> omo.Omo | None:
    """Oh-My-OpenCode, where opencode has it here."""
    folders = list({mission.main_worktree: None, mission.repo.top: None})
    found = omo.detect(before(os.environ), folders)
    if found is None and mission.settings["omo.enabled"]:
        return omo.Omo()
    return found


def mode_of(mission: Mission, agent: str, asked: str | None, prompt: bytes, headless: bool) -> str:
    """The mode of a launch. Raises Refused where it does not go with the rest.

    Where none is asked for it is the setting's, if that goes with the rest.
    """
    bare = not prompt.strip()
    if asked is None:
        default: str = mission.settings["omo.defaultMode"]
        fits = agent == OPENCODE and not headless and (default == "plan" or not bare)
        return default if fits else VANILLA
    if asked == VANILLA:
        return asked
    if agent != OPENCODE:
        raise Refused(
            f"mode '{asked}' is Oh-My-OpenCode's, and the agent is '{agent}'",
            hint="leave out --mode, or launch with --agent opencode",
        )
    if headless:
        raise Refused(
            f"mode '{asked}' goes on over many turns, and a headless agent ends with its first",
            hint="leave out --headless, or --mode",
        )
    if bare and asked != "plan":
        raise Refused(
            f"mode '{asked}' needs a prompt, which says when the work is done",
            hint=f"git mc launch NAME PROMPT --mode {asked}",
        )
    return asked


def _no_plugin(mode: str) -> Refused:
    return Refused(
        f"mode '{mode}' needs Oh-My-OpenCode, which no configuration of opencode names",
        hint='name it in opencode.json ("plugin": ["oh-my-opencode"]), or if it is there in '
        "some other way: git config mc.omo.enabled true; or launch with --mode vanilla",
    )


def work_plan(mission: Mission, mode: str, prompt: bytes, file: Path | None) -> bytes | None:
    """The plan to work through: `file`, or else the one that the prompt names, or the only one.

    None in other modes. Raises Refused where there is none, and OSError where it cannot be read.
    """
    if mode != "plan":
        if file is not None:
            raise Refused("a plan file is for mode 'plan'", hint="add --mode plan")
        return None
    asked = prompt.decode("utf-8", "replace").strip()
    if file is not None:
        if asked:
            raise Refused(
                "in mode 'plan' the plan says what is to be done, and a prompt was given too",
                hint="write it into the plan, and leave out the prompt",
            )
        return file.read_bytes()
    plans = omo.plans_in(mission.main_worktree)
    if not asked and len(plans) == 1:
        return next(iter(plans.values())).read_bytes()
    if asked not in plans:
        there = ", ".join(plans) or "none"
        why = f"there is no plan called '{asked}'" if asked else "it is not said which plan"
        raise Refused(
            f"{why}; in {mission.main_worktree} there are: {there}",
            hint="give a file: --plan-file FILE; or the name of one as the prompt",
        )
    return plans[asked].read_bytes()
