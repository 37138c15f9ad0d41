"""The picker: a list of jobs in which one is chosen, and what is pressed there. Pure.

    LIST     what is typed filters; Enter goes to the job; Alt and a letter does something with it
    KEYS     after Tab, the letters alone do
    CONFIRM  what cannot be taken back waits for a yes: any other key is a no
    TEXT     a message, or an answer, is typed

What is asked for is about the job under the cursor when the key was pressed. The cursor stays with
its job when the list changes, and a question or a message stays with the job that it is about, so
that no change at the last moment has the wrong one killed.

A filter is words, each of which must be somewhere in what is known of a job. Where somebody outside
ranks the jobs by it (fzf does), the list is theirs as soon as they have told what they found, and
the cursor goes to their first unless it has been moved since; what they found for another filter
than that of now is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from gitmc.model.ask import Ask
from gitmc.model.job import Job
from gitmc.model.overview import overview

VERBS = {"d": "diff", "m": "merge", "k": "kill", "s": "send", "a": "answer"}
"""By letter: what can be done with a job, besides going to it."""

CONFIRMED = {
    "merge": "land {job} on {base}",
    "kill": "end the agent of {job} and all its processes",
}


FAR = 1 << 30
"""More than there are jobs."""


class Mode(StrEnum):
    """What a key means."""

    LIST = "list"
    KEYS = "keys"
    CONFIRM = "confirm"
    TEXT = "text"


class Act(NamedTuple):
    """Something to do with a job. `asked` comes before `answer`: it finds out what is asked."""

    verb: str
    job: str
    text: str = ""
    ask: Ask | None = None


class Sought(NamedTuple):
    """What whoever ranks the jobs is asked: a filter, and for each job a line that begins with its
    name and a space."""

    query: str
    lines: tuple[str, ...]


class Picker(NamedTuple):
    """All that the screen shows, but for the job's terminal."""

    jobs: tuple[Job, ...] = ()
    query: str = ""
    at: str | None = None
    """The name of the job under the cursor."""
    mode: Mode = Mode.LIST
    act: Act | None = None
    """What CONFIRM and TEXT are about."""
    said: str = ""
    """What became of the last thing that was done."""
    page: int = 10
    known: bool = False
    """Whether the jobs have been looked at."""
    ranked: tuple[str, ...] | None = None
    """The names of whom the filter means, best first; None while nobody has told that."""
    leads: bool = True
    """Whether the cursor goes to the first of those that will be told."""

    @property
    def shown(self) -> tuple[Job, ...]:
        """The jobs that the filter lets through."""
        if self.ranked is not None:
            by_name = {job.name: job for job in self.jobs}
            return tuple(by_name[name] for name in self.ranked if name in by_name)
        words = self.query.lower().split()
        return tuple(job for job in self.jobs if all(word in _text(job).lower() for word in words))

    @property
    def sought(self) -> Sought | None:
        """What to ask whoever ranks the jobs; None where there is nothing to ask."""
        if not self.jobs or not self.query.strip():
            return None
        return Sought(self.query, tuple(_text(job) for job in self.jobs))

    @property
    def job(self) -> Job | None:
        """The job under the cursor."""
        return next((job for job in self.shown if job.name == self.at), None)


def _text(job: Job) -> str:
    activity = job.activity.state if job.activity else ""
    words = (job.name, str(job.state), activity, job.agent, job.branch, job.plan or "")
    return " ".join(words)


def order(jobs: Sequence[Job]) -> tuple[Job, ...]:
    """The jobs as they are listed: who waits for a person, what runs, what failed, the rest."""
    found = overview(jobs)
    groups = (found.waiting, found.running, found.failed, found.queued, found.finished)
    return tuple({job.name: job for group in groups for job in group}.values())


def updated(picker: Picker, jobs: Sequence[Job]) -> Picker:
    """The picker with the jobs as they are now."""
    return _kept(picker, picker._replace(jobs=order(jobs), known=True))


def ranked(picker: Picker, query: str, names: Sequence[str] | None) -> Picker:
    """The picker once it is told whom the filter `query` means, best first; None: nobody knows."""
    if query != picker.query:
        return picker
    fresh = picker._replace(ranked=None if names is None else tuple(names), leads=False)
    if picker.leads and fresh.shown:
        return fresh._replace(at=fresh.shown[0].name)
    return _kept(picker, fresh)


def _kept(before: Picker, fresh: Picker) -> Picker:
    """`fresh` with the cursor at the job where it was `before`."""
    names = [job.name for job in fresh.shown]
    if before.at in names:
        return fresh
    # Its job is gone: to what took its place.
    were = [job.name for job in before.shown]
    place = were.index(before.at) if before.at in were else 0
    return fresh._replace(at=names[min(place, len(names) - 1)] if names else None)


