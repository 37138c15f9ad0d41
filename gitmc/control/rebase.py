"""A job's commits on top of another one: in memory, or by git where there are merges among them."""

from __future__ import annotations

from pathlib import Path

from gitmc.control.mission import Mission
from gitmc.control.scratch import scratch
from gitmc.errors import Clash, Refused
from gitmc.git import refs
from gitmc.git.merge import Merger
from gitmc.git.replay import Replayed, replay
from gitmc.git.run import Git, failure

KINDS = {"UU": "content", "AA": "add/add", "DU": "modify/delete", "UD": "modify/delete"}
"""What `git status` says of a path in conflict, as a merge calls it. The rest are of renames."""

PLAIN = {
    "core.hooksPath": "/dev/null",
    "rerere.enabled": "false",
}
"""Settings for a rebase that nobody sees."""


def rebased(mission: Mission, merger: Merger, head: str, onto: str, *, notes: bool) -> Replayed:
    """The commits of `onto`..`head` on top of `onto`; no ref moves.

    `notes` says whether git may copy the notes of those that it replays. Raises Refused.
    """
    done = replay(merger, mission.git, head, onto)
    return _by_git(mission, head, onto, notes=notes) if done.has_merges else done


def _by_git(mission: Mission, head: str, onto: str, *, notes: bool) -> Replayed:
    settings = PLAIN | ({} if notes else {"notes.rewrite.rebase": "false"})
    words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    words += ["rebase", "--rebase-merges", "--no-autosquash", "--no-autostash"]
    words += ["--no-update-refs", "--no-verify", "--quiet", onto]
    with scratch(mission, head) as folder:
        git = Git(folder)
        done = git.result(*words)
        if done.returncode == 0:
            return Replayed(git("rev-parse", "HEAD"), engine="git")
        clashes = _clashes(git)
        if not clashes:
            raise failure(("git", *words), done.returncode, done.stderr)
        return Replayed(
            None, stopped=refs.commit_of(git, "REBASE_HEAD"), clashes=clashes, engine="git"
        )


def _clashes(git: Git) -> tuple[Clash, ...]:
    printed = git("status", "--porcelain", "-z", "--no-renames", "--untracked-files=no")
    entries = [(entry[:2], entry[3:]) for entry in printed.split("\0") if entry]
    unmerged = [(code, path) for code, path in entries if "U" in code or code in ("AA", "DD")]
    return tuple(
        Clash(path, (KINDS[code],) if code in KINDS else ())
        for code, path in sorted(unmerged, key=lambda pair: pair[1])
    )


def ask_hook(folder: Path, *words: str) -> None:
    """Ask the hook `pre-rebase`, with git's own `words` for it. Raises Refused if it refuses."""
    done = Git(folder).result("hook", "run", "--ignore-missing", "pre-rebase", "--", *words)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip() or f"exit {done.returncode}"
        raise Refused(
            f"the pre-rebase hook refuses: {said}", hint="or merge: git mc sync --strategy merge"
        )
