"""`trusted.toml`: which texts of a committed file the user has approved."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gitmc.model.trust import Approval
from gitmc.store.codec import Malformed, decode_approval, encode_approval
from gitmc.store.files import BadFile, read_toml, write_toml
from gitmc.store.lock import Held

VERSION = 1


def read_approvals(path: Path) -> list[Approval]:
    """What has been approved. Raises BadFile, and nothing is, where the file is torn."""
    try:
        table = read_toml(path)
    except FileNotFoundError:
        return []
    if table.get("version") != VERSION:
        raise BadFile(path, f"its version is {table.get('version')!r}, and must be {VERSION}")
    approved: Any = table.get("approved", [])
    if not isinstance(approved, list) or not all(isinstance(one, dict) for one in approved):
        raise BadFile(path, "'approved' must be a list of tables")
    try:
        return [decode_approval(one) for one in approved]
    except Malformed as fault:
        raise BadFile(path, str(fault)) from fault


def write_approvals(held: Held, path: Path, approvals: Iterable[Approval]) -> None:
    """Replace what has been approved."""
    assert isinstance(held, Held)
    write_toml(path, {"version": VERSION, "approved": [encode_approval(one) for one in approvals]})
