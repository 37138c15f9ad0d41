"""Forges' own programs, each asked for the same: what is open, to open one, to show it.

The repository is always named, so that neither where they run nor how its remotes are rewritten
matters; and all that they would ask a person for is given, so that they ask nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from gitmc.errors import CommandFailed, Fatal
from gitmc.forge.address import Address
from gitmc.forge.run import Program


class Proposal(NamedTuple):
    """A pull request to be: `branch`, which is on the forge already, into `base`."""

    branch: str
    base: str
    title: str
    body: str
    draft: bool


class Found(NamedTuple):
    """A pull request that is open."""

    url: str
    draft: bool


class Client(Protocol):
    """A forge's own program, for one repository."""

    def find(self, branch: str, base: str) -> Found | None:
        """The open pull request for `branch` into `base`. Raises CommandFailed."""

    def create(self, proposal: Proposal) -> str:
        """Open a pull request; its URL. Raises CommandFailed."""

    def browse(self, url: str) -> None:
        """Show the pull request in a browser. Raises CommandFailed."""


def client(forge: str, address: Address, folder: Path, environment: Mapping[str, str]) -> Client:
    """The program that is called `forge`, gh or glab, for the repository at `address`."""
    if forge == "gh":
        return Gh(address, folder, environment)
    return Glab(address, folder, environment)


class Gh:
    """GitHub's."""

    def __init__(self, address: Address, folder: Path, environment: Mapping[str, str]) -> None:
        self._host = address.host
        self._repository = ("--repo", f"{address.host}/{address.path}")
        self._run = Program("gh", folder, {**environment, **_GH_ENVIRONMENT})

    def find(self, branch: str, base: str) -> Found | None:
        fields = "url,isDraft,isCrossRepository"
        wanted = (f"--head={branch}", f"--base={base}", "--state=open", f"--json={fields}")
        # Somebody's fork may have a branch of that name, too.
        return next(
            (
                Found(one["url"], one["isDraft"])
                for one in _records("gh", self._ask("list", *wanted))
                if not one["isCrossRepository"]
            ),
            None,
        )

    def create(self, proposal: Proposal) -> str:
        words = [f"--head={proposal.branch}", f"--base={proposal.base}"]
        words += [f"--title={proposal.title}", "--body-file=-"]
        words += ["--draft"] if proposal.draft else []
        return _url("gh", self._ask("create", *words, stdin=proposal.body))

    def browse(self, url: str) -> None:
        self._ask("view", "--web", url)

    def _ask(self, verb: str, *words: str, stdin: str = "") -> str:
        try:
            return self._run("pr", verb, *self._repository, *words, stdin=stdin)
        except CommandFailed as failed:
            if failed.status == _GH_NO_LOGIN:
                failed.hint = f"log in: gh auth login --hostname {self._host}"
            raise


_GH_NO_LOGIN = 4

_GH_ENVIRONMENT = {
    "GH_PROMPT_DISABLED": "1",
    "GH_NO_UPDATE_NOTIFIER": "1",
    "GH_FORCE_TTY": "",
    "NO_COLOR": "1",
}


def gh_knows(host: str, folder: Path, environment: Mapping[str, str]) -> bool:
    """Whether gh is logged in at `host`. Of a host that it has never heard of, it says so at once,
    without asking there."""
    try:
        Program("gh", folder, {**environment, **_GH_ENVIRONMENT})(
            "auth", "status", f"--hostname={host}"
        )
    except CommandFailed:
        return False
    return True


class Glab:
    """GitLab's."""

    def __init__(self, address: Address, folder: Path, environment: Mapping[str, str]) -> None:
        self._host = address.host
        self._repository = f"--repo={address.page}"
        quiet = {"NO_PROMPT": "1", "GLAB_CHECK_UPDATE": "false", "NO_COLOR": "1"}
        self._run = Program("glab", folder, {**environment, **quiet})

    def find(self, branch: str, base: str) -> Found | None:
        words = (f"--source-branch={branch}", f"--target-branch={base}", "--output=json")
        for one in _records("glab", self._ask("list", *words)):
            # From a fork, a branch of that name is somebody else's.
            if one.get("source_project_id") == one.get("target_project_id"):
                return Found(one["web_url"], bool(one.get("draft")))
        return None

    def create(self, proposal: Proposal) -> str:
        words = [f"--source-branch={proposal.branch}", f"--target-branch={proposal.base}"]
        # A lone dash would open an editor.
        body = proposal.body if proposal.body.strip() != "-" else "\\-"
        words += [f"--title={proposal.title}", f"--description={body}", "--yes"]
        words += ["--draft"] if proposal.draft else []
        return _url("glab", self._ask("create", *words))

    def browse(self, url: str) -> None:
        self._ask("view", "--web", url.rpartition("/")[2])

    def _ask(self, verb: str, *words: str) -> str:
        try:
            return self._run("mr", verb, self._repository, *words)
        except CommandFailed as failed:
            if re.search(r"\b401\b|glab auth login|token", failed.stderr):
                failed.hint = f"log in: glab auth login --hostname {self._host}"
            raise


def _records(program: str, printed: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(printed or "[]")
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Fatal(f"{program} printed no list of pull requests: {printed.strip()[:200]!r}")
    return found


def _url(program: str, printed: str) -> str:
    found: list[str] = re.findall(r"^https?://\S+$", printed, re.MULTILINE)
    if not found:
        raise Fatal(f"{program} printed no URL of a pull request: {printed.strip()[:200]!r}")
    return found[-1]
