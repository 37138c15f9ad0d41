"""What people ask of plans, stored and done. What can be asked, `gitmc/model/planask.py` says."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from gitmc.control.correction import correction
from gitmc.control.end import kill
from gitmc.control.mission import Mission
from gitmc.control.planact import change
from gitmc.control.plans import wind_up
from gitmc.control.relaunch import Request, enlist_again
from gitmc.control.trains import cancel as cancel_train
from gitmc.errors import Refused
from gitmc.git import refs
from gitmc.model import planask
from gitmc.model.job import State
from gitmc.model.plan import RELAUNCH, Plan
from gitmc.model.trainrecord import TrainState
from gitmc.store.trains import Trains
from gitmc.tmux.process import is_alive

RACES = 20
"""How often the integration branch may move while it is salvaged."""


def approve(mission: Mission, plan: Plan, checkpoint: str | None) -> Plan:
    """Approve the checkpoint, or the one that it waits at. Raises Refused."""
    tip = refs.branch_tip(mission.git, plan.branch)
    _write(mission, plan, "approve", checkpoint=checkpoint)
    return change(mission, plan.id, lambda now: planask.approved(now, tip, checkpoint))


def answer(mission: Mission, plan: Plan, said: str, name: str) -> Plan:
    """Answer the trouble of the job `name`. Raises Refused, or what keeps its agent from it."""
    planask.answered(plan, said, name)
    _write(mission, plan, said, job=name)
    if planask.runs_again(plan, said, name):
        told = correction(plan, name) if said == RELAUNCH else b""
        # A job of its own line stands in it again; the plan forgets what the last run came to.
        enlist_again(mission, Request(name, told, fresh=said != RELAUNCH))
    return change(mission, plan.id, lambda now: planask.answered(now, said, name))


def skip(mission: Mission, plan: Plan, name: str, *, dependents_too: bool) -> Plan:
    """Have the plan go on without the job. Raises Refused."""
    _write(mission, plan, "skip", job=name)
    return change(
        mission,
        plan.id,
        lambda now: planask.skipped(now, name, dependents_too=dependents_too),
    )


def pause(mission: Mission, plan: Plan, *, on: bool) -> Plan:
    """Pause the plan, or have it go on. Raises Refused."""
    _write(mission, plan, "pause" if on else "resume")
    return change(mission, plan.id, lambda now: planask.paused(now, on=on))


def cancel(mission: Mission, plan: Plan, *, delete: bool) -> tuple[Plan, str]:
    """End the plan, its agents and its train; the plan, and what to say. Raises Refused."""
    _write(mission, plan, "cancel")
    now = change(
        mission, plan.id, lambda now: planask.canceled(now)._replace(ended_at=mission.now())
    )
    train = Trains(mission.store.root).get(plan.train) if plan.train else None
    if train is not None and train.state is TrainState.RUNNING:
        cancel_train(mission, train)
    _end_push(now)
    wind_up(mission, plan.id)
    for one in plan.jobs:
        job = mission.store.job(one.name)
        if job is not None and job.state is State.RUNNING:
            _await_end(mission, one.name)
    tip = refs.branch_tip(mission.git, plan.branch)
    if not delete or tip is None:
        kept = f", and keeps {plan.branch}" if tip else ""
        return now, f"canceled {plan.id}{kept}; its jobs keep their branches"
    pinned = _delete(mission, plan)
    said = f"; git branch {plan.branch} {pinned} brings it back" if pinned else ""
    return now, f"canceled {plan.id}, and deleted {plan.branch}{said}"


def _await_end(mission: Mission, name: str) -> None:
    """Wait for the job's agent, which was asked to end already."""
    try:
        kill(mission, name)
    except Refused:
        # It may have ended between the look and the deed.
        if mission.job(name).live:
            raise


def _end_push(plan: Plan) -> None:
    """End whoever pushes the plan for review, with the git that it started."""
    owner = plan.owner
    if owner is not None and is_alive(owner.pid, owner.start, owner.boot):
        with suppress(ProcessLookupError):
            os.killpg(owner.pid, signal.SIGTERM)


def _delete(mission: Mission, plan: Plan) -> str | None:
    """Delete the integration branch, salvaged first; the ref that holds what it had, if it had
    anything that is not on its base."""
    git, ref = mission.git, f"refs/heads/{plan.branch}"
    for _ in range(RACES):
        tip = refs.branch_tip(git, plan.branch)
        if tip is None:
            return None
        base = refs.branch_tip(git, plan.base)
        pin = None
        if base is None or not refs.is_ancestor(git, tip, base):
            pin = f"refs/mc/salvage/plan/{plan.id}/{tip[:12]}"
            refs.swap(git, pin, tip, refs.NOTHING, f"mc plan cancel {plan.id}")
        if refs.swap(git, ref, refs.NOTHING, tip, f"mc plan cancel {plan.id}"):
            return pin
    raise Refused(f"the branch '{plan.branch}' keeps moving", hint="git mc plan cancel again")


def _write(mission: Mission, plan: Plan, what: str, **facts: object) -> None:
    mission.store.journal.write(
        mission.now(), "action", action=f"Plan{what.title()}", plan=plan.id, **facts
    )
