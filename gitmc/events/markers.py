"""The marker folder: `tmp` where a marker is written, `new` where it counts, `bad` for the rest.

An empty marker is made directly in `new`: making a file is atomic. One with content is written in
`tmp` and renamed, so that nobody reads half of it. A marker is removed only after what it says is
stored, so a crash in between repeats it, and a repeat changes nothing.

Beside them in `look`, an empty file named after a run asks an observer to look at it now.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gitmc.errors import naming

if TYPE_CHECKING:
    from gitmc.model.marker import Marker


class Delivered(NamedTuple):
    """A marker that has arrived, and when."""

    marker: Marker
    path: Path
    at: datetime


def waiting(events: Path) -> bool:
    """Whether any marker waits, without reading it."""
    try:
        with os.scandir(events / "new") as entries:
            return any(True for _ in entries)
    except FileNotFoundError:
        return False


def delivered(events: Path) -> list[Delivered]:
    """The markers that wait. A file that is no marker is moved to `bad` on the way."""
    from gitmc.model.marker import parse

    found: list[Delivered] = []
    try:
        with os.scandir(events / "new") as entries:
            for entry in entries:
                marker = parse(entry.name)
                path = Path(entry.path)
                if marker is None or not entry.is_file(follow_symlinks=False):
                    reject(events, path)
                    continue
                try:
                    modified = entry.stat().st_mtime
                except FileNotFoundError:
                    continue
                found.append(Delivered(marker, path, datetime.fromtimestamp(modified, UTC)))
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda one: (one.at, one.marker.name))


def take_looks(events: Path) -> set[str]:
    """The runs that somebody asks to be looked at; who asks after this has to be heard again."""
    asked = set()
    try:
        with os.scandir(events / "look") as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    Path(entry.path).unlink(missing_ok=True)
                    asked.add(entry.name)
    except FileNotFoundError:
        return set()
    return asked


def reject(events: Path, path: Path) -> None:
    """Keep an unreadable marker in `bad`, where nothing reads it but a person."""
    _make(events, "bad")
    try:
        path.replace(events / "bad" / path.name)
    except FileNotFoundError:
        return


def drop(events: Path, marker: Marker, content: Mapping[str, Any] | None = None) -> None:
    """Deliver `marker`, with `content` as TOML if given."""
    _make(events, "tmp", "new")
    target = events / "new" / marker.name
    if content is None:
        target.touch()
        return
    import tomli_w

    draft = events / "tmp" / marker.name
    try:
        with naming(draft):
            draft.write_text(tomli_w.dumps(content), encoding="utf-8")
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _make(events: Path, *folders: str) -> None:
    """Make `folders` where somebody has removed them; nothing where all of ours is gone."""
    if events.parent.is_dir():
        for folder in folders:
            (events / folder).mkdir(parents=True, exist_ok=True)
