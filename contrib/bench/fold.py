"""Benchmark of the merge engine: folding many branches into one chain of merge commits.

    python contrib/bench/fold.py [--branches N,N] [--files N,N] [--rounds N] [--sample N]
        [--squash] [--markdown]

Each branch has one or two commits that edit and add files of its own. Beside the fold, in turn and
in one run, stand `git merge --no-ff` in a worktree and `git merge-tree` with `git commit-tree`, for
the first few of the same branches. Milliseconds are for one branch. Every round begins with a new
copy of the repository, so that no object is there already.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

import pygit2
from bench import Row, show, timed

from gitmc.git.fold import Fold
from gitmc.git.merge import Merger
from gitmc.git.run import Git

APART = 7919
"""A prime: files that are so far from one another lie in different folders."""


class Forest:
    """A packed repository with many branches, to be copied."""

    def __init__(self, root: Path, files: int, branches: int) -> None:
        self.template = root / "template"
        self.copies = root / "copies"
        self.count = 0
        stream = [_files(files)]
        for number in range(branches):
            stream += _branch(number, files, branches)
        subprocess.run(["git", "init", "-q", "-b", "main", self.template], check=True)
        git = Git(self.template)
        for key, value in {"user.name": "Bench", "user.email": "b@example.invalid"}.items():
            git("config", key, value)
        git("config", "gc.auto", "0")
        git("fast-import", "--quiet", stdin="".join(stream).encode())
        git("repack", "-adq")
        git("pack-refs", "--all")
        *self.heads, self.target = git("for-each-ref", "--format=%(objectname)").split()

    def copy(self) -> Git:
        """git in a new copy."""
        self.count += 1
        place = self.copies / str(self.count)
        shutil.copytree(self.template, place)
        return Git(place)


def _files(count: int) -> str:
    entries = []
    for number in range(count):
        text = f"{number}\n" * 200
        entries.append(f"M 100644 inline {_path(number)}\ndata {len(text)}\n{text}\n")
    return _commit("main", None, "".join(entries))


def _branch(number: int, files: int, branches: int) -> list[str]:
    edits = 3 if branches <= 512 else 1
    own = [number * edits + step for step in range(edits) if number * edits + step < files]
    changed = "".join(
        f"M 100644 inline {_path(file * APART % files)}\ndata 6\nhello\n\n" for file in own
    )
    beside = _path(number * APART % files)
    added = f"M 100644 inline {beside}-{number}\ndata 4\nnew\n\n"
    if number % 2:
        return [_commit(f"b/{number:05}", "main", changed + added)]
    more = f"M 100644 inline n{number % 50}/{number}\ndata 4\nnew\n\n"
    return [
        _commit(f"b/{number:05}", "main", changed),
        _commit(f"b/{number:05}", None, added + more),
    ]


def _path(number: int) -> str:
    return f"d{number // 40:04}/f{number:05}"


def _commit(branch: str, parent: str | None, entries: str) -> str:
    parents = f"from refs/heads/{parent}\n" if parent else ""
    who = "committer Bench <b@example.invalid> 1767322000 +0000"
    return f"commit refs/heads/{branch}\n{who}\ndata {len(branch)}\n{branch}\n{parents}{entries}\n"


def fold(git: Git, target: str, heads: list[str], *, squash: bool) -> str:
    """The tip of the chain, made by git mc."""
    chain = Fold(Merger(git, git.folder / ".git"), target)
    for head in heads:
        assert chain.add(head).engine == "libgit2"
        chain.commit(f"Merge {head}", squash=squash)
    return chain.tree


def by_merge_tree(git: Git, target: str, heads: list[str]) -> str:
    """The same with two processes for each branch."""
    tip, tree = target, ""
    for head in heads:
        tree = git("merge-tree", "--write-tree", tip, head)
        tip = git("commit-tree", "-p", tip, "-p", head, "-m", f"Merge {head}", tree)
    return tree


def by_worktree(git: Git, heads: list[str]) -> str:
    """The same as anybody would do it by hand."""
    for head in heads:
        git("merge", "-q", "--no-ff", "-m", f"Merge {head}", head)
    return git("rev-parse", "HEAD^{tree}")


def one_round(forest: Forest, sample: int, *, squash: bool) -> tuple[float, float, float]:
    """Milliseconds for one branch: of ours, by merge-tree, and in a worktree."""
    ours, plain, worktree = (forest.copy() for _ in range(3))
    worktree("reset", "-q", "--hard")
    target, heads, few = forest.target, forest.heads, forest.heads[:sample]
    trees: list[str] = []
    took = (
        timed(lambda: fold(ours, target, heads, squash=squash)) / len(heads),
        timed(lambda: trees.append(by_merge_tree(plain, target, few))) / len(few),
        timed(lambda: trees.append(by_worktree(worktree, few))) / len(few),
    )
    assert trees == [fold(ours, target, few, squash=squash)] * 2
    for git in (ours, plain, worktree):
        shutil.rmtree(git.folder)
    return took


def rows(forest: Forest, name: str, rounds: int, sample: int, *, squash: bool) -> list[Row]:
    """The fold against both other ways; a round before the first does not count."""
    took = [one_round(forest, sample, squash=squash) for _ in range(rounds + 1)][1:]
    median = statistics.median
    return [
        Row(
            name,
            floor,
            median(each[0] for each in took),
            median(each[place] for each in took),
            median(each[0] / each[place] for each in took),
            budget,
        )
        for place, floor, budget in (
            (1, "git merge-tree + commit-tree", ""),
            (2, "git merge --no-ff in a worktree", "2 ms"),
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="the merge engine, as ratios")
    parser.add_argument("--branches", default="64,512,2048")
    parser.add_argument("--files", default="2000,20000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sample", type=int, default=16)
    parser.add_argument("--squash", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"libgit2 {pygit2.LIBGIT2_VERSION}")
    root = Path(tempfile.mkdtemp(prefix="git-mc-bench-"))
    found: list[Row] = []
    try:
        for files in map(int, options.files.split(",")):
            for branches in map(int, options.branches.split(",")):
                forest = Forest(root / f"{files}-{branches}", files, branches)
                name = f"fold of {branches} branches, {files} files, a branch"
                found += rows(forest, name, options.rounds, options.sample, squash=options.squash)
                shutil.rmtree(root / f"{files}-{branches}")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    show(found, markdown=options.markdown)


if __name__ == "__main__":
    main()
