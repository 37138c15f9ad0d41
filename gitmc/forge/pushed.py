"""Pull requests opened by a push alone: what is asked of the server, and what it answers. Pure.

GitLab takes options of the push (`git push -o`). Gitea and Forgejo take a push to `refs/for/BASE`
with a topic (AGit). Neither takes a newline in an option, and git takes no option that is longer
than a packet.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST = 65_000
"""Bytes of an option; a packet of git's protocol has 65,516."""


class Request(NamedTuple):
    """What is asked for. `title` and `body` are None where an open one is only to be updated."""

    base: str
    topic: str
    title: str | None = None
    body: str | None = None
    draft: bool = False


def gitlab_options(request: Request) -> list[str]:
    """The options that have GitLab open a merge request for the branch that is pushed."""
    options = ["merge_request.create", f"merge_request.target={request.base}"]
    if request.title is not None:
        options.append(_option("merge_request.title", request.title, " "))
    if request.body is not None:
        # GitLab turns this back into a newline.
        options.append(_option("merge_request.description", request.body, r"\n"))
    return [*options, "merge_request.draft"] if request.draft else options


def agit_options(request: Request, *, force: bool) -> list[str]:
    """The options that have Gitea open a pull request for what is pushed to `refs/for/BASE`.

    `force` says that what was pushed for this topic before may be replaced.
    """
    options = [f"topic={request.topic}"]
    if request.title is not None:
        # Gitea tells drafts by their titles.
        title = f"WIP: {request.title}" if request.draft else request.title
        options.append(_option("title", title, " "))
    if request.body is not None:
        # Gitea shows an option as it is; of all line breaks, Markdown leaves it this one.
        options.append(_option("description", request.body, "<br>"))
    return [*options, "force-push=true"] if force else options


def _option(name: str, text: str, newline: str) -> str:
    value = text.replace("\n", newline)
    room = LONGEST - len(name) - 1
    return f"{name}={value.encode('utf-8', 'replace')[:room].decode('utf-8', 'ignore')}"


_PAGES = {"gitlab": r"/merge_requests/\d+", "gitea": r"/pulls/\d+"}

_HEADS = {"gitlab": "refs/merge-requests/{}/head", "gitea": "refs/pull/{}/head"}
"""Where a forge keeps the head of each pull request, for everybody to fetch."""


def url_in(said: str, kind: str) -> str | None:
    """The pull request that the server names in what git passes on of it; None where in none."""
    for line in said.splitlines():
        if line.startswith("remote:"):
            found = re.search(rf"https?://\S*{_PAGES[kind]}(?![\w/])", line)
            if found is not None:
                return found[0]
    return None


def heads_pattern(kind: str) -> str:
    """The pattern of the refs where the forge keeps the heads of all pull requests."""
    return _HEADS[kind].format("*")


def url_of_ref(page: str, kind: str, ref: str) -> str | None:
    """The pull request whose head is kept at `ref`; None for any other ref."""
    number = re.fullmatch(_HEADS[kind].format(r"(\d+)"), ref)
    pages = {"gitlab": "/-/merge_requests/", "gitea": "/pulls/"}
    return f"{page}{pages[kind]}{number[1]}" if number else None


def is_there_already(summary: str) -> bool:
    """Whether a server refused what it has already, in the words of Gitea or Forgejo."""
    return re.search(r"same (as|with) (the )?old commit", summary) is not None
