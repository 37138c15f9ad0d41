"""A fold is what merging the branches one after another would be, without any ref or worktree."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gitmc.errors import Refused
from gitmc.git.commit import Commits, make
from gitmc.git.fold import Fold
from gitmc.git.merge import Merger
from gitmc.git.run import Git
from tests.support.situations import FILE, Chance, Tree, stored
from tests.support.world import Repo


def merger(repo: Repo) -> Merger:
    return Merger(Git(repo.path), repo.path / ".git")


def branches(repo: Repo, count: int) -> tuple[str, list[str]]:
    """A target, and branches from the commit before it, each with two commits of its own."""
    base: Tree = {b"d%d/f" % number: (FILE, b"1\n") for number in range(count)}
    changed = [base | {b"d%d/f" % number: (FILE, b"2\n")} for number in range(count)]
    [[root, target, *middle]] = stored(repo.path, [(base, base | {b"t": (FILE, b"t\n")}, *changed)])
    heads = []
    for number, commit in enumerate(middle):
        more = repo.git("hash-object", "-w", "--stdin", stdin=f"{number}\n")
        repo.git("read-tree", commit)
        repo.git("update-index", "--add", "--cacheinfo", f"100644,{more},new-{number}")
        heads.append(repo.git("commit-tree", "-p", commit, "-m", "more", repo.git("write-tree")))
    repo.git("read-tree", "HEAD")
    assert root != target
    return target, heads


def by_hand(repo: Repo, place: Path, target: str, heads: list[str]) -> str:
    """The tree that git comes to with a worktree."""
    repo.git("worktree", "add", "--quiet", "--detach", str(place), target)
    for head in heads:
        repo.git("merge", "--quiet", "--no-ff", "-m", "merge", head, cwd=place)
    return repo.git("rev-parse", "HEAD^{tree}", cwd=place)


@pytest.mark.parametrize("squash", [False, True])
def test_a_fold_is_what_merging_one_after_another_comes_to(
    repo: Repo, tmp_path: Path, squash: bool
) -> None:
    target, heads = branches(repo, 5)
    before = repo.git("for-each-ref")
    fold = Fold(merger(repo), target)
    tips = [target]
    for head in heads:
        merged = fold.add(head)
        assert (merged.conflicts, merged.engine) == ((), "libgit2")
        assert fold.tip == tips[-1], "nothing is there before it is committed"
        tips.append(fold.commit(f"Merge {head}", squash=squash))
        assert (fold.tip, fold.tree) == (tips[-1], merged.tree)
    assert repo.git("for-each-ref") == before
    for tip, parent, head in zip(tips[1:], tips, heads, strict=False):
        parents = [parent] if squash else [parent, head]
        assert repo.git("log", "-1", "--format=%P%n%s", tip).splitlines() == [
            " ".join(parents), f"Merge {head}"
        ]  # fmt: skip
        assert repo.head(f"{tip}^{{tree}}") != repo.head(f"{parent}^{{tree}}")
    assert fold.tree == by_hand(repo, tmp_path / "by hand", target, heads)
    repo.git("fsck", "--strict", fold.tip)


def test_a_branch_in_conflict_leaves_the_chain_as_it_was(repo: Repo) -> None:
    base, one, two, three = ({b"a": (FILE, b"%d\n" % n), b"b": (FILE, b"1\n")} for n in range(4))
    other = base | {b"b": (FILE, b"2\n")}
    [[target, *heads]] = stored(repo.path, [(base, one, two, three, other)])
    fold = Fold(merger(repo), target)
    fold.add(heads[0])
    first = fold.commit("one")
    for head in heads[1:3]:
        merged = fold.add(head)
        assert (merged.tree, [clash.path for clash in merged.conflicts]) == (None, ["a"])
        with pytest.raises(ValueError, match="nothing was added"):
            fold.commit("two")
        assert fold.tip == first
    assert fold.add(heads[3]).tree
    assert repo.files(fold.commit("four")) == {"a": "1", "b": "2"}


def test_a_branch_that_brings_nothing_is_the_tree_that_is_there(repo: Repo) -> None:
    target, heads = branches(repo, 2)
    fold = Fold(merger(repo), target)
    assert fold.add(f"{target}").tree == fold.tree
    fold.add(heads[0])
    fold.commit("one")
    for head in (heads[0], repo.head(f"{heads[0]}^"), target):
        assert fold.add(head).tree == fold.tree


@pytest.mark.parametrize("squash", [False, True])
def test_a_branch_on_top_of_another_brings_only_its_own(repo: Repo, squash: bool) -> None:
    target = repo.commit({"a": "1\n", "b": "1\n", "c": "1\n"})
    lower = repo.commit({"a": "2\n"})
    reverting = repo.commit({"a": "1\n", "b": "2\n"})
    repo.git("checkout", "--quiet", "--detach", target)
    other = repo.commit({"c": "2\n"})
    fold = Fold(merger(repo), target)
    for head in (lower, other, reverting):
        merged = fold.add(head)
        again = merger(repo).merge(fold.tip, head)
        assert (merged.tree, merged.conflicts) == (again.tree, again.conflicts)
        assert merged.tree == repo.git("merge-tree", "--write-tree", fold.tip, head)
        fold.commit("next", squash=squash)
    # What a branch has taken back that was merged before it is taken back there too.
    expected = {"a": "2" if squash else "1", "b": "2", "c": "2"}
    assert {name: text for name, text in repo.files(fold.tip).items() if name in "abc"} == expected


def test_what_was_brought_by_a_branch_with_two_merge_bases_is_known(repo: Repo) -> None:
    root = repo.commit({"a": "1\n", "b": "1\n", "c": "1\n"})
    left = repo.commit({"a": "2\n"})
    repo.git("checkout", "--quiet", "--detach", root)
    right = repo.commit({"b": "2\n"})
    both = repo.git("merge-tree", "--write-tree", left, right)
    target = repo.git("commit-tree", "-p", left, "-p", right, "-m", "x", both)
    repo.git("checkout", "--quiet", "--detach",
             repo.git("commit-tree", "-p", right, "-p", left, "-m", "y", both))  # fmt: skip
    lower = repo.commit({"c": "2\n"})
    repo.commit({"c": "1\n", "d": "1\n"})
    # With the target in it, it has one merge base with the target, but not with the chain.
    words = ("-p", lower, "-p", target, "-m", "z")
    upper = repo.git("commit-tree", *words, repo.head("HEAD^{tree}"))
    fold = Fold(merger(repo), target)
    assert fold.add(lower).engine == "git"
    fold.commit("lower")
    assert fold.add(upper).tree == repo.git("merge-tree", "--write-tree", fold.tip, upper)
    assert repo.files(fold.commit("upper"))["c"] == "1"


def test_any_chain_is_what_git_makes_of_it(repo: Repo) -> None:
    chance = Chance(random.Random(5))
    situations = []
    for _ in range(6):
        base = chance.base()
        situations.append((base, *(chance.side(base, set()) for _ in range(8))))
    engines = set()
    for target, *heads in stored(repo.path, situations):
        fold = Fold(merger(repo), target)
        for head in heads:
            merged = fold.add(head)
            again = Git(repo.path).result("merge-tree", "--write-tree", fold.tip, head)
            tree = again.stdout.decode("latin-1").split("\n")[0] if not again.returncode else None
            assert merged.tree == tree
            engines.add(merged.engine)
            if merged.tree is not None:
                fold.commit("next", squash=chance.random.random() < 0.5)
    assert engines == {"git", "libgit2"}


def test_an_unrelated_branch_is_refused(repo: Repo) -> None:
    target, _ = branches(repo, 1)
    other = repo.git("commit-tree", "-m", "other", repo.head("HEAD^{tree}"))
    with pytest.raises(Refused, match="no commit in common"):
        Fold(merger(repo), target).add(other)


def test_a_repository_that_is_left_to_git_is_folded_by_git(repo: Repo) -> None:
    target, heads = branches(repo, 3)
    expected = Fold(merger(repo), target)
    repo.git("config", "core.sharedRepository", "group")
    fold = Fold(merger(repo), target)
    for head in heads:
        assert (fold.add(head).engine, expected.add(head).engine) == ("git", "libgit2")
        assert fold.commit("merge") == expected.commit("merge")


MESSAGES = ["one", "one\n\ntwo\n\n", "", "  ü\n", "\udcff", "# no comment\n\nMc-Job: one"]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_commit_made_in_process_is_the_one_that_git_makes(repo: Repo, message: str) -> None:
    git, tree, head = Git(repo.path), repo.head("HEAD^{tree}"), repo.head()
    repo.git("config", "user.name", "Nobody: the environment counts")
    for parents in ([head], [], [head, repo.commit({"a": "1"})]):
        made = Commits(git, merger(repo).in_process).make(tree, parents, message)
        assert made == make(git, tree, parents, message)
        assert made == Commits(git, None).make(tree, parents, message)


def test_who_commits_is_whoever_git_says(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        for part in ("NAME", "EMAIL", "DATE"):
            monkeypatch.delenv(f"GIT_{role}_{part}")
    repo.git("config", "user.name", "Änne <x> Author")
    repo.git("config", "user.email", "a@example.invalid")
    tree = repo.head("HEAD^{tree}")
    made = Commits(Git(repo.path), merger(repo).in_process).make(tree, [], "one")
    assert repo.git("log", "-1", "--format=%an|%ae|%cn|%ce", made) == (
        "Änne x Author|a@example.invalid|Änne x Author|a@example.invalid"
    )


def test_nobody_commits_where_git_knows_nobody(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        for part in ("NAME", "EMAIL"):
            monkeypatch.delenv(f"GIT_{role}_{part}")
    repo.git("config", "user.useConfigOnly", "true")
    with pytest.raises(Exception, match="no email was given"):
        Commits(Git(repo.path), merger(repo).in_process).make(repo.head("HEAD^{tree}"), [], "one")


def test_commits_are_signed_where_the_settings_say_so(repo: Repo, tmp_path: Path) -> None:
    program = tmp_path / "sign"
    program.write_text(
        "#!/bin/sh\ncat >/dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\necho '-----BEGIN PGP'\n"
    )
    program.chmod(0o755)
    repo.git("config", "gpg.program", str(program))
    repo.git("config", "commit.gpgSign", "true")
    target, heads = branches(repo, 1)
    fold = Fold(merger(repo), target)
    assert fold.add(heads[0]).engine == "libgit2"
    assert "\ngpgsig -----BEGIN PGP" in repo.git("cat-file", "commit", fold.commit("signed"))


def test_another_encoding_is_named_as_git_names_it(repo: Repo) -> None:
    repo.git("config", "i18n.commitEncoding", "latin1")
    tree = repo.head("HEAD^{tree}")
    made = Commits(Git(repo.path), merger(repo).in_process).make(tree, [], "\udce4")
    assert "\nencoding latin1\n" in repo.git("cat-file", "commit", made)
