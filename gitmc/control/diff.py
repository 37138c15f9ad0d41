"""A job's work as a difference: from where it left its base to what its worktree holds now.

Nothing of the job is changed by looking: untracked files are announced in a copy of its index. Git
runs where the user stands, so that files which options name are the user's, and the paths in them
are made those of the job's worktree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitmc.control.mission import Mission
from gitmc.errors import Refused
from gitmc.git import refs, snapshot, worktree
from gitmc.git.run import Git
from gitmc.model.job import Job

FIXED = (
    *("--no-color", "--no-ext-diff", "--no-textconv", "--no-relative", "--find-renames"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--submodule=short", "--no-exit-code"),
)
"""What makes git's answer the same whatever the user's settings are."""


@dataclass(frozen=True)
class Difference:
    """What to compare: `merge_base` with `head`, and with the files on top of it if `files`."""

    base: str
    merge_base: str
    head: str
    files: bool
    git: Git
    prefix: str
    """What comes before a path that the user gives; empty where git sees to that itself."""
    remarks: tuple[str, ...]
    """What a person should know who looks at it."""

    @property
    def _ends(self) -> list[str]:
        return [self.merge_base] if self.files else [self.merge_base, self.head]

    def show(self, words: Sequence[str], *, stat: bool) -> int:
        """Have git show it on our terminal, with `words` for `git diff`; git's exit status."""
        options, paths = _split(words)
        below = ["--", *(_below(self.prefix, path) for path in paths)] if paths else []
        shown = ["--stat"] if stat else []
        return self.git.attached("diff", *shown, *self._ends, *options, *below)

    def read(self, paths: Sequence[str]) -> tuple[list[dict[str, Any]], str]:
        """The files that differ, and the patch, both for `paths` only where any are given."""
        below = [_below(self.prefix, path) for path in paths]
        asked = [*FIXED, *self._ends, "--", *below]
        listed = self.git("diff", "--raw", "--numstat", "-z", *asked)
        patch = self.git("diff", "--patch", *asked)
        return _files(listed), f"{patch}\n" if patch else ""


@contextmanager
def difference(
    mission: Mission, job: Job, base: str | None, *, committed: bool
) -> Iterator[Difference]:
    """The difference of the job from `base`, or from its own base as it is now. Raises Refused."""
    name, commit = _base(mission, job, base)
    own = worktree.own_git_dir(Path(job.worktree), mission.repo.common_dir)
    if own is None or committed:
        head = refs.branch_tip(mission.git, job.branch)
    else:
        head = refs.commit_of(Git(Path(job.worktree)), "HEAD")
    if head is None:
        raise _nothing(job)
    fork = _fork(mission, job, name, commit, head)
    remarks = _landed(job)
    top = Path(job.worktree) if own else mission.repo.top
    places = {"GIT_DIR": str(own or mission.repo.git_dir), "GIT_WORK_TREE": str(top)}
    here = Path.cwd()
    inside = here.resolve().is_relative_to(top.resolve())
    prefix = "" if inside else _prefix(mission, here)
    if own is None or committed:
        git = Git(here, places)
        yield Difference(name, fork, head, False, git, prefix, tuple(remarks))
        return
    if Git(top).answer("symbolic-ref", "-q", "HEAD") != f"refs/heads/{job.branch}":
        remarks.append(f"the worktree of '{job.name}' is not on '{job.branch}'")
    with snapshot.looked_at_whole(top) as (aside, inner):
        remarks += [f"a repository of its own is left out: {path}" for path in inner]
        git = aside.at(here).with_environment(**places)
        yield Difference(name, fork, head, True, git, prefix, tuple(remarks))


def paths_of(words: Sequence[str]) -> list[str] | None:
    """The paths that `words` are; None where options of git are among them."""
    options, paths = _split(words)
    return None if options else paths


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The options of git and the paths. Words alone are paths; beside options, only after `--`."""
    if "--" not in words:
        only_paths = not any(word.startswith("-") for word in words)
        return ([], list(words)) if only_paths else (list(words), [])
    at = list(words).index("--")
    return list(words[:at]), list(words[at + 1 :])


def _base(mission: Mission, job: Job, asked: str | None) -> tuple[str, str]:
    """The name and the commit of what to compare with."""
    if asked is not None:
        commit = refs.commit_of(mission.repo.here, asked)
        if commit is None:
            raise Refused(f"bad base '{asked}': no such commit", hint="give any revision")
        return asked, commit
    commit = refs.branch_tip(mission.git, job.base) or refs.commit_of(mission.git, job.base)
    if commit is None:
        raise Refused(
            f"the base '{job.base}' of '{job.name}' is gone",
            hint=f"where it began is known: git mc diff {job.name} --base {job.base_commit[:12]}",
        )
    return job.base, commit


def _fork(mission: Mission, job: Job, base: str, commit: str, head: str) -> str:
    found = mission.git.answer("merge-base", commit, head)
    if found is None:
        raise Refused(
            f"'{job.name}' and '{base}' have no commit in common",
            hint="name a revision that the job began from with --base",
        )
    return found


def _nothing(job: Job) -> Refused:
    if job.landed is not None:
        return Refused(
            f"the job '{job.name}' has landed, and its branch '{job.branch}' is gone",
            hint=f"what landed on '{job.landed.target}': git show {job.landed.commit[:12]}",
        )
    return Refused(
        f"the job '{job.name}' has no work to show: there is no branch '{job.branch}'",
        hint=f"git mc status {job.name}",
    )


def _landed(job: Job) -> list[str]:
    if job.landed is None:
        return []
    commit = job.landed.commit[:12]
    return [f"'{job.name}' has landed on '{job.landed.target}': git show {commit}"]


def _prefix(mission: Mission, here: Path) -> str:
    """The user's folder in the worktree that he stands in, as it is named in every other."""
    top = mission.repo.top.resolve()
    inside = here.resolve()
    if inside == top or not inside.is_relative_to(top):
        return ""
    return f"{inside.relative_to(top)}/"


_MAGIC = re.compile(r":\([^)]*\)|:[!^/]+:?")


def _below(prefix: str, path: str) -> str:
    """The pathspec `path`, which is meant in the folder `prefix`, as it is said at the top."""
    found = _MAGIC.match(path)
    magic = found[0] if found else ""
    if not prefix or path.startswith("/") or "top" in magic or "/" in magic:
        return path
    return magic + prefix + path[len(magic) :]


def _files(listed: str) -> list[dict[str, Any]]:
    """What `git diff --raw --numstat -z` prints, by path: raw lines, then the lines' numbers."""
    files: dict[str, dict[str, Any]] = {}
    left = iter(listed.split("\0"))
    for field in left:
        if field.startswith(":"):
            status = field.split(" ")[4][0]
            old = next(left)
            path = next(left) if status in "RC" else old
            found = files.setdefault(path, {"path": path, "status": status})
            if path != old:
                found["old_path"] = old
        elif field:
            inserted, deleted, path = field.split("\t", 2)
            if not path:
                next(left)
                path = next(left)
            files[path] |= {"insertions": _number(inserted), "deletions": _number(deleted)}
    return list(files.values())


def _number(text: str) -> int | None:
    """A number of lines; None for a binary file."""
    return int(text) if text.isdigit() else None
