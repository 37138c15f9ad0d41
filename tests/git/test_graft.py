"""Putting the changes of one side onto the other comes out as git has it, or is left to git."""

from __future__ import annotations

import hashlib
import random
import resource
import subprocess
from collections.abc import Sequence

import pytest

from gitmc.git.graft import MOST_ENTRIES, Trees
from gitmc.git.merge import Merger
from gitmc.git.run import Git
from tests.support.situations import (
    ATTRIBUTES,
    FILE,
    LINK,
    MODULE,
    PROGRAM,
    Chance,
    Tree,
    stored,
)
from tests.support.world import Repo

Entry = tuple[str, bytes, str]
"""Mode, name and object of an entry of a tree."""


class Kept(dict[bytes, bytes]):
    """Trees in memory."""

    def put(self, raw: bytes) -> bytes:
        name = hashlib.sha1(b"tree %d\0" % len(raw) + raw, usedforsecurity=False).digest()
        self[name] = raw
        return name

    def folder(self, *entries: tuple[bytes, bytes]) -> bytes:
        """A tree of entries, each a mode with a name, and what it names."""
        return self.put(b"".join(mode + b"\0" + name for mode, name in entries))


def merger(repo: Repo) -> Merger:
    return Merger(Git(repo.path), repo.path / ".git")


def plain(repo: Repo, ours: str, theirs: str) -> str | None:
    """The tree that plain git makes of two commits; None where it finds conflicts."""
    argv = ["git", "merge-tree", "--write-tree", "--no-messages", "-z", ours, theirs]
    done = subprocess.run(argv, cwd=repo.path, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return None if done.returncode else done.stdout.partition(b"\0")[0].decode().strip()


def engine(repo: Repo, commits: Sequence[str]) -> str:
    """Which engine merges the last two of three commits; both ways round they are as git has it."""
    _, ours, theirs = commits
    expected = plain(repo, ours, theirs)
    there, back = (merger(repo).merge(*sides) for sides in ((ours, theirs), (theirs, ours)))
    assert (there.tree, back.tree) == (expected, plain(repo, theirs, ours))
    assert there.engine == back.engine
    return there.engine


def decided(repo: Repo, count: int, seed: int) -> int:
    """How many of `count` situations were merged in process; each of these as git has it."""
    (repo.path / ".git/info/attributes").write_text(ATTRIBUTES)
    chance = Chance(random.Random(seed))
    situations = [chance.situation() for _ in range(count)]
    fast = merger(repo).in_process
    assert fast is not None
    done = 0
    for trees, commits in zip(situations, stored(repo.path, situations), strict=True):
        tree = fast.graft(*commits)
        assert fast.disjoint(*commits) == (tree is not None)
        if tree is not None:
            done += 1
            assert tree == plain(repo, *commits[1:]), trees
    return done


def test_situations_of_agents_come_out_as_git_has_them(repo: Repo) -> None:
    assert decided(repo, 300, 1) > 100


@pytest.mark.slow
def test_many_situations_of_agents_come_out_as_git_has_them(repo: Repo) -> None:
    assert decided(repo, 4000, 2) > 1500


def of(*names: str, **contents: str) -> Tree:
    """A tree of plain files; `__` in a name is a slash. The content of `names` is their name."""
    blobs = {name: name for name in names} | contents
    return {
        name.replace("__", "/").encode(): (FILE, f"{content}\n".encode() * 9)
        for name, content in blobs.items()
    }


KEEP = of("keep")


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        (of(f="1"), of(f="2"), of(f="2")),
        (of(f="1"), {}, {}),
        ({}, of(f="1"), of(f="1")),
        ({}, of(d__e__f="1"), of(d__e__f="1")),
        (of("d__a"), of("d__a", d__b="1"), of("d__a", d__b="1")),
        ({}, of(n="1"), of(n__x="1")),
        ({}, of(n__x="1"), of(n__x__y="1")),
        (of(n="1"), of(n="2"), of(n__x="1")),
        (of(n="1"), of(n__x="1"), of(n__y="1")),
        (of(n="1"), {}, of(n__y="1")),
        (of("d__a", "d__b"), of(d="1"), of("d__a", "d__b", d__c="1")),
        (of("d__a", "d__b"), of(e__a="d__a", e__b="d__b"), of("d__a", "d__b", d__c="1")),
        (of("d__a", "d__b"), of(a="d__a", b="d__b"), of("d__a", "d__b", d__c="1")),
        (of("d__e__a"), of(x__e__a="d__e__a"), of("d__e__a", d__e__f__c="1")),
        (of("d__e__a"), of(d__x__a="d__e__a"), of("d__e__a", d__e__c="1")),
        (of("d__e__a"), of(x__a="d__e__a"), of("d__e__a", d__c="1")),
        (of("d__a", "f"), of("f", e__a="d__a"), of("d__a", d__f="f")),
        (of("d__a"), {}, of("d__a", d__b="1")),
    ],
    ids=[
        *("changed alike", "removed alike", "added alike", "folder added alike"),
        *("added alike in a folder", "file or folder", "file or folder, further down"),
        *("content or folder", "both a folder", "removed or a folder", "folder a file"),
        *("folder renamed", "folder moved to the top", "folder above renamed"),
        *("folder within renamed", "folder gone from within", "file moved into renamed folder"),
        *("folder removed",),
    ],
)
def test_a_name_that_both_sides_changed_is_left_to_git(
    repo: Repo, base: Tree, ours: Tree, theirs: Tree
) -> None:
    [commits] = stored(repo.path, [(KEEP | base, KEEP | ours, KEEP | theirs | of(own="1"))])
    assert engine(repo, commits) == "git"


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        (of("d__a", "d__b"), of("d__b", e__a="d__a"), of("d__a", "d__b", d__c="1")),
        (of("d__a", "d__b"), of(d__s__a="d__a", d__s__b="d__b"), of("d__a", "d__b", d__c="1")),
        (of("d__a", "d__b"), of("d__a"), of("d__b")),
        (of("d__a", "f"), of("d__a", g="f"), of("f", e__a="d__a")),
        ({}, of(d__a="1"), of(d__b="1")),
        (of("f"), of(f__x="f"), of("f", g="1")),
        (of("d__x"), of(d="1"), of("d__x", g="1")),
        (of("File"), of(file="File"), of("File", FILE="2")),
        (of("a"), of("a", **{"d.x": "1", "d-x": "1"}), of("a", d__x="1")),
        ({b"s": (MODULE, b"1" * 40)}, {b"s": (MODULE, b"2" * 40)}, {b"s": (MODULE, b"1" * 40)}),
        (of("a"), of("a", "b") | {b"s": (MODULE, b"2" * 40)}, of("a", c="1")),
        (of("a", "b"), of("b") | {b"a": (PROGRAM, b"x")}, of("a") | {b"b": (LINK, b"y")}),
    ],
    ids=[
        *("part of a folder moved", "folder moved into itself", "nothing left of a folder"),
        *("a file and a folder renamed", "one new folder", "file made a folder"),
        *("folder made a file", "another case", "names that sort beside a folder", "submodule"),
        *("new submodule", "modes"),
    ],
)  # fmt: skip
def test_names_that_one_side_has_left_alone_are_merged_in_process(
    repo: Repo, base: Tree, ours: Tree, theirs: Tree
) -> None:
    [commits] = stored(repo.path, [(KEEP | base, KEEP | ours, KEEP | theirs | of(own="1"))])
    assert engine(repo, commits) == "libgit2"


