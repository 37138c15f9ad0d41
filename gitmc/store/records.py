"""Records as TOML tables, by the types of their fields. Pure.

A record is a NamedTuple of texts, numbers, flags, times, words of an enumeration, other records,
and tuples of these. What is None or empty is left out. Keys that are not known are kept in the
field `unknown`, where the record has one, and in the table again when it is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from gitmc.store.codec import VERSION, Malformed, time_text

NEEDED = object()
"""The default of a field that has none."""

R = TypeVar("R", bound=tuple[Any, ...])


def encode(record: Any) -> dict[str, Any]:
    """The table of a whole record."""
    return {"version": VERSION, **_table(record)}


def _table(record: Any) -> dict[str, Any]:
    values = dict(record._asdict())
    unknown = values.pop("unknown", {})
    table = {
        key: _plain(value)
        for key, value in values.items()
        if value not in (None, ()) or record._field_defaults.get(key, NEEDED) != value
    }
    return table | {key: value for key, value in unknown.items() if key not in table}


def _plain(value: Any) -> Any:
    if hasattr(value, "_fields"):
        return _table(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return time_text(value)
    return str(value) if isinstance(value, StrEnum) else value


def decode(kind: type[R], table: Mapping[str, Any]) -> R:
    """The record in `table`. Raises Malformed."""
    version = table.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise Malformed("no 'version', so not one of git mc's files")
    if version > VERSION:
        raise Malformed(f"version {version} was written by a newer git mc")
    return _record(kind, {key: table[key] for key in table if key != "version"}, "")


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def _record(kind: type[R], table: Mapping[str, Any], where: str) -> R:
    fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
    defaults: dict[str, Any] = kind._field_defaults  # type: ignore[attr-defined]
    hints = _hints(kind)
    values: dict[str, Any] = {}
    for field in fields:
        if field in table and field != "unknown":
            values[field] = _value(hints[field], table[field], f"{where}{field}")
        elif field not in defaults:
            raise Malformed(f"'{where}{field}' is missing")
    rest = {key: table[key] for key in table if key not in fields or key == "unknown"}
    if rest and "unknown" in fields:
        values["unknown"] = rest
    return kind(**values)


def _value(kind: Any, value: Any, where: str) -> Any:
    if get_origin(kind) in (Union, UnionType):
        kind = next(one for one in get_args(kind) if one is not NoneType)
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise Malformed(f"'{where}' must be a list")
        return tuple(_value(get_args(kind)[0], item, f"{where}.{at}")
                     for at, item in enumerate(value))  # fmt: skip
    if hasattr(kind, "_fields"):
        if not isinstance(value, dict):
            raise Malformed(f"'{where}' must be a table")
        return _record(kind, value, f"{where}.")
    if kind is datetime:
        return _time(value, where)
    if issubclass(kind, StrEnum):
        if value not in set(kind):
            raise Malformed(f"'{where}' is {value!r}, not one of {', '.join(kind)}")
        return kind(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise Malformed(f"'{where}' must be of kind {kind.__name__}")
    return value


def _time(value: Any, where: str) -> datetime:
    fault = f"'{where}' is {value!r}, not a time with a zone"
    try:
        at = datetime.fromisoformat(value)
        utc = at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise Malformed(fault) from error
    if at.tzinfo is None:
        raise Malformed(fault)
    return utc
