"""What a pull request says of a job, where nobody says otherwise. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

LONGEST = 60_000
"""Bytes of a body: what GitHub takes (65,536 characters), and so does any command line."""

LONGEST_TITLE = 100
"""Characters of a title that we make; one that is given is left as long as it is."""

MOST_COMMITS = 100
"""Commits that are listed one by one."""


class Work(NamedTuple):
    """What is known of a job's work: its prompt, its agent's last word, its commits' subjects."""

    name: str
    prompt: str
    report: str | None
    subjects: Sequence[str]
    leftovers: str
    """The subject that we gave the commit of what its agent left over."""


def title(work: Work) -> str:
    """The one commit's subject, if an agent wrote it, else the prompt's first line, else the
    job's name."""
    own = [one_line(subject) for subject in work.subjects if subject != work.leftovers]
    if len(work.subjects) == 1 and own and own[0]:
        return _cut_line(own[0])
    first = next((line for line in map(one_line, work.prompt.splitlines()) if line), "")
    return _cut_line(first or work.name)


def body(work: Work, template: str | None) -> str:
    """The repository's template, if there is one, then what is known of the work."""
    first = [f"* {one_line(subject)}" for subject in work.subjects[:MOST_COMMITS]]
    more = len(work.subjects) - len(first)
    listed = "\n".join([*first, f"* … and {more} more"] if more > 0 else first)
    # Of all of it, the prompt is what may be of any length.
    ends = [work.report and one_line(work.report), listed, f"Mc-Job: {work.name}"]
    end = _paragraphs(ends)
    room = LONGEST - _size(_paragraphs([template, _CUT, end]))
    prompt, _ = fitted(cleaned(work.prompt).strip(), max(room, 0))
    whole, _ = fitted(_paragraphs([template, prompt, end]))
    return whole


def cleaned(text: str) -> str:
    """`text` without what no forge takes: control characters, and bytes that are no UTF-8."""
    plain = text.replace("\r\n", "\n").encode("utf-8", "replace").decode("utf-8")
    return "".join(
        char for char in plain if char in "\n\t" or (ord(char) >= 0x20 and char != "\x7f")
    )


def one_line(text: str) -> str:
    """`text` on one line."""
    return " ".join(cleaned(text).split())


def fitted(text: str, longest: int = LONGEST) -> tuple[str, bool]:
    """`text`, and whether it had to be cut to `longest` bytes.

    A line break counts as four: in some pushes one is written so.
    """
    if _size(text) <= longest:
        return text, False
    kept, size = 0, _size(_CUT)
    for kept, char in enumerate(text):  # noqa: B007 - what is asked for is how far it came
        size += _size(char)
        if size > longest:
            break
    return (text[:kept] + _CUT if kept else ""), True


_CUT = "\n…"


def _size(text: str) -> int:
    return len(text.encode()) + 3 * text.count("\n")


def _cut_line(line: str) -> str:
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1].rstrip() + "…"


def _paragraphs(parts: Iterable[str | None]) -> str:
    return "\n\n".join(part.strip() for part in parts if part and part.strip())


_TEMPLATES = {
    "github": (".github/", "", "docs/"),
    "gitlab": (".gitlab/merge_request_templates/",),
    "gitea": (".forgejo/", ".gitea/", ".github/", "", "docs/"),
}
"""The folders in which each kind of forge looks for a template, first things first."""

TEMPLATE_FOLDERS = tuple(
    sorted({folder for folders in _TEMPLATES.values() for folder in folders if folder})
)


def template_path(paths: Iterable[str], kind: str | None) -> str | None:
    """The one of `paths`, of a repository's files, that is the template for pull requests on a
    forge of that kind; where that is not known, on any. Small and capital letters are one."""
    by_folded = {path.lower(): path for path in sorted(paths, reverse=True)}
    kinds = [kind] if kind in _TEMPLATES else list(_TEMPLATES)
    for folder in (folder for one in kinds for folder in _TEMPLATES[one or ""]):
        stem = "default" if folder.startswith(".gitlab") else "pull_request_template"
        for suffix in (".md", ".markdown", ".txt", ""):
            found = by_folded.get(f"{folder}{stem}{suffix}")
            if found is not None:
                return found
    return None
