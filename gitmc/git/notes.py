"""Notes, written by compare-and-swap: two writers without a lock lose nothing of one another's.

`git notes add` reads the ref, makes a commit and writes the ref whatever it is by then. Here a new
commit is put on top of exactly the one that was read, and if the ref has moved meanwhile, all is
read again. Notes are kept one folder deep (`ab/cdef…`), which git reads as it reads any depth, so
that a write costs the same with ten notes as with ten thousand. Anything can be annotated that has
an object name: commits, and trees too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from gitmc.errors import Fatal
from gitmc.git.refs import NOTHING, swap
from gitmc.git.run import Git, failure

ATTEMPTS = 1000
"""How often the race for the ref may be lost. Each time, somebody else's note was written."""

Change = Callable[[bytes], bytes]
"""What becomes of a note's text, which is empty where there is none yet."""


def read(git: Git, ref: str, objects: Iterable[str]) -> dict[str, bytes]:
    """By object: its note on `ref`, without those that have none."""
    tip = _tip(git, ref)
    return _read(git, tip, list(objects)) if tip else {}


def edit(git: Git, ref: str, changes: Mapping[str, Change], why: str) -> None:
    """Change the notes of objects on `ref`, all in one commit; none where no text changes.

    Raises CommandFailed, and Fatal where the ref never stands still.
    """
    for _ in range(ATTEMPTS):
        tip = _tip(git, ref)
        before = _read(git, tip, list(changes)) if tip else {}
        after = {name: change(before.get(name, b"")) for name, change in changes.items()}
        new = {name: text for name, text in after.items() if text != before.get(name, b"")}
        if not new or swap(git, ref, _commit(git, tip, new, why), tip or NOTHING, why):
            return
    raise Fatal(f"'{ref}' was moved by others {ATTEMPTS} times in a row")


def _tip(git: Git, ref: str) -> str | None:
    done = git.result("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    return done.stdout.decode().strip() if done.returncode == 0 else None


def _places(name: str) -> tuple[str, str, str]:
    """Where the note of the object may be: our own place first."""
    return f"{name[:2]}/{name[2:]}", name, f"{name[:2]}/{name[2:4]}/{name[4:]}"


def _read(git: Git, tip: str, objects: list[str]) -> dict[str, bytes]:
    asked = [(name, place) for name in objects for place in _places(name)]
    stdin = "".join(f"{tip}:{place}\n" for _, place in asked).encode()
    done = git.result("cat-file", "--batch", stdin=stdin)
    if done.returncode != 0:
        raise failure(("git", "cat-file", "--batch"), done.returncode, done.stderr)
    found: dict[str, bytes] = {}
    left = done.stdout
    for name, _ in asked:
        line, _, left = left.partition(b"\n")
        if line.endswith(b" missing"):
            continue
        size = int(line.rpartition(b" ")[2])
        found.setdefault(name, left[:size])
        left = left[size + 1 :]
    return found


def _commit(git: Git, tip: str | None, notes: Mapping[str, bytes], why: str) -> str:
    """A commit on top of `tip` with `notes`. No ref of any kind is made on the way."""
    branch = b"refs/notes/of-git-mc"
    nothing = b"0" * len(next(iter(notes)))
    lines = [
        b"commit " + branch,
        b"mark :1",
        b"committer " + git("var", "GIT_COMMITTER_IDENT").encode("utf-8", "surrogateescape"),
        _data(why.encode() + b"\n"),
        *([b"from " + tip.encode()] if tip else []),
    ]
    for name, text in notes.items():
        place, *others = (other.encode() for other in _places(name))
        lines += [b"D " + other for other in others] if tip else []
        lines += [b"M 100644 inline " + place, _data(text)]
    lines += [b"", b"get-mark :1", b"reset " + branch, b"from " + nothing, b"", b"done"]
    argv = ["fast-import", "--quiet", "--done", "--date-format=raw"]
    done = git.result(*argv, stdin=b"\n".join([*lines, b""]))
    if done.returncode != 0:
        raise failure(("git", *argv), done.returncode, done.stderr)
    return done.stdout.decode().strip()


def _data(content: bytes) -> bytes:
    return b"data %d\n%b" % (len(content), content)
