"""What a push asks of a server, and what the server answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.forge.pushed import (
    LONGEST,
    Request,
    agit_options,
    gitlab_options,
    is_there_already,
    url_in,
    url_of_ref,
)


@given(st.text(), st.text(), st.booleans())
def test_no_option_has_a_newline_or_is_longer_than_a_packet(
    title: str, body: str, draft: bool
) -> None:
    request = Request("main", "mc/one", title, body * 50, draft)
    for options in (gitlab_options(request), agit_options(request, force=draft)):
        assert not any("\n" in option for option in options)
        assert all(len(option.encode()) <= LONGEST for option in options)


def test_a_long_description_is_cut_between_characters() -> None:
    request = Request("main", "mc/one", "t", "é" * LONGEST)
    option = gitlab_options(request)[-1]
    assert LONGEST - 2 < len(option.encode()) <= LONGEST
    assert option.endswith("é")


def test_one_that_is_open_is_only_updated() -> None:
    request = Request("main", "mc/one")
    assert gitlab_options(request) == ["merge_request.create", "merge_request.target=main"]
    assert agit_options(request, force=True) == ["topic=mc/one", "force-push=true"]


@pytest.mark.parametrize(
    ("line", "kind", "url"),
    [
        ("remote:   https://h/g/s/r/-/merge_requests/3        ", "gitlab", "3"),
        ("remote:   https://h/g/s/r/merge_requests/3", "gitlab", "3"),
        ("remote:   https://h/g/r/-/merge_requests/new?x=1", "gitlab", None),
        ("remote:   http://h:3000/o/r/pulls/7 merges into main", "gitea", "7"),
        ("remote:   https://h/o/r/pulls/7/files", "gitea", None),
        ("remote:   https://h/o/r/compare/main...x", "gitea", None),
        ("https://h/o/r/pulls/7", "gitea", None),
    ],
)
def test_the_url_is_the_one_that_the_server_named(line: str, kind: str, url: str | None) -> None:
    found = url_in(f"remote: \nremote: See:\n{line}\nTo h:o/r.git\n", kind)
    assert (found and found.rpartition("/")[2]) == url
    assert found is None or found in line


@pytest.mark.parametrize(
    ("kind", "ref", "url"),
    [
        ("gitlab", "refs/merge-requests/3/head", "https://h/o/r/-/merge_requests/3"),
        ("gitea", "refs/pull/7/head", "https://h/o/r/pulls/7"),
        ("gitea", "refs/pull/7/merge", None),
        ("gitea", "refs/for/main", None),
        ("gitlab", "refs/heads/refs/merge-requests/3/head", None),
    ],
)
def test_a_ref_names_a_pull_request(kind: str, ref: str, url: str | None) -> None:
    assert url_of_ref("https://h/o/r", kind, ref) == url


@pytest.mark.parametrize(
    "said", ["new commit is same with old commit", "The new commit is the same as the old commit"]
)
def test_what_was_pushed_before_is_told_from_what_is_refused(said: str) -> None:
    assert is_there_already(f"[remote rejected] ({said})")
    assert not is_there_already("[remote rejected] (request `force-push` push option)")