def test_two_sides_that_leave_nothing_make_the_empty_tree(repo: Repo) -> None:
    [commits] = stored(repo.path, [(of("a", "d__b"), of("a"), of("d__b"))])
    assert engine(repo, commits) == "libgit2"
    outcome = merger(repo).merge(*commits[1:])
    assert outcome.tree == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def test_names_are_bytes(repo: Repo) -> None:
    names = [b"new\nline", b'quo"te', b"\xff\xfe", b"-dash", b" ", b"tab\t", "ü".encode(), b"\\"]
    base = {name + b"/" + other: (FILE, b"1\n") for name in names for other in names}
    ours, theirs = dict(base), dict(base)
    for name in names:
        ours[name + b"/" + names[0]] = (FILE, b"2\n")
        theirs[name + b"/" + names[1]] = (FILE, b"3\n")
        ours[name + b"/own" + name] = theirs[name + b"/their" + name] = (FILE, b"4\n")
    [commits] = stored(repo.path, [(base, ours, theirs)])
    assert engine(repo, commits) == "libgit2"


def test_ten_thousand_changed_files_are_merged_in_process(repo: Repo) -> None:
    base = {b"d%03d/%d" % (number % 100, number): (FILE, b"1") for number in range(12_000)}
    sides: list[Tree] = [dict(base), dict(base)]
    for number, path in enumerate(base):
        if number % 6:
            sides[number % 2][path] = (FILE, b"2")
    [commits] = stored(repo.path, [(base, *sides)])
    assert engine(repo, commits) == "libgit2"


