"""Where two histories part is found in process as git finds it, or left to git."""

from __future__ import annotations

import random
import subprocess

import pytest

from gitmc.git.merge import Merger
from gitmc.git.run import Git
from tests.support.world import Repo


def histories(repo: Repo, source: random.Random, count: int, size: int) -> list[list[str]]:
    """`count` histories of `size` commits each with up to three parents, made by clocks of any
    kind; their commits."""
    stream = []
    for history in range(count):
        first = history * size
        straight = source.random() < 0.3
        for number in range(size):
            most = min(number, 1 if straight else source.choice((1, 1, 2, 2, 3)))
            before = range(max(0, number - 4), number)
            parents = source.sample(before, min(most, len(before)))
            when = 1_700_000_000 + source.choice((number, source.randint(-99_999, 99_999)))
            stream.append(f"commit refs/heads/h{history}\nmark :{first + number + 1}\n")
            stream.append(f"committer A <a@b> {when} +0000\ndata 1\nx\n")
            for word, parent in zip(["from", "merge", "merge"], parents, strict=False):
                stream.append(f"{word} :{first + parent + 1}\n")
            if not parents:
                stream.append(f"from {'0' * 40}\n")
            # Another file in each, so that no two are the same commit.
            stream.append(f"M 100644 inline {history}-{number}\ndata 1\nx\n\n")
            stream.append(f"get-mark :{first + number + 1}\n")
        # All of them are kept by one that contains them.
        stream.append(f"commit refs/heads/h{history}\n")
        stream.append("committer A <a@b> 1700000000 +0000\ndata 1\nx\n")
        stream.append(f"from :{first + size}\n")
        stream += [f"merge :{first + number}\n" for number in range(1, size)]
    names = repo.git("fast-import", "--quiet", "--force", stdin="".join(stream)).split()
    return [names[begin : begin + size] for begin in range(0, len(names), size)]


def compared(repo: Repo, pairs: list[tuple[str, str]]) -> int:
    """How many of the pairs have one merge base by our word; each of them has it by git's."""
    fast = Merger(Git(repo.path), repo.path / ".git").in_process
    assert fast is not None
    lines = repo.git("rev-list", "--all", "--parents").splitlines()
    parents = {commit: before for commit, *before in map(str.split, lines)}
    found = 0
    for ours, theirs in pairs:
        argv = ["git", "merge-base", "--all", ours, theirs]
        done = subprocess.run(argv, cwd=repo.path, capture_output=True, text=True, check=False)
        parting = fast.parting(ours, theirs)
        if parting is not None:
            found += 1
            assert done.stdout.split() == [parting.base]
            assert reach(parents, theirs) - reach(parents, ours) <= parting.own
    return found


def reach(parents: dict[str, list[str]], tip: str) -> set[str]:
    """All that `tip` contains, clocks or not: `git rev-list` may err where they are wrong."""
    seen: set[str] = set()
    left = [tip]
    while left:
        if (commit := left.pop()) not in seen:
            seen.add(commit)
            left += parents[commit]
    return seen


def some(repo: Repo, seed: int, count: int) -> list[tuple[str, str]]:
    source = random.Random(seed)
    made = histories(repo, source, count, 14)
    return [
        (source.choice(commits[6:]), source.choice(commits[3:])) for commits in made for _ in "ab"
    ]


@pytest.mark.parametrize("graph", [False, True], ids=["no commit-graph", "commit-graph"])
def test_a_merge_base_is_the_one_that_git_finds(repo: Repo, graph: bool) -> None:
    pairs = some(repo, 1, 35)
    if graph:
        repo.git("commit-graph", "write", "--reachable")
    found = compared(repo, pairs)
    assert 20 < found < len(pairs), "some have one base, and some have more"


@pytest.mark.slow
def test_many_merge_bases_are_those_that_git_finds(repo: Repo) -> None:
    pairs = some(repo, 2, 1200)
    assert compared(repo, pairs[:1200]) > 300
    repo.git("repack", "-adq", "--write-midx")
    repo.git("commit-graph", "write", "--reachable", "--changed-paths")
    assert compared(repo, pairs[1200:]) > 300


def test_a_straight_history_has_one_base(repo: Repo) -> None:
    commits = [repo.commit({"f": str(number)}) for number in range(4)]
    fast = Merger(Git(repo.path), repo.path / ".git").in_process
    assert fast is not None
    there, back = fast.parting(commits[1], commits[3]), fast.parting(commits[3], commits[1])
    assert there is not None and back is not None
    assert (there.base, set(there.own)) == (commits[1], {commits[2], commits[3]})
    assert (back.base, back.own) == (commits[1], frozenset())
