"""Replaying commits on top of another: what `git rebase` does, in memory, without a worktree.

The same commits as git's are made: those whose change is upstream already are left out, and those
that become empty; those that were empty from the start stay. Authors, dates, messages and encodings
are kept byte for byte. A branch with merges is git's own to replay: `git rebase --rebase-merges`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gitmc.errors import Clash, Refused
from gitmc.git import refs
from gitmc.git.commit import Commit, Writer, read
from gitmc.git.merge import Merger
from gitmc.git.run import Git


class Replayed(NamedTuple):
    """What a replay came to.

    `head` is the tip with all commits on top; None where one conflicts, which `stopped` then names,
    or where `has_merges` tells that this is not for us.
    """

    head: str | None
    pairs: tuple[tuple[str, str], ...] = ()
    """Each commit that was made anew: the old one and the new."""
    stopped: str | None = None
    clashes: tuple[Clash, ...] = ()
    has_merges: bool = False
    engine: str = "none"
    """libgit2, or git where git decided at least one merge; none where there was nothing to do."""


class _Step(NamedTuple):
    """A commit to replay; `known` where its change is upstream already."""

    name: str
    parents: tuple[str, ...]
    known: bool


def replay(merger: Merger, git: Git, head: str, onto: str) -> Replayed:
    """The commits of `onto`..`head` on top of `onto`. Raises Refused for unrelated histories.

    Objects are written, and no ref. Where `head` has all of `onto`, it is left as it is.
    """
    if refs.is_ancestor(git, onto, head):
        return Replayed(head)
    steps = _steps(git, head, onto)
    if not all(step.parents for step in steps) and git.answer("merge-base", onto, head) is None:
        raise Refused(
            "the two branches have no commit in common",
            hint="git mc does not rebase unrelated histories; do it by hand",
        )
    if any(len(step.parents) != 1 for step in steps):
        return Replayed(None, has_merges=True)
    names = list(dict.fromkeys([onto, *(each for step in steps for each in _named(step))]))
    commits = dict(zip(names, read(git, names), strict=True))
    return _replay(merger, Writer(git), steps, commits, onto)


def copy_notes(git: Git, pairs: Sequence[tuple[str, str]]) -> None:
    """Have the notes of old commits on the new ones, as far as `notes.rewriteRef` asks for it."""
    if pairs:
        lines = "".join(f"{old} {new}\n" for old, new in pairs)
        git("notes", "copy", "--for-rewrite=rebase", stdin=lines.encode())


def _named(step: _Step) -> tuple[str, ...]:
    return (step.name, *step.parents)


def _steps(git: Git, head: str, onto: str) -> list[_Step]:
    options = ["--cherry-mark", "--right-only", "--topo-order", "--reverse", "--parents"]
    lines = git("rev-list", *options, f"{onto}...{head}").splitlines()
    words = [line.split() for line in lines]
    return [_Step(word[0][1:], tuple(word[1:]), word[0][0] == "=") for word in words]


def _replay(
    merger: Merger, writer: Writer, steps: list[_Step], commits: dict[str, Commit], onto: str
) -> Replayed:
    tip, tree = onto, commits[onto].tree
    pairs: list[tuple[str, str]] = []
    engines = {"none"}
    for name, (parent,), known in steps:
        commit, below = commits[name], commits[parent].tree
        was_empty = commit.tree == below
        if known and not was_empty:
            continue
        merged = tree
        if not was_empty:
            outcome = merger.merge_trees(below, tree, commit.tree)
            engines.add(outcome.engine)
            if outcome.tree is None:
                engine = outcome.engine
                return Replayed(None, stopped=name, clashes=outcome.conflicts, engine=engine)
            if outcome.tree == tree:
                continue
            merged = outcome.tree
        tip, tree = writer.write(commit._replace(tree=merged, parents=(tip,))), merged
        pairs.append((name, tip))
    engine = next(each for each in ("git", "libgit2", "none") if each in engines)
    return Replayed(tip, tuple(pairs), engine=engine)
