"""What the message of a salvage commit says, and how it is read back. Pure.

    tree       all files of the worktree, as they were
    parents    HEAD; a commit of the index; a commit of the job's record; whatever else was there

Which parent is which is said by trailers: a worktree need not have had a HEAD, nor a job a branch.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

ROOT = "refs/mc/salvage"

_TRAILER = re.compile(r"(Mc-[A-Za-z]+): (.+)")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FORM = "%Y%m%dT%H%M%S%fZ"


class Salvage(NamedTuple):
    """What one salvage holds. `commits` had not landed, `files` were not committed."""

    job: str
    at: str
    """The time, as ISO 8601."""
    branch: str
    commits: int
    files: int
    record: str
    """The commit whose tree has the record, the prompt and what git kept beside the index."""
    head: str | None = None
    on: str | None = None
    """The ref that HEAD stood for; None where it was detached."""
    staged: str | None = None
    """The commit of the index; None where there was no worktree any more."""
    tip: str | None = None
    """Where the job's branch was; None where it was gone."""
    refs: tuple[tuple[str, str], ...] = ()
    """The worktree's own refs, each with its commit."""


def ref_name(job: str, at: datetime, number: int = 0) -> str:
    """The ref for a salvage of `job` at that time, the first or a later one of it."""
    return f"{ROOT}/{job}/{at.strftime(_FORM)}" + (f"-{number}" if number else "")


def of_ref(ref: str) -> tuple[str, str]:
    """The job, and what tells this salvage from its others: its time."""
    job, _, time = ref.removeprefix(f"{ROOT}/").partition("/")
    return job, time


def message(salvage: Salvage) -> str:
    """The message of the commit."""
    lines = [
        f"{salvage.job}: work that was not safe when the job was removed",
        "",
        f"To have the job back: git mc restore {salvage.job}",
        "",
    ]
    words = {
        "Job": salvage.job,
        "At": salvage.at,
        "Branch": salvage.branch,
        "Commits": str(salvage.commits),
        "Files": str(salvage.files),
        "Record": salvage.record,
        "Head": salvage.head,
        "On": salvage.on,
        "Index": salvage.staged,
        "Tip": salvage.tip,
    }
    lines += [f"Mc-{key}: {value}" for key, value in words.items() if value is not None]
    lines += [f"Mc-Ref: {commit} {ref}" for ref, commit in salvage.refs]
    return "\n".join(lines) + "\n"


def parse(text: str) -> Salvage | None:
    """What the message `text` says, or None where it is no salvage's."""
    words: dict[str, str] = {}
    refs: list[tuple[str, str]] = []
    for line in text.rstrip("\n").rpartition("\n\n")[2].split("\n"):
        match = _TRAILER.fullmatch(line)
        if match is None:
            return None
        if match[1] == "Mc-Ref":
            commit, _, ref = match[2].partition(" ")
            refs.append((ref, commit))
        else:
            words[match[1].removeprefix("Mc-")] = match[2]
    commits = [words.get(key) for key in ("Record", "Head", "Index", "Tip")]
    if any(commit and not _COMMIT.fullmatch(commit) for commit in (*commits, *dict(refs).values())):
        return None
    try:
        return Salvage(
            words["Job"],
            words["At"],
            words["Branch"],
            int(words["Commits"]),
            int(words["Files"]),
            words["Record"],
            words.get("Head"),
            words.get("On"),
            words.get("Index"),
            words.get("Tip"),
            tuple(refs),
        )
    except (KeyError, ValueError):
        return None
