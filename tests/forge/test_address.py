"""Where a repository is, by every spelling of a remote's URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.forge.address import Address, compare_url, kind_of, parse

WEB = "https://github.com"


@pytest.mark.parametrize(
    ("url", "host", "path", "site"),
    [
        ("https://github.com/o/r.git", "github.com", "o/r", WEB),
        ("https://github.com/o/r/", "github.com", "o/r", WEB),
        ("HTTPS://GitHub.com/O/R", "github.com", "O/R", WEB),
        ("https://me:secret@github.com/o/r.git", "github.com", "o/r", WEB),
        ("https://me@x:p@ss@host:8443/o/r.git", "host", "o/r", "https://host:8443"),
        ("http://host:3000/o/r", "host", "o/r", "http://host:3000"),
        ("ssh://git@github.com:22/o/r.git", "github.com", "o/r", WEB),
        ("ssh://git@ssh.github.com:443/o/r.git", "github.com", "o/r", WEB),
        ("git+ssh://git@host/o/r", "host", "o/r", "https://host"),
        ("git://host/o/r.git", "host", "o/r", "https://host"),
        ("git@github.com:o/r.git", "github.com", "o/r", WEB),
        ("github.com:o/r", "github.com", "o/r", WEB),
        ("git@host:/o/r.git", "host", "o/r", "https://host"),
        ("git@gitlab.host:group/sub/r.git", "gitlab.host", "group/sub/r", "https://gitlab.host"),
        ("[git@host:2222]:o/r", "host", "o/r", "https://host"),
        ("git@[::1]:o/r", "[::1]", "o/r", "https://[::1]"),
        ("ssh://git@[::1]:22/o/r", "[::1]", "o/r", "https://[::1]"),
    ],
)
def test_a_url_is_an_address(url: str, host: str, path: str, site: str) -> None:
    assert parse(url) == Address(host, path, site)


@pytest.mark.parametrize(
    "url",
    [
        *("", "/a/path.git", "./a:b", "../a", "a/b:c", "file:///a/b.git", "file://host/a/b"),
        *("https://", "https://host", "https://host/", "git@host:", ":o/r", "ext::sh -c x/y"),
        *("https://host\n/o/r", "git@host:o/r\n"),
    ],
)
def test_what_is_on_this_machine_or_nowhere_has_none(url: str) -> None:
    assert parse(url) is None


@given(st.text())
def test_no_url_is_too_odd(url: str) -> None:
    found = parse(url)
    assert found is None or (found.path and found.host and found.host in found.site)


@given(st.text("abc:@%~é", min_size=1), st.sampled_from(["https", "ssh", "http"]))
def test_who_logs_in_is_dropped(secret: str, scheme: str) -> None:
    found = parse(f"{scheme}://{secret}@host/o/r.git")
    assert found is not None
    assert (found.host, found.path) == ("host", "o/r")
    assert found.page.endswith("://host/o/r")


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("github.com", "github"),
        ("github.corp.example", "github"),
        ("gitlab.com", "gitlab"),
        ("my-gitlab.example", "gitlab"),
        ("codeberg.org", "gitea"),
        ("gitea.example", "gitea"),
        ("forgejo.example", "gitea"),
        ("git.example", None),
    ],
)
def test_a_hosts_name_tells_what_it_is(host: str, kind: str | None) -> None:
    assert kind_of(Address(host, "o/r", f"https://{host}")) == kind


def test_the_page_to_open_one_on() -> None:
    where = Address("host", "o/r", "https://host")
    pages = {
        "github": "https://host/o/r/compare/main...mc/%C3%A9%23?expand=1",
        "gitea": "https://host/o/r/compare/main...mc/%C3%A9%23",
        "gitlab": "https://host/o/r/-/merge_requests/new?"
        "merge_request[source_branch]=mc/%C3%A9%23&merge_request[target_branch]=main",
        None: None,
    }
    for kind, page in pages.items():
        assert compare_url(where, kind, "main", "mc/é#") == page
    assert compare_url(where, "gitea", "main", "\udcff") == "https://host/o/r/compare/main...%FF"
    assert compare_url(None, "github", "main", "x") is None
