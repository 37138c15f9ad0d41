"""Which paths a touch set allows."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.touchset import alternatives, breaches, fault, matches

TABLE = [
    ("src/db/**", "src/db/a.py", True),
    ("src/db/**", "src/db/deep/er/a.py", True),
    ("src/db/**", "src/db", False),
    ("src/db/**", "src/dbx/a.py", False),
    ("src/*", "src/a.py", True),
    ("src/*", "src/deep/a.py", False),
    ("*.md", "README.md", True),
    ("*.md", "docs/README.md", False),
    ("**/*.md", "README.md", True),
    ("**/*.md", "docs/more/x.md", True),
    ("a/**/z", "a/z", True),
    ("a/**/z", "a/b/c/z", True),
    ("a/**/z", "a/bz", False),
    ("a**z", "abcz", True),
    ("a**z", "ab/cz", False),
    ("docs", "docs", True),
    ("docs", "docs/x/y", True),
    ("docs/", "docs/x/y", True),
    ("docs", "docsx", False),
    ("src/*/", "src/a/b/c", True),
    ("file?.txt", "file1.txt", True),
    ("file?.txt", "file/.txt", False),
    ("[a-c].py", "b.py", True),
    ("[!a-c].py", "b.py", False),
    ("[^a-c].py", "d.py", True),
    ("[!a].py", "/.py", False),
    ("[]x].py", "].py", True),
    ("{a,b/{c,d}}/*.py", "b/d/x.py", True),
    ("{a,b/{c,d}}/*.py", "b/x.py", False),
    ("\\*.py", "*.py", True),
    ("\\*.py", "a.py", False),
    ("\\{a,b\\}", "{a,b}", True),
    ("a.c", "abc", False),
    ("**", "any/where", True),
    ("new\nline*", "new\nline\n", True),
    ("Readme", "README", False),
]


@pytest.mark.parametrize(("glob", "path", "allowed"), TABLE)
def test_what_a_glob_allows(glob: str, path: str, allowed: bool) -> None:
    assert fault(glob) is None
    assert matches(glob, path) is allowed


def test_breaches_are_told_in_order_and_an_empty_set_allows_everything() -> None:
    paths = ["z.py", "docs/a", "b.py"]
    assert breaches(paths, ["docs/**", "b.*"]) == ["z.py"]
    assert breaches(paths, ["none"]) == paths
    assert breaches(paths, []) == []


@pytest.mark.parametrize(
    ("glob", "why"),
    [
        ("", "empty"),
        ("/etc", "top of the repository"),
        ("a/../b", "top of the repository"),
        ("./a", "top of the repository"),
        ("a{b", "never closed"),
        ("[ab", "never closed"),
        ("[z-a]", "no set of characters"),
        ("a*\\", "backslash"),
        ("{a,b}" * 12, "more than"),
    ],
)
def test_what_is_wrong_with_a_glob_is_said(glob: str, why: str) -> None:
    said = fault(glob)
    assert said is not None and why in said


@given(st.text("ab*?[]!^-{},\\/.&|~\n", max_size=12), st.text("ab/.-\n", max_size=8))
def test_any_text_is_a_glob_or_has_a_fault_that_can_be_said(glob: str, path: str) -> None:
    if fault(glob) is None:
        assert matches(glob, path) in (True, False)
        assert matches(glob, path) == any(matches(one, path) for one in alternatives(glob))


@given(st.from_regex(re.compile(r"[a-z.]{1,5}(/[a-z.]{1,5}){0,3}"), fullmatch=True))
def test_a_path_without_special_characters_allows_itself_and_what_is_in_it(path: str) -> None:
    assert matches(path, path)
    assert matches(path, f"{path}/x/y")
    assert matches(f"{path}/**", f"{path}/x")
