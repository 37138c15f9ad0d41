"""By what a pull request is opened."""

from __future__ import annotations

import pytest

from gitmc.forge.choose import choose

HUB, LAB, TEA, ODD, PATH = (
    "git@github.com:o/r.git",
    "https://gitlab.example/g/s/r.git",
    "https://codeberg.org/o/r.git",
    "https://git.example/o/r.git",
    "/srv/r.git",
)
BOTH = {"gh", "glab"}


@pytest.mark.parametrize(
    ("url", "setting", "installed", "forge", "kind"),
    [
        (HUB, "auto", BOTH, "gh", "github"),
        (HUB, "auto", {"glab"}, "none", "github"),
        (LAB, "auto", BOTH, "glab", "gitlab"),
        (LAB, "auto", {"gh"}, "gitlab", "gitlab"),
        (TEA, "auto", BOTH, "gitea", "gitea"),
        (TEA, "auto", set(), "gitea", "gitea"),
        (ODD, "auto", BOTH, "none", None),
        (PATH, "auto", BOTH, "none", None),
        (ODD, "github", BOTH, "gh", "github"),
        (ODD, "github", set(), "none", "github"),
        (ODD, "gitlab", BOTH, "glab", "gitlab"),
        (ODD, "gitlab", set(), "gitlab", "gitlab"),
        (ODD, "gitea", BOTH, "gitea", "gitea"),
        (HUB, "gitea", BOTH, "gitea", "gitea"),
        (HUB, "none", BOTH, "none", "github"),
        (ODD, "none", BOTH, "none", None),
        (PATH, "github", BOTH, "none", "github"),
        (PATH, "gitea", BOTH, "none", "gitea"),
    ],
)
def test_the_way(url: str, setting: str, installed: set[str], forge: str, kind: str | None) -> None:
    way = choose([url], setting, installed)
    assert (way.forge, way.kind) == (forge, kind)


@pytest.mark.parametrize(
    ("urls", "host"),
    [
        ([HUB, PATH], "github.com"),  # a mirror on this machine
        (["hub:o/r", HUB], "github.com"),  # an abbreviation
        ([HUB, ODD], "github.com"),
        ([ODD, PATH], "git.example"),
        (["short:o/r", ODD], "git.example"),
        ([PATH, PATH], None),
        ([], None),
    ],
)
def test_of_a_url_as_it_is_configured_and_rewritten_the_more_telling_counts(
    urls: list[str], host: str | None
) -> None:
    way = choose(urls, "auto", BOTH)
    assert (way.address and way.address.host) == host
