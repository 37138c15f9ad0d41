"""Pinning work that is about to be removed: commits with all that it takes to have it again."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from gitmc.git.refs import NOTHING, swap
from gitmc.git.run import Git, failure

UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "sequencer": "a series of picks",
    "BISECT_LOG": "a bisection",
}
"""What a worktree's git directory has while something is not finished."""

ALONG = (
    *("MERGE_MSG", "MERGE_MODE", "MERGE_RR", "MERGE_AUTOSTASH", "SQUASH_MSG", "REBASE_HEAD"),
    *("BISECT_START", "BISECT_TERMS", "BISECT_NAMES", "BISECT_EXPECTED_REV", "BISECT_FIRST_PARENT"),
    *("ORIG_HEAD", "BISECT_ANCESTORS_OK", "BISECT_RUN"),
)
"""What goes with it."""

OWN_REFS = ("refs/worktree", "refs/rewritten", "refs/bisect")
"""Refs that each worktree has for itself, and that go with it."""

SOMEBODY = {"NAME": "git mc", "EMAIL": "git-mc@localhost"}
"""Who commits where git was not told who does: salvage must not fail for that."""


def under_way(own: Path) -> list[str]:
    """What is not finished in the worktree with the git directory `own`, in words."""
    return sorted({word for name, word in UNDER_WAY.items() if (own / name).exists()})


def unfinished_files(own: Path) -> dict[str, bytes]:
    """All that git has written down about it, by name below `own`."""
    found: dict[str, bytes] = {}
    for name in (*UNDER_WAY, *ALONG):
        path = own / name
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            if file.is_file():
                found[file.relative_to(own).as_posix()] = file.read_bytes()
    return found


def own_refs(git: Git) -> list[tuple[str, str]]:
    """The refs that only this worktree has and that are commits, each with its commit."""
    printed = git("for-each-ref", "--format=%(objecttype) %(objectname) %(refname)", *OWN_REFS)
    lines = [line.split(" ", 2) for line in printed.splitlines()]
    return [(ref, name) for kind, name, ref in lines if kind == "commit"]


def commits_in(git: Git, texts: Iterable[bytes]) -> list[str]:
    """The commits whose whole names are in `texts`."""
    word = re.compile(rb"\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b")
    names = sorted({name.decode() for text in texts for name in word.findall(text)})
    if not names:
        return []
    asked = "\n".join([*names, ""]).encode()
    printed = git("cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=asked)
    return [line.partition(" ")[2] for line in printed.splitlines() if line.startswith("commit ")]


def beyond(git: Git, head: str | None, commits: Iterable[str]) -> list[str]:
    """As few of `commits` as hold all of them that `head` does not hold."""
    others = sorted(set(commits) - {head})
    if not others:
        return []
    known = [head] if head else []
    return [
        commit
        for commit in git("merge-base", "--independent", *known, *others).split()
        if commit != head
    ]


def tree_of(git: Git, files: Mapping[str, bytes], blobs: Iterable[str] = ()) -> str:
    """A tree of `files`, and of `blobs` under their own names in a folder `blobs`."""
    lines = []
    for name, content in files.items():
        blob = git("hash-object", "-w", "--stdin", stdin=content)
        lines.append(f"100644 {blob}\t{name}\0")
    lines += [f"100644 {blob}\tblobs/{blob}\0" for blob in blobs]
    with tempfile.TemporaryDirectory(prefix="git-mc-") as folder:
        aside = git.with_environment(GIT_INDEX_FILE=str(Path(folder, "index")))
        aside("update-index", "--add", "-z", "--index-info", stdin=os.fsencode("".join(lines)))
        return aside("write-tree")


def files_of(git: Git, commit: str) -> dict[str, bytes]:
    """The files of a commit's tree, less the folder `blobs`."""
    names = git("ls-tree", "-r", "-z", "--name-only", commit).split("\0")
    found = {}
    for name in names:
        if name and not name.startswith("blobs/"):
            done = git.result("cat-file", "blob", f"{commit}:{name}")
            if done.returncode != 0:
                raise failure(("git", "cat-file", "blob", name), done.returncode, done.stderr)
            found[name] = done.stdout
    return found


def commit(git: Git, tree: str, parents: Sequence[str], message: str) -> str:
    """A commit, made by the user or, where git does not know who that is, by git mc."""
    parent = [word for each in dict.fromkeys(parents) for word in ("-p", each)]
    for role in ("AUTHOR", "COMMITTER"):
        if git.result("var", f"GIT_{role}_IDENT").returncode != 0:
            who = {f"GIT_{role}_{key}": value for key, value in SOMEBODY.items()}
            git = git.with_environment(**who)
    utf8 = ("-c", "i18n.commitEncoding=UTF-8")
    return git(*utf8, "commit-tree", tree, *parent, "-F", "-", stdin=os.fsencode(message))


def pin(git: Git, names: Iterator[str], commit: str) -> str:
    """Keep `commit` under the first of `names` that is free; that one."""
    return next(name for name in names if swap(git, name, commit, NOTHING, "mc salvage"))


def pinned(git: Git, root: str) -> list[tuple[str, str, str]]:
    """The refs under `root`: name, commit and message of each, in the order of their names."""
    form = "--format=%(refname)%00%(objectname)%00%(contents)%00"
    words = git("for-each-ref", form, root).split("\0")
    return [
        (ref.removeprefix("\n"), name, text)
        for ref, name, text in zip(words[::3], words[1::3], words[2::3], strict=False)
    ]
