"""Install for a project: a copy of the plugin, to be committed, so that all who work on it have it.

A link would lead to a place of one machine. The copy says where it comes from and how it is made
new, and holds a digest of itself: what somebody has edited is never written over nor removed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitmc.control.install import Place
from gitmc.errors import Refused
from gitmc.store import folders
from gitmc.store.files import replace_file

ORIGIN = "ORIGIN.md"
"""The file that tells of a copied folder what the first line tells of a copied file."""

_HEADER = re.compile(rb"(?:// )?Copied from git mc [^\n]*; unedited: sha256 ([0-9a-f]{64})\r?\n")


@dataclass(frozen=True)
class Copy:
    """A plugin of ours, and what is to be its copy in a project."""

    agent: str
    place: Place

    @property
    def state(self) -> str:
        """How the copy is: `missing`, `current`, `older` (another than would be made now), or
        `other`: edited, or nothing of ours."""
        path = self.place.link
        if not os.path.lexists(path):
            return "missing"
        found = _files(path) if not path.is_symlink() else {}
        said, rest = _split(found)
        if said is None or said != _digest(rest):
            return "other"
        return "current" if said == _digest(_files(self.place.source)) else "older"


def put(copy: Copy) -> None:
    """Make the copy, or make it new. Raises Refused where it is not ours to write over."""
    _refuse_other(copy)
    path, source = copy.place.link, copy.place.source
    files = _files(source)
    line = _header(copy.agent, _digest(files))
    folders.make(path.parent)
    if source.is_file():
        replace_file(path, b"// " + line + files[""])
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        for name, content in {**files, ORIGIN: line}.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).write_bytes(content)
        if path.exists():
            shutil.rmtree(path)
        draft.rename(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def take_away(copy: Copy) -> None:
    """Remove the copy. Raises Refused where it is not ours to remove."""
    _refuse_other(copy)
    path = copy.place.link
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    folders.unmake(path.parent)


def _refuse_other(copy: Copy) -> None:
    if copy.state == "other":
        path = copy.place.link
        raise Refused(
            f"{path} is there already, and was edited or is not of git mc",
            hint=f"see what it is, then: mv {path} {path}.before",
        )


def _files(path: Path) -> dict[str, bytes]:
    """What is in the file, under no name, or in the folder."""
    if path.is_file():
        return {"": path.read_bytes()}
    found = sorted(one for one in path.rglob("*") if one.is_file())
    return {one.relative_to(path).as_posix(): one.read_bytes() for one in found}


def _split(files: Mapping[str, bytes]) -> tuple[str | None, dict[str, bytes]]:
    """The digest that is told, if any; and the files without where it is told."""
    name = "" if "" in files else ORIGIN
    told = _HEADER.match(files.get(name, b""))
    if told is None:
        return None, dict(files)
    rest = {**files, name: files[name][told.end() :]}
    if name == ORIGIN and not rest[ORIGIN]:
        del rest[ORIGIN]
    return told[1].decode(), rest


def _digest(files: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name, content in sorted(files.items()):
        # git may have made the ends of lines those of another system.
        one = hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()
        whole.update(f"{one} {name}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def _header(agent: str, digest: str) -> bytes:
    from importlib.metadata import version

    again = f"git mc install {agent} --project"
    return (
        f"Copied from git mc {version('git-mc')}; update: {again}; undo: {again} --remove; "
        f"unedited: sha256 {digest}\n"
    ).encode()
