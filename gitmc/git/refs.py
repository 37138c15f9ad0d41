"""Refs, by compare-and-swap, and questions about commits."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from heapq import heappop, heappush

from gitmc.errors import CommandFailed, Refused
from gitmc.git.run import Git, failure

NOTHING = "0" * 40

_NEVER_IN_REFS = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{")
"""What no ref's name has, and what would ask git for something else than a ref."""


_PLAIN = re.compile(r"refs/heads(?:/\w[\w+=%-]*(?:\.(?!lock(?:/|\Z))[\w+=%-]+)*)+", re.ASCII)
"""Names of branches that are, as they stand, names of files."""

FEW = 20
"""How many branches are looked for in files of their own."""

_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def commit_of(git: Git, name: str) -> str | None:
    """The commit that `name` stands for, or None."""
    done = git.result("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return done.stdout.decode().strip() if done.returncode == 0 else None


def branch_tip(git: Git, branch: str) -> str | None:
    """The commit at `refs/heads/<branch>`, or None where there is no such branch."""
    ref = f"refs/heads/{branch}"
    return _in_a_file(git, ref) or commit_of(git, ref)


def _in_a_file(git: Git, ref: str) -> str | None:
    """What the branch is at where it has a file of its own; None where only git can tell.

    Such a file counts before all that is packed (gitrepository-layout(5)), and reading it takes a
    hundredth of the time that asking git does. Where refs are kept in another way there is none.
    """
    if git.refs is None or not _PLAIN.fullmatch(ref):
        return None
    try:
        text = (git.refs / ref).read_text("ascii").removesuffix("\n")
    except (OSError, UnicodeDecodeError):
        return None
    return text if _ID.fullmatch(text) else None


def check_branch_name(git: Git, branch: str) -> None:
    """Raises Refused unless git would accept a branch called `branch`."""
    bad = branch == "HEAD" or branch.startswith("-")
    if bad or git.result("check-ref-format", f"refs/heads/{branch}").returncode:
        raise Refused(
            f"bad branch name {branch!r}: git does not allow it",
            hint="`git help check-ref-format` lists the rules",
        )


def swap(git: Git, ref: str, new: str, old: str, why: str) -> bool:
    """Move `ref` from `old` to `new`; False where it was no longer at `old`.

    `old` of NOTHING makes the ref, `new` of NOTHING deletes it. `why` is the reflog message.
    """
    # An empty old value means "none", however long the repository's hashes are.
    moves = ["-m", why, "--create-reflog", ref, new, old if old != NOTHING else ""]
    if new == NOTHING:
        if old == NOTHING:
            return commit_of(git, ref) is None
        moves = ["-m", why, "-d", ref, old]
    done = git.result("update-ref", *moves)
    if done.returncode == 0:
        return True
    now = git.result("rev-parse", "--verify", "--quiet", ref).stdout.decode().strip()
    if (now or NOTHING) == old:
        raise failure(("git", "update-ref", *moves), done.returncode, done.stderr)
    return False


@contextmanager
def prepared(
    git: Git, ref: str, new: str, old: str, why: str, also: Mapping[str, str]
) -> Iterator[Callable[[], None] | None]:
    """Hold git's lock on `ref`, which is at `old`: the function that is given moves it to `new`.

    None is given where the ref is no longer at `old`. Nobody else moves it meanwhile; unless the
    function is called, and if we are killed, it stays. `also` are refs that move along with it,
    whatever they were. Raises CommandFailed where git, or a hook of it, will not.
    """
    # The old value is to be found again, whatever the user's settings are.
    words = ("-c", "core.logAllRefUpdates=true", "update-ref", "-m", why, "--stdin")
    moves = [f"update {ref} {new} {old}"]
    moves += [f"update {name} {value}" for name, value in also.items()]
    with tempfile.TemporaryFile() as said, git.start(*words, stderr=said) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        stdin, stdout = child.stdin, child.stdout

        def tell(*lines: str, answers: Sequence[str]) -> bool:
            try:
                stdin.write(os.fsencode("".join(line + "\n" for line in lines)))
            except BrokenPipeError:
                return False
            return all(stdout.readline() == f"{word}: ok\n".encode() for word in answers)

        def failed() -> CommandFailed:
            stdin.close()
            status = child.wait()
            said.seek(0)
            return failure(("git", *words), status, said.read())

        def commit() -> None:
            if not tell("commit", answers=["commit"]):
                raise failed()

        if tell("start", *moves, "prepare", answers=["start", "prepare"]):
            yield commit
        elif commit_of(git, ref) == old:
            raise failed()
        else:
            yield None


def is_ancestor(git: Git, ancestor: str, descendant: str) -> bool:
    """Whether `descendant` contains `ancestor`."""
    return git.answer("merge-base", "--is-ancestor", ancestor, descendant) is not None


def tips(git: Git, refs: Sequence[str]) -> dict[str, str]:
    """The object at each of `refs` that exists, in one call that takes any number of them."""
    # Of many, git knows faster.
    read = {ref: _in_a_file(git, ref) if len(refs) <= FEW else None for ref in refs}
    asked = [ref for ref, at in read.items() if at is None and not _NEVER_IN_REFS.search(ref)]
    if not asked:
        return {ref: at for ref, at in read.items() if at is not None}
    # With hundreds of them, looking for names that could be meant too takes longer than the answer.
    exactly = ("-c", "core.warnAmbiguousRefs=false")
    words = ("cat-file", "--buffer", "--batch-check=%(objectname)")
    lines = git(*exactly, *words, stdin=os.fsencode("\n".join([*asked, ""]))).split("\n")
    found = read | dict(zip(asked, lines, strict=True))
    return {ref: at for ref in refs if (at := found[ref]) is not None and " " not in at}


def ahead(git: Git, pairs: Sequence[tuple[str, str]]) -> list[int | None]:
    """For each (base, head): how many commits head has that base has not; None if unknown.

    A few calls to git, however many pairs there are: the commits that are not in every base, with
    their parents, from which each pair is counted here.
    """
    known = [pair for pair in pairs if all(pair)]
    if all(base == head for base, head in known):
        return [0 if all(pair) else None for pair in pairs]
    history = _history(git, known)
    if history is None:
        return [_ahead_one(git, *pair) if all(pair) else None for pair in pairs]
    return [history.count(*pair) if all(pair) else None for pair in pairs]


def _history(git: Git, pairs: Sequence[tuple[str, str]]) -> History | None:
    """What counts `pairs`; None where git cannot walk what they reach."""
    bases = {base for base, _ in pairs}
    commits = sorted({commit for pair in pairs for commit in pair})
    if len(bases) == 1 and (history := History.read(git, commits, below=bases)) is not None:
        return history
    # Newest first. What is not there any more is left out.
    there = _lines(git, ["--no-walk", "--ignore-missing"], commits)
    if there is None:
        return None
    oldest = next((commit for commit in reversed(there) if commit in bases), None)
    bases &= set(there)
    history = History.read(git, there, below={oldest} if oldest else set())
    if history is None or oldest is None or history.all_reach(bases, oldest):
        return history
    return History.read(git, there, below=set(_common_ancestor(git, sorted(bases))))


class History:
    """Commits, each with its parents, children before parents, down to what every base has."""

    def __init__(self, lines: Sequence[str], tips: Iterable[str]) -> None:
        self._tips = frozenset(tips)
        self._place = {line.partition(" ")[0]: place for place, line in enumerate(lines)}
        self._parents = [
            [self._place[parent] for parent in line.split()[1:] if parent in self._place]
            for line in lines
        ]
        self._lines = lines

    @classmethod
    def read(cls, git: Git, tips: Sequence[str], below: Collection[str]) -> History | None:
        """What `tips` have that `below` have not; None where git cannot walk it."""
        asked = [*tips, *("^" + commit for commit in below)]
        lines = _lines(git, ["--topo-order", "--parents"], asked)
        return None if lines is None else cls(lines, tips)

    def all_reach(self, commits: Iterable[str], bottom: str) -> bool:
        """Whether `bottom`, which is not in here itself, is an ancestor of all of `commits`."""
        reach = {bottom}
        for line in reversed(self._lines):
            commit, *parents = line.split()
            if not reach.isdisjoint(parents):
                reach.add(commit)
        return reach.issuperset(commits)

    def count(self, base: str, head: str) -> int | None:
        """How many commits `head` has that `base` has not; None where either is not there."""
        if base not in self._tips or head not in self._tips:
            return None
        if head not in self._place:
            return 0
        # From the newest down, until all that is left to look at is in the base as well.
        ours = {self._place[head]}
        theirs = {self._place[base]} if base in self._place else set()
        left = sorted(ours | theirs)
        pending, count = len(ours - theirs), 0
        while pending:
            place = heappop(left)
            only_ours = place not in theirs
            pending -= only_ours
            count += only_ours
            for parent in self._parents[place]:
                seen, shared = parent in ours or parent in theirs, parent in theirs
                if not seen:
                    heappush(left, parent)
                if only_ours:
                    pending += not seen
                    ours.add(parent)
                else:
                    pending -= seen and not shared
                    theirs.add(parent)
        return count


def _lines(git: Git, options: Sequence[str], commits: Iterable[str]) -> list[str] | None:
    done = git.result("rev-list", *options, "--stdin", stdin="\n".join(commits).encode())
    return done.stdout.decode().splitlines() if done.returncode == 0 else None


def _common_ancestor(git: Git, commits: Sequence[str]) -> list[str]:
    done = git.result("merge-base", "--octopus", *commits)
    return done.stdout.decode().split()[:1] if done.returncode == 0 else []


def _ahead_one(git: Git, base: str, head: str) -> int | None:
    done = git.result("rev-list", "--count", f"{base}..{head}")
    return int(done.stdout) if done.returncode == 0 else None


def was_at(git: Git, ref: str) -> set[str]:
    """The commits that `ref` has been at, as far as git remembers."""
    done = git.result("log", "--walk-reflogs", "--format=%H", ref, "--")
    return set(done.stdout.decode().split()) if done.returncode == 0 else set()
