"""What has landed: each proof alone, and what only looks like one."""

from __future__ import annotations

import pytest

from gitmc.git import landed
from gitmc.git.landed import TESTS, Question, how
from gitmc.git.run import Git
from tests.support.world import Repo

TEXT = "".join(f"line {number}\n" for number in range(30))


@pytest.fixture
def fork(repo: Repo) -> Repo:
    """A repository with a long file and a binary one, on the branch `side` of main."""
    (repo.path / "bin").write_bytes(b"\0one")
    repo.commit({"text": TEXT}, "fork")
    repo.git("checkout", "--quiet", "-b", "side")
    return repo


def proofs(repo: Repo, head: str = "side", target: str = "main") -> set[str]:
    """All tests that hold, each asked alone."""
    words = (Git(repo.path), repo.path / ".git", repo.head(head), repo.head(target))
    found = {test for test in TESTS if getattr(Question(*words), test)()}
    first = next((test for test in TESTS if test in found), None)
    assert how(*words) == first
    return found


def on(repo: Repo, branch: str, files: dict[str, str], message: str = "change") -> str:
    """Commit on a branch."""
    repo.git("checkout", "--quiet", branch)
    return repo.commit(files, message)


def edited(*lines: int, by: str = "edited") -> str:
    """The long text with some lines edited."""
    return "".join(
        f"{by} {number}\n" if number in lines else f"line {number}\n" for number in range(30)
    )


def test_a_branch_that_did_nothing(fork: Repo) -> None:
    assert "same" in proofs(fork)


def test_an_ancestor(fork: Repo) -> None:
    on(fork, "side", {"new": "1"})
    on(fork, "main", {"other": "1"})
    fork.git("merge", "--quiet", "--no-edit", "side")
    on(fork, "main", {"new": "2"})
    assert "ancestor" in proofs(fork)
    assert "same" not in proofs(fork)


def test_work_that_was_taken_back(fork: Repo) -> None:
    on(fork, "side", {"new": "1"})
    fork.git("revert", "--no-edit", "HEAD")
    on(fork, "main", {"other": "1"})
    assert proofs(fork) == {"no_change", "merge"}


def test_equal_files_by_unrelated_histories(fork: Repo) -> None:
    fork.git("checkout", "--quiet", "--orphan", "alone")
    fork.git("commit", "--quiet", "-m", "alone")
    assert proofs(fork, "alone") == {"same_tree"}
    fork.commit({"more": "1"})
    assert proofs(fork, "alone") == set()


def test_a_merge_that_would_add_nothing(fork: Repo) -> None:
    on(fork, "side", {"text": edited(2)})
    on(fork, "side", {"text": edited(2, 25)})
    on(fork, "main", {"text": edited(2)})
    on(fork, "main", {"text": edited(2, 25, 12)})
    assert proofs(fork) == {"merge"}


def test_a_merge_driver_that_keeps_one_side_proves_nothing(fork: Repo) -> None:
    fork.git("config", "merge.ours.driver", "true")
    on(fork, "main", {".gitattributes": "text merge=ours\n", "text": edited(5, by="theirs")})
    on(fork, "side", {"text": edited(5)})
    fork.git("checkout", "--quiet", "main")
    assert fork.git("merge-tree", "--write-tree", "main", "side") == fork.head("main^{tree}")
    assert proofs(fork) == set()


def test_commits_that_were_picked_one_by_one_and_written_over(fork: Repo) -> None:
    first = on(fork, "side", {"text": edited(2)})
    second = on(fork, "side", {"text": edited(2, 25)})
    on(fork, "main", {"text": edited(12)})
    fork.git("cherry-pick", second, first)
    on(fork, "main", {"text": edited(2, 12, 25, by="later")})
    assert proofs(fork) == {"patches"}


def test_one_commit_that_was_not_picked_is_missed(fork: Repo) -> None:
    first = on(fork, "side", {"text": edited(2)})
    on(fork, "side", {"text": edited(2, 25)})
    on(fork, "main", {"text": edited(12)})
    fork.git("cherry-pick", first)
    assert proofs(fork) == set()


def squashed(fork: Repo) -> None:
    """Two commits of `side`, as one on main."""
    on(fork, "side", {"text": edited(2)})
    (fork.path / "bin").write_bytes(b"\0two")
    on(fork, "side", {"text": edited(2, 3), "new": "1"})
    on(fork, "main", {"other": "1"})
    fork.git("merge", "--quiet", "--squash", "side")
    fork.git("commit", "--quiet", "-m", "squash")


