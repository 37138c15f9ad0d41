"""A replay makes the commits that `git rebase` makes, and stops where it stops."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from gitmc.errors import Refused
from gitmc.git.commit import Commit, read
from gitmc.git.merge import Merger
from gitmc.git.replay import Replayed, copy_notes, replay
from gitmc.git.run import Git
from tests.git.test_merge import FILE, Tree, commit, files, text
from tests.support.situations import LINK, PROGRAM
from tests.support.world import Repo

NUMBERS = count()
"""No two commits of a test are the same."""


class Rebased(NamedTuple):
    """What git made: its commits, or where it stopped and the paths in conflict."""

    commits: tuple[Commit, ...]
    stopped: str | None = None
    paths: frozenset[str] = frozenset()


def by_git(repo: Repo, head: str, onto: str) -> Rebased:
    """What `git rebase` makes of it."""
    repo.git("checkout", "--quiet", "--force", "--detach", head)
    argv = ["git", "-c", "advice.detachedHead=false", "rebase", "--quiet", onto]
    done = subprocess.run(argv, cwd=repo.path, capture_output=True, check=False)
    if done.returncode == 0:
        return Rebased(above(repo, "HEAD", onto))
    stopped = repo.head("REBASE_HEAD")
    printed = repo.git("diff", "--name-only", "--diff-filter=U", "-z")
    repo.git("rebase", "--abort")
    repo.git("clean", "-fdq")
    return Rebased((), stopped, frozenset(printed.split("\0")) - {""})


def above(repo: Repo, head: str, onto: str) -> tuple[Commit, ...]:
    """The commits of `onto`..`head`, the oldest first, without their parents."""
    names = repo.git("rev-list", "--topo-order", "--reverse", f"{onto}..{head}").split()
    return tuple(made._replace(parents=()) for made in read(Git(repo.path), names))


def replayed(repo: Repo, head: str, onto: str) -> Replayed:
    """What we make of it, once it is sure that git makes the same, and that no ref has moved."""
    before = repo.git("for-each-ref"), repo.git("status", "--porcelain")
    merger = Merger(Git(repo.path), repo.path / ".git")
    done = replay(merger, Git(repo.path / ".git"), head, onto)
    assert (repo.git("for-each-ref"), repo.git("status", "--porcelain")) == before
    theirs = by_git(repo, head, onto)
    if theirs.stopped:
        assert (done.head, done.stopped) == (None, theirs.stopped)
        assert {clash.path for clash in done.clashes} == theirs.paths
    else:
        assert done.head is not None, done
        assert above(repo, done.head, onto) == theirs.commits
        known = set(repo.git("rev-list", f"{onto}..{head}").split())
        assert {old for old, _ in done.pairs} <= known
        made = repo.git("rev-list", f"{onto}..{done.head}").split()
        assert [new for _, new in done.pairs] in (made[::-1], [])
    return done


def chain(repo: Repo, below: str, *trees: Tree) -> str:
    """A commit for each of `trees`, each with an author, a date and a message of its own."""
    for tree in trees:
        number = next(NUMBERS)
        made = read(Git(repo.path), [commit(repo, tree, below)])[0]
        author = f"N{number} <n@{number}> {1700000000 + number} +0{number % 10}30".encode()
        raw = b"\n".join(
            [
                b"tree " + made.tree.encode(),
                b"parent " + below.encode(),
                b"author " + author,
                b"committer C <c@c> 1700000000 +0000",
                b"",
                f"change {number}\n\nwith a body\n".encode(),
            ]
        )
        argv = ["git", "hash-object", "-t", "commit", "-w", "--stdin"]
        done = subprocess.run(argv, cwd=repo.path, input=raw, capture_output=True, check=True)
        below = done.stdout.decode().strip()
    return below


def test_commits_go_on_top_with_their_authors(repo: Repo) -> None:
    base = chain(repo, repo.head(), files(a="1\n", b="1\n"))
    onto = chain(repo, base, files(a="1\n", b="2\n"))
    head = chain(repo, base, files(a="2\n", b="1\n"), files(a="2\n", b="1\n", c="1\n"))
    done = replayed(repo, head, onto)
    assert done.head is not None
    assert repo.files(done.head) == {"a": "2", "b": "2", "c": "1"}
    assert [old for old, _ in done.pairs] == repo.git("rev-list", f"{base}..{head}").split()[::-1]
    assert done.engine in ("libgit2", "git")


def test_what_has_it_all_is_left_alone(repo: Repo) -> None:
    base = chain(repo, repo.head(), files(a="1\n"))
    head = chain(repo, base, files(a="2\n"), files(a="3\n"))
    assert replayed(repo, head, base) == Replayed(head)
    assert replayed(repo, base, base) == Replayed(base)


def test_what_has_nothing_of_its_own_goes_to_the_other(repo: Repo) -> None:
    base = chain(repo, repo.head(), files(a="1\n"))
    onto = chain(repo, base, files(a="2\n"))
    assert replayed(repo, base, onto) == Replayed(onto)


def test_commits_that_become_empty_go_and_those_that_were_stay(repo: Repo) -> None:
    one, two = files(a="1\n", b="1\n"), files(a="2\n", b="1\n")
    base = chain(repo, repo.head(), one)
    onto = chain(repo, base, files(a="2\n", b="1\n", c="1\n"), files(a="2\n", b="2\n", c="1\n"))
    head = chain(repo, base, one, two, two, files(a="2\n", b="2\n"))
    done = replayed(repo, head, onto)
    assert len(done.pairs) == 2


def test_a_change_that_was_picked_and_changed_again_upstream_is_left_out(repo: Repo) -> None:
    base = chain(repo, repo.head(), files(a="1\n"))
    onto = chain(repo, base, files(a="2\n"), files(a="3\n"))
    head = chain(repo, base, files(a="2\n"), files(a="2\n", b="1\n"))
    done = replayed(repo, head, onto)
    assert done.head is not None
    assert repo.files(done.head) == {"a": "3", "b": "1"}


def test_a_conflict_names_the_commit_and_the_files(repo: Repo) -> None:
    base = chain(repo, repo.head(), files(a="1\n", b="1\n"))
    onto = chain(repo, base, files(a="2\n", b="1\n"))
    head = chain(repo, base, files(a="1\n", b="2\n"), files(a="3\n", b="2\n"), files(a="3\n"))
    done = replayed(repo, head, onto)
    assert done.stopped == repo.head(f"{head}~1")
    assert [tuple(clash) for clash in done.clashes] == [("a", ("content",))]
    assert done.engine == "git"


def test_a_branch_with_a_merge_is_for_git(repo: Repo) -> None:
    base = chain(repo, repo.head(), files(a="1\n"))
    onto, side = chain(repo, base, files(a="2\n")), chain(repo, base, files(a="1\n", b="1\n"))
    other = chain(repo, base, files(a="1\n", c="1\n"))
    head = commit(repo, files(a="1\n", b="1\n", c="1\n"), side, other)
    merger = Merger(Git(repo.path), repo.path / ".git")
    done = replay(merger, Git(repo.path), head, onto)
    assert (done.head, done.has_merges) == (None, True)
    assert replay(merger, Git(repo.path), head, base) == Replayed(head)


def test_unrelated_histories_are_refused(repo: Repo) -> None:
    head = commit(repo, files(a="1\n"))
    other = commit(repo, files(a="1\n"), chain(repo, head, files(b="1\n")), repo.head())
    merger = Merger(Git(repo.path), repo.path / ".git")
    for each in (head, chain(repo, head, files(a="2\n"))):
        with pytest.raises(Refused, match="no commit in common"):
            replay(merger, Git(repo.path), each, repo.head())
    # A root of its own that was merged in is none of that.
    onto = chain(repo, repo.head(), files(c="1\n"))
    assert replay(merger, Git(repo.path), other, onto).has_merges


def test_latin_1_and_no_newline_come_out_as_they_were(repo: Repo) -> None:
    base = chain(repo, repo.head(), files(a="1\n"))
    onto = chain(repo, base, files(a="1\n", b="1\n"))
    tree = commit(repo, files(a="2\n"), base)
    raw = f"tree {repo.head(tree + '^{tree}')}\nparent {base}\nauthor ".encode()
    raw += b"Zo\xe9 <z@b> 1 -1145\ncommitter C <c@c> 1 +0000\nencoding ISO-8859-1\n\n\xfcber"
    argv = ["git", "hash-object", "-t", "commit", "-w", "--stdin"]
    done = subprocess.run(argv, cwd=repo.path, input=raw, capture_output=True, check=True)
    head = done.stdout.decode().strip()
    merger = Merger(Git(repo.path), repo.path / ".git")
    made = replay(merger, Git(repo.path), head, onto).head
    assert made is not None
    [was, now] = read(Git(repo.path), [head, made])
    assert now == was._replace(tree=now.tree, parents=(onto,))
    assert now.encoding == b"ISO-8859-1"


def test_names_of_files_are_bytes(repo: Repo) -> None:
    names = [b"new\nline", b'q"uote', b"caf\xe9", b"-dash", b"tab\t"]
    folder = os.fsencode(repo.path)
    for name in names:
        Path(os.fsdecode(folder + b"/" + name)).write_text("1\n")
    base = repo.commit({})
    for name in names:
        Path(os.fsdecode(folder + b"/" + name)).write_text("2\n")
    head = repo.commit({})
    onto = chain(repo, base, files(other="unlike them\n"))
    done = replayed(repo, head, onto)
    assert done.stopped is not None
    paths = {os.fsencode(clash.path) for clash in done.clashes}
    assert paths == set(names)


def noted(repo: Repo, pair: tuple[str, str], ref: str) -> str:
    """The note that the new one of `pair` has in `ref`, if any."""
    done = subprocess.run(
        ["git", "notes", f"--ref={ref}", "show", pair[1]],
        cwd=repo.path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.strip()


def test_notes_follow_as_far_as_is_configured(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    base = chain(repo, repo.head(), files(a="1\n"))
    onto, head = chain(repo, base, files(b="1\n", a="1\n")), chain(repo, base, files(a="2\n"))
    for ref in ("mc", "env", "other"):
        repo.git("notes", f"--ref={ref}", "add", "-m", f"{ref}'s", head)
    merger = Merger(Git(repo.path), repo.path / ".git")
    [pair] = replay(merger, Git(repo.path), head, onto).pairs
    copy_notes(Git(repo.path), [pair])
    assert [noted(repo, pair, ref) for ref in ("mc", "env", "other")] == ["", "", ""]
    repo.git("config", "notes.rewriteRef", "refs/notes/mc")
    for _ in range(2):
        copy_notes(Git(repo.path), [pair])
    assert [noted(repo, pair, ref) for ref in ("mc", "env", "other")] == ["mc's", "", ""]
    monkeypatch.setenv("GIT_NOTES_REWRITE_REF", "refs/notes/env")
    copy_notes(Git(repo.path), [pair])
    copy_notes(Git(repo.path), [])
    assert [noted(repo, pair, ref) for ref in ("mc", "env", "other")] == ["mc's", "env's", ""]


NAMES = ("a", "b", "p/a", "p/b", "q/c")


class Worker:
    """Somebody who changes files at random, some of them as somebody else did."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def start(self) -> Tree:
        """The files to begin with."""
        lines = {name: [f"{name} {line % 4}" for line in range(10)] for name in NAMES}
        return {name: (FILE, "\n".join(each) + "\n") for name, each in lines.items()}

    def walk(self, tree: Tree, steps: int, others: list[tuple[Tree, Tree]]) -> list[Tree]:
        """Trees, each made from the one before; `others` are changes that may be made as well."""
        made = [tree]
        for _ in range(steps):
            made.append(self._step(made, others))
        return made[1:]

    def _step(self, made: list[Tree], others: list[tuple[Tree, Tree]]) -> Tree:
        tree = dict(made[-1])
        kinds: list[Callable[[Tree], None]] = [
            *[self._edit] * 6, self._add, self._remove, self._rename, self._mode, self._link
        ]  # fmt: skip
        dice = self._random.random()
        if dice < 0.1:
            return tree
        if dice < 0.2 and len(made) > 1:
            return made[-2]
        if dice < 0.35 and others:
            before, after = self._random.choice(others)
            changed = {n for n in before | after if before.get(n) != after.get(n)}
            kept = {name: entry for name, entry in tree.items() if name not in changed}
            return kept | {name: after[name] for name in changed if name in after}
        self._random.choice(kinds)(tree)
        return tree

    def _edit(self, tree: Tree) -> None:
        name = self._random.choice(sorted(tree) or ["a"])
        mode, content = tree.get(name, (FILE, ""))
        if mode == LINK:
            return
        lines = content.splitlines() or [""]
        at = self._random.randrange(len(lines))
        word = f"w{self._random.randrange(4)}"
        new = self._random.choice([[word], [word, lines[at]], []])
        tree[name] = (mode, text("\n".join([*lines[:at], *new, *lines[at + 1 :]])))

    def _add(self, tree: Tree) -> None:
        tree[self._random.choice(["n", "p/n", "q/n"])] = (FILE, f"n{self._random.randrange(3)}\n")

    def _remove(self, tree: Tree) -> None:
        if len(tree) > 1:
            del tree[self._random.choice(sorted(tree))]

    def _rename(self, tree: Tree) -> None:
        name = self._random.choice(sorted(tree))
        tree[self._random.choice(["r", "p/r", "q/r"])] = tree.pop(name)

    def _mode(self, tree: Tree) -> None:
        name = self._random.choice(sorted(tree))
        mode, content = tree[name]
        if mode != LINK:
            tree[name] = (PROGRAM if mode == FILE else FILE, content)

    def _link(self, tree: Tree) -> None:
        tree[self._random.choice(["l", "p/l"])] = (LINK, "a")


def check(repo: Repo, seed: int) -> bool:
    """One random history; whether it was replayed without conflict."""
    worker = Worker(seed)
    start = worker.start()
    base = chain(repo, repo.head("start"), start)
    theirs = worker.walk(start, seed % 4 + 1, [])
    pairs = list(zip([start, *theirs], theirs, strict=False))
    ours = worker.walk(start, seed % 5 + 1, pairs)
    onto, head = chain(repo, base, *theirs), chain(repo, base, *ours)
    return replayed(repo, head, onto).head is not None


def test_random_histories_come_out_as_git_has_them(repo: Repo) -> None:
    repo.git("tag", "start")
    assert 1 < sum(check(repo, seed) for seed in range(7)) < 7


@pytest.mark.slow
def test_many_random_histories_come_out_as_git_has_them(repo: Repo) -> None:
    repo.git("tag", "start")
    assert 20 < sum(check(repo, seed) for seed in range(100, 220)) < 110