@pytest.mark.slow
def test_a_file_of_a_hundred_megabytes_is_not_read(repo: Repo) -> None:
    size = 100 * 2**20
    [commits] = stored(
        repo.path, [(of("a", "big"), of("a") | {b"big": (FILE, bytes(size))}, of("big", a="1"))]
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert engine(repo, commits) == "libgit2"
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < size / 4


def tree(repo: Repo, *entries: Entry) -> str:
    """A tree of just these entries, whatever git thinks of them."""
    raw = b"".join(
        mode.encode() + b" " + name + b"\0" + bytes.fromhex(found) for mode, name, found in entries
    )
    argv = ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"]
    done = subprocess.run(argv, cwd=repo.path, input=raw, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().strip()


def odd(repo: Repo, *inside: Entry) -> list[str]:
    """Three commits, in which two sides change two other files beside the entries `inside`."""
    one, two = (repo.git("hash-object", "-w", "--stdin", stdin=text) for text in "12")
    names: list[str] = []
    for own, their in ((one, one), (two, one), (one, two)):
        entries = [(FILE, b"own", own), (FILE, b"their", their), *inside]
        made = tree(repo, *sorted(entries, key=lambda entry: entry[1]))
        parent = ["-p", names[0]] if names else []
        names.append(repo.git("commit-tree", "-m", "x", *parent, made))
    return names


@pytest.mark.parametrize("mode", ["100664", "100600", "040000"])
def test_modes_that_git_would_not_write_are_left_to_git(repo: Repo, mode: str) -> None:
    blob = repo.git("hash-object", "-w", "--stdin", stdin="x")
    found = tree(repo, (FILE, b"f", blob)) if mode == "040000" else blob
    assert engine(repo, odd(repo, (mode, b"odd", found))) == "git"


def test_modes_where_only_one_side_changed_anything_are_kept_as_git_keeps_them(repo: Repo) -> None:
    one, two = (repo.git("hash-object", "-w", "--stdin", stdin=text) for text in "12")
    below = [tree(repo, ("100664", b"f", blob)) for blob in (one, two)]
    names: list[str] = []
    for own, inside in ((one, below[0]), (two, below[0]), (one, below[1])):
        made = tree(repo, ("40000", b"d", inside), (FILE, b"own", own))
        parent = ["-p", names[0]] if names else []
        names.append(repo.git("commit-tree", "-m", "x", *parent, made))
    assert engine(repo, names) == "libgit2"


def test_a_folder_with_nothing_in_it_is_left_to_git(repo: Repo) -> None:
    assert engine(repo, odd(repo, ("40000", b"none", tree(repo)))) == "git"


@pytest.mark.parametrize("second", [b"m", b"a"], ids=["names twice", "names out of order"])
def test_a_folder_that_is_not_in_order_is_left_to_git(repo: Repo, second: bytes) -> None:
    one, two = (repo.git("hash-object", "-w", "--stdin", stdin=text) for text in "12")
    names = []
    for own, their in ((one, one), (two, one), (one, two)):
        found = [(FILE, b"m", one), (FILE, second, two), (FILE, b"own", own)]
        names.append(tree(repo, *found, (FILE, b"their", their)))
    fast = merger(repo).in_process
    assert fast is not None
    assert fast.graft(*names) is None


ONE, TWO, THREE = (bytes([number]) * 20 for number in (1, 2, 3))


def test_a_file_that_both_sides_made_a_folder_is_not_read_as_one() -> None:
    kept = Kept()
    inside = [kept.folder((b"100644 x", name)) for name in (TWO, THREE)]
    base = kept.folder((b"100644 a", ONE))
    ours, theirs = (kept.folder((b"40000 a", name)) for name in inside)
    assert Trees(kept.__getitem__, kept.put).merged(base, ours, theirs) is None


def test_a_file_and_a_folder_of_one_name_are_left_to_git() -> None:
    kept = Kept()
    inside = kept.folder((b"100644 x", TWO))
    base = kept.folder((b"100644 a-b", ONE), (b"100644 z", ONE))
    twice = kept.folder((b"100644 a", ONE), (b"100644 a-b", ONE), (b"40000 a", inside))
    plain = kept.folder((b"100644 a", TWO), (b"100644 a-b", THREE), (b"100644 z", ONE))
    other = kept.folder((b"100644 a-b", ONE), (b"100644 y", ONE), (b"100644 z", ONE))
    trees = Trees(kept.__getitem__, kept.put)
    assert trees.merged(base, twice, plain) is None
    assert trees.merged(base, plain, twice) is None
    assert trees.merged(base, other, twice) is None
    assert trees.merged(base, other, plain) is not None


def test_no_more_trees_are_kept_than_there_is_room_for() -> None:
    kept, read = Kept(), list[bytes]()

    def reading(name: bytes) -> bytes:
        read.append(name)
        return kept[name]

    trees = Trees(reading, kept.put)
    many = [(b"100644 %06d" % number, ONE) for number in range(MOST_ENTRIES // 8)]
    base = kept.folder(*many)
    first, *others = (kept.folder(*many, (b"100644 x%d" % number, TWO)) for number in range(5))
    for other in others:
        tree = trees.merged(base, first, other)
        assert tree is not None
        assert kept[tree].count(b" x") == 2
    assert (read.count(base), read.count(first)) == (1, 1), "what is used all the time is kept"
    assert trees.merged(base, others[0], first) is not None
    assert read.count(others[0]) == 2, "what was not used for long is read again"
