"""Remotes: which one is meant, what is on it, and pushing one commit to it.

What a push replaces is said by the caller, commit by commit: nothing is ever forced blindly. git
does all of it, so that its hooks run and its own ways to log in are used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from gitmc.errors import CommandFailed, Refused
from gitmc.git import refs
from gitmc.git.run import Git


class Upstream(NamedTuple):
    """A branch of a remote, as the remote calls it."""

    remote: str
    branch: str


def upstream_of(git: Git, base: str) -> Upstream:
    """Where `base` is pulled from: its own remote, else the one that is pushed to by default, else
    origin, else the only one. Raises Refused where there is none."""
    remotes = [name for name in git("remote").split("\n") if name]
    for name in remotes:
        # `origin/main` itself is a base, too.
        if base.startswith(f"{name}/") and refs.branch_tip(git, base) is None:
            return Upstream(name, base.removeprefix(f"{name}/"))
    own = git.answer("config", "--get", f"branch.{base}.remote")
    if own in remotes:
        merged = git.answer("config", "--get", f"branch.{base}.merge") or ""
        return Upstream(own, merged.removeprefix("refs/heads/") or base)
    default = git.answer("config", "--get", "remote.pushDefault")
    only = remotes if len(remotes) == 1 else []
    named = next((name for name in (default, "origin", *only) if name in remotes), None)
    if named is not None:
        return Upstream(named, base)
    if not remotes:
        raise Refused("the repository has no remote to push to", hint="git remote add origin URL")
    raise Refused(
        f"it is not clear which remote is meant: {', '.join(remotes)}",
        hint=f"git config branch.{base}.remote REMOTE, or git config remote.pushDefault REMOTE",
    )


def urls(git: Git, remote: str) -> list[str]:
    """The remote's URL as it is configured, and as git rewrites it (`url.*.insteadOf`)."""
    configured = git.answer("config", "--get-all", f"remote.{remote}.url") or ""
    return [*configured.split("\n")[:1], git("remote", "get-url", "--", remote).partition("\n")[0]]


def there(git: Git, remote: str, *patterns: str) -> dict[str, str]:
    """The refs on the remote that match one of `patterns` from their beginning on, each with its
    object. Raises CommandFailed where the remote cannot be asked."""
    try:
        printed = git("ls-remote", "--quiet", "--refs", "--", remote, *patterns)
    except CommandFailed as failed:
        shown = CommandFailed(failed.argv, failed.status, without_secrets(failed.stderr))
        shown.hint = f"see whether git gets through to it: git fetch {remote}"
        raise shown from failed
    pairs = (line.partition("\t") for line in printed.split("\n") if line)
    return {ref: commit for commit, _, ref in pairs if ref.startswith("refs/")}


class Pushed(NamedTuple):
    """How a push of one ref came out. `ref` is what it became there."""

    done: bool
    ref: str
    summary: str
    """git's own word on it: "[rejected] (stale info)", "[new branch]", a range of commits."""
    said: str
    """All that git and the server said, without secrets."""

    @property
    def new(self) -> bool:
        """Whether the ref was not there before."""
        return self.done and self.summary.startswith("[new ")

    @property
    def takes_no_options(self) -> bool:
        """Whether it failed since the server takes no options with a push."""
        return not self.done and "does not support push options" in self.said


def push(
    git: Git, remote: str, commit: str, ref: str, *, over: str | None = None,
    options: Sequence[str] = (),
) -> Pushed:  # fmt: skip
    """Push `commit` to `ref`. With `over`, only if the ref is at that commit, or does not exist if
    `over` is empty. Raises CommandFailed where git did not come as far as to hear yes or no."""
    lease = [] if over is None else [f"--force-with-lease={ref}:{over}"]
    asked = [word for option in options for word in ("-o", option)]
    # Whatever language git speaks, its summaries are to be read here.
    speaking = git.with_environment(LANGUAGE="en")
    words = ["--", remote, f"{commit}:{ref}"]
    done = speaking.result("push", "--porcelain", "--no-progress", *lease, *asked, *words)
    said = without_secrets(os.fsdecode(done.stderr))
    line = re.search(r"^[ +*=!-]\t[^\t]*:([^\t\n]*)\t(.*)$", os.fsdecode(done.stdout), re.MULTILINE)
    pushed = Pushed(done.returncode == 0, line[1] if line else ref, line[2] if line else "", said)
    if done.returncode > 1 and not pushed.takes_no_options:
        raise CommandFailed(("git", "push", *lease, *words), done.returncode, said)
    return pushed


def track(git: Git, branch: str, upstream: Upstream) -> None:
    """Make `upstream` what `branch` is pulled from, as `git push -u` would, unless it has one."""
    if git.answer("config", "--get", f"branch.{branch}.remote") is None:
        git("config", f"branch.{branch}.remote", upstream.remote)
        git("config", f"branch.{branch}.merge", f"refs/heads/{upstream.branch}")


def forget(git: Git, branch: str) -> None:
    """Forget where a branch that was deleted is pulled from, as `git branch -d` would."""
    if git.answer("config", "--get", f"branch.{branch}.remote") is not None:
        git("config", "--remove-section", f"branch.{branch}")


def without_secrets(said: str) -> str:
    """`said` with no user and no password left in the URLs in it."""
    return re.sub(r"(?<=://)[^/\s'\"]*@", "", said)
