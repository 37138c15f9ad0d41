"""Forges to test against: a GitHub for the real gh, and servers that open requests by a push."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.support.world import Repo

GITHUB = "https://github.com/acme/demo.git"


class GitHub:
    """As much of GitHub's API as gh needs for one repository, on a unix socket.

    `opened` are the pull requests that are open, each as gh asked for it; `asked` is the name of
    each query. `fails` is said instead of opening one, and `meanwhile` is done before that.
    """

    def __init__(self, socket: Path) -> None:
        self.opened: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.fails: str | None = None
        self.meanwhile: Callable[[], object] = lambda: None
        self._server = _Server(str(socket), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, head: str, base: str, **more: Any) -> str:
        """Open one, as somebody would on the web; its URL."""
        number = len(self.opened) + 7
        url = f"https://github.com/acme/demo/pull/{number}"
        about = {"number": number, "url": url, "draft": False, "fork": False}
        self.opened.append(about | {"headRefName": head, "baseRefName": base} | more)
        return url

    def answer(self, query: str, given: dict[str, Any]) -> dict[str, Any]:
        """What GitHub says to one GraphQL query."""
        self.asked.append(query.split("(")[0].strip())
        if "mutation PullRequestCreate" in query:
            return self._create(given["input"])
        if "query PullRequestList" in query:
            return {"data": {"repository": {"pullRequests": self._list(given)}}}
        if "PullRequestForBranch" in query:
            # gh looks for itself before it opens one.
            nodes = self._list({**given, "headBranch": given["headRefName"]})
            return {"data": {"repository": {"pullRequests": nodes, "defaultBranchRef": _MAIN}}}
        if "query PullRequestByNumber" in query:
            (one,) = (one for one in self.opened if one["number"] == given["pr_number"])
            return {"data": {"repository": {"pullRequest": one}}}
        if "query UserCurrent" in query:
            return {"data": {"viewer": {"login": "ada"}}}
        return {"data": {"repository": _REPOSITORY}}

    def _create(self, wanted: dict[str, Any]) -> dict[str, Any]:
        self.meanwhile()
        head, base = wanted["headRefName"], wanted["baseRefName"]
        ours = [(one["headRefName"], one["baseRefName"]) for one in self.opened if not one["fork"]]
        if (head, base) in ours:
            self.fails = f"A pull request already exists for acme:{head}."
        if self.fails:
            return {"data": {"createPullRequest": None}, "errors": [{"message": self.fails}]}
        url = self.add(head, base, **wanted)
        return {"data": {"createPullRequest": {"pullRequest": {"id": "PR_1", "url": url}}}}

    def _list(self, given: dict[str, Any]) -> dict[str, Any]:
        nodes = [
            {
                "number": one["number"],
                "url": one["url"],
                "state": "OPEN",
                "isDraft": one["draft"],
                "isCrossRepository": one["fork"],
                "headRefName": one["headRefName"],
                "baseRefName": one["baseRefName"],
                "headRepositoryOwner": {"id": "O_1", "login": "acme"},
            }
            for one in self.opened
            if one["headRefName"] == given.get("headBranch")
            and given.get("baseBranch") in (None, one["baseRefName"])
        ]
        page = {"hasNextPage": False, "endCursor": None}
        return {"totalCount": len(nodes), "nodes": nodes, "pageInfo": page}


_MAIN = {"name": "main"}
_REPOSITORY = {
    "id": "R_1",
    "name": "demo",
    "owner": {"login": "acme"},
    "viewerPermission": "WRITE",
    "hasIssuesEnabled": True,
    "defaultBranchRef": _MAIN,
    "parent": None,
}


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    server_name, server_port = "github.com", 80

    def __init__(self, path: str, github: GitHub) -> None:
        self.github = github
        super().__init__(path, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "gh"

    def log_message(self, *words: Any) -> None:
        """Nobody reads it."""

    def do_GET(self) -> None:
        self._send(200, {"login": "ada"})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, _Server)
        self._send(200, self.server.github.answer(asked["query"], asked.get("variables", {})))

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        # gh asks this of a token that does not say what it may do.
        self.send_header("X-Oauth-Scopes", "repo, read:org, gist")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def settings_for_gh(folder: Path, socket: Path) -> dict[str, str]:
    """The environment in which gh is logged in, and talks to whoever listens at `socket`."""
    env = {"GH_CONFIG_DIR": str(folder), "GH_TOKEN": "x"}
    argv = ["gh", "config", "set", "http_unix_socket", str(socket)]
    subprocess.run(argv, env={**os.environ, **env}, check=True, capture_output=True)
    return env


def server(repo: Repo, url: str, path: Path) -> Repo:
    """A bare repository at `path` as the remote `origin`, which is called `url`, with main."""
    subprocess.run(["git", "init", "--quiet", "--bare", path], check=True)
    repo.git("config", f"url.{path}.insteadOf", url)
    repo.git("remote", "add", "origin", url)
    repo.git("push", "--quiet", "origin", "main")
    return Repo(path)


def add_hook(bare: Repo, name: str, script: str) -> None:
    """Give a server a hook."""
    path = bare.path / "hooks" / name
    path.write_text(script)
    path.chmod(0o755)


_GITLAB = '''#!{python}
"""Opens a merge request for the branch that was pushed, or names the open one, as GitLab does."""
import json, os, pathlib, subprocess, sys

old, new, ref = sys.stdin.readline().split()
count = int(os.environ.get("GIT_PUSH_OPTION_COUNT", 0))
options = [os.environ[f"GIT_PUSH_OPTION_{{n}}"] for n in range(count)]
with open("options", "a") as log:
    log.write(json.dumps(options) + "\\n")
opened = pathlib.Path("opened")
if "merge_request.create" in options:
    opened.touch()
branch = ref.removeprefix("refs/heads/")
if opened.exists():
    subprocess.run(["git", "update-ref", "refs/merge-requests/3/head", new], check=True)
    print(f"\\nView merge request for {{branch}}:\\n  {page}/-/merge_requests/3\\n")
else:
    print(f"\\nTo create a merge request for {{branch}}, visit:")
    print(f"  {page}/-/merge_requests/new?merge_request%5Bsource_branch%5D={{branch}}\\n")
'''


def gitlab(repo: Repo, path: Path, page: str) -> Repo:
    """A server that takes merge requests by options of a push, as GitLab does; what it was asked
    is in `options`, a list a line."""
    bare = server(repo, f"{page}.git", path)
    bare.git("config", "receive.advertisePushOptions", "true")
    add_hook(bare, "post-receive", _GITLAB.format(python=sys.executable, page=page))
    return bare


_GITEA = '''#!{python}
"""Takes a push to refs/for/BASE for a pull request, and says the same as Gitea."""
import json, subprocess, sys

into, out = sys.stdin.buffer, sys.stdout.buffer
NOTHING = b"0" * 40


def read():
    size = int(into.read(4), 16)
    return into.read(size - 4).rstrip(b"\\n") if size else None


def write(line):
    out.write(b"%04x" % (len(line) + 5) + line + b"\\n")


def git(*args):
    done = subprocess.run(["git", *args], capture_output=True)
    return done.stdout.strip() if done.returncode == 0 else b""


def flush():
    out.write(b"0000")
    out.flush()


while read() is not None:
    pass
write(b"version=1\\0push-options")
flush()
commands = [line.split(b" ") for line in iter(read, None)]
options = [line.decode() for line in iter(read, None)]
open("options", "a").write(json.dumps(options) + "\\n")
head = "refs/pull/7/head"
for _, new, ref in commands:
    old = git("rev-parse", "--verify", "-q", head) or NOTHING
    behind = old != NOTHING and git("rev-list", "-1", old, b"^" + new)
    if old == new:
        write(b"ng " + ref + b" {same}")
    elif behind and "force-push=true" not in options:
        write(b"ng " + ref + b" request `force-push` push option")
    else:
        git("update-ref", head, new)
        write(b"ok " + ref)
        write(b"option refname " + head.encode())
        write(b"option old-oid " + old)
        write(b"option new-oid " + new)
        if {says}:
            print("Visit the existing pull request:\\n  {page}/pulls/7", file=sys.stderr)
flush()
'''


def gitea(repo: Repo, path: Path, page: str, *, forgejo: bool = False) -> Repo:
    """A server that takes pull requests by pushes to `refs/for`, as Gitea does, or Forgejo, which
    does not say where they are; what it was asked is in `options`, a list a line."""
    bare = server(repo, f"{page}.git", path)
    bare.git("config", "receive.advertisePushOptions", "true")
    bare.git("config", "receive.procReceiveRefs", "refs/for")
    same = "new commit is same with old commit"
    script = _GITEA.format(
        python=sys.executable,
        page=page,
        says=not forgejo,
        same="The new commit is the same as the old commit" if forgejo else same,
    )
    add_hook(bare, "proc-receive", script)
    return bare


def options_of(bare: Repo) -> list[list[str]]:
    """What a server was asked with each push, oldest first."""
    path = bare.path / "options"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
