"""What an agent asks a person, and which answers there are to it. Pure.

What is read comes from files that an agent's hook has left, so anything may be in them: what is not
understood is left out, and an ask of which nothing is understood can still be shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from gitmc.errors import Usage

REPLIES = {
    "yes": "once",
    "once": "once",
    "always": "always",
    "no": "reject",
    "reject": "reject",
}
"""By what a person says to a request for a permission: what its agent is told."""

LONGEST = 2000
"""Characters of what is asked that are shown."""


class Question(NamedTuple):
    """One question, the answers that it offers, and whether several of them may be given."""

    text: str
    labels: tuple[str, ...] = ()
    several: bool = False


class Ask(NamedTuple):
    """One thing that is asked: for a permission, or questions."""

    id: str
    kind: str
    """`permission` or `question`."""
    text: str
    """What the permission is for; empty for questions."""
    questions: tuple[Question, ...] = ()
    answerable: bool = True
    """Whether its agent takes an answer from us."""


def read(name: str, content: Any, *, answerable: bool) -> Ask:
    """What is asked by the file `name`, which has `content`."""
    about = content if isinstance(content, Mapping) else {}
    ours = about.get("tool_input")
    tool_input: Mapping[str, Any] = ours if isinstance(ours, Mapping) else {}
    listed = about.get("questions", tool_input.get("questions"))
    questions = tuple(_questions(listed if isinstance(listed, Sequence) else ()))
    if questions:
        return Ask(name, "question", "", questions, answerable)
    return Ask(name, "permission", _permission(about, tool_input), answerable=answerable)


def _questions(listed: Iterable[Any]) -> Iterable[Question]:
    for one in listed:
        if not isinstance(one, Mapping):
            continue
        options = one.get("options")
        labels = tuple(
            str(option["label"])
            for option in (options if isinstance(options, Sequence) else ())
            if isinstance(option, Mapping) and "label" in option
        )
        several = one.get("multiple") is True or one.get("multiSelect") is True
        yield Question(_short(str(one.get("question", "?"))), labels, several)


def _permission(about: Mapping[str, Any], tool_input: Mapping[str, Any]) -> str:
    what = about.get("permission", about.get("tool_name"))
    metadata = about.get("metadata")
    details: Mapping[str, Any] = metadata if isinstance(metadata, Mapping) else {}
    patterns = about.get("patterns")
    for found in (
        *(table.get(key) for table in (details, tool_input) for key in ("command", "file_path")),
        ", ".join(map(str, patterns)) if isinstance(patterns, Sequence) else None,
        json.dumps(tool_input, ensure_ascii=False) if tool_input else None,
    ):
        if isinstance(found, str) and found:
            return _short(f"{what}: {found}" if what else found)
    return _short(str(what)) if what else "something that its terminal shows"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def answer(ask: Ask, words: Sequence[str], *, reject: bool = False) -> dict[str, Any]:
    """What `words` mean as an answer to `ask`. Raises Usage where they mean none."""
    if reject:
        if ask.kind == "permission":
            return _permit(("no", *words))
        if words:
            raise Usage("a question that is rejected takes no answer", hint="leave out one of them")
        return {"reject": True}
    if ask.kind == "permission":
        return _permit(words)
    if len(words) != len(ask.questions):
        count = len(ask.questions)
        raise Usage(
            f"there are {count} questions, and {len(words)} answers"
            if count > 1
            else f"there is one question, and {len(words)} answers",
            hint="give one word for each; quote an answer of several words",
        )
    return {"answers": [_choose(*pair) for pair in zip(ask.questions, words, strict=True)]}


def _permit(words: Sequence[str]) -> dict[str, Any]:
    word, message = words[0].lower(), " ".join(words[1:])
    reply = REPLIES.get(word)
    if reply is None:
        raise Usage(
            f"'{words[0]}' does not answer a request for a permission", hint="say yes, always or no"
        )
    if message and reply != "reject":
        raise Usage("only a no takes a message", hint=f"say just {word}")
    return {"reply": reply, **({"message": message} if message else {})}


def _choose(question: Question, word: str) -> list[str]:
    """The labels that `word` names, by themselves or by number; else it is an answer of its own."""
    parts = [part.strip() for part in word.split(",")] if question.several else [word]
    named = [_label(question, part) for part in parts]
    known = [label for label in named if label is not None]
    return known if len(known) == len(parts) else [word]


def _label(question: Question, word: str) -> str | None:
    for label in question.labels:
        if label.lower() == word.lower():
            return label
    if word.isdecimal() and 0 < int(word) <= len(question.labels):
        return question.labels[int(word) - 1]
    return None
