"""Refs move by compare-and-swap only, and commits are counted as git counts them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitmc.errors import CommandFailed, Refused
from gitmc.git.refs import (
    NOTHING,
    ahead,
    branch_tip,
    check_branch_name,
    commit_of,
    is_ancestor,
    swap,
    tips,
)
from gitmc.git.run import Git
from tests.support.world import Repo

REF = "refs/mc/base/one"


@pytest.fixture
def git(repo: Repo) -> Git:
    return Git(repo.path / ".git")


@pytest.fixture
def commits(repo: Repo) -> list[str]:
    return [repo.head(), repo.commit({"a": "1"}), repo.commit({"a": "2"})]


def test_a_ref_is_made_only_where_there_is_none(git: Git, commits: list[str]) -> None:
    assert swap(git, REF, commits[0], NOTHING, "made")
    assert commit_of(git, REF) == commits[0]
    assert not swap(git, REF, commits[1], NOTHING, "made again")
    assert not swap(git, REF, commits[0], NOTHING, "made again the same")
    assert commit_of(git, REF) == commits[0]
    assert git("reflog", "show", "--format=%gs", REF) == "made"


def test_a_ref_moves_only_from_where_it_is(git: Git, commits: list[str]) -> None:
    swap(git, REF, commits[0], NOTHING, "made")
    assert swap(git, REF, commits[1], commits[0], "moved")
    assert not swap(git, REF, commits[2], commits[0], "stale")
    assert commit_of(git, REF) == commits[1]
    assert git("reflog", "show", "--format=%gs", REF).splitlines() == ["moved", "made"]


def test_a_ref_that_is_not_there_does_not_move(git: Git, commits: list[str]) -> None:
    assert not swap(git, REF, commits[1], commits[0], "moved")
    assert commit_of(git, REF) is None


def test_a_ref_is_deleted_only_where_it_was_seen(git: Git, commits: list[str]) -> None:
    swap(git, REF, commits[0], NOTHING, "made")
    assert not swap(git, REF, NOTHING, commits[1], "stale")
    assert commit_of(git, REF) == commits[0]
    assert swap(git, REF, NOTHING, commits[0], "deleted")
    assert commit_of(git, REF) is None
    assert not swap(git, REF, NOTHING, commits[0], "deleted twice")


def test_a_ref_that_should_not_be_there_is_not_deleted(git: Git, commits: list[str]) -> None:
    swap(git, REF, commits[0], NOTHING, "made")
    assert not swap(git, REF, NOTHING, NOTHING, "nothing for nothing")
    assert commit_of(git, REF) == commits[0]


def test_what_is_not_a_race_is_an_error(git: Git, commits: list[str]) -> None:
    swap(git, REF, commits[0], NOTHING, "made")
    with pytest.raises(CommandFailed, match=f"'{REF}' exists; cannot create"):
        swap(git, f"{REF}/below", commits[0], NOTHING, "in the way")
    with pytest.raises(CommandFailed, match="git update-ref"):
        swap(git, REF, "1" * 40, commits[0], "no such commit")
    assert commit_of(git, REF) == commits[0]


SWAP = """
import sys
from pathlib import Path
from gitmc.git.refs import swap
from gitmc.git.run import Git
folder, ref, new, old = sys.argv[1:]
sys.stdin.readline()
print(swap(Git(Path(folder)), ref, new, old, "race"))
"""


def test_of_two_that_swap_at_once_one_wins(git: Git, commits: list[str]) -> None:
    swap(git, REF, commits[0], NOTHING, "made")
    argv = [sys.executable, "-c", SWAP, str(git.folder), REF]
    racers = [
        subprocess.Popen(
            [*argv, new, commits[0]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for new in commits[1:]
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [racer.communicate()[0].strip() for racer in racers]
    assert sorted(said) == ["False", "True"]
    assert commit_of(git, REF) == commits[1 + said.index("True")]


def test_refs_are_made_and_deleted_in_a_repository_of_sha256(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--object-format=sha256", tmp_path], check=True)
    commit = Repo(tmp_path).commit({"a": "1"})
    git = Git(tmp_path)
    assert swap(git, REF, commit, NOTHING, "made")
    assert commit_of(git, REF) == commit
    assert not swap(git, REF, commit, NOTHING, "made again")
    assert swap(git, REF, NOTHING, commit, "deleted")
    assert commit_of(git, REF) is None


def test_a_name_stands_for_a_commit_or_nothing(git: Git, repo: Repo, commits: list[str]) -> None:
    repo.git("tag", "-a", "-m", "words", "v1", commits[1])
    assert commit_of(git, "v1") == commits[1]
    assert commit_of(git, "HEAD~2") == commits[0]
    assert branch_tip(git, "main") == commits[2]
    for name in ("none", "HEAD^{tree}", "HEAD:a", "--all", "-h", "", "a b", "HEAD..HEAD~1"):
        assert commit_of(git, name) is None, name
    assert branch_tip(git, "v1") is None


@pytest.mark.parametrize("branch", ["main", "mc/fix", "größe", "a.b-c_d", "x@y"])
def test_a_good_branch_name_is_taken(git: Git, branch: str) -> None:
    check_branch_name(git, branch)


@pytest.mark.parametrize("branch", ["", "-x", "a..b", "a b", "a.lock", "/a", "a//b", "@{", "a:b"])
def test_a_bad_branch_name_is_refused(git: Git, branch: str) -> None:
    with pytest.raises(Refused, match=r"bad branch name .*: git does not allow it"):
        check_branch_name(git, branch)


def test_a_commit_contains_itself_and_what_is_below_it(git: Git, commits: list[str]) -> None:
    assert is_ancestor(git, commits[0], commits[2])
    assert is_ancestor(git, commits[1], commits[1])
    assert not is_ancestor(git, commits[2], commits[0])
    with pytest.raises(CommandFailed):
        is_ancestor(git, "1" * 40, commits[0])


def test_only_the_refs_asked_for_that_exist_are_told(git: Git, commits: list[str]) -> None:
    for name, commit in (("a", commits[0]), ("b/c", commits[1]), ("b/d", commits[2])):
        swap(git, f"refs/mc/{name}", commit, NOTHING, "made")
    refs = ["refs/mc/a", "refs/mc/b", "refs/mc/b/c", "refs/mc/none", "refs/heads/main"]
    assert tips(git, refs) == {
        "refs/mc/a": commits[0],
        "refs/mc/b/c": commits[1],
        "refs/heads/main": commits[2],
    }
    assert tips(git, []) == {}


def test_what_no_ref_can_be_called_is_not_asked_for(git: Git, commits: list[str]) -> None:
    odd = [
        "refs/heads/main:a",
        "refs/heads/main~1",
        "a\nb",
        "refs/heads/main^{tree}",
        "",
        "@{-1}",
        "refs/heads/a\u2028b",
    ]
    assert tips(git, odd) == {}
    assert tips(git, [*odd, "refs/heads/main"]) == {"refs/heads/main": commits[2]}


def test_hundreds_of_refs_are_told_in_one_call(git: Git, repo: Repo, commits: list[str]) -> None:
    refs = [f"refs/heads/mc/a-rather-long-name-of-a-branch-{n}" for n in range(300)]
    repo.git("update-ref", "--stdin", stdin="".join(f"create {r} {commits[1]}\n" for r in refs))
    assert tips(git, refs) == dict.fromkeys(refs, commits[1])


NAMES = ("a", "a.b", "mc/a", "mc/a.b-c", "A", "a+b", "\N{LATIN SMALL LETTER E WITH ACUTE}", "-a")
NO_NAMES = (
    "",
    ".",
    "..",
    "../a",
    "../../HEAD",
    "a/../a",
    "a//a",
    "a/",
    "./a",
    "a.lock",
    "a\n",
    "a..b",
)


@pytest.mark.parametrize("packed", [False, True])
def test_a_branch_is_where_git_says_however_it_is_kept(repo: Repo, packed: bool) -> None:
    door = Git(repo.path / ".git", refs=repo.path / ".git")
    commits = [repo.commit({"f": f"{number}\n"}) for number in range(3)]
    for name in NAMES:
        repo.git("update-ref", f"refs/heads/{name}", commits[0])
    if packed:
        repo.git("pack-refs", "--all")
        repo.git("update-ref", "refs/heads/a", commits[1])
    repo.git("symbolic-ref", "refs/heads/other", "refs/heads/a")
    repo.git("symbolic-ref", "refs/heads/nothing", "refs/heads/none")
    names = (*NAMES, "other", "nothing", "none", "main", "mc", "HEAD")
    known = {name: commit_of(Git(repo.path), f"refs/heads/{name}") for name in names}
    assert known["other"] == known["a"] == commits[1 if packed else 0]
    assert known["nothing"] is known["none"] is known["mc"] is None
    assert {name: branch_tip(door, name) for name in names} == known
    # In a worktree such a file is only a file.
    fake = repo.path / "refs/heads/a"
    fake.parent.mkdir(parents=True)
    fake.write_text(f"{commits[2]}\n")
    assert branch_tip(Git(repo.path), "a") == known["a"]
    refs = [f"refs/heads/{name}" for name in names]
    found = {ref: at for ref, name in zip(refs, names, strict=True) if (at := known[name])}
    assert tips(door, refs) == tips(Git(repo.path), refs) == found


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_name_is_no_branch_though_there_is_such_a_file(repo: Repo, name: str) -> None:
    folder = repo.path / ".git"
    repo.git("branch", "a")
    for path in ("a.lock", "a..b", "a\n"):
        (folder / "refs/heads" / path).write_text(f"{repo.head()}\n")
    assert branch_tip(Git(folder, refs=folder), name) is None


@pytest.mark.parametrize("text", ["", "x\n", "0123\n", "\xff", "A" * 40 + "\n"])
def test_a_file_that_is_damaged_is_for_git_to_judge(repo: Repo, text: str) -> None:
    folder = repo.path / ".git"
    (folder / "refs/heads/a").write_bytes(text.encode("latin-1"))
    assert branch_tip(Git(folder, refs=folder), "a") is None


def test_what_is_not_known_is_not_counted(git: Git, commits: list[str]) -> None:
    pairs = [(commits[0], commits[2]), ("", commits[1]), (commits[1], "")]
    assert ahead(git, pairs) == [2, None, None]
    assert ahead(git, [("", "")]) == [None]
    assert ahead(git, []) == []


def test_a_commit_that_is_not_there_spoils_only_its_own_pair(git: Git, commits: list[str]) -> None:
    gone = "1" * 40
    pairs = [(commits[0], commits[2]), (gone, commits[1]), (commits[1], gone)]
    assert ahead(git, pairs) == [2, None, None]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[tuple[int, list[int]]], list[tuple[int, int]]]:
    """Commits, each with its time and its parents among those before, and pairs of them."""
    count = draw(st.integers(1, 12))
    graph = []
    for number in range(count):
        below = range(number)
        parents = draw(st.lists(st.sampled_from(below), max_size=3, unique=True)) if below else []
        graph.append((draw(st.integers(0, 5)), parents))
    some = st.integers(0, count - 1)
    return graph, draw(st.lists(st.tuples(some, some), min_size=1, max_size=5))


def stream(graph: list[tuple[int, list[int]]]) -> Iterator[str]:
    for number, (time, parents) in enumerate(graph, 1):
        yield f"commit refs/import/{number}\nmark :{number}\n"
        yield f"committer A <a@b> {1_700_000_000 + time} +0000\ndata {len(str(number))}\n{number}\n"
        for parent, word in zip(parents, ["from", "merge", "merge"], strict=False):
            yield f"{word} :{parent + 1}\n"
        yield "\n"
    for number in range(1, len(graph) + 1):
        yield f"get-mark :{number}\n"


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50
)
@given(histories())
def test_commits_are_counted_as_git_counts_them(
    repo: Repo, case: tuple[list[tuple[int, list[int]]], list[tuple[int, int]]]
) -> None:
    graph, chosen = case
    made = repo.git("fast-import", "--quiet", "--force", stdin="".join(stream(graph))).split()
    pairs = [(made[base], made[head]) for base, head in chosen]
    counted = [int(repo.git("rev-list", "--count", f"{base}..{head}")) for base, head in pairs]
    assert ahead(Git(repo.path), pairs) == counted
