"""The end of a plan: its branch is pushed for review, or the user is told what lands it.

A process of its own does this, since a push may take long. Killed anywhere, it is begun again, and
goes on from what is on the remote.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from gitmc.control.mission import Mission
from gitmc.control.planact import change
from gitmc.control.plannews import stand_in
from gitmc.control.pr import way_to
from gitmc.control.publish import Plan as Push
from gitmc.control.publish import ask, publish
from gitmc.errors import McError, Refused, of_system
from gitmc.forge.clients import Proposal
from gitmc.git import refs, remote
from gitmc.git.run import Git
from gitmc.model.plan import Kind, Plan, PlanState, Trouble, move
from gitmc.model.proposal import LONGEST_TITLE, cleaned, fitted, one_line
from gitmc.store.plans import Plans


def finish(mission: Mission, plan_id: str) -> None:
    """Finish the plan, and store what came of it; what keeps it from that, is stored as well."""
    plan = Plans(mission.store.root).get(plan_id)
    if plan is None or plan.state is not PlanState.CREATING_PR:
        return
    try:
        _check_contained(mission, plan)
        url = _push(mission, plan)
    except (McError, OSError) as fault:
        error = fault if isinstance(fault, McError) else of_system(fault)
        why = f"it could not be finished: {error.message}"
        why += f" ({error.hint})" if error.hint else ""
        mission.store.journal.write(
            mission.now(), "failed", action="Finish", plan=plan_id, error=error.message
        )
        change(mission, plan_id, lambda now: _failed(now, why))
        return
    change(mission, plan_id, lambda now: _completed(mission, now, url))


def _check_contained(mission: Mission, plan: Plan) -> None:
    """Raises Refused where what landed is not on the integration branch any more."""
    git = mission.git
    tip = refs.branch_tip(git, plan.branch)
    for one in plan.jobs:
        if one.commit and (tip is None or not refs.is_ancestor(git, one.commit, tip)):
            raise Refused(
                f"'{plan.branch}' was moved by somebody: it does not contain {one.commit[:12]}, as"
                f" which '{one.name}' landed",
                hint=f"git update-ref refs/heads/{plan.branch} {one.commit[:12]} brings that back;"
                f" or merge it: git branch keep {one.commit[:12]}",
            )


def _failed(plan: Plan, why: str) -> Plan:
    return plan._replace(owner=None, trouble=Trouble(Kind.GIT, why))


def _completed(mission: Mission, plan: Plan, url: str | None) -> Plan:
    if plan.state is not PlanState.CREATING_PR:
        return plan._replace(owner=None)
    landing = None
    if url is None:
        landing = shlex.join(["git", "mc", "merge-train", plan.branch, "--into", plan.base])
    return move(
        plan, PlanState.COMPLETED,
        owner=None, pr_url=url, landing=landing, ended_at=mission.now(),
    )  # fmt: skip


def _push(mission: Mission, plan: Plan) -> str | None:
    """Push the integration branch and open a pull request; its page, or one where a person opens
    it. None where there is nothing to push to, or it is not asked for."""
    git = mission.git
    if not plan.push or not git("remote").split():
        return None
    to = remote.upstream_of(git, plan.base)
    folder = mission.main_worktree
    way = way_to(mission, to.remote, folder)
    there = ask(mission, to, plan.branch)
    head = refs.branch_tip(git, plan.branch)
    assert head is not None
    made = Push(
        mission, stand_in(mission, plan), Git(folder), folder, to, way, head,
        there.get(f"refs/heads/{plan.branch}"),
        Proposal(plan.branch, to.branch, _title(plan), _body(mission, plan), draft=False),
        lambda _: None,
    )  # fmt: skip
    came = publish(made)
    return came.url or made.compare_url or f"{to.remote}/{plan.branch}"


def _title(plan: Plan) -> str:
    line = one_line(plan.name)
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1].rstrip() + "…"


def _body(mission: Mission, plan: Plan) -> str:
    """What landed, job by job, with the first line of what each was asked."""
    landed = [one for one in plan.jobs if one.merged_at]
    lines = [f"* {one.name}{_asked(mission, one.name)}" for one in landed]
    skipped = [f"* {one.name}: {one.skipped}" for one in plan.jobs if one.skipped]
    parts = ["\n".join(lines)]
    if skipped:
        parts.append("Not in it:\n" + "\n".join(skipped))
    parts.append(f"Mc-Plan: {plan.id}")
    return fitted(cleaned("\n\n".join(parts)))[0]


def _asked(mission: Mission, name: str) -> str:
    path: Path = mission.store.prompt_path(name)
    text = path.read_text("utf-8", "replace") if path.exists() else ""
    first = next((line for line in map(one_line, text.splitlines()) if line), "")
    return f": {first[:200]}" if first else ""
