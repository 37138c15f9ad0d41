"""Whether a commit's work is on a branch already, whatever way it took there.

Several tests, the cheapest first; each is a proof by itself, and the first that holds answers:

    same       the two are one commit
    ancestor   the target contains the commit
    no change  the commit's files are those of a commit that the target contains
    same tree  the commit's files are those of the target
    merge      merging the commit into the target would change nothing
    patches    each change since the fork, or all of them as one, is a change that the target made

Git's own patch ids pass over white space, which is some languages' syntax. Changes are compared to
the byte here, with their lines of context; only where in its file a change is does not count.
"""

from __future__ import annotations

import hashlib
import re
from functools import cached_property
from pathlib import Path

from gitmc.git.merge import Merger
from gitmc.git.refs import is_ancestor
from gitmc.git.run import Git, failure

MOST_COMMITS = 200
"""Commits of a branch whose changes are looked for one by one; a longer one is not proved so."""

MOST_CANDIDATES = 500
"""Commits of the target that are looked through, of those that touch the same paths. Where there
are more, nothing is proved."""

MOST_PATHS = 500
"""Paths that are named to git; a change of more is looked for in all commits."""

DIFF = (
    *("-r", "-p", "-U3", "--root", "--full-index", "--no-renames", "--no-color"),
    *("--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/"),
    "--ignore-submodules=none",
)


class Question:
    """One commit `head` and one commit `target`. `git` must run in a worktree, as merges do."""

    def __init__(self, git: Git, common_dir: Path, head: str, target: str) -> None:
        self._git = git
        self._common = common_dir
        self.head = head
        self.target = target

    def same(self) -> bool:
        """Whether the two are one commit."""
        return self.head == self.target

    def ancestor(self) -> bool:
        """Whether the target contains the commit."""
        return is_ancestor(self._git, self.head, self.target)

    def no_change(self) -> bool:
        """Whether the commit's files are those at the fork: what it did, it has taken back."""
        return self._base is not None and self._tree(self._base) == self._tree(self.head)

    def same_tree(self) -> bool:
        """Whether the commit's files are those of the target."""
        return self._tree(self.head) == self._tree(self.target)

    def merge(self) -> bool:
        """Whether merging the commit into the target would change nothing."""
        if self._base is None or self._own_drivers:
            return False
        merged = Merger(self._git, self._common).merge(self.target, self.head)
        return merged.tree == self._tree(self.target)

    def patches(self) -> bool:
        """Whether the target made the same changes, one by one or all in one commit."""
        if self._base is None:
            return False
        names = self._git("diff-tree", "-r", "-z", "--name-only", self._base, self.head)
        paths = [name for name in names.split("\0") if name]
        theirs = self._commits(f"{self._base}..{self.target}", paths, MOST_CANDIDATES)
        if not paths or not theirs:
            return False
        made = self._changes(theirs)
        if _identity(self._diff(self._base, self.head)) in made:
            return True
        ours = self._commits(f"{self.target}..{self.head}", [], MOST_COMMITS)
        # What a merge put together is in no single change.
        merges = self._git("rev-list", "--count", "--merges", f"{self.target}..{self.head}")
        return bool(ours) and merges == "0" and self._changes(ours or []) <= made

    @cached_property
    def _base(self) -> str | None:
        return self._git.answer("merge-base", self.head, self.target)

    @cached_property
    def _own_drivers(self) -> bool:
        """Whether merges may be made by programs, some of which drop one side."""
        return self._git.answer("config", "--get-regexp", r"^merge\..*\.driver$") is not None

    def _tree(self, commit: str) -> str:
        return self._git("rev-parse", "--verify", f"{commit}^{{tree}}")

    def _commits(self, span: str, paths: list[str], most: int) -> list[str] | None:
        """The commits of `span` that touch `paths`, but no merges; None where there are more."""
        named = paths if len(paths) <= MOST_PATHS else []
        asked = ["--no-merges", "--full-history", f"--max-count={most + 1}", span]
        found = self._git("--literal-pathspecs", "rev-list", *asked, "--", *named).split()
        return found if len(found) <= most else None

    def _diff(self, *words: str, stdin: bytes | None = None) -> bytes:
        done = self._git.result("diff-tree", *DIFF, *words, stdin=stdin)
        if done.returncode != 0:
            raise failure(("git", "diff-tree", *DIFF, *words), done.returncode, done.stderr)
        return done.stdout

    def _changes(self, commits: list[str]) -> set[bytes]:
        """What tells the changes of `commits` from others; none for one that changes nothing."""
        printed = self._diff("--stdin", stdin="\n".join([*commits, ""]).encode())
        # A line of a patch begins with a sign or a word, so these can only be git's own.
        patches = re.split(rb"^[0-9a-f]{40,64}\n", printed, flags=re.MULTILINE)
        return {_identity(patch) for patch in patches if patch.strip()}


TESTS = ("same", "ancestor", "no_change", "same_tree", "merge", "patches")


def how(git: Git, common_dir: Path, head: str, target: str) -> str | None:
    """The first of `TESTS` that proves that the work of `head` is on `target`, or None."""
    question = Question(git, common_dir, head, target)
    return next((test for test in TESTS if getattr(question, test)()), None)


def _identity(patch: bytes) -> bytes:
    """A digest of all that `patch` does, but not of the lines' numbers.

    The names of the blobs count only where they are all that is shown, as of binary files.
    """
    digest = hashlib.sha256()
    blobs = b""
    for line in patch.split(b"\n"):
        if line.startswith(b"index "):
            blobs = line
        elif line.startswith(b"@@"):
            digest.update(b"@@\n")
        else:
            digest.update(blobs + b"\n" if line.startswith(b"Binary files ") else b"")
            digest.update(line + b"\n")
    return digest.digest()
