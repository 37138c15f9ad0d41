"""The messages of commits that bring a branch into a target."""

from __future__ import annotations

from gitmc.control.leftovers import subject
from gitmc.control.mission import Mission
from gitmc.git.commit import with_trailer
from gitmc.model.job import Job


def message_for(
    mission: Mission, job: Job | None, branch: str, target: str, span: str, strategy: str
) -> str:
    """The message for `branch`, whose own commits are those of `span`; with the job's trailer."""
    if strategy == "merge":
        text = f"Merge branch '{branch}' into {target}"
    else:
        text = _squashed(mission, job, branch, span)
    return signed(mission, job, text)


def signed(mission: Mission, job: Job | None, text: str) -> str:
    """`text` with the job's trailer."""
    return with_trailer(mission.git, text, f"Mc-Job: {job.name}") if job else text


def _squashed(mission: Mission, job: Job | None, branch: str, span: str) -> str:
    # Merges are those of the base into the branch: no work of its own.
    options = ["--reverse", "--no-merges", "--format=%B%x00"]
    bodies = mission.git("log", *options, span).split("\0")
    own = [body.strip() for body in bodies if body.strip()]
    if len(own) == 1:
        return own[0]
    lines = "\n".join("* " + body.partition("\n")[0] for body in own)
    first = subject(mission, job) if job else f"Squash branch '{branch}'"
    return f"{first}\n\n{lines}"
