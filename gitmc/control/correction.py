"""What an agent is told that has to mend its work: what went wrong, and how to make it right."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from gitmc.model.plan import Kind, Plan, PlanJob, Trouble
from gitmc.model.telling import telling

READ = 1024 * 1024
"""Bytes of a log that are looked through: its last ones."""


def correction(plan: Plan, name: str) -> bytes:
    """What the agent of the job `name` is told beside its prompt."""
    one = plan.job(name)
    if one is None or one.trouble is None:
        return b""
    lines = _log(one.trouble)
    return "\n".join([*_said(plan, one, one.trouble), *lines]).encode()


def _said(plan: Plan, one: PlanJob, trouble: Trouble) -> list[str]:
    merge = f"Merge the branch {plan.branch} into your branch (git merge {plan.branch})"
    match trouble.kind:
        case Kind.TOUCH:
            return [
                "Your work cannot be merged as it is. It changes files that are not yours:",
                *(f"  {path}" for path in trouble.files),
                "You may change only what matches one of:",
                *(f"  {glob}" for glob in one.touch_set),
                f"Undo your changes of the other files (as in {plan.branch}), and commit.",
            ]
        case Kind.CONFLICT:
            return [
                f"Your work conflicts with what has landed on {plan.branch} meanwhile, in:",
                *(f"  {path}" for path in trouble.files),
                f"{merge}, resolve the conflicts so that both keep their meaning, and commit.",
            ]
        case Kind.TEST | Kind.TIMEOUT:
            command = f" The tests are: {plan.test}" if plan.test else ""
            return [
                f"With what has landed on {plan.branch}, the tests fail with your work.{command}",
                f"{merge}, run the tests, mend what is wrong, and commit.",
            ]
        case Kind.REVIEW:
            return ["Go on with your work: finish what is open, and commit."]
    return [f"Your last run ended without success: {trouble.reason}.", "Finish the work."]


def _log(trouble: Trouble) -> list[str]:
    if trouble.log is None or not Path(trouble.log).exists():
        return []
    with Path(trouble.log).open("rb") as log:
        log.seek(max(0, log.seek(0, 2) - READ))
        text = log.read().decode("utf-8", "replace")
    some = telling(deque(text.splitlines(), maxlen=5000))
    return ["What the tests said:", *(f"  {line}" for line in some)] if some else []
