"""Merging many branches one after another, without any ref: the chain that a merge train tests.

    fold = Fold(merger, target)
    for head in heads:
        merged = fold.add(head)                  # into what there is of the chain so far
        if merged.tree not in (None, fold.tree):
            tips.append(fold.commit("Merge branch ..."))

A branch that goes its own way costs the same wherever in the chain it is: its merge base with the
chain is the one with the target, unless it has commits that the chain brought.
"""

from __future__ import annotations

from copy import copy

from gitmc.git.commit import Commits
from gitmc.git.merge import Merged, Merger


class Fold:
    """A chain of commits onto the commit `target`. `tip` is the last one, `tree` its tree."""

    def __init__(self, merger: Merger, target: str) -> None:
        self._merger = merger
        self._commits = Commits(merger.git, merger.in_process)
        self._target = target
        self._brought: set[str] = set()
        self._added: tuple[str, str, frozenset[str] | None] | None = None
        self.tip = target
        self.tree = merger.git("rev-parse", "--verify", f"{target}^{{tree}}")

    def add(self, head: str) -> Merged:
        """The merge of commit `head` into the tip; the chain is as it was until `commit`.

        Raises Refused where the two have no commit in common.
        """
        fast = self._merger.in_process
        parting = fast.parting(self._target, head) if fast else None
        if parting and parting.own.isdisjoint(self._brought):
            merged = self._merger.merge_from(parting.base, self.tip, head)
        else:
            merged = self._merger.merge(self.tip, head)
        own = parting.own if parting else None
        self._added = None if merged.tree is None else (head, merged.tree, own)
        return merged

    def commit(self, message: str, *, squash: bool = False) -> str:
        """Make a commit of what was added last, which is the new tip: a merge, or with `squash` one
        that has only the tip as its parent. To be called once after an `add` without conflicts."""
        if self._added is None:
            raise ValueError("nothing was added")
        (head, tree, own), self._added = self._added, None
        self.tip = self._commits.make(tree, [self.tip] if squash else [self.tip, head], message)
        self.tree = tree
        self._brought.add(self.tip)
        if not squash:
            self._brought |= self._beyond_target(head) if own is None else own
        return self.tip

    def take(self, tip: str) -> None:
        """Go on from `tip`: commits on top of the last one, made elsewhere."""
        self._brought |= self._beyond_target(tip)
        self.tip, self._added = tip, None
        self.tree = self._merger.git("rev-parse", "--verify", f"{tip}^{{tree}}")

    def fork(self) -> Fold:
        """The same chain, to go on from in another way."""
        twin = copy(self)
        twin._brought = set(self._brought)
        return twin

    def _beyond_target(self, head: str) -> set[str]:
        return set(self._merger.git("rev-list", head, f"^{self._target}").split())
