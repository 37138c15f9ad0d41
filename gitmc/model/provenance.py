"""The note on a commit that says which jobs made it. Pure.

A note is TOML: a `[[job]]` for each job, added by whoever lands it. Landing the same job again
replaces its own. Text that somebody else wrote into the note is kept, in front.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitmc.model.annotation import Dumps, joined, split
from gitmc.model.job import Job, Landing

LONGEST_PROMPT = 4000
"""Characters of a prompt that are kept in a note: it is shown in logs, and may be pushed."""

KIND = "job"


def entry(job: Job, landing: Landing, prompt: str | None, by: str, at: str) -> dict[str, Any]:
    """What is told of `job`, which `landing` lands; `by` is who landed it, `at` when."""
    told: dict[str, Any] = {
        "name": job.name,
        "agent": job.agent,
        "plan": job.plan,
        "branch": job.branch,
        "head": landing.head,
        "target": landing.target,
        "commit": landing.commit,
        "verdict": landing.verdict,
        "test": landing.test,
        "by": by,
        "at": at,
        "report": job.report.message if job.report else None,
        "prompt": _cut(prompt) if prompt else None,
    }
    return {key: value for key, value in told.items() if value is not None}


def _cut(prompt: str) -> str:
    # What is no text cannot be in a TOML file.
    text = prompt.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text if len(text) <= LONGEST_PROMPT else text[: LONGEST_PROMPT - 1] + "…"


def noted(before: str, told: Mapping[str, Any], dumps: Dumps) -> str:
    """The note `before` with `told` in it, in place of what it said of the same job's head."""
    foreign, jobs = split(before, KIND)
    same = (told["name"], told["head"])
    others = [job for job in jobs if (job.get("name"), job.get("head")) != same]
    return joined(foreign, KIND, (*others, told), dumps)
