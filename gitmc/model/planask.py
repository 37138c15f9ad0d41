"""What people ask of a plan: an answer to a checkpoint, a job less, a pause. Pure.

Each returns the plan as it is then, or raises Refused and says what could be asked instead. What
follows from it, `planstep` finds.
"""

from __future__ import annotations

from gitmc.errors import Refused
from gitmc.model.plan import (
    ACCEPT,
    ANSWERS,
    FINAL,
    MOST_CORRECTIONS,
    ON_ERROR,
    PRE_MERGE,
    PRE_PR,
    RELAUNCH,
    RETRY,
    SKIP,
    Checkpoint,
    Kind,
    Plan,
    PlanJob,
    PlanState,
    dependents,
    move,
    with_job,
)
from gitmc.model.planwait import checkpoints


def command_of(plan: Plan, checkpoint: Checkpoint) -> str:
    """The command that clears `checkpoint`."""
    if checkpoint.job is None or not checkpoint.answers:
        job = f":{checkpoint.job}" if checkpoint.job else ""
        return f"git mc plan approve {plan.id} --checkpoint {checkpoint.type}{job}"
    return f"git mc plan approve {plan.id} --{checkpoint.answers[0]} {checkpoint.job}"


def commands_of(plan: Plan, checkpoint: Checkpoint) -> list[str]:
    """All commands that would, the most likely first."""
    if checkpoint.job is None or not checkpoint.answers:
        return [command_of(plan, checkpoint)]
    start = f"git mc plan approve {plan.id}"
    return [f"{start} --{answer} {checkpoint.job}" for answer in checkpoint.answers]


def approved(plan: Plan, tip: str | None, named: str | None = None) -> Plan:
    """`plan` after a plain approval of the checkpoint `named`, or of the one it waits at.

    `named` is a type, or TYPE:JOB. `tip` is the integration branch.
    """
    _check_open(plan)
    if not plan.approved:
        if named is not None:
            raise Refused(
                f"the plan '{plan.id}' is pending, and waits at no checkpoint yet",
                hint=f"start it: git mc plan approve {plan.id}",
            )
        return move(plan, PlanState.RUNNING, approved=True)
    found = _named(plan, checkpoints(plan, tip), named)
    if found.job is None:
        return plan._replace(pre_pr=found.head) if found.type == PRE_PR else _untroubled(plan)
    job = _job(plan, found.job)
    if job.trouble is not None and job.trouble.kind is Kind.REVIEW:
        return _accepted(plan, job)
    if found.answers:
        raise Refused(
            f"the job '{found.job}' needs an answer: {found.reason}",
            hint="; or: ".join(commands_of(plan, found)),
        )
    return with_job(plan, job._replace(approved=found.head))


def _named(plan: Plan, found: list[Checkpoint], named: str | None) -> Checkpoint:
    if not found:
        raise Refused(
            f"the plan '{plan.id}' waits at no checkpoint: it is {plan.state}",
            hint=f"git mc plan status {plan.id}",
        )
    if named is None:
        return found[0]
    kind, _, job = named.partition(":")
    if kind not in (PRE_MERGE, ON_ERROR, PRE_PR):
        raise Refused(
            f"there is no checkpoint '{kind}'", hint=f"known: {PRE_MERGE}, {ON_ERROR}, {PRE_PR}"
        )
    for one in found:
        if one.type == kind and job in ("", one.job):
            return one
    now = found[0]
    where = now.type + (f" of '{now.job}'" if now.job else "")
    raise Refused(
        f"the plan '{plan.id}' does not wait at {named}, but at {where}: {now.reason}",
        hint=command_of(plan, now),
    )


def answered(plan: Plan, answer: str, name: str) -> Plan:
    """`plan` after `answer` (retry, relaunch, accept or skip) to the trouble of its job `name`.

    That an agent is started again, where this is what it means, is the caller's to see to: see
    `runs_again`.
    """
    _check_open(plan)
    job = _job(plan, name)
    if answer == SKIP:
        return skipped(plan, name)
    if job.trouble is None:
        raise Refused(f"the job '{name}' waits for no answer", hint=f"git mc plan status {plan.id}")
    able = ANSWERS[job.trouble.kind]
    if answer not in able:
        raise Refused(
            f"'--{answer}' is no answer for the job '{name}': {job.trouble.reason}",
            hint="; or: ".join(f"git mc plan approve {plan.id} --{one} {name}" for one in able),
        )
    if answer == ACCEPT:
        return _accepted(plan, job)
    if answer == RELAUNCH and job.corrections >= MOST_CORRECTIONS:
        raise Refused(
            f"the agent of '{name}' was told {MOST_CORRECTIONS} times what went wrong",
            hint=f"mend it by hand in its worktree, then: git mc plan approve {plan.id}"
            f" --retry {name}; or --skip {name}",
        )
    more = 1 if answer == RELAUNCH else 0
    return with_job(
        plan,
        job._replace(
            trouble=None, checked=None, outside=(), approved=None, joined=None,
            corrections=job.corrections + more,
        ),
    )  # fmt: skip


def runs_again(plan: Plan, answer: str, name: str) -> bool:
    """Whether `answer` has the agent of the job `name`, as `plan` was before, run again."""
    trouble = _job(plan, name).trouble
    return answer == RELAUNCH or (
        answer == RETRY and trouble is not None and trouble.kind is Kind.AGENT
    )


def _accepted(plan: Plan, job: PlanJob) -> Plan:
    assert job.trouble is not None
    what = job.checked if job.trouble.kind is Kind.TOUCH else job.run
    accepted = (*job.accepted, *([what] if what else []))
    return with_job(plan, job._replace(trouble=None, accepted=accepted))


def skipped(plan: Plan, name: str, *, dependents_too: bool = False) -> Plan:
    """`plan` without the job `name`: what depends on it starts without it, or is skipped too."""
    _check_open(plan)
    for one in (name, *(dependents(plan.jobs, name) if dependents_too else ())):
        job = _job(plan, one)
        if job.done:
            if one == name:
                how = "has landed" if job.merged_at else "is skipped already"
                raise Refused(f"the job '{name}' {how}", hint=f"git mc plan status {plan.id}")
            continue
        if job.joined is not None:
            raise Refused(
                f"the job '{one}' is in the train, and may land at any moment",
                hint=f"git mc plan pause {plan.id}; git mc merge-train cancel {plan.train}",
            )
        why = "skipped" if one == name else f"skipped with '{name}'"
        plan = with_job(plan, job._replace(skipped=why, trouble=None))
    return plan


def paused(plan: Plan, *, on: bool) -> Plan:
    """`plan` paused by hand, or going on again."""
    _check_open(plan)
    if plan.paused == on:
        what = "paused already" if on else "not paused by hand"
        raise Refused(f"the plan '{plan.id}' is {what}", hint=f"git mc plan status {plan.id}")
    return plan._replace(paused=on)


def canceled(plan: Plan) -> Plan:
    """`plan` canceled."""
    _check_open(plan)
    return move(plan, PlanState.CANCELED)


def _untroubled(plan: Plan) -> Plan:
    return plan._replace(trouble=None)


def _check_open(plan: Plan) -> None:
    if plan.state in FINAL:
        raise Refused(
            f"the plan '{plan.id}' is {plan.state} already", hint=f"git mc plan status {plan.id}"
        )


def _job(plan: Plan, name: str) -> PlanJob:
    job = plan.job(name)
    if job is None:
        raise Refused(
            f"the plan '{plan.id}' has no job '{name}'",
            hint="its jobs: " + ", ".join(one.name for one in plan.jobs),
        )
    return job
