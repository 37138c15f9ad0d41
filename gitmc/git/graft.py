"""Merging three trees by putting what one side changed onto the other.

Only folders that differ are read, so that a merge costs what was changed, however many files there
are. It is for what needs no thought. The result is git's for every two sides that change different
names, by these rules (git's are those of its strategy `ort`):

- A name in a folder is changed by a side that has it otherwise than the base: another mode, another
  content, gone, or new. A name that only one side changed is as that side has it.
- A folder that both sides changed, and that is a folder on both of them (and in the base, if it is
  there at all), is merged name by name. One that has nothing left in it is no more.
- Any other name that both sides changed is doubtful, also where they changed it alike. This is
  what contents are merged for, and where a file is in the way of a folder. It is also where git
  moves a file along with its folder: it takes a folder for renamed only where nothing of it is
  left on one side, and looks for that only where the other side put something into it.
- So is a folder, of those that are read, that git itself would not have written: with modes of
  other times, out of order, or with an empty folder in it.

What is doubtful is None here, before anything is written. Renamed files need no rule: where the
other side has left both of its names alone, it makes no difference whether git sees the rename.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from operator import lt
from typing import NamedTuple

EMPTY = bytes.fromhex("4b825dc642cb6eb9a060e54bf8d69288fbee4904")
"""The tree without entries, which every git knows."""

MOST_ENTRIES = 200_000
"""Entries of trees that are kept in memory, at some 150 bytes each."""

_ENTRIES = re.compile(rb"(?:40000|100644|100755|120000|160000) [^\0/]+\0.{20}", re.DOTALL)
_FOLDER = ord("4")


class Doubtful(Exception):
    """Git should decide."""


class Tree:
    """A folder: its entries as they are stored, in their order."""

    def __init__(self, entries: list[bytes]) -> None:
        self.entries = entries

    @classmethod
    def parse(cls, raw: bytes) -> Tree:
        """The folder stored as `raw`. Raises Doubtful for one that git would write otherwise."""
        entries = _ENTRIES.findall(raw)
        if sum(map(len, entries)) != len(raw) or EMPTY in raw:
            raise Doubtful("a tree that git would write otherwise")
        keys = [_key(entry) for entry in entries]
        if not all(map(lt, keys, keys[1:])):
            raise Doubtful("a tree that is not in order")
        return cls(entries)

    @cached_property
    def members(self) -> frozenset[bytes]:
        """The entries, to look for one and to compare them all."""
        return frozenset(self.entries)

    def find(self, name: bytes) -> bytes | None:
        """The entry of that name, be it a file or a folder."""
        for key in (name, name + b"/"):
            place = bisect_left(self.entries, key, key=_key)
            if place < len(self.entries) and _key(self.entries[place]) == key:
                return self.entries[place]
        return None


class Rewrite(NamedTuple):
    """What becomes of a folder: of each name, what is there and what is to be; None for nothing."""

    folder: Tree
    edits: list[tuple[bytes, bytes | None, bytes | Rewrite | None]]


class Trees:
    """Reads trees, merges them, and writes what comes of it. Trees are named by their 20 bytes.

    `read` returns what is stored of a tree; `write` stores it and returns its name.
    """

    def __init__(self, read: Callable[[bytes], bytes], write: Callable[[bytes], bytes]) -> None:
        self._read = read
        self._write = write
        self._kept: OrderedDict[bytes, Tree] = OrderedDict()
        self._size = 0

    def merged(self, base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
        """The tree of `ours` with what `theirs` changed; None where that is doubtful."""
        if base in (ours, theirs):
            return ours if theirs == base else theirs
        try:
            plan = self._plan(base, ours, theirs)
        except Doubtful:
            return None
        # All of it is written each time: what was unused since the last time may have been pruned.
        return self._put(plan) or self._store([])

    def disjoint(self, base: bytes, ours: bytes, theirs: bytes) -> bool:
        """Whether `merged` has an answer; writes nothing."""
        try:
            return base in (ours, theirs) or bool(self._plan(base, ours, theirs))
        except Doubtful:
            return False

    def _plan(self, base: bytes, ours: bytes, theirs: bytes) -> Rewrite:
        """What becomes of the folder `ours`, which both sides changed."""
        if ours == theirs:
            raise Doubtful("changed alike")
        folder, before = self._tree(ours), self._tree(base).members
        edits: list[tuple[bytes, bytes | None, bytes | Rewrite | None]] = []
        old: dict[bytes, bytes] = {}
        new: dict[bytes, bytes] = {}
        for entry in before.symmetric_difference(self._tree(theirs).entries):
            side = old if entry in before else new
            if side.setdefault(_name(entry), entry) is not entry:
                raise Doubtful("a file and a folder of one name")
        for name in old.keys() | new.keys():
            was, other = old.get(name), new.get(name)
            mine = was if was in folder.members else folder.find(name)
            edits.append((name, mine, other if mine == was else self._both(was, mine, other)))
        return Rewrite(folder, edits)

    def _both(self, was: bytes | None, mine: bytes | None, other: bytes | None) -> Rewrite:
        """What becomes of a name that both sides changed."""
        if not (mine and other and mine[0] == other[0] == _FOLDER):
            raise Doubtful("changed on both sides")
        if was is not None and was[0] != _FOLDER:
            raise Doubtful("a file that both sides made a folder")
        return self._plan(was[-20:] if was else EMPTY, mine[-20:], other[-20:])

    def _put(self, plan: Rewrite) -> bytes | None:
        """Write the folder; None where nothing is left in it."""
        entries = plan.folder.entries.copy()
        for name, there, edit in plan.edits:
            entry = edit
            if isinstance(edit, Rewrite):
                tree = self._put(edit)
                entry = b"40000 " + name + b"\0" + tree if tree else None
            _replace(entries, there, entry if isinstance(entry, bytes) else None)
        return self._store(entries) if entries else None

    def _store(self, entries: list[bytes]) -> bytes:
        name = self._write(b"".join(entries))
        self._keep(name, Tree(entries))
        return name

    def _tree(self, name: bytes) -> Tree:
        if (tree := self._kept.get(name)) is None:
            tree = Tree.parse(self._read(name) if name != EMPTY else b"")
        self._keep(name, tree)
        return tree

    def _keep(self, name: bytes, tree: Tree) -> None:
        if name not in self._kept:
            self._size += len(tree.entries)
        self._kept[name] = tree
        self._kept.move_to_end(name)
        while self._size > MOST_ENTRIES and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1].entries)


def _replace(entries: list[bytes], old: bytes | None, new: bytes | None) -> None:
    """Put `new` where `old` is in the ordered `entries`; None for nothing."""
    if old is not None:
        del entries[bisect_left(entries, _key(old), key=_key)]
    if new is not None:
        entries.insert(bisect_left(entries, _key(new), key=_key), new)


def _name(entry: bytes) -> bytes:
    return entry[6:-21] if entry[0] == _FOLDER else entry[7:-21]


def _key(entry: bytes) -> bytes:
    """What git orders entries by: a folder's name counts with a slash."""
    return entry[6:-21] + b"/" if entry[0] == _FOLDER else entry[7:-21]
