"""Many jobs from one command: names and prompts with placeholders, and what fills them. Pure.

Each item is a line of text or a JSON object. `{}` stands for the line, or for the object's value of
`name`; `{n}` for the item's number, from 1; `{KEY}` for the object's value of KEY. Other braces are
left as they are: a prompt may well hold code. In a name, what is filled in is reduced to letters,
digits and dashes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gitmc.errors import Refused
from gitmc.model.names import slug


class Filled(NamedTuple):
    """One job of many: its name, its prompt, and the words of its command."""

    name: str
    prompt: bytes
    command: tuple[str, ...]
    values: Mapping[str, str]
    """What fills its placeholders."""


def items(text: str) -> list[dict[str, str]]:
    """What fills the placeholders, by key, for each line of `text` that is not blank.

    Raises Refused, with the number of the line, for one that begins like a JSON object and is none.
    """
    found: list[dict[str, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line.startswith("{"):
            found.append(_from_object(line, number) | {"n": str(len(found) + 1)})
        elif line:
            found.append({"": line, "n": str(len(found) + 1)})
    return found


def _from_object(line: str, number: int) -> dict[str, str]:
    try:
        table = json.loads(line)
    except ValueError as fault:
        raise Refused(
            f"line {number} begins like a JSON object and is none: {fault}",
            hint="give one whole object a line, or plain lines",
        ) from fault
    values = {key: v if isinstance(v, str) else json.dumps(v) for key, v in table.items()}
    return values | ({"": values["name"]} if "name" in values else {})


def expand(
    name: str,
    prompt: bytes,
    command: Sequence[str],
    fillings: Sequence[Mapping[str, str]],
    copies: int = 1,
) -> list[Filled]:
    """The jobs for all `fillings`, each `copies` times.

    A name that no placeholder tells apart is numbered. In the command only whole words are filled
    in, so that nothing becomes a part of a program that somebody reads.
    """
    made: list[Filled] = []
    for values in fillings or [{}]:
        own = _fill(name, {key: slug(value, 40) for key, value in values.items()})
        if fillings and own == name and len(fillings) > 1:
            own = f"{name}-{values['n']}"
        text = _fill(prompt.decode("utf-8", "surrogateescape"), values)
        words = tuple(filled_word(word, values) for word in command)
        filled = Filled(own, text.encode("utf-8", "surrogateescape"), words, values)
        made += _copied(filled, copies)
    return made


def _copied(filled: Filled, copies: int) -> list[Filled]:
    if copies == 1:
        return [filled]
    return [filled._replace(name=f"{filled.name}-{number}") for number in range(1, copies + 1)]


def filled_word(word: str, values: Mapping[str, str]) -> str:
    """`word`, or what it stands for where it is a placeholder as a whole."""
    return values.get(word[1:-1], word) if word[:1] == "{" and word[-1:] == "}" else word


def _fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with its placeholders filled; what is filled in is not looked at again."""
    parts = text.split("{")
    done = [parts[0]]
    for part in parts[1:]:
        key, closed, rest = part.partition("}")
        done.append(values[key] + rest if closed and key in values else "{" + part)
    return "".join(done)


def doubles(names: Iterable[str]) -> list[str]:
    """The names that come more than once, as a file system blind to case sees them, in order."""
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for name in names:
        if name.casefold() in seen:
            twice[name] = None
        seen.add(name.casefold())
    return list(twice)
