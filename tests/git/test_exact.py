"""A worktree holds exactly the files of a commit afterwards, whatever was done in it before."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitmc.errors import CommandFailed
from gitmc.git import exact, worktree
from gitmc.git.run import Git
from tests.support.lost import content
from tests.support.world import Repo

ODD = "a\nb'\"\udc80 -x"


class Tree:
    """A worktree of the repository, made as slots are."""

    def __init__(self, repo: Repo, path: Path) -> None:
        self.repo, self.path, self.index = repo, path, path.with_name("saved.index")
        self.common = repo.path / ".git"
        worktree.add_detached(Git(self.common), path, repo.head())
        self.own = worktree.fill(path)
        exact.save_index(self.own, self.index)

    def point(self, commit: str, *kept: str) -> list[str]:
        """Point it at the commit; what was removed."""
        return sorted(exact.repoint(self.path, self.own, self.index, commit, kept))

    def holds(self, commit: str) -> bool:
        """Whether it holds just the files of the commit, by the files and by git's word."""
        listed = self.repo.git("ls-tree", "-r", "-z", "--name-only", commit).split("\0")
        names = {name for name in listed if name}
        folders = {str(above) for name in names for above in PurePosixPath(name).parents}
        found = {os.fsdecode(name) for name in content(self.path)} - {".git"}
        assert found == names
        below = (path for path in self.path.rglob("*") if path.is_dir() and not path.is_symlink())
        assert {str(path.relative_to(self.path)) for path in below} == folders - {"."}
        return worktree.standing(self.path) == (commit, [])

    def sh(self, script: str) -> None:
        """Run `script` in it."""
        subprocess.run(["sh", "-ec", script], cwd=self.path, check=True, capture_output=True)


@pytest.fixture
def tree(repo: Repo, tmp_path: Path) -> Tree:
    """A worktree at the repository's HEAD."""
    files = {"kept": "1\n", "src/a": "a\n", "src/deep/b": "b\n", ODD: "odd\n"}
    repo.commit({**files, ".gitignore": "*.o\nlib/\n", "run.sh": "#!/bin/sh\n"})
    return Tree(repo, tmp_path / "tree")


DAMAGE = {
    "untracked": "echo x >new; mkdir -p d/e; echo x >d/e/f; echo x >src/new",
    "ignored": "echo x >x.o; mkdir -p lib/x src/lib; echo x >lib/x/y; echo x >src/lib/z",
    "modified": "echo 2 >kept; rm src/a; chmod +x src/deep/b; rm -r src/deep",
    "same size and time": "touch -r kept ref; echo 2 >kept; touch -r ref kept",
    "mode": "chmod +x run.sh; chmod 000 kept",
    "read-only": "mkdir -p ro/x; echo x >ro/x/y; chmod 500 ro/x ro src; chmod 400 src/a",
    "staged": "echo 2 >kept; git add kept; git rm -q src/a; echo 3 >new; git add new",
    "hidden": "echo 2 >kept; git update-index --assume-unchanged kept",
    "skipped": "rm src/a; git update-index --skip-worktree src/a",
    "index locked": "echo 2 >kept; : >$(git rev-parse --git-path index.lock)",
    "HEAD locked": "echo 2 >kept; : >$(git rev-parse --git-path HEAD.lock)",
    "index gone": "rm $(git rev-parse --git-path index); echo 2 >kept",
    "index torn": "echo junk >$(git rev-parse --git-path index)",
    "on a branch": "git checkout -q -b mine; echo 7 >kept; git commit -qam mine",
    "merging": "git checkout -q -b one; echo 8 >kept; git commit -qam 2; git checkout -q -b two "
    "HEAD~; echo 9 >kept; git commit -qam 3; git merge one || :",
    "link for a folder": "rm -r src; ln -s $PWD/../outside src; mkdir ../outside; "
    "echo precious >../outside/a; echo too >../outside/z; ln -s ../outside way-out",
    "folder for a file": "rm kept; mkdir -p kept/x; echo x >kept/x/y",
    "fifo": "rm kept; mkfifo kept other",
    "repository": "git init -q nested; cd nested; git commit -q --allow-empty -m x",
    "repository in a tracked folder": "cd src; git init -q; git commit -q --allow-empty -m x",
    "bare .git": "mkdir -p src/.git deep/.git; : >src/deep/.git",
    "odd names": "touch ./-x 'a b' \"$(printf 'n\\nl')\" \"$(printf 'u\\200')\" '*' '!x' '#x'",
    "case": "echo x >KEPT",
    "sorted before and behind": "touch src.x src0 srcx; mkdir 'src-x'; touch src-x/y",
}


@pytest.mark.parametrize("script", DAMAGE.values(), ids=DAMAGE.keys())
def test_whatever_was_done_it_holds_the_files_of_the_commit(tree: Tree, script: str) -> None:
    first = tree.repo.head()
    second = tree.repo.commit({"kept": "2\n", "src/c/d": "new\n"})
    for commit in (first, second, first):
        tree.sh(script + "; : again" if commit == first else script)
        tree.point(commit)
        assert tree.holds(commit)
        subprocess.run(["git", "branch", "-D", "mine", "one", "two"], cwd=tree.repo.path,
                       capture_output=True, check=False)  # fmt: skip
        outside = tree.path.with_name("outside")
        if outside.exists():
            assert (outside / "a").read_text() == "precious\n"
            (outside / "a").unlink()
            (outside / "z").unlink()
            outside.rmdir()


