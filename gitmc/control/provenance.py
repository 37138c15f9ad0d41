"""What tells of a landed commit which job made it: a note on it, and on the job's last commit."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from gitmc.control.mission import Mission
from gitmc.git import notes
from gitmc.model.job import Job, Landing
from gitmc.model.provenance import entry, noted
from gitmc.store.codec import time_text

REF = "refs/notes/mission-control"


def record(mission: Mission, landed: Iterable[tuple[Job, Landing]]) -> None:
    """Note of each of these jobs by what it landed, all at once.

    Doing it again changes nothing. Raises McError.
    """
    git = mission.git
    who, _, _ = git("var", "GIT_COMMITTER_IDENT").rpartition("> ")
    told: dict[str, list[dict[str, Any]]] = {}
    for job, landing in landed:
        path = mission.store.prompt_path(job.name)
        prompt = path.read_text("utf-8", "surrogateescape") if path.exists() else None
        one = entry(job, landing, prompt, f"{who}>", time_text(mission.now()))
        # What was there before is not the job's, though its branch may end there.
        for name in {landing.commit, landing.head} - {landing.expected, job.base_commit}:
            told.setdefault(name, []).append(one)
    if told:
        _follow(mission)
        jobs = dict.fromkeys(one["name"] for entries in told.values() for one in entries)
        changes = {name: partial(_changed, entries) for name, entries in told.items()}
        notes.edit(git, REF, changes, f"mc: {' '.join(jobs)}")


def _changed(told: Iterable[dict[str, Any]], before: bytes) -> bytes:
    import tomli_w

    text = before.decode("utf-8", "surrogateescape")
    for one in told:
        text = noted(text, one, partial(tomli_w.dumps, multiline_strings=True))
    return text.encode("utf-8", "surrogateescape")


def _follow(mission: Mission) -> None:
    """Have git take these notes along when commits are amended or rebased."""
    git = mission.git
    if REF not in (git.answer("config", "--get-all", "notes.rewriteRef") or "").split("\n"):
        git("config", "--add", "notes.rewriteRef", REF)
