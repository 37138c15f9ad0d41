"""The Merger says what git says, whichever of its engines says it."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from gitmc.errors import Clash, Fatal, Refused
from gitmc.git.merge import Merged, Merger
from gitmc.git.run import Git
from tests.support.situations import Chance, stored
from tests.support.world import Repo

Tree = dict[str, tuple[str, str]]
"""Mode and content by path."""

FILE = "100644"


def commits(repo: Repo, *made: tuple[Tree, list[str]]) -> list[str]:
    """Commits of trees, each with its parents (`:1` is the first of them), without any checkout."""
    lines = []
    for number, (tree, parents) in enumerate(made, 1):
        lines.append(f"commit refs/import/{number}\nmark :{number}\n")
        lines.append("committer A <a@b> 1700000000 +0000\ndata 1\nx\n")
        for word, parent in zip(["from", "merge"], parents or ["0" * 40], strict=False):
            lines.append(f"{word} {parent}\n")
        lines.append("deleteall\n")
        for path, (mode, content) in tree.items():
            lines.append(f"M {mode} inline {path}\ndata {len(content.encode())}\n{content}\n")
        lines.append(f"\nget-mark :{number}\n")
    return repo.git("fast-import", "--quiet", "--force", stdin="".join(lines)).split()


def commit(repo: Repo, tree: Tree, *parents: str) -> str:
    """A commit of `tree`."""
    return commits(repo, (tree, list(parents)))[0]


def plain(repo: Repo, ours: str, theirs: str) -> tuple[str | None, tuple[str, ...]]:
    """What plain git makes of it: the tree, or the paths in conflict."""
    argv = ["git", "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs]
    done = subprocess.run(argv, cwd=repo.path, capture_output=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    tree, *paths = os.fsdecode(done.stdout).split("\0")
    if done.returncode == 0:
        return tree.strip(), ()
    return None, tuple(sorted({path for path in paths if path}))


def merger(repo: Repo) -> Merger:
    return Merger(Git(repo.path), repo.path / ".git")


def paths(outcome: Merged) -> tuple[str, ...]:
    return tuple(clash.path for clash in outcome.conflicts)


def merged(repo: Repo, ours: str, theirs: str) -> Merged:
    """What the Merger makes of it, once it is sure that git makes the same."""
    outcome = merger(repo).merge(ours, theirs)
    assert (outcome.tree, paths(outcome)) == plain(repo, ours, theirs)
    return outcome


def text(lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def three(repo: Repo, base: Tree, ours: Tree, theirs: Tree) -> tuple[str, str]:
    _, one, two = commits(repo, (base, []), (ours, [":1"]), (theirs, [":1"]))
    return one, two


def files(**contents: str) -> Tree:
    """A tree of plain files; `__` in a name is a slash."""
    return {name.replace("__", "/"): (FILE, content) for name, content in contents.items()}


def test_what_libgit2_would_merge_and_git_would_not_is_a_conflict(repo: Repo) -> None:
    base = files(f=text("dhaeehhfbjllkbdlh"))
    ours, theirs = files(f=text("deehcXhhfbjllkbdlh")), files(f=text("dhaeYehhfbjkbdlh"))
    outcome = merged(repo, *three(repo, base, ours, theirs))
    assert (outcome.conflicts, outcome.engine) == ((Clash("f", ("content",)),), "git")


def test_changes_to_different_files_need_no_process_to_merge(repo: Repo) -> None:
    base = files(a="1\n", b="2\n", c="3\n")
    ours = base | files(a="ours\n", d__new="4\n")
    theirs = base | files(b="theirs\n", e__new="5\n")
    outcome = merged(repo, *three(repo, base, ours, theirs))
    assert outcome.engine == "libgit2"
    assert repo.files(outcome.tree or "") == {
        "a": "ours", "b": "theirs", "c": "3", "d/new": "4", "e/new": "5"
    }  # fmt: skip


def test_a_merge_writes_nothing_but_objects(repo: Repo) -> None:
    ours, theirs = three(repo, files(a="1"), files(a="1", b="2"), files(a="1", c="3"))
    status, refs = repo.git("status", "--porcelain"), repo.git("for-each-ref")
    index = (repo.path / ".git/index").read_bytes()
    merged(repo, ours, theirs)
    assert (repo.git("status", "--porcelain"), repo.git("for-each-ref")) == (status, refs)
    assert (repo.path / ".git/index").read_bytes() == index


def test_a_commit_merged_with_what_it_contains_is_its_own_tree(repo: Repo) -> None:
    base = repo.head()
    tip = repo.commit({"a": "1"})
    for ours, theirs in ((base, tip), (tip, base), (tip, tip)):
        assert merged(repo, ours, theirs).tree == repo.head(f"{tip}^{{tree}}")


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "kind"),
    [
        (files(f="1\n"), files(f="2\n"), files(f="3\n"), "content"),
        (files(f="1\n"), {}, files(f="2\n"), "modify/delete"),
        ({}, files(f="2\n"), files(f="3\n"), "add/add"),
        (files(f="1\n"), files(f="1\n", g="2\n"), files(f="1\n", g__h="3\n"), "file/directory"),
    ],
    ids=["content", "delete and edit", "both add", "file and folder"],
)
def test_a_conflict_is_the_paths_that_git_lists(
    repo: Repo, base: Tree, ours: Tree, theirs: Tree, kind: str
) -> None:
    keep = files(keep="x\n")
    outcome = merged(repo, *three(repo, base | keep, ours | keep, theirs | keep))
    assert outcome.tree is None
    assert [clash.kinds for clash in outcome.conflicts] == [(kind,)]
    assert outcome.engine == "git"


def test_a_file_added_to_a_folder_that_was_renamed_is_what_git_says_it_is(repo: Repo) -> None:
    base = files(old__a=text("abcdef"), old__b=text("ghijkl"))
    ours = files(new__a=text("abcdef"), new__b=text("ghijkl"))
    theirs = base | files(old__c=text("mnopqr"))
    outcome = merged(repo, *three(repo, base, ours, theirs))
    assert (outcome.conflicts, outcome.engine) == ((Clash("new/c", ("file location",)),), "git")
    assert paths(merged(repo, *three(repo, base, theirs, ours))) == ("new/c",)


def test_a_renamed_file_takes_the_edits_of_the_other_side_along(repo: Repo) -> None:
    base = files(a=text("abcdefgh"))
    ours, theirs = files(b=text("abcdefgh")), files(a=text("abcdefgX"))
    outcome = merged(repo, *three(repo, base, ours, theirs))
    assert repo.files(outcome.tree or "") == {"b": text("abcdefgX").rstrip("\n")}


def test_unrelated_histories_are_refused(repo: Repo) -> None:
    one, two = commit(repo, files(a="1\n")), commit(repo, files(b="2\n"))
    with pytest.raises(Refused, match="the two branches have no commit in common"):
        merger(repo).merge(one, two)


def test_with_more_than_one_merge_base_git_decides(repo: Repo) -> None:
    root = commit(repo, files(a="1\n", b="1\n"))
    left, right = (
        commit(repo, files(a="2\n", b="1\n"), root),
        commit(repo, files(a="1\n", b="2\n"), root),
    )
    both = files(a="2\n", b="2\n")
    ours = commit(repo, both | files(c="3\n"), left, right)
    theirs = commit(repo, both | files(d="4\n"), right, left)
    assert merged(repo, ours, theirs).engine == "git"


SETTINGS = (
    *("merge.directoryRenames=true", "merge.directoryRenames=false", "merge.renames=false"),
    *("merge.renameLimit=1", "merge.renormalize=true", "merge.default=mine", "diff.renames=copies"),
    *("core.ignoreCase=true", "core.autocrlf=true", "merge.conflictStyle=diff3"),
)


@pytest.mark.parametrize("attribute", ["merge=mine", "merge=union", "binary", "text eol=crlf"])
def test_no_setting_and_no_attribute_changes_what_is_merged_in_process(
    repo: Repo, attribute: str
) -> None:
    repo.git("config", "merge.mine.driver", "false")
    (repo.path / ".git/info/attributes").write_text(f"* {attribute}\n")
    chance = Chance(random.Random(attribute))
    cases = stored(repo.path, [chance.situation() for _ in range(40)])
    for number, (_, ours, theirs) in enumerate(cases):
        key, _, value = SETTINGS[number % len(SETTINGS)].partition("=")
        repo.git("config", key, value)
        merged(repo, ours, theirs)
        repo.git("config", "--unset", key)


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_that_only_git_knows_leave_nothing_else_to_git(repo: Repo, setting: str) -> None:
    base = files(old__a="1\n", b="2\n", c="3\n")
    ours, theirs = files(new__a="1\n", b="2\n", c="3\n"), base | files(b="theirs\n", d="4\n")
    repo.git("config", *setting.split("="))
    assert merged(repo, *three(repo, base, ours, theirs)).engine == "libgit2"


@pytest.mark.parametrize("rule", ["f -merge", "f binary", "f merge=union", "f merge=mine"])
def test_attributes_count_as_they_do_for_git(repo: Repo, rule: str) -> None:
    base = repo.commit({".gitattributes": f"{rule}\n", "f": text("123456789")})
    repo.git("config", "merge.mine.driver", "cp %B %A")
    repo.git("checkout", "--quiet", "-b", "theirs")
    theirs = repo.commit({"f": text("12345678Y")})
    clashing = repo.commit({"f": text("Z2345678Y")})
    repo.git("checkout", "--quiet", "-B", "ours", base)
    ours = repo.commit({"f": text("X23456789")})
    merged(repo, ours, theirs)
    merged(repo, ours, clashing)


def test_a_commit_that_is_not_there_is_an_error_and_no_conflict(repo: Repo) -> None:
    with pytest.raises(Exception, match="1111111"):
        merger(repo).merge(repo.head(), "1" * 40)


def test_trees_are_merged_as_commits_of_them_are(repo: Repo) -> None:
    base = files(a="1\n", b="2\n", old__x=text("abcdef"))
    sides = [
        (base | files(a="ours\n"), base | files(b="theirs\n"), "libgit2"),
        (base | files(a="ours\n"), base | files(a="1\n", c="3\n"), "libgit2"),
        (files(b="2\n", new__x=text("abcdef")), base | files(old__x=text("abcdeX")), "git"),
        (base | files(a="ours\n"), base | files(a="theirs\n"), "git"),
    ]
    for ours, theirs, engine in sides:
        names = commits(repo, (base, []), (ours, [":1"]), (theirs, [":1"]))
        expected = plain(repo, *names[1:])
        for named in (names, [repo.head(f"{name}^{{tree}}") for name in names]):
            outcome = merger(repo).merge_trees(*named)
            assert (outcome.tree, paths(outcome), outcome.engine) == (*expected, engine)


def test_what_would_clash_is_told_without_writing_anything(repo: Repo) -> None:
    ours, theirs = three(repo, files(a="1", b="1"), files(a="2", b="1"), files(a="1", b="2"))
    before = repo.git("count-objects")
    assert merger(repo).clashes(ours, theirs) == ()
    assert repo.git("count-objects") == before
    ours, theirs = three(repo, files(a="1\n"), files(a="2\n"), files(a="3\n"))
    assert merger(repo).clashes(ours, theirs) == (Clash("a", ("content",)),)


def test_what_would_clash_with_an_unrelated_history_is_refused(repo: Repo) -> None:
    one, two = commit(repo, files(a="1\n")), commit(repo, files(b="2\n"))
    with pytest.raises(Refused, match="the two branches have no commit in common"):
        merger(repo).clashes(one, two)


def simple(repo: Repo, number: int) -> tuple[str, str]:
    """Two sides that libgit2 merges wherever it may, and other ones for each number."""
    base = files(a="1\n", b="2\n")
    return three(repo, base, base | files(a=f"{number}\n"), base | files(b=f"{number}\n"))


@pytest.mark.parametrize(
    "meanwhile",
    [
        "gc --quiet --prune=now",
        "repack -a -d -q --write-midx",
        "repack -d -q --write-midx",
        "commit-graph write --reachable",
        "pack-refs --all",
    ],
)
def test_a_merger_sees_what_others_do_in_the_meantime(repo: Repo, meanwhile: str) -> None:
    merger_ = merger(repo)
    first = simple(repo, 3)
    repo.git("branch", "ours", first[0])
    repo.git("branch", "theirs", first[1])
    tree = merger_.merge(*first).tree
    assert tree
    repo.git(*meanwhile.split())
    second = simple(repo, 4)
    outcomes = [merger_.merge(*first), merger_.merge(*second)]
    assert [(each.tree, each.engine) for each in outcomes] == [
        (tree, "libgit2"),
        (plain(repo, *second)[0], "libgit2"),
    ]


def test_a_tree_that_was_pruned_is_written_again(repo: Repo) -> None:
    merger_ = merger(repo)
    ours, theirs = simple(repo, 3)
    repo.git("branch", "ours", ours)
    repo.git("branch", "theirs", theirs)
    tree = merger_.merge(ours, theirs).tree or ""
    repo.git("gc", "--quiet", "--prune=now")
    gone = subprocess.run(["git", "cat-file", "-e", tree], cwd=repo.path, check=False)
    assert gone.returncode != 0
    assert merger_.merge(ours, theirs) == Merged(tree, (), "libgit2")
    assert repo.files(tree) == {"a": "3", "b": "3"}


def test_a_merger_of_a_repository_that_is_gone_says_what_git_says(
    repo: Repo, tmp_path: Path
) -> None:
    ours, theirs = simple(repo, 1)
    merger_ = merger(repo)
    merger_.merge(ours, theirs)
    repo.path.rename(tmp_path / "elsewhere")
    with pytest.raises(Fatal, match="does not exist"):
        merger_.merge(ours, "1" * 40)
