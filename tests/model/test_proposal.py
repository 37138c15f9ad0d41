"""What a pull request says of a job."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.proposal import (
    LONGEST,
    LONGEST_TITLE,
    MOST_COMMITS,
    Work,
    body,
    cleaned,
    fitted,
    one_line,
    template_path,
    title,
)


def work(prompt: str = "", subjects: tuple[str, ...] = (), report: str | None = None) -> Work:
    """The work of a job called one."""
    return Work("one", prompt, report, subjects, "one: left over")


@pytest.mark.parametrize(
    ("prompt", "subjects", "expected"),
    [
        ("Do it\nwell", ("fix it",), "fix it"),
        ("Do it\nwell", ("one: left over",), "Do it"),
        ("Do it\nwell", ("a", "b"), "Do it"),
        ("\n \n  Do\tit \n", (), "Do it"),
        ("", ("one: left over",), "one"),
        ("\x00\n", ("\x01",), "one"),
        ("x" * 300, (), "x" * (LONGEST_TITLE - 1) + "…"),
    ],
)
def test_the_title(prompt: str, subjects: tuple[str, ...], expected: str) -> None:
    assert title(work(prompt, subjects)) == expected


def test_the_body_has_all_that_is_known_in_order() -> None:
    made = body(work("Do it\n", ("a", "b"), "done:\nall of it"), "## Why\n")
    assert made == "## Why\n\nDo it\n\ndone: all of it\n\n* a\n* b\n\nMc-Job: one"
    assert body(work(), None) == "Mc-Job: one"


def test_many_commits_are_not_all_listed() -> None:
    subjects = tuple(f"c{n}" for n in range(MOST_COMMITS + 5))
    made = body(work("", subjects), None)
    assert made.splitlines()[MOST_COMMITS:] == ["* … and 5 more", "", "Mc-Job: one"]


texts = st.text() | st.text("a\n", min_size=100).map(lambda text: text * 400)


@given(texts, st.lists(st.text(), max_size=5), st.none() | st.text(), st.none() | texts)
def test_whatever_it_is_made_of_a_forge_takes_it(
    prompt: str, subjects: list[str], report: str | None, template: str | None
) -> None:
    given_work = work(prompt, tuple(subjects), report)
    made = body(given_work, template)
    assert len(made.encode()) + 3 * made.count("\n") <= LONGEST
    assert template or made.endswith("Mc-Job: one")
    line = title(given_work)
    assert 0 < len(line) <= LONGEST_TITLE
    assert line == one_line(line)


@given(texts, st.integers(8, 500))
def test_a_text_is_cut_only_where_it_must_be(text: str, longest: int) -> None:
    kept, cut = fitted(cleaned(text), longest)
    assert cut is (kept != cleaned(text))
    assert len(kept.encode()) <= longest
    assert not cut or cleaned(text).startswith(kept.removesuffix("\n…"))


@given(st.text())
def test_what_is_cleaned_is_clean(text: str) -> None:
    once = cleaned(text)
    assert cleaned(once) == once
    assert "\x1b" not in once
    assert once.encode().decode() == once


@pytest.mark.parametrize(
    ("paths", "kind", "found"),
    [
        ([".github/PULL_REQUEST_TEMPLATE.md", "docs/pull_request_template.md"], "github", 0),
        (["docs/pull_request_template.md", "pull_request_template.txt"], "github", 1),
        (["Pull_Request_Template"], "github", 0),
        ([".gitlab/merge_request_templates/Default.md"], "gitlab", 0),
        ([".gitlab/merge_request_templates/Other.md", "README.md"], "gitlab", None),
        ([".gitlab/merge_request_templates/default.md"], "github", None),
        ([".github/pull_request_template.md", ".gitea/pull_request_template.md"], "gitea", 1),
        ([".github/pull_request_template.md"], "gitlab", None),
        (["pull_request_template.md", ".github/pull_request_template.md"], None, 1),
        ([".gitlab/merge_request_templates/Default.md"], None, 0),
        ([".github/PULL_REQUEST_TEMPLATE/one.md"], "github", None),
        ([], "github", None),
    ],
)
def test_the_template(paths: list[str], kind: str | None, found: int | None) -> None:
    assert template_path(paths, kind) == (None if found is None else paths[found])
