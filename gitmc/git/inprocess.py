"""What takes no process: histories, trees and commits of one repository, through libgit2's objects.

Nothing here has the last word. Whatever libgit2 cannot find, read or write is None, and git is
asked instead, which either can or says why not.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gitmc.git.bases import Bases, Parting
from gitmc.git.graft import Trees

if TYPE_CHECKING:
    import pygit2


class InProcess:
    """One opened repository. Commits and trees are named by their full names in hex."""

    def __init__(self, repository: pygit2.Repository) -> None:
        import pygit2
        from pygit2.enums import ObjectType

        self._kinds = ObjectType
        self._faults = (pygit2.GitError, OSError, KeyError, ValueError)
        self._oid = pygit2.Oid
        self._objects = repository.odb
        self._bases = Bases(repository)
        self._trees = Trees(self._read_tree, self._write_tree)

    def parting(self, ours: str, theirs: str) -> Parting | None:
        """Where two commits part; None where git should find that out."""
        with suppress(*self._faults):
            return self._bases.parting(ours, theirs)
        return None

    def graft(self, base: str, ours: str, theirs: str) -> str | None:
        """The tree of `ours` with what `theirs` changed since `base`; None where git should decide.
        Each is a tree, or a commit of it."""
        with suppress(*self._faults):
            sides = map(self._tree_of, (base, ours, theirs))
            tree = self._trees.merged(*sides)
            return None if tree is None else tree.hex()
        return None

    def disjoint(self, base: str, ours: str, theirs: str) -> bool:
        """Whether `graft` has an answer; writes nothing."""
        with suppress(*self._faults):
            return self._trees.disjoint(*map(self._tree_of, (base, ours, theirs)))
        return False

    def commit(self, raw: bytes) -> str | None:
        """Store a commit, given as git stores it; its name."""
        with suppress(*self._faults):
            return str(self._objects.write(self._kinds.COMMIT, raw))
        return None

    def _tree_of(self, name: str) -> bytes:
        kind, raw = self._objects.read(name)
        if kind == self._kinds.COMMIT:
            return bytes.fromhex(raw[len("tree ") : 45].decode())
        if kind == self._kinds.TREE:
            return self._oid(hex=name).raw
        raise ValueError(name)

    def _read_tree(self, name: bytes) -> bytes:
        kind, raw = self._objects.read(self._oid(raw=name))
        if kind != self._kinds.TREE:
            raise ValueError(name.hex())
        return raw

    def _write_tree(self, raw: bytes) -> bytes:
        return self._objects.write(self._kinds.TREE, raw).raw
