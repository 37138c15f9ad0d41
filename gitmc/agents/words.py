"""Placeholders: the parts of an agent's words, variables and files that each launch fills in. Pure.

`{name}` stands for a text, `{name:sh}` for it as one word of a shell, `{name:json}` for it as a
string of JSON (or TOML) with its quotes, `{name:escaped}` for the same without them, `{name:url}`
for it as the path of a URL; one may follow another, as in `{signal:sh:escaped}`. Other braces are
left alone, so that JSON can be written as it is. `{prompt}`, `{options}` and `{arguments}` are
words of their own: the launcher puts the prompt in, so that it never stands in a file of ours, and
the other two are no, one or more words.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

PROMPT, OPTIONS, ARGUMENTS = "{prompt}", "{options}", "{arguments}"
NEW_SESSION = "{new_session}"

ANYWHERE = frozenset(
    {
        *("prompt_file", "prompt_dir", "hooks", "signal", "job", "run_dir", "worktree"),
        *("main_worktree", "git_dir", "git_common_dir", "git_logs", "report"),
    }
)
"""What every launch has."""

PLACES: Mapping[str, frozenset[str]] = {
    "start": ANYWHERE | {"prompt", "options", "new_session"},
    "resume": ANYWHERE | {"prompt", "options", "session"},
    "model": ANYWHERE | {"model"},
    "unattended": ANYWHERE,
    "hooks": ANYWHERE,
    "environment": ANYWHERE,
}
"""By the first key of a table: what may stand in it."""

_PLACE = re.compile(r"\{([a-z_]+)((?::[a-z]+)*)\}")

_FORMATS: Mapping[str, Callable[[str], str]] = {
    "sh": shlex.quote,
    "json": lambda text: json.dumps(text, ensure_ascii=False),
    "url": quote,
    "escaped": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
}


def faults_in(value: Any, known: frozenset[str] | tuple[str, ...]) -> Iterator[str]:
    """What is wrong with the placeholders in `value`; nothing is looked at where none are known."""
    if not known:
        return
    for text in _texts(value):
        for match in _PLACE.finditer(text):
            name, formats = match[1], match[2].split(":")[1:]
            if name not in known:
                can = ", ".join(sorted(f"{{{one}}}" for one in known))
                yield f"there is no placeholder {match[0]} here; there are {can}"
            elif name in ("prompt", "options") and text != f"{{{name}}}":
                yield f"{{{name}}} must be a word of its own, and is a part of {text!r}"
            elif wrong := [form for form in formats if form not in _FORMATS]:
                yield f"{match[0]}: there is no format {wrong[0]!r}, only {', '.join(_FORMATS)}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with its placeholders filled in; one that has no value stays as it is."""

    def one(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        value = values[match[1]]
        for form in match[2].split(":")[1:]:
            value = _FORMATS[form](value)
        return value

    return _PLACE.sub(one, text)


def fill_words(
    words: Sequence[str], values: Mapping[str, str], arguments: Sequence[str]
) -> tuple[list[str], list[int]]:
    """The words filled in, and at which of them the prompt is to stand. `arguments` are literal."""
    filled: list[str] = []
    prompts: list[int] = []
    for word in words:
        if word == ARGUMENTS:
            filled += arguments
            continue
        if word == PROMPT:
            prompts.append(len(filled))
        filled.append(fill(word, values))
    return filled, prompts


def fill_table(value: Any, values: Mapping[str, str]) -> Any:
    """`value` with the placeholders in all its texts filled in."""
    if isinstance(value, str):
        return fill(value, values)
    if isinstance(value, Mapping):
        return {key: fill_table(inner, values) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill_table(inner, values) for inner in value]
    return value


def content(value: str | Mapping[str, Any], values: Mapping[str, str]) -> str:
    """A file or a variable as it is written: a text filled in, or a table as JSON."""
    filled = fill_table(value, values)
    return filled if isinstance(filled, str) else json.dumps(filled, ensure_ascii=False)


def joined(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`below` with what `above` adds: tables are joined, lists are added to, all else replaced."""
    both = dict(below)
    for key, value in above.items():
        old = both.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            both[key] = joined(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            both[key] = [*old, *(one for one in value if one not in old)]
        else:
            both[key] = value
    return both
