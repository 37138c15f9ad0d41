"""Files of a commit: by any name, and links only as far as they lead to a file of the commit."""

from __future__ import annotations

import pytest

from gitmc.git import tree
from gitmc.git.run import Git
from tests.support.world import Repo

HOSTILE = ["a b", "-x", 'q"uote', "ü", "a:b", "ends missing", "\udcff"]


@pytest.fixture
def git(repo: Repo) -> Git:
    for name in HOSTILE:
        (repo.path / name).write_text(name, errors="surrogateescape")
    (repo.path / "new\nline").write_text("")
    return Git(repo.path / ".git")


def test_hostile_names(repo: Repo, git: Git) -> None:
    commit = repo.commit({"sub/test_a.py": "x", "sub/deep/new\nline": "", "submarine/no": ""})
    top = tree.top(git, commit)
    assert set(top) == {*HOSTILE, "new\nline", "sub", "submarine", "README.md"}
    assert top["README.md"] == repo.head("HEAD:README.md")
    assert tree.ids(git, commit, [*HOSTILE, "none"]) == {name: top[name] for name in HOSTILE}
    content = {name: name.encode("utf-8", "surrogateescape") for name in HOSTILE}
    assert tree.texts(git, commit, ["none", *HOSTILE, "none at all"]) == content
    assert sorted(tree.below(git, commit, ["sub", "none", "README.md"])) == [
        "sub/deep/new\nline",
        "sub/test_a.py",
    ]


def test_nothing_is_asked_for_nothing(repo: Repo, git: Git) -> None:
    assert tree.texts(git, "no commit", []) == {}
    assert tree.ids(git, "no commit", []) == {}
    assert tree.below(git, "no commit", []) == []


def test_links_lead_to_files_of_the_commit_or_nowhere(repo: Repo, git: Git) -> None:
    links = {
        "good": "README.md",
        "far": "sub/inner",
        "sub/inner": "../README.md",
        "out": "/etc/passwd",
        "away": "../../README.md",
        "gone": "none",
        "loop": "loop",
        "through": "README.md/x",
        "folder": "sub",
    }
    (repo.path / "sub").mkdir()
    for name, target in links.items():
        (repo.path / name).symlink_to(target)
    commit = repo.commit({"last": "last\n"})
    found = tree.texts(git, commit, [*links, "sub", "last"])
    assert found == {
        **dict.fromkeys(("good", "far", "sub/inner"), b"# A project\n"),
        "last": b"last\n",
        **dict.fromkeys(("out", "away", "gone", "loop", "through", "folder", "sub")),
    }
    assert set(tree.ids(git, commit, list(links))) == set(links)
