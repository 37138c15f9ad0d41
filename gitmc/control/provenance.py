"""What tells of a landed commit which job made it: a note on it, and on the job's last commit."""

from __future__ import annotations

from functools import partial

from gitmc.control.mission import Mission
from gitmc.git import notes
from gitmc.model.job import Job, Landing
from gitmc.model.provenance import entry, noted
from gitmc.store.codec import time_text

REF = "refs/notes/mission-control"


def record(mission: Mission, job: Job, landing: Landing) -> None:
    """Note that `landing` landed `job`. Doing it again changes nothing. Raises McError."""
    import tomli_w

    git = mission.git
    path = mission.store.prompt_path(job.name)
    prompt = path.read_text("utf-8", "surrogateescape") if path.exists() else None
    who, _, _ = git("var", "GIT_COMMITTER_IDENT").rpartition("> ")
    told = entry(job, landing, prompt, f"{who}>", time_text(mission.now()))

    def change(before: bytes) -> bytes:
        text = before.decode("utf-8", "surrogateescape")
        dumps = partial(tomli_w.dumps, multiline_strings=True)
        return noted(text, told, dumps).encode("utf-8", "surrogateescape")

    # What was there before is not the job's, though its branch may end there.
    made = {landing.commit, landing.head} - {landing.expected, job.base_commit}
    if made:
        _follow(mission)
        notes.edit(git, REF, dict.fromkeys(made, change), f"mc: {job.name}")


def _follow(mission: Mission) -> None:
    """Have git take these notes along when commits are amended or rebased."""
    git = mission.git
    if REF not in (git.answer("config", "--get-all", "notes.rewriteRef") or "").split("\n"):
        git("config", "--add", "notes.rewriteRef", REF)
