"""A train's candidates: the target with branches merged into it, in any order that is asked for.

All of it is objects: no ref, no worktree. What was merged once is remembered, also when the target
has moved to one of the candidates, so that each branch is merged once for each place it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gitmc.control.message import message_for
from gitmc.control.mission import Mission
from gitmc.control.rebase import rebased
from gitmc.errors import Clash as Conflict
from gitmc.errors import Refused
from gitmc.git.fold import Fold
from gitmc.git.merge import Merger
from gitmc.model.train import Clash
from gitmc.model.trainrecord import Rider


class Link(NamedTuple):
    """A candidate: its last commit, what it stands on, and the branch it brings in."""

    fold: Fold
    commit: str


class Chain:
    """Candidates on top of the commit `target` of the branch called `onto`."""

    def __init__(
        self, mission: Mission, merger: Merger, target: str, onto: str, strategy: str
    ) -> None:
        self._mission = mission
        self._merger = merger
        self._onto = onto
        self._strategy = strategy
        self.target = target
        self._riders: dict[str, Rider] = {}
        self._links: dict[tuple[str, ...], Link | Clash] = {(): Link(Fold(merger, target), target)}
        self._asked: set[str] = set()

    def grow(self, names: tuple[str, ...], name: str) -> str | Clash:
        """The tree of the target with `names` and then `name` merged into it, or why not."""
        key = (*names, name)
        if key not in self._links:
            self._links[key] = self._merge(names, self._riders[name])
        link = self._links[key]
        return link if isinstance(link, Clash) else link.fold.tree

    @property
    def tree(self) -> str:
        """The target's own tree."""
        return self._link(()).fold.tree

    def trees(self) -> set[str]:
        """The trees of all candidates so far."""
        return {link.fold.tree for link in self._links.values() if isinstance(link, Link)}

    def commits(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """For each of `names`, merged in this order: the commit that brings it in."""
        return tuple(self._link(names[: at + 1]).commit for at in range(len(names)))

    def moved(self, names: tuple[str, ...]) -> None:
        """The target has moved to the candidate with `names`."""
        size = len(names)
        self.target = self._link(names).commit
        # Whom a branch conflicts with is another question now.
        self._links = {
            key[size:]: link
            for key, link in self._links.items()
            if key[:size] == names and isinstance(link, Link)
        }

    def line_up(self, riders: Iterable[Rider]) -> None:
        """These can be asked for. Nothing stays of one that was known at another commit."""
        for rider in riders:
            before = self._riders.get(rider.name, rider)
            self._riders[rider.name] = rider
            if before.head != rider.head:
                name = rider.name
                self._links = {key: link for key, link in self._links.items() if name not in key}

    def _link(self, names: tuple[str, ...]) -> Link:
        link = self._links[names]
        assert isinstance(link, Link)
        return link

    def _merge(self, names: tuple[str, ...], rider: Rider) -> Link | Clash:
        fold = self._link(names).fold.fork()
        try:
            clashes = self._bring(fold, rider)
        except Refused as refused:
            return Clash(None, (refused.message,))
        if clashes:
            return Clash(self._against(names, rider), tuple(clash.path for clash in clashes))
        return Link(fold, fold.tip)

    def _bring(self, fold: Fold, rider: Rider) -> Sequence[Conflict]:
        """Bring the branch into the chain; if it conflicts, it says where, and is left out."""
        if self._strategy == "ff-only":
            done = rebased(self._mission, self._merger, rider.head, fold.tip, notes=False)
            if done.head is not None:
                fold.take(done.head)
            return done.clashes
        before = fold.tree
        merged = fold.add(rider.head)
        if merged.tree not in (None, before):
            job = self._mission.store.job(rider.job) if rider.job else None
            span = f"{fold.tip}..{rider.head}"
            text = message_for(self._mission, job, rider.branch, self._onto, span, self._strategy)
            fold.commit(text, squash=self._strategy == "squash")
        return merged.conflicts

    def _against(self, names: tuple[str, ...], rider: Rider) -> str | None:
        """The first of `names` with which the branch conflicts; None for the target itself."""
        for size in range(len(names) + 1):
            if self._merger.clashes(self._link(names[:size]).commit, rider.head):
                return names[size - 1] if size else None
        return names[-1] if names else None
