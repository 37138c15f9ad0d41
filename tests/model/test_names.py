"""Names: each rule by its words, and a plain form that is always plain."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.errors import Refused
from gitmc.model.names import LONGEST_NAME, check_job_name, same_file, slug
from tests.support.world import Repo

BAD = [
    ("", "it is empty"),
    ("a" * (LONGEST_NAME + 1), "it is longer than 60 characters"),
    ("e\u0301", "it is not in Unicode normal form C"),
    ("a b", "' ' is not a letter, digit, '-', '_' or '.'"),
    ("a/b", "'/' is not a letter, digit, '-', '_' or '.'"),
    ("a\nb", "'\\n' is not a letter, digit, '-', '_' or '.'"),
    ("a\udc80", "'\\udc80' is not a letter, digit, '-', '_' or '.'"),
    ("a~1", "'~' is not a letter"),
    ("a@{b", "'@' is not a letter"),
    ("-rf", "it must begin with a letter, a digit or '_'"),
    (".git", "it must begin with a letter, a digit or '_'"),
    ("a..b", "git forbids '..' in a branch"),
    ("a.", "git forbids a branch that ends in '.' or '.lock'"),
    ("a.lock", "git forbids a branch that ends in '.' or '.lock'"),
]


@pytest.mark.parametrize(("name", "rule"), BAD, ids=[ascii(name)[:12] for name, _ in BAD])
def test_a_bad_name_is_refused_with_the_rule_that_it_breaks(name: str, rule: str) -> None:
    with pytest.raises(Refused) as refused:
        check_job_name(name)
    assert refused.value.message.startswith(f"bad job name {name!r}: {rule}")
    assert "for example fix-login" in (refused.value.hint or "")


@pytest.mark.parametrize("name", ["a", "_", "0", "fix-login", "a.b_c-1", "größe", "修理", "x" * 60])
def test_a_good_name_is_a_branch_and_a_file(name: str, repo: Repo) -> None:
    check_job_name(name)
    repo.git("check-ref-format", f"refs/heads/mc/{name}")
    (repo.path / f".{name}.toml.4194304").write_text("drafts are the longest file names")


@given(st.text(max_size=70))
def test_a_name_is_either_refused_or_made_of_safe_characters(name: str) -> None:
    try:
        check_job_name(name)
    except Refused:
        return
    assert 0 < len(name) <= LONGEST_NAME
    assert not set(name) & set(" /\\~^:?*[@{\x7f'\"$`;&|<>()!#%\t\n\0")
    assert name[0] not in "-." and ".." not in name and not name.endswith((".", ".lock"))


@given(st.text(), st.integers(3, 40))
def test_a_slug_is_never_empty_and_always_plain(text: str, longest: int) -> None:
    made = slug(text, longest)
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", made)
    assert len(made) <= longest
    assert slug(made, longest) == made


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Fix Login!", "fix-login"),
        ("...", "job"),
        ("a.b:c", "a-b-c"),
        ("修理", "job"),
        ("ﬁx", "fix"),
    ],
)
def test_a_slug_keeps_what_is_plain(text: str, made: str) -> None:
    assert slug(text) == made


def test_names_that_differ_in_case_only_are_the_same_file() -> None:
    assert same_file("Fix", ["one", "fIX"]) == "fIX"
    assert same_file("STRASSE", ["straße"]) == "straße"
    assert same_file("fix", ["fixes", "fi"]) is None
