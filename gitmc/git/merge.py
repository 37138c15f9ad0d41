"""Merging commits in memory: no worktree, no index, no checkout.

Two engines, one answer, which is git's. libgit2 is in process and puts together what two sides did
to different paths; git itself decides every case in which the two are known to differ:

- both sides change the same path (libgit2 compares lines by another algorithm, so that in about one
  of a hundred such merges it finds no conflict where git does, or another text), or libgit2 reports
  a conflict;
- one side removes or renames paths while the other adds some (git moves a file that was added to
  a folder that was renamed), both add a path, one changes what the other removes, a mode changes,
  or a submodule does;
- the two commits have no merge base, or more than one;
- the repository has custom merge drivers, replaced objects, or objects that are elsewhere
  (shallow and partial clones, sha256, reftable): libgit2 ignores these, or refuses.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gitmc.errors import Clash, Refused
from gitmc.git.run import Git, failure

if TYPE_CHECKING:
    import pygit2

SUBMODULE = 0o160000


class Merged(NamedTuple):
    """The outcome of a merge: a tree, or the paths in conflict. `engine` is libgit2 or git."""

    tree: str | None
    conflicts: tuple[Clash, ...]
    engine: str


class Merger:
    """Merges commits of one repository. `git` must run in a worktree: attributes are read there."""

    def __init__(self, git: Git, common_dir: Path) -> None:
        self._git = git
        self._common = common_dir

    def merge(self, ours: str, theirs: str) -> Merged:
        """The merge of commit `theirs` into commit `ours`."""
        tree = self._by_libgit2(ours, theirs) if self._plain else None
        return Merged(tree, (), "libgit2") if tree else self._by_git(ours, theirs)

    def merge_trees(self, base: str, ours: str, theirs: str) -> Merged:
        """The merge of two trees that were made from the tree `base`."""
        # The option of `git merge-tree` that names a base is younger than the oldest git we serve.
        root, *sides = (self._stand_in(base, None), ours, theirs)
        return self._by_git(*(self._stand_in(side, root) for side in sides))

    def _stand_in(self, tree: str, parent: str | None) -> str:
        who = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "git mc")
        who |= dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "git-mc@localhost")
        words = ["-p", parent] if parent else []
        return self._git.with_environment(**who)("commit-tree", *words, "-m", "merge", tree)

    @cached_property
    def _plain(self) -> bool:
        """Whether libgit2 reads this repository as git does."""
        if any((self._common / mark).exists() for mark in ("shallow", "reftable")):
            return False
        if any((self._common / "objects").glob("pack/*.promisor")):
            return False
        if self._git("for-each-ref", "--count=1", "refs/replace"):
            return False
        unusual = (
            r"^(merge\..*|extensions\.(objectformat|refstorage|partialclone)|remote\..*\.promisor)$"
        )
        settings = (
            self._git.answer("config", "--name-only", "--get-regexp", unusual) or ""
        ).split()
        harmless = {"merge.conflictstyle", "merge.tool", "merge.ff", "merge.log", "merge.stat"}
        return not set(settings) - harmless

    @cached_property
    def _repository(self) -> pygit2.Repository:
        import pygit2

        # Inputs are existing trees. Checking each blob again costs more than the merge.
        pygit2.settings.enable_strict_object_creation(False)
        return pygit2.Repository(str(self._common))

    def _by_libgit2(self, ours: str, theirs: str) -> str | None:
        """The tree, or None for whatever git should decide."""
        import pygit2

        try:
            repo = self._repository
            bases = (self._git.answer("merge-base", "--all", ours, theirs) or "").split()
            if len(bases) != 1:
                return None
            trees = [_tree(repo, commit) for commit in (bases[0], ours, theirs)]
            if _doubtful(_Changes(trees[0], trees[1]), _Changes(trees[0], trees[2])):
                return None
            index = repo.merge_commits(ours, theirs)
            return None if index.conflicts is not None else str(index.write_tree(repo))
        except (pygit2.GitError, OSError, KeyError, ValueError):
            # Whatever libgit2 cannot read here, git can, or says why not.
            return None

    def _by_git(self, ours: str, theirs: str) -> Merged:
        argv = ["merge-tree", "--write-tree", "--name-only", "--messages", "-z", ours, theirs]
        done = self._git.with_environment(LC_ALL="C").result(*argv)
        if done.returncode == 1:
            return Merged(None, _clashes(os.fsdecode(done.stdout)), "git")
        if done.returncode != 0 and b"unrelated histories" in done.stderr:
            raise Refused(
                "the two branches have no commit in common",
                hint="git mc does not merge unrelated histories; do it by hand",
            )
        if done.returncode != 0:
            raise failure(("git", *argv), done.returncode, done.stderr)
        return Merged(os.fsdecode(done.stdout).split("\0")[0].strip(), (), "git")


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


def _tree(repo: pygit2.Repository, commit: str) -> pygit2.Tree:
    import pygit2

    return repo[commit].peel(pygit2.Tree)


class _Changes:
    """What one side did to the base, by path."""

    def __init__(self, base: pygit2.Tree, side: pygit2.Tree) -> None:
        from pygit2.enums import DeltaStatus

        self.added: set[str] = set()
        self.removed: set[str] = set()
        self.changed: set[str] = set()
        self.odd = False
        for delta in base.diff_to_tree(side).deltas:
            old, new = delta.old_file, delta.new_file
            if delta.status == DeltaStatus.ADDED:
                self.added.add(new.path)
            elif delta.status == DeltaStatus.DELETED:
                self.removed.add(old.path)
            else:
                self.changed.add(new.path)
                self.odd |= old.mode != new.mode
            self.odd |= SUBMODULE in (old.mode, new.mode)
            self.odd |= new.path.endswith(".gitattributes")


def _doubtful(ours: _Changes, theirs: _Changes) -> bool:
    return bool(
        ours.odd
        or theirs.odd
        or (ours.removed and theirs.added)
        or (theirs.removed and ours.added)
        or ours.added & theirs.added
        or ours.changed & theirs.changed
        or ours.removed & theirs.changed
        or theirs.removed & ours.changed
    )