def test_what_is_kept_stays_and_nothing_beside_it(tree: Tree) -> None:
    tree.sh("mkdir -p lib/x src/lib/y z/1 z/2; touch lib/x/a src/lib/y/b x.o y.o z/1/c z/2/d")
    removed = tree.point(tree.repo.head(), "lib", "src/lib/y", "x.o", "z/1")
    assert removed == ["y.o", "z/2"]
    left = {os.fsdecode(name) for name in content(tree.path)}
    assert {"lib/x/a", "src/lib/y/b", "x.o", "z/1/c"} <= left
    assert {"y.o", "z/2", "z/2/d"}.isdisjoint(left)


def test_what_is_kept_gives_way_to_what_the_commit_has(tree: Tree) -> None:
    tree.sh("echo of the set-up >x.o")
    (tree.repo.path / "x.o").write_text("of the commit\n")
    tree.repo.git("add", "-f", "x.o")
    commit = tree.repo.commit({})
    tree.point(commit, "x.o")
    assert (tree.path / "x.o").read_text() == "of the commit\n"


def test_a_change_in_the_same_moment_is_seen(tree: Tree) -> None:
    for number in range(20):
        tree.point(tree.repo.head())
        (tree.path / "kept").write_text(f"{number % 10}\n")
        os.utime(tree.path / "kept", ns=(0, (tree.path / "src/a").stat().st_mtime_ns))
        tree.point(tree.repo.head())
        assert (tree.path / "kept").read_text() == "1\n"


def test_a_commit_that_is_not_there_is_an_error(tree: Tree) -> None:
    with pytest.raises(CommandFailed):
        tree.point("0" * 40)


def test_submodules_are_as_the_commit_has_them_once_they_are_there(
    tree: Tree, tmp_path: Path
) -> None:
    repo = tree.repo
    (tmp_path / "inner").mkdir()
    inner = Repo(tmp_path / "inner")
    inner.git("init", "-q", "-b", "main")
    old = inner.commit({"file": "old\n"})
    repo.git("config", "--global", "protocol.file.allow", "always")
    repo.git("submodule", "--quiet", "add", str(inner.path), "sub")
    first = repo.commit({})
    tree.point(first)
    assert list((tree.path / "sub").iterdir()) == [], "none that was not asked for"
    tree.sh("mkdir sub/x; touch sub/x/y")
    tree.point(first)
    assert list((tree.path / "sub").iterdir()) == []
    tree.sh("git submodule update --init")
    new = inner.commit({"file": "new\n"})
    repo.git("fetch", "-q", cwd=repo.path / "sub")
    repo.git("checkout", "-q", new, cwd=repo.path / "sub")
    second = repo.commit({})
    for commit, inside, text in [(second, new, "new\n"), (first, old, "old\n")]:
        tree.sh("cd sub; echo x >file; echo x >left; git checkout -q -b mine 2>&1 || :")
        tree.point(commit)
        assert repo.git("rev-parse", "HEAD", cwd=tree.path / "sub") == inside
        assert (tree.path / "sub/file").read_text() == text
        assert not (tree.path / "sub/left").exists()
        assert worktree.standing(tree.path) == (commit, [])
    tree.point(first + "~")
    assert not (tree.path / "sub").exists()


@pytest.mark.parametrize(
    "damage",
    [
        "rm .git",
        "rm .git; git init -q",
        "echo 'gitdir: /nowhere' >.git",
        "own=$(git rev-parse --absolute-git-dir); rm $own/gitdir",
        "own=$(git rev-parse --absolute-git-dir); echo /nowhere >$own/commondir",
        "own=$(git rev-parse --absolute-git-dir); rm -r $own",
        "cp -r . ../copy; cd ..; rm -r tree; ln -s copy tree",
        "git clone -q . ../other; cd ..; rm -r tree; git -C other worktree add -q -b x ../tree",
    ],
)
def test_a_worktree_that_is_not_ours_any_more_is_told(tree: Tree, damage: str) -> None:
    assert exact.is_sound(tree.path, tree.own, tree.common)
    tree.sh(damage)
    assert not exact.is_sound(tree.path, tree.own, tree.common)


NAMES = st.sampled_from(["a", "b", "src", "src.x", "x.o", ".gitignore", ".git"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


@given(st.dictionaries(PATHS, st.sampled_from(["1", "22"]), max_size=8), st.lists(PATHS))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_files_at_all(tree: Tree, made: dict[str, str], removed: list[str]) -> None:
    for name, text in made.items():
        path = tree.path / name
        if name.split("/")[0] != ".git" and not any(p.is_file() for p in path.parents):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_dir():
                path.write_text(text)
    for name in removed:
        path = tree.path / name
        if path.is_file() and name != ".git" and not name.startswith(".git/"):
            path.unlink()
    tree.point(tree.repo.head())
    assert tree.holds(tree.repo.head())