def moved(picker: Picker, name: str) -> Picker:
    """The picker with the cursor at the job called `name`."""
    return picker._replace(at=name, leads=False)


def press(picker: Picker, name: str, text: str) -> tuple[Picker, Act | None]:
    """The picker after the key `name`, or after `text` was typed, and what is to be done."""
    if name == "ctrl-c":
        return picker, Act("interrupt", "")
    if picker.mode is Mode.CONFIRM:
        back = picker._replace(mode=Mode.LIST, act=None)
        agreed = text in ("y", "Y")
        return back._replace(said="" if agreed else "left as it was"), (
            picker.act if agreed else None
        )
    fresh = picker._replace(said="")
    if picker.mode is Mode.TEXT:
        return _write(fresh, name, text)
    if picker.mode is Mode.KEYS:
        return _choose(fresh._replace(mode=Mode.LIST), name, text)
    return _list(fresh, name, text)


def _write(picker: Picker, name: str, text: str) -> tuple[Picker, Act | None]:
    act = picker.act
    assert act is not None
    back = picker._replace(mode=Mode.LIST, act=None)
    if name == "escape":
        return back, None
    if name == "enter":
        return (back, act) if act.text.strip() else (picker._replace(said="nothing is typed"), None)
    return picker._replace(act=act._replace(text=_edited(act.text, name, text))), None


def _edited(line: str, name: str, text: str) -> str:
    if name == "text":
        return line + text
    if name == "backspace":
        return line[:-1]
    if name == "ctrl-u":
        return ""
    if name == "ctrl-w":
        return line.rstrip()[: line.rstrip().rfind(" ") + 1]
    return line


def _choose(picker: Picker, name: str, text: str) -> tuple[Picker, Act | None]:
    if text == "q":
        return picker, Act("quit", "")
    if text in VERBS:
        return _do(picker, VERBS[text])
    if name in ("text", "tab", "escape"):
        return picker, None
    return _list(picker, name, text)


def _list(picker: Picker, name: str, text: str) -> tuple[Picker, Act | None]:
    lines = {"up": -1, "ctrl-p": -1, "backtab": -1, "down": 1, "ctrl-n": 1}
    pages = {"page up": -picker.page, "page down": picker.page, "home": -FAR, "end": FAR}
    moves = lines | pages
    if name in moves:
        return _moved(picker, moves[name]), None
    if name == "escape":
        return (_filtered(picker, ""), None) if picker.query else (picker, Act("quit", ""))
    if name == "enter":
        return _do(picker, "attach")
    if name == "tab":
        return picker._replace(mode=Mode.KEYS), None
    if name.startswith("alt-"):
        letter = name.removeprefix("alt-")
        if letter == "q":
            return picker, Act("quit", "")
        return _do(picker, VERBS[letter]) if letter in VERBS else (picker, None)
    line = " ".join(text.split("\n"))
    return _filtered(picker, _edited(picker.query, name, line)), None


def _moved(picker: Picker, by: int) -> Picker:
    names = [job.name for job in picker.shown]
    if not names:
        return picker
    place = names.index(picker.at) if picker.at in names else 0
    return moved(picker, names[min(max(0, place + by), len(names) - 1)])


def _filtered(picker: Picker, query: str) -> Picker:
    if query == picker.query:
        return picker
    fresh = picker._replace(query=query, ranked=None)
    names = [job.name for job in fresh.shown]
    # More letters narrow it down: what is first then is what is meant.
    keep = picker.at in names and not query.startswith(picker.query or "\0")
    return fresh if keep else fresh._replace(at=names[0] if names else None, leads=True)


def _do(picker: Picker, verb: str) -> tuple[Picker, Act | None]:
    job = picker.job
    if job is None:
        return picker._replace(said="no job is chosen"), None
    if verb in CONFIRMED:
        return picker._replace(mode=Mode.CONFIRM, act=Act(verb, job.name)), None
    if verb == "send":
        return picker._replace(mode=Mode.TEXT, act=Act(verb, job.name)), None
    return picker, Act("asked" if verb == "answer" else verb, job.name)


def to_answer(picker: Picker, job: str, ask: Ask) -> Picker:
    """The picker with the answer to `ask` to be typed, unless something else is by now."""
    if picker.mode not in (Mode.LIST, Mode.KEYS):
        return picker
    return picker._replace(mode=Mode.TEXT, act=Act("answer", job, ask=ask))


def question(picker: Picker) -> str:
    """What CONFIRM asks."""
    act = picker.act
    assert act is not None
    base = next((job.base for job in picker.jobs if job.name == act.job), "its base")
    return CONFIRMED[act.verb].format(job=act.job, base=base)
