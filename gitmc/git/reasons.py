"""Why a repository is left to git alone.

libgit2 reads objects and histories. These are what makes git see others than it does, or more:
replaced objects, cut histories, objects that are fetched when somebody needs them, names and
refs of a kind that it does not know. Settings and attributes of merges are no reason: git alone
merges contents, and follows renames.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pygit2


def opened(common_dir: Path) -> tuple[pygit2.Repository | None, str | None]:
    """The repository, or the reason, in a few words, why git alone should read it."""
    if (reason := _marked(common_dir)) is not None:
        return None, reason
    import pygit2

    try:
        repository = pygit2.Repository(str(common_dir))
        reason = _configured(repository)
    except (pygit2.GitError, OSError, KeyError, ValueError) as fault:
        return None, f"libgit2 cannot read it: {fault}"
    return (repository, None) if reason is None else (None, reason)


def _marked(common_dir: Path) -> str | None:
    """The reason that shows in the files of the repository."""
    if (common_dir / "shallow").exists():
        return "it is a shallow clone"
    if (common_dir / "info/grafts").exists():
        return "it has grafts"
    if (common_dir / "reftable").exists():
        return "it keeps its refs in a reftable"
    if any((common_dir / "objects").glob("pack/*.promisor")):
        return "it is a partial clone"
    replaced = any(path.is_file() for path in (common_dir / "refs/replace").rglob("*"))
    if replaced or b" refs/replace/" in _packed_refs(common_dir):
        return "it has replaced objects"
    if "GIT_REPLACE_REF_BASE" in os.environ:
        return "GIT_REPLACE_REF_BASE is set"
    return None


def _packed_refs(common_dir: Path) -> bytes:
    try:
        return (common_dir / "packed-refs").read_bytes()
    except FileNotFoundError:
        return b""


_TELLING = (
    (rb"extensions\.partialclone", "it is a partial clone"),
    (rb"remote\..*\.promisor", "it is a partial clone"),
    (rb"extensions\.objectformat", "its objects have names of another kind than SHA-1"),
    (rb"extensions\.refstorage", "it keeps its refs in another way than in files"),
    (rb"core\.sharedrepository", "it is shared, and libgit2 would lock the others out"),
)
_USUAL = {b"extensions.objectformat": b"sha1", b"extensions.refstorage": b"files"}
_OFF = {b"", b"0", b"false", b"no", b"off", b"umask"}


def _configured(repository: pygit2.Repository) -> str | None:
    """The reason that shows in the settings, of which the last one counts."""
    settings = {entry.raw_name: entry.raw_value for entry in repository.config}
    for name, value in settings.items():
        for pattern, reason in _TELLING:
            if re.fullmatch(pattern, name, re.DOTALL) and not _harmless(name, value):
                return reason
    return None


def _harmless(name: bytes, value: bytes | None) -> bool:
    # A name without any value means yes.
    return value is not None and (value.lower() in _OFF or value.lower() == _USUAL.get(name))
