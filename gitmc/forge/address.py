"""Where a repository is on a forge, told from its remote's URL. Pure.

    https://user:secret@host:8443/group/sub/repo.git     ssh://git@host:22/owner/repo
    git@host:owner/repo.git                              user@[host:22]:owner/repo
    /a/path, ../a/path, file:///a/path                   are on no forge

Who logs in, and with what, is dropped at once: nothing that is printed or stored has it.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^/]*@)?(?P<host>\[[^\]/]*\]|[^/:]+)(?::(?P<port>\d*))?"
    r"/(?P<path>.*)",
    re.IGNORECASE,
)
_SCP = re.compile(
    r"(?:[^/:\[]*@)?(?:\[(?:[^\]/]*@)?(?P<bracket>[^\]/]*)\]|(?P<host>[^/:\[\]]+)):(?P<path>[^:].*)"
)

_WEB_SCHEMES = ("http", "https")
_SCHEMES = (*_WEB_SCHEMES, "ssh", "git", "git+ssh", "ssh+git")

_SSH_BY_OTHER_PORT = {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com"}
"""Names that forges have for those behind a firewall; there is no web site at them."""


class Address(NamedTuple):
    """A repository on some host. `site` is where its host's web pages begin."""

    host: str
    path: str
    """The owner's or the groups' names, and the repository's."""
    site: str

    @property
    def page(self) -> str:
        """The repository's own web page."""
        return f"{self.site}/{self.path}"


def parse(url: str) -> Address | None:
    """The address in a remote's URL, as git would read it; None for what is on this machine."""
    if not url.isprintable():
        return None
    match = _URL.fullmatch(url)
    if match is not None:
        return _address(match["scheme"].lower(), match["host"], match["port"], match["path"])
    match = None if "://" in url else _SCP.fullmatch(url)
    if match is None:
        return None
    return _address(
        "ssh", match["host"] or _host_in_brackets(match["bracket"]), None, match["path"]
    )


def _host_in_brackets(text: str) -> str:
    """There they may hold a port, or the colons of an address."""
    return f"[{text}]" if text.count(":") > 1 else text.partition(":")[0]


def _address(scheme: str, host: str, port: str | None, path: str) -> Address | None:
    name = host.lower()
    name = _SSH_BY_OTHER_PORT.get(name, name)
    path = path.strip("/").removesuffix(".git").strip("/")
    if scheme not in _SCHEMES or not name or not path:
        return None
    web = scheme in _WEB_SCHEMES
    site = f"{scheme if web else 'https'}://{name}" + (f":{port}" if web and port else "")
    return Address(name, path, site)


_NAMES = {
    "github": "github",
    "gitlab": "gitlab",
    "gitea": "gitea",
    "forgejo": "gitea",
    "codeberg": "gitea",
}


def kind_of(address: Address | None) -> str | None:
    """What forge it is by its host's name: github, gitlab or gitea; None where that does not tell.

    Forgejo, and Codeberg which runs it, take pull requests as Gitea does.
    """
    if address is None:
        return None
    return next((kind for name, kind in _NAMES.items() if name in address.host), None)


def compare_url(address: Address | None, kind: str | None, base: str, branch: str) -> str | None:
    """The page where a person opens a pull request for `branch`; None where none is known."""
    if address is None or kind is None:
        return None
    base, branch = (quote(name, errors="surrogateescape") for name in (base, branch))
    if kind == "gitlab":
        options = (("source_branch", branch), ("target_branch", base))
        words = "&".join(f"merge_request[{key}]={value}" for key, value in options)
        return f"{address.page}/-/merge_requests/new?{words}"
    expand = "?expand=1" if kind == "github" else ""
    return f"{address.page}/compare/{base}...{branch}{expand}"
