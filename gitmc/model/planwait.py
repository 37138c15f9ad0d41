"""Where a plan waits: for people at its checkpoints, and its jobs for one another. Pure."""

from __future__ import annotations

from gitmc.model.plan import (
    ANSWERS,
    FINAL,
    ON_ERROR,
    PRE_MERGE,
    PRE_PR,
    Checkpoint,
    Kind,
    Mode,
    Plan,
    PlanJob,
)


def checkpoints(plan: Plan, tip: str | None) -> list[Checkpoint]:
    """Where `plan` waits for a person, the most pressing first; `tip` is its integration branch."""
    if plan.state in FINAL:
        return []
    found: list[Checkpoint] = []
    if plan.trouble is not None:
        found.append(Checkpoint(ON_ERROR, None, plan.trouble.reason))
    open_jobs = [job for job in plan.jobs if not job.done]
    for job in open_jobs:
        if job.trouble is not None:
            kind = PRE_MERGE if job.trouble.kind is Kind.REVIEW else ON_ERROR
            answers = ANSWERS[job.trouble.kind]
            head = job.trouble.head or job.checked
            found.append(Checkpoint(kind, job.name, job.trouble.reason, head, answers))
    if plan.mode is Mode.SUPERVISOR:
        found += [
            Checkpoint(PRE_MERGE, job.name, "its work is done and can be merged", job.checked)
            for job in open_jobs
            if wants_approval(plan, job)
        ]
        landed = not open_jobs and any(job.merged_at for job in plan.jobs)
        if landed and plan.push and plan.pre_pr != tip:
            found.append(Checkpoint(PRE_PR, None, "all of it has landed", tip))
    return found


def blocked(plan: Plan) -> dict[str, list[str]]:
    """By job, for those that cannot start as things are: which of the jobs that it depends on do
    not land, in order."""
    dependents: dict[str, list[PlanJob]] = {}
    for job in plan.jobs:
        for other in job.depends_on:
            dependents.setdefault(other, []).append(job)
    found: dict[str, list[str]] = {}
    stuck = [job.name for job in plan.jobs if _is_stuck(job)]
    for name in stuck:
        for job in dependents.get(name, []):
            if job.done:
                continue
            if job.name not in found and not _is_stuck(job):
                stuck.append(job.name)
            found.setdefault(job.name, []).append(name)
    return {
        job.name: [other for other in job.depends_on if other in found[job.name]]
        for job in plan.jobs
        if job.name in found
    }


def _is_stuck(job: PlanJob) -> bool:
    return not job.done and job.trouble is not None and job.trouble.kind is not Kind.REVIEW


def wants_approval(plan: Plan, job: PlanJob) -> bool:
    """Whether a person has to approve the merge of the job as it is."""
    if plan.mode is not Mode.SUPERVISOR or job.checked is None or job.joined is not None:
        return False
    return job.trouble is None and job.approved != job.checked
