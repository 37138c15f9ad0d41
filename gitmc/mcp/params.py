"""What a tool may be given: as a JSON schema for clients, and checked with faults in words. Pure.

A fault names the parameter, the rule, and what was given; all are told at once. An optional
parameter that is null counts as not given: many models write all that there are.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from gitmc.errors import McError
from gitmc.model import names

UNFIT = re.compile("[\0\ud800-\udfff]")
"""What JSON can spell, and no program's words can hold."""


class Param(NamedTuple):
    """One parameter: its name, what it is for, and what it must be."""

    name: str
    kind: str
    about: str
    required: bool = False
    choices: tuple[str, ...] = ()
    default: Any = None
    least: float | None = None
    most: float | None = None
    items: Mapping[str, Any] | None = None
    """The schema of the objects in a list of them."""

    @property
    def schema(self) -> dict[str, Any]:
        """Its JSON schema."""
        found = {**SCHEMAS[self.kind], "description": self.about}
        if self.items is not None:
            found["items"] = dict(self.items)
        if self.choices:
            # Of a list, each item is one of them.
            choice = {"enum": list(self.choices)}
            found |= {"items": {**found["items"], **choice}} if "items" in found else choice
        limits = {"default": self.default, "minimum": self.least, "maximum": self.most}
        return found | {key: value for key, value in limits.items() if value is not None}


SCHEMAS: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "job": {"type": "string"},
    "whole": {"type": "integer"},
    "number": {"type": "number"},
    "flag": {"type": "boolean"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "jobs": {"type": "array", "items": {"type": "string"}},
    "objects": {"type": "array", "items": {"type": "object"}},
}

KINDS = {
    "text": "a string",
    "job": "a string",
    "whole": "a whole number",
    "number": "a number",
    "flag": "true or false",
    "texts": "a list of strings",
    "jobs": "a list of strings",
    "objects": "a list of objects",
}


def input_schema(params: Sequence[Param]) -> dict[str, Any]:
    """The JSON schema of the arguments."""
    return {
        "type": "object",
        "properties": {param.name: param.schema for param in params},
        "required": [param.name for param in params if param.required],
        "additionalProperties": False,
    }


def checked(params: Sequence[Param], arguments: Mapping[str, Any]) -> dict[str, Any] | list[str]:
    """The arguments that were given, or all that is wrong with them, a line each."""
    known = {param.name: param for param in params}
    faults = [_unknown(name, known) for name in arguments if name not in known]
    found: dict[str, Any] = {}
    for param in params:
        value = arguments.get(param.name)
        if value is None:
            if param.required:
                faults.append(f"'{param.name}' is missing: {param.about}")
            continue
        fault = _fault(param, value)
        if fault is None:
            found[param.name] = int(value) if param.kind == "whole" else value
        else:
            faults.append(fault)
    return faults or found


def _unknown(name: str, known: Mapping[str, Param]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return f"there is no parameter '{name}'; did you mean '{near[0]}'?"
    return f"there is no parameter '{name}'; known: {', '.join(known) or 'none'}"


def _fault(param: Param, value: Any) -> str | None:
    if not IS[param.kind](value):
        return f"'{param.name}' must be {KINDS[param.kind]}, and is {_shown(value)}"
    for text in value if isinstance(value, list) else [value]:
        if param.choices and text not in param.choices:
            choices = ", ".join(param.choices)
            return f"'{param.name}' must be one of {choices}, and is {_shown(text)}"
        if isinstance(text, str) and (unfit := UNFIT.search(text)):
            return f"'{param.name}' holds U+{ord(unfit.group()):04X}, which is no text"
        if param.kind in ("job", "jobs") and (broken := _broken(text)):
            return f"'{param.name}': {broken}"
    if param.least is not None and value < param.least:
        return f"'{param.name}' must be at least {param.least}, and is {_shown(value)}"
    if param.most is not None and value > param.most:
        return f"'{param.name}' must be at most {param.most}, and is {_shown(value)}"
    return None


def _broken(name: str) -> str | None:
    try:
        names.check_job_name(name)
    except McError as fault:
        return fault.message
    return None


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _is_number(value: Any) -> bool:
    # NaN and infinity are spelled by Python's JSON only, and are no number of anything.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15


IS: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "job": lambda value: isinstance(value, str),
    "whole": lambda value: _is_number(value) and value == int(value),
    "number": _is_number,
    "flag": lambda value: isinstance(value, bool),
    "texts": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    "jobs": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    "objects": lambda value: (
        isinstance(value, list) and all(isinstance(one, dict) for one in value)
    ),
}
