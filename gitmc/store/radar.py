"""What the radar knows, in an index of its own."""

from __future__ import annotations

from pathlib import Path

from gitmc.errors import Clash
from gitmc.model.radar import Answer, Known
from gitmc.store import index

KIND = repr([(shape.__name__, shape._fields) for shape in (Known, Answer, Clash)])
"""What is of other fields is of another version."""


def read(path: Path, key: str) -> Known:
    """What the radar knows; nothing where that was found out under another `key`."""
    found = index.read(path, KIND)
    if found.get("key") != key:
        return Known(seen=found.get("seen", {}))
    commits = found["commits"]
    clashes = [Clash(name, tuple(kinds)) for name, kinds in found["clashes"]]
    answers = {
        (commits[first], commits[second]): Answer(tuple(clashes[n] for n in numbers), trouble)
        for first, second, numbers, trouble in found["answers"]
    }
    return Known(frozenset(commits[n] for n in found["together"]), answers, found["seen"])


def write(path: Path, key: str, known: Known) -> None:
    """Keep what the radar knows, where that is possible."""
    # Of many jobs that are all in conflict each commit and each path is written only once.
    commits: dict[str, int] = {}
    clashes: dict[Clash, int] = {}
    answers = [
        (
            *(commits.setdefault(commit, len(commits)) for commit in both),
            [clashes.setdefault(clash, len(clashes)) for clash in answer.clashes],
            answer.trouble,
        )
        for both, answer in known.answers.items()
    ]
    together = [commits.setdefault(commit, len(commits)) for commit in sorted(known.together)]
    content = {"key": key, "seen": dict(known.seen), "commits": list(commits)}
    index.write(
        path, KIND, content | {"together": together, "clashes": list(clashes), "answers": answers}
    )
