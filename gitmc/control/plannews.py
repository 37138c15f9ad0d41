"""What people are to be told of plans, as if it were of a job: claimed once, then told."""

from __future__ import annotations

from gitmc.control.mission import Mission
from gitmc.git import refs
from gitmc.model.job import Job, State
from gitmc.model.plan import Plan, PlanState
from gitmc.model.planwait import checkpoints
from gitmc.store.files import BadFile
from gitmc.store.plans import Plans


def untold(mission: Mission) -> list[str]:
    """The plans of which something is to be told."""
    plans = Plans(mission.store.root)
    found: list[str] = []
    for plan_id in plans.running():
        try:
            plan = plans.get(plan_id)
        except BadFile:
            # Whoever tends it says so.
            continue
        if plan is not None and plan.untold:
            found.append(plan_id)
    return found


def claim_news(mission: Mission, plan_id: str) -> list[tuple[str, Job]]:
    """What is ours to tell of the plan now, each with what stands for it."""
    plans = Plans(mission.store.root)
    with mission.store.locked() as held:
        plan = plans.get(plan_id)
        if plan is None or not plan.untold:
            return []
        told = list(plan.untold)
        mission.store.journal.write(mission.now(), "action", action="Tell", plan=plan_id, told=told)
        plans.save(held, plan._replace(untold=()))
    return [(event, stand_in(mission, plan)) for event in told]


def stand_in(mission: Mission, plan: Plan) -> Job:
    """A job that stands for the plan, where jobs are spoken of: its branch is the integration
    branch, and its reason what the plan waits for."""
    waiting = checkpoints(plan, refs.branch_tip(mission.git, plan.branch))
    state = State.FAILED if plan.state is PlanState.FAILED else State.COMPLETED
    return Job(
        plan.id, state, "plan", plan.branch, plan.base, plan.base_commit,
        str(mission.main_worktree), "session", plan.created_at,
        ended_at=plan.ended_at or mission.now(),
        reason=waiting[0].reason if waiting else plan.reason,
    )  # fmt: skip
