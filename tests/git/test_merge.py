"""The Merger says what git says, whichever of its engines says it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitmc.errors import Clash, Refused
from gitmc.git.merge import Merged, Merger
from gitmc.git.run import Git
from tests.support.world import Repo

Tree = dict[str, tuple[str, str]]
"""Mode and content by path."""

FILE, PROGRAM, LINK = "100644", "100755", "120000"
FOLDERS = ("p", "q", "p/r", "s")
FRESH = ("p/new", "q/new", "s/new", "top", "p/r/new", "q")


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
    done = subprocess.run(argv, cwd=repo.path, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    tree, *paths = done.stdout.split("\0")
    if done.returncode == 0:
        return tree.strip(), ()
    return None, tuple(sorted({path for path in paths if path}))


def merger(repo: Repo) -> Merger:
    return Merger(Git(repo.path), repo.path / ".git")


@pytest.fixture
def one(repo: Repo) -> Merger:
    """One Merger for many merges."""
    return merger(repo)


def paths(outcome: Merged) -> tuple[str, ...]:
    return tuple(clash.path for clash in outcome.conflicts)


def merged(repo: Repo, ours: str, theirs: str, by: Merger | None = None) -> Merged:
    """What the Merger makes of it, once it is sure that git makes the same."""
    outcome = (by or merger(repo)).merge(ours, theirs)
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


def possible(tree: Tree) -> Tree:
    """The part of `tree` that can be: no file where there is a folder."""
    paths = sorted(tree)
    return {p: tree[p] for p in paths if not any(other.startswith(f"{p}/") for other in paths)}


contents = st.text("abc{", min_size=3, max_size=12).map(text)


@st.composite
def bases(draw: st.DrawFn) -> Tree:
    paths = st.sampled_from([f"{folder}/{name}" for folder in FOLDERS for name in "xyz"])
    chosen = draw(st.lists(paths, min_size=3, max_size=6, unique=True))
    return {path: (FILE, draw(contents)) for path in chosen} | {"top.txt": (FILE, text("abcdefgh"))}


@st.composite
def sides(draw: st.DrawFn, base: Tree) -> Tree:
    """What somebody makes of `base` in a few steps."""
    tree = dict(base)
    for _ in range(draw(st.integers(1, 3))):
        if not tree:
            break
        path = draw(st.sampled_from(sorted(tree)))
        mode, content = tree[path]
        lines = content.splitlines(keepends=True)
        at = draw(st.integers(0, len(lines)))
        match draw(st.sampled_from("eeeedarmlD")):
            case "e":
                cut = draw(st.integers(0, 2))
                lines[at : at + cut] = draw(contents).splitlines(keepends=True)[: 3 - cut]
                tree[path] = (mode, "".join(lines))
            case "d":
                del tree[path]
            case "a":
                tree[draw(st.sampled_from(FRESH))] = (FILE, draw(contents))
            case "r":
                del tree[path]
                tree[draw(st.sampled_from(FRESH))] = (mode, content)
            case "m":
                tree[path] = (PROGRAM if mode == FILE else FILE, content)
            case "l":
                tree[path] = (LINK, "elsewhere")
            case "D":
                old, new = draw(st.sampled_from(FOLDERS)), draw(st.sampled_from(["t", "s", "u/v"]))
                tree = {
                    new + p[len(old) :] if p.startswith(f"{old}/") else p: kept
                    for p, kept in tree.items()
                }
    return possible(tree)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Tree, Tree, Tree]:
    base = possible(draw(bases()))
    return base, draw(sides(base)), draw(sides(base))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=160,
)
@given(situations())
def test_any_merge_comes_out_as_git_has_it(
    repo: Repo, one: Merger, case: tuple[Tree, Tree, Tree]
) -> None:
    merged(repo, *three(repo, *case), by=one)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(st.data())
def test_both_sides_in_one_file_of_like_lines_come_out_as_git_has_it(
    repo: Repo, one: Merger, data: st.DataObject
) -> None:
    lines = data.draw(st.text("abcd", min_size=8, max_size=16))
    both = []
    for _ in range(2):
        side = lines
        for _ in range(2):
            at = data.draw(st.integers(0, len(side)))
            cut = data.draw(st.integers(0, 3))
            side = side[:at] + data.draw(st.text("abX", max_size=2)) + side[at + cut :]
        both.append(files(f=text(side)))
    ours, theirs = both
    merged(repo, *three(repo, files(f=text(lines)), ours, theirs), by=one)


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


def simple(repo: Repo) -> tuple[str, str]:
    """Two sides that libgit2 merges wherever it may."""
    base = files(a="1\n", b="2\n")
    return three(repo, base, base | files(a="ours\n"), base | files(b="theirs\n"))


@pytest.mark.parametrize(
    ("key", "value", "engine"),
    [
        ("merge.mine.driver", "true", "git"),
        ("merge.my own.driver", "true", "git"),
        ("merge.renames", "false", "git"),
        ("merge.directoryRenames", "true", "git"),
        ("merge.conflictStyle", "diff3", "libgit2"),
        ("merge.ff", "only", "libgit2"),
    ],
)
def test_settings_that_only_git_knows_leave_it_to_git(
    repo: Repo, key: str, value: str, engine: str
) -> None:
    repo.git("config", key, value)
    assert merged(repo, *simple(repo)).engine == engine


def test_replaced_objects_leave_it_to_git(repo: Repo) -> None:
    ours, theirs = simple(repo)
    repo.git("replace", theirs, commit(repo, files(a="1\n", b="other\n"), f"{ours}^"))
    outcome = merged(repo, ours, theirs)
    assert outcome.engine == "git"
    assert repo.files(outcome.tree or "") == {"a": "ours", "b": "other"}


def test_a_shallow_clone_leaves_it_to_git(repo: Repo, tmp_path: Path) -> None:
    repo.commit({"a": "1"})
    url = f"file://{repo.path}"
    repo.git("clone", "--quiet", "--depth=1", url, str(tmp_path / "shallow"))
    shallow = Repo(tmp_path / "shallow")
    root = shallow.head()
    ours = shallow.commit({"b": "2"})
    shallow.git("checkout", "--quiet", "--detach", root)
    assert merged(shallow, ours, shallow.commit({"c": "3"})).engine == "git"


def test_a_repository_of_sha256_leaves_it_to_git(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--object-format=sha256", tmp_path], check=True)
    repo = Repo(tmp_path)
    root = repo.commit({"a": "1"})
    ours = repo.commit({"b": "2"})
    repo.git("checkout", "--quiet", "--detach", root)
    outcome = merged(repo, ours, repo.commit({"c": "3"}))
    assert (outcome.engine, len(outcome.tree or "")) == ("git", 64)


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