def test_a_squash_whose_lines_were_written_over_since(fork: Repo) -> None:
    squashed(fork)
    on(fork, "main", {"text": edited(2, 3, by="later"), "new": "2"})
    assert proofs(fork) == {"patches"}


def test_a_squash_after_which_the_branch_went_on(fork: Repo) -> None:
    squashed(fork)
    on(fork, "side", {"late": "1"})
    assert proofs(fork) == set()


def test_what_a_merge_commit_put_in_is_not_forgotten(fork: Repo) -> None:
    picked = on(fork, "side", {"text": edited(2)})
    on(fork, "main", {"other": "1"})
    fork.git("cherry-pick", picked)
    base = fork.head("main~1")
    fork.git("checkout", "--quiet", "side")
    fork.git("merge", "--quiet", "--no-commit", base)
    fork.commit({"evil": "only in the merge\n"})
    assert proofs(fork) == set()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("  edited 2\n", "edited 2\n"),
        ("edited 2\t\n", "edited 2\n"),
        ("a b\n", "ab\n"),
        ("a\rindex 1\n", "a\rindex 2\n"),
    ],
    ids=["indent", "trailing", "inside", "return"],
)
def test_white_space_is_work(fork: Repo, ours: str, theirs: str) -> None:
    on(fork, "side", {"text": TEXT.replace("line 2\n", ours)})
    on(fork, "main", {"text": TEXT.replace("line 2\n", theirs)})
    assert proofs(fork) == set()


def test_a_mode_is_work(fork: Repo) -> None:
    (fork.path / "text").chmod(0o755)
    on(fork, "side", {"text": edited(2)})
    on(fork, "main", {"text": edited(2)})
    assert fork.head("side:text") == fork.head("main:text")
    assert proofs(fork) == set()


def test_another_change_of_a_binary_file_is_another_change(fork: Repo) -> None:
    (fork.path / "bin").write_bytes(b"\0ours")
    on(fork, "side", {})
    fork.git("checkout", "--quiet", "main")
    (fork.path / "bin").write_bytes(b"\0theirs")
    on(fork, "main", {})
    assert proofs(fork) == set()


def test_an_empty_commit_adds_nothing_and_hides_nothing(fork: Repo) -> None:
    on(fork, "side", {}, "empty")
    picked = on(fork, "side", {"text": edited(2)})
    on(fork, "main", {}, "empty as well")
    assert proofs(fork) == set()
    fork.git("cherry-pick", picked)
    on(fork, "main", {"text": edited(2, by="later")})
    assert proofs(fork) == {"patches"}


def test_work_that_landed_and_was_reverted_there_is_in_its_history(fork: Repo) -> None:
    picked = on(fork, "side", {"new": "1"})
    on(fork, "main", {"other": "1"})
    fork.git("cherry-pick", picked)
    fork.git("revert", "--no-edit", "HEAD")
    assert proofs(fork) == {"patches"}


@pytest.mark.parametrize("name", ["new\nline", "*", ":(top)x", "größe", 'q"'])
def test_paths_with_odd_names(fork: Repo, name: str) -> None:
    picked = on(fork, "side", {name: "1\n"})
    on(fork, "main", {"other": "1"})
    fork.git("cherry-pick", picked)
    on(fork, "main", {name: "2\n"})
    assert proofs(fork) == {"patches"}


def test_more_history_than_is_looked_through_proves_nothing(fork: Repo) -> None:
    picked = on(fork, "side", {"text": edited(2)})
    on(fork, "main", {"text": edited(20)})
    fork.git("cherry-pick", picked)
    script = "".join(
        f"commit refs/heads/main\ncommitter A <a@b> {number} +0000\ndata 1\nx\n"
        + ("from refs/heads/main^0\n" if number == 0 else "")
        + f"M 100644 inline text\ndata {len(str(number))}\n{number}\n"
        for number in range(landed.MOST_CANDIDATES)
    )
    fork.git("fast-import", "--quiet", "--force", stdin=script)
    assert proofs(fork) == set()
    fork.git("update-ref", "refs/heads/main", "main~10")
    assert proofs(fork) == {"patches"}
