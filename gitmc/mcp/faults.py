"""What a command says of the text that it was handed, in words of the parameters behind it. Pure.

A plan is handed over on standard input, as JSON with a value on each line. Whoever called the tool
has never seen that text, so a fault on a line of it is told of the parameter that is there.
"""

from __future__ import annotations

import re

from gitmc.mcp.tool import Call
from gitmc.model.places import Path, in_json

FAULT = re.compile(r"^((?:warning: )?)standard input:([0-9]+): (.*)$", re.MULTILINE)
OTHER = re.compile(r"\bjob on line ([0-9]+) is\b")
HINT = re.compile(r"^hint: mend them, then look again: .*$", re.MULTILINE)

MEND = "hint: mend them, then call it again; lines are of the parameters as JSON, a value on each"


def by_parameter(call: Call, said: str) -> str:
    """What the command said, with each fault's line as the parameter there, and the line."""
    if not FAULT.search(said) and not HINT.search(said):
        return said
    places: dict[int, Path] = {}
    for path, line in in_json(call.stdin.decode()):
        places.setdefault(line, path)

    def where(line: str) -> str:
        path = places.get(int(line))
        return f"'{_spelled(path)}', line {line}" if path else f"line {line}"

    def fault(match: re.Match[str]) -> str:
        text = OTHER.sub(lambda other: f"job ({where(other[1])}) is", match[3])
        return f"{match[1]}{where(match[2])}: {text}"

    return HINT.sub(MEND, FAULT.sub(fault, said))


def _spelled(path: Path) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")
