"""Merging commits in memory: no worktree, no index, no checkout.

Two engines, one answer, which is git's. In process, through libgit2's objects, the changes of one
side are put onto the other where the two changed different names (the rules are in `graft`). Git
decides all else: what both sides changed, histories with no merge base or more than one, and
repositories that libgit2 does not see as git does (`reasons`). Conflicts, and their paths, are
always git's. libgit2's own merges are not used: it compares lines by another algorithm, and finds
no conflict, or another text, in about one of a hundred merges of like lines.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from subprocess import CompletedProcess
from typing import NamedTuple

from gitmc.errors import Clash, McError, Refused
from gitmc.git.inprocess import InProcess
from gitmc.git.reasons import opened
from gitmc.git.run import Git, failure


class Merged(NamedTuple):
    """The outcome of a merge: a tree, or the paths in conflict. `engine` is libgit2 or git."""

    tree: str | None
    conflicts: tuple[Clash, ...]
    engine: str


class Merger:
    """Merges commits of one repository. `git` must run in a worktree: attributes are read there."""

    def __init__(self, git: Git, common_dir: Path) -> None:
        self.git = git
        self._common = common_dir

    @cached_property
    def _opened(self) -> tuple[InProcess | None, str | None]:
        repository, reason = opened(self._common)
        return InProcess(repository) if repository is not None else None, reason

    @property
    def reason(self) -> str | None:
        """Why all is left to git, in a few words; None where only what is doubtful is."""
        return self._opened[1]

    @property
    def in_process(self) -> InProcess | None:
        """What libgit2 can do; None where all is left to git."""
        return self._opened[0]

    def merge(self, ours: str, theirs: str) -> Merged:
        """The merge of commit `theirs` into commit `ours`. Raises Refused for unrelated ones."""
        fast = self.in_process
        parting = fast.parting(ours, theirs) if fast else None
        return self.merge_from(parting.base if parting else None, ours, theirs)

    def merge_from(self, base: str | None, ours: str, theirs: str) -> Merged:
        """The merge of two commits of which `base` is the one merge base; None if not known."""
        fast = self.in_process
        tree = fast.graft(base, ours, theirs) if fast and base else None
        return Merged(tree, (), "libgit2") if tree else self._by_git(ours, theirs)

    def merge_trees(self, base: str, ours: str, theirs: str) -> Merged:
        """The merge of two trees that were made from the tree `base`. A commit means its tree."""
        fast = self.in_process
        if fast and (tree := fast.graft(base, ours, theirs)):
            return Merged(tree, (), "libgit2")
        # The option of `git merge-tree` that names a base is younger than the oldest git we serve.
        root, *sides = (self._stand_in(base, None), ours, theirs)
        return self._by_git(*(self._stand_in(side, root) for side in sides))

    def clashes(self, ours: str, theirs: str) -> tuple[Clash, ...]:
        """The paths in which the merge of two commits would conflict. Raises Refused as `merge`.

        Nothing is written where the two changed different names.
        """
        fast = self.in_process
        parting = fast.parting(ours, theirs) if fast else None
        if fast and parting and fast.disjoint(parting.base, ours, theirs):
            return ()
        return self._by_git(ours, theirs).conflicts

    def _stand_in(self, tree: str, parent: str | None) -> str:
        who = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "git mc")
        who |= dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "git-mc@localhost")
        words = ["-p", parent] if parent else []
        git = self.git.with_environment(**who)
        return git("commit-tree", *words, "-m", "merge", f"{tree}^{{tree}}")

    def _by_git(self, ours: str, theirs: str) -> Merged:
        argv = ["merge-tree", "--write-tree", "--name-only", "--messages", "-z", ours, theirs]
        done = self.git.with_environment(LC_ALL="C").result(*argv)
        # Where a tree is missing, git takes it for empty, says so, and ends as if all were well;
        # where a commit is, it ends as with a conflict, and prints nothing.
        if re.search(rb"^error: ", done.stderr, re.MULTILINE) or not done.stdout:
            raise self._failure(argv, done)
        if done.returncode == 1:
            return Merged(None, _clashes(os.fsdecode(done.stdout)), "git")
        if done.returncode != 0:
            raise self._failure(argv, done)
        return Merged(os.fsdecode(done.stdout).split("\0")[0].strip(), (), "git")

    def _failure(self, argv: list[str], done: CompletedProcess[bytes]) -> McError:
        if b"unrelated histories" in done.stderr:
            return Refused(
                "the two branches have no commit in common",
                hint="git mc does not merge unrelated histories; do it by hand",
            )
        return failure(("git", *argv), done.returncode, done.stderr)


def _clashes(printed: str) -> tuple[Clash, ...]:
    """The conflicts that `git merge-tree -z --name-only` prints: a tree, the paths, an empty field,
    and messages, each as the number of its paths, these, its type and its text."""
    _, *fields = printed.split("\0")
    end = fields.index("")
    kinds: dict[str, list[str]] = {path: [] for path in fields[:end]}
    left = iter(fields[end + 1 :])
    for count in left:
        if not count:
            break
        paths = [next(left) for _ in range(int(count))]
        next(left)
        kind = re.match(r"CONFLICT \(([^)]*)\)", next(left))
        for path in paths if kind else ():
            if path in kinds and kind and kind[1] not in kinds[path]:
                kinds[path].append(kind[1])
    return tuple(Clash(path, tuple(named)) for path, named in sorted(kinds.items()))
