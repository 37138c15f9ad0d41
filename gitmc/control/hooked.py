"""Commits that the repository's own hooks have a say in: made by git itself, where there are such.

What is merged in memory passes no hook. So where the user has one that git would run for the same
merge, git makes the commit, in a worktree that nobody works in. A hook may refuse it, reword it or
change its files; whatever comes out is what is tested and lands.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from gitmc.control.mission import Mission
from gitmc.control.scratch import scratch
from gitmc.errors import CommandFailed, Refused
from gitmc.git.hooks import runs_theirs
from gitmc.git.run import Git

HOOKS = {
    "squash": ("pre-commit", "prepare-commit-msg", "commit-msg"),
    "merge": ("pre-merge-commit", "prepare-commit-msg", "commit-msg"),
}
"""What git runs before it makes the commit, by strategy."""


def hooks(mission: Mission, strategy: str) -> list[str]:
    """Which hooks of others have a say. Ours have none in what git mc itself commits."""
    top = mission.main_worktree
    folder = top / Git(top)("rev-parse", "--git-path", "hooks")
    return [name for name in HOOKS[strategy] if runs_theirs(folder, name, top)]


def commit(mission: Mission, strategy: str, target: str, head: str, message: str) -> str:
    """The commit that merges `head` into the commit `target`. Raises Refused where a hook does."""
    with scratch(mission, target) as path, tempfile.TemporaryDirectory(prefix="git-mc-") as folder:
        text = Path(folder, "message")
        text.write_text(message.rstrip() + "\n", "utf-8", "surrogateescape")
        git = Git(path)
        try:
            if strategy == "merge":
                git("merge", "--quiet", "--no-ff", "--no-edit", "-F", str(text), head)
            else:
                git("merge", "--quiet", "--squash", head)
                git("commit", "--quiet", "-F", str(text))
        except CommandFailed as failed:
            said = failed.stderr.strip() or "it did not say why"
            raise Refused(
                f"a hook of this repository stopped the merge: {said}",
                hint=f"the hooks that were asked: {', '.join(hooks(mission, strategy))}",
            ) from failed
        return git("rev-parse", "HEAD")
