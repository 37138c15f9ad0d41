"""Whether one path can match two globs."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.overlap import common, overlap
from gitmc.model.touchset import fault, matches

MEET = [
    ("src/**", "src/*.py", "src/.py"),
    ("src", "src/a", "src/a"),
    ("a*c", "ab*", "abc"),
    ("**/x", "y/**", "y/x"),
    ("[a-m]x", "[k-z]x", "kx"),
    ("[!a]", "?", "b"),
    ("[a/b]x", "ax", "ax"),
    ("\\*", "*", "*"),
    ("{a,b}/c", "{b,d}/?", "b/c"),
    (".*", "??", ".a"),
    ("*.py", "*y", ".py"),
    ("**/*x", "x", "x"),
    ("[b-y]", "[!by]", "c"),
]
APART = [
    ("src/**", "docs/**"),
    ("src/**", "src"[:2] + "/x"),
    ("a/**", "[!b]"),
    ("*.py", "*.md"),
    ("**/*.py", "**/*.md"),
    ("a*b", "*a"),
    ("[a-k]x", "[m-z]x"),
    ("[!a]", "a"),
    (".*", "?"),
    ("..?", ".."[:1] + "[.]"),
    ("a/*", "a/*/b"),
    ("\\*", "[!*]"),
    ("a//b", "a//b"),
    ("*/", "[a-z]"),
]


@pytest.mark.parametrize(("one", "other", "path"), MEET)
def test_globs_that_meet_do_so_at_a_shortest_path(one: str, other: str, path: str) -> None:
    for found in (common(one, other), common(other, one)):
        assert found is not None
        assert matches(one, found) and matches(other, found)
        assert len(found) == len(path)


@pytest.mark.parametrize(("one", "other"), APART)
def test_globs_that_cannot_meet_do_not(one: str, other: str) -> None:
    assert common(one, other) is None and common(other, one) is None


def test_the_globs_that_meet_are_told() -> None:
    assert overlap(["a", "b/**"], ["c", "b/x"]) == "b/** and b/x"
    assert overlap(["a"], ["c", "a"]) == "a"
    assert overlap(["a"], ["c"]) is None
    assert overlap([], ["c"]) is None


PIECES = ["a", "b", "ab", "*", "**", "a*", "*b", "?", "[ab]", "[!a]", "{a,b}", "\\a", ".", ".*", ""]
globs = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("/".join)
paths = st.lists(st.sampled_from(["a", "b", "ab", "ba", ".a", "c"]), min_size=1, max_size=4)


@given(globs, globs, paths.map("/".join))
def test_a_path_that_matches_both_is_never_missed(one: str, other: str, path: str) -> None:
    if fault(one) is not None or fault(other) is not None:
        return
    found = common(one, other)
    if matches(one, path) and matches(other, path):
        assert found is not None and len(found) <= len(path)
    if found is not None:
        assert matches(one, found) and matches(other, found)
        assert not {"", ".", ".."} & set(found.split("/"))


@given(st.text("ab*?[]!^-{},\\/.&|~\n", max_size=10), st.text("ab*?[]!-{},/.", max_size=10))
def test_any_two_globs_can_be_asked_about(one: str, other: str) -> None:
    if fault(one) is not None or fault(other) is not None:
        return
    found = common(one, other)
    assert (found is None) == (common(other, one) is None)
    if found is not None:
        assert matches(one, found) and matches(other, found)


@given(st.from_regex(re.compile(r"[ab.*?/]{1,8}"), fullmatch=True), paths.map("/".join))
def test_a_glob_meets_a_path_just_where_it_matches_it_or_what_is_in_it(
    glob: str, path: str
) -> None:
    if fault(glob) is not None:
        return
    if matches(glob, path):
        assert common(glob, path) == path or len(common(glob, path) or "") <= len(path)
    found = common(glob, path)
    assert found is None or found == path or found.startswith(f"{path}/")


def test_many_stars_take_no_longer_than_their_number_squared() -> None:
    before = time.process_time()
    assert common("**/" * 30 + "x", "**/" * 30 + "y") is None
    assert common("*a" * 30, "*b" * 30) is None
    assert time.process_time() - before < 1.5
