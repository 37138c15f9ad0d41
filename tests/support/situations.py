"""Three trees as they come about when two agents work on one: drawn from a source of chance.

Both sides tend to the same few folders, where what one does to a folder is in the way of what the
other does in it. Half of the situations keep to names that the other side has left alone, since
these are what is merged without git.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

Tree = dict[bytes, tuple[str, bytes]]
"""Mode and content by path; the content of a submodule is the name of a commit."""

FILE, PROGRAM, LINK, MODULE = "100644", "100755", "120000", "160000"

ATTRIBUTES = "*.u merge=union\n*.bin binary\n*.crlf text eol=crlf\n"
"""To be put into `info/attributes` where merges are compared."""

FOLDERS = (b"", b"a", b"a/b", b"a/b/c", b"d", b"d/e", b"d/a", b"src", b"src/lib", b"src/lib/deep")
NAMES = (
    *(b"f", b"g", b"h", b"F", b"x.u", b"y.bin", b"z.crlf", b"a", b"b", b"d", b"README"),
    *(b"-dash", b"sp ace", b'quo"te', b"new\nline", b"\xff\xfe", b"\xc3\xbc", b"a.b", b"a-b"),
)


class Chance:
    """Draws trees and what is done to them."""

    def __init__(self, source: random.Random) -> None:
        self.random = source

    def situation(self) -> tuple[Tree, Tree, Tree]:
        """A base and two sides."""
        base = self.base()
        apart = self.random.random() < 0.5
        ours = self.side(base, set())
        touched = {path for path in base.keys() | ours.keys() if base.get(path) != ours.get(path)}
        theirs = self.side(base, touched if apart else set())
        return (base, ours, theirs) if self.random.random() < 0.5 else (base, theirs, ours)

    def base(self) -> Tree:
        """A tree of some files, in a few folders."""
        folders = self.random.sample(FOLDERS, self.random.randint(1, 5))
        count = self.random.randint(1, 12)
        return possible({self.path(folders): self.blob() for _ in range(count)})

    def side(self, base: Tree, without: set[bytes]) -> Tree:
        """What somebody makes of `base` in a few steps that leave the paths `without` alone."""
        tree = dict(base)
        for _ in range(self.random.randint(1, 4)):
            after = possible(self.random.choice(STEPS)(self, dict(tree)))
            changed = (
                path for path in tree.keys() | after.keys() if tree.get(path) != after.get(path)
            )
            if without.isdisjoint(changed):
                tree = after
        return tree

    def path(self, folders: Iterable[bytes]) -> bytes:
        """A path in one of `folders`."""
        return inside(self.random.choice(list(folders)), self.random.choice(NAMES))

    def lines(self, most: int = 12) -> list[bytes]:
        """Lines that are often alike."""
        kinds = self.random.choice((b"ab{}", b"abcdefghijklmnop", b"x"))
        count = self.random.randint(1, most)
        return [bytes([self.random.choice(kinds)]) + b"\n" for _ in range(count)]

    def blob(self) -> tuple[str, bytes]:
        """A new file, or now and then something else."""
        kind = self.random.random()
        if kind < 0.04:
            return LINK, self.random.choice((b"f", b"../a", b"nowhere"))
        if kind < 0.08:
            return MODULE, b"%040x" % self.random.randint(1, 3)
        text = b"".join(self.lines())
        return PROGRAM if kind < 0.15 else FILE, text if kind < 0.9 else text.replace(
            b"\n", b"\r\n"
        )

    def edited(self, content: bytes) -> bytes:
        """The same text with some lines changed, put in or taken out; often at one of its ends."""
        lines = content.splitlines(keepends=True)
        for _ in range(self.random.randint(1, 2)):
            at = self.random.choice((0, len(lines), self.random.randint(0, len(lines))))
            lines[at : at + self.random.randint(0, 2)] = self.lines(2)
        return b"".join(lines)

    def any(self, tree: Tree) -> bytes:
        """One of the paths there are."""
        return self.random.choice(sorted(tree) or [b"f"])

    def folder(self, tree: Tree) -> bytes:
        """One of the folders there are, at whatever depth, or now and then the top."""
        parts = [path.split(b"/") for path in tree]
        found = {b"/".join(each[:depth]) for each in parts for depth in range(1, len(each))}
        return self.random.choice([*sorted(found), b""])

    def somewhere(self, tree: Tree) -> bytes:
        """A folder: there already, known from elsewhere, or below one of these."""
        place = self.random.choice((self.folder(tree), self.random.choice(FOLDERS), b"new"))
        return inside(place, b"sub") if self.random.random() < 0.2 else place


def edit(chance: Chance, tree: Tree) -> Tree:
    path = chance.any(tree)
    mode, content = tree.get(path, (FILE, b""))
    return tree | {
        path: (mode, chance.edited(content)) if mode in (FILE, PROGRAM) else chance.blob()
    }


def add(chance: Chance, tree: Tree) -> Tree:
    return tree | {chance.path([chance.folder(tree)]): chance.blob()}


def add_anywhere(chance: Chance, tree: Tree) -> Tree:
    return tree | {chance.path([chance.somewhere(tree)]): chance.blob()}


def copy(chance: Chance, tree: Tree) -> Tree:
    return tree | {chance.path([chance.somewhere(tree)]): tree.get(chance.any(tree), (FILE, b""))}


def remove(chance: Chance, tree: Tree) -> Tree:
    tree.pop(chance.any(tree), None)
    return tree


def remove_folder(chance: Chance, tree: Tree) -> Tree:
    gone = chance.folder(tree)
    return {path: blob for path, blob in tree.items() if not below(path, gone) or not gone}


def move(chance: Chance, tree: Tree) -> Tree:
    """Move a file; often it is edited too."""
    mode, content = tree.pop(chance.any(tree), (FILE, b"a\n"))
    if chance.random.random() < 0.4 and mode in (FILE, PROGRAM):
        content = chance.edited(content)
    return tree | {chance.path([chance.somewhere(tree)]): (mode, content)}


def move_folder(chance: Chance, tree: Tree) -> Tree:
    """Move a folder: elsewhere, into another, into itself, or to the top; perhaps not all of it."""
    old = chance.folder(tree)
    new = chance.random.choice((chance.somewhere(tree), inside(old, b"sub"), b"moved", b""))
    share, edits = chance.random.choice((0.6, 1, 1, 1)), chance.random.random() < 0.3
    moved: Tree = {}
    for path, (mode, content) in tree.items():
        goes = below(path, old) and chance.random.random() <= share
        if goes and edits and mode in (FILE, PROGRAM):
            content = chance.edited(content)
        rest = path[len(old) :].lstrip(b"/") if old else path
        moved[inside(new, rest) if goes else path] = (mode, content)
    return moved


def change_mode(chance: Chance, tree: Tree) -> Tree:
    path = chance.any(tree)
    mode, content = tree.get(path, (FILE, b"a\n"))
    others = {FILE: PROGRAM, PROGRAM: FILE, LINK: FILE, MODULE: MODULE}
    return tree | {path: (others[mode], content)}


def change_case(chance: Chance, tree: Tree) -> Tree:
    path = chance.any(tree)
    blob = tree.pop(path, (FILE, b"a\n"))
    return tree | {path.swapcase() if chance.random.random() < 0.5 else path.title(): blob}


def change_ends(chance: Chance, tree: Tree) -> Tree:
    path = chance.any(tree)
    mode, content = tree.get(path, (FILE, b"a\n"))
    crlf = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return tree | {path: (mode, crlf if mode in (FILE, PROGRAM) else content)}


def to_folder(chance: Chance, tree: Tree) -> Tree:
    """Make a file a folder, with the file in it."""
    path = chance.any(tree)
    blob = tree.pop(path, (FILE, b"a\n"))
    return tree | {inside(path, chance.random.choice((b"f", b"index"))): blob}


def to_file(chance: Chance, tree: Tree) -> Tree:
    """Make a folder a file."""
    old = chance.folder(tree) or b"d"
    left = {path: blob for path, blob in tree.items() if not below(path, old)}
    return left | {old: chance.blob()}


STEPS: tuple[Callable[[Chance, Tree], Tree], ...] = (
    *(edit, edit, edit, add, add, add, add_anywhere, add_anywhere, copy, remove, remove_folder),
    *(move, move, move_folder, move_folder, move_folder, change_mode, change_case, change_ends),
    *(to_folder, to_file),
)


def inside(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name


def below(path: bytes, folder: bytes) -> bool:
    return path.startswith(folder + b"/") or not folder


def possible(tree: Tree) -> Tree:
    """The part of `tree` that can be: no file where there is a folder."""
    folders = {path[:at] for path in tree for at, byte in enumerate(path) if byte == ord("/")}
    return {path: blob for path, blob in tree.items() if path not in folders}


def stored(repository: Path, situations: Iterable[tuple[Tree, ...]]) -> list[list[str]]:
    """Commit the trees of each situation, the first as the parent of the others; the commits."""
    stream: list[bytes] = []
    sizes = []
    mark = 0
    for trees in situations:
        root = mark + 1
        for tree in trees:
            mark += 1
            stream.append(b"commit refs/heads/import\nmark :%d\n" % mark)
            stream.append(b"committer A <a@b> 1700000000 +0000\ndata 1\nx\n")
            stream.append(b"from :%d\n" % root if mark != root else b"from " + b"0" * 40 + b"\n")
            stream.append(b"deleteall\n")
            for path, (mode, content) in tree.items():
                stream.append(_entry(path, mode, content))
            stream.append(b"\nget-mark :%d\n" % mark)
        sizes.append(len(trees))
    argv = ["git", "fast-import", "--quiet", "--force"]
    done = subprocess.run(
        argv, cwd=repository, input=b"".join(stream), stdout=subprocess.PIPE, check=True
    )
    names = iter(done.stdout.decode().split())
    return [[next(names) for _ in range(size)] for size in sizes]


def _entry(path: bytes, mode: str, content: bytes) -> bytes:
    quoted = b'"' + b"".join(b"\\%03o" % byte for byte in path) + b'"'
    if mode == MODULE:
        return b"M 160000 %s %s\n" % (content, quoted)
    return b"M %s inline %s\ndata %d\n%s\n" % (mode.encode(), quoted, len(content), content)
