"""What git hooks ask: may this commit be made, may this be pushed. They ask only where it matters.

Who says so in MC_ALLOW goes on all the same, and that is written into the journal.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from gitmc.control import verdicts
from gitmc.control.mission import Mission
from gitmc.control.report import job_of_worktree
from gitmc.control.verify import gate_on, is_start, made_by_trains
from gitmc.errors import Refused
from gitmc.git.run import Git
from gitmc.model import pushes
from gitmc.model.job import Job, State
from gitmc.model.pushes import PULL_REQUEST, PUSH, TOUCH_SET, Update
from gitmc.model.touchset import breaches

SHOWN = 5
"""How many files are named."""


def check_commit(mission: Mission) -> None:
    """Raises Refused where what is about to be committed leaves the touch set of the job whose
    worktree this is."""
    job = job_here(mission)
    outside = breaches(_staged(mission), job.touch) if job and job.touch else []
    if not job or not outside or _allowed(mission, TOUCH_SET, job=job.name, paths=outside):
        return
    are = "is" if len(outside) == 1 else "are"
    asking = shlex.join(["git", "mc", "report", "blocked", f"needs {_listed(outside)}"])
    leaving = shlex.join(["git", "restore", "--staged", "--", *outside[:SHOWN]])
    raise Refused(
        f"{_listed(outside)} {are} outside the touch set of the job '{job.name}': "
        f"{' '.join(map(shlex.quote, job.touch))}",
        hint=f"ask for more: {asking}; or leave it out: {leaving}",
    )


def note_commit(mission: Mission) -> None:
    """Write down that the latest commit has left the touch set of the job whose worktree this is:
    the other hook was passed over."""
    job = job_here(mission)
    if job is None or not job.touch:
        return
    asked = ["-r", "-c", "--root", "--no-commit-id", "--name-only", "--no-renames", "-z", "HEAD"]
    outside = breaches(_names(mission.repo.here("diff-tree", *asked)), job.touch)
    if outside:
        commit = mission.repo.here("rev-parse", "HEAD")
        mission.store.journal.write(
            mission.now(), "unchecked", rule=TOUCH_SET, job=job.name, commit=commit,
            paths=[_plain(path) for path in outside],
        )  # fmt: skip


def note_push(mission: Mission, refs: Sequence[str]) -> None:
    """Write down which of `refs`, of remotes, a push has just moved: the other hook was passed
    over. One that was fetched is none of our business."""
    for ref in refs:
        last = mission.git("reflog", "show", "-1", "--format=%H %gs", ref, "--")
        commit, _, why = last.partition(" ")
        if why == "update by push":
            mission.store.journal.write(
                mission.now(), "unchecked", rule=PUSH, ref=ref, commit=commit
            )


def add_trailer(mission: Mission, file: Path) -> None:
    """Put the trailer of the job whose worktree this is into the message in `file`; none outside
    of a job, and none into a message that is still to be written."""
    job = job_here(mission)
    lines = file.read_bytes().split(b"\n")
    if job is not None and any(line and not line.startswith(b"#") for line in lines):
        options = ["--no-divider", "--in-place", "--if-exists", "doNothing"]
        trailer = ["--trailer", f"Mc-Job: {job.name}"]
        mission.repo.here("interpret-trailers", *options, *trailer, str(file.absolute()))


def check_push(mission: Mission, updates: Sequence[Update]) -> None:
    """Raises Refused where one of `updates` takes along what is not to be pushed as it is."""
    for one in pushes.integrations(updates, made_by_trains(mission)):
        _check_integration(mission, one)
    for one in pushes.jobs(updates):
        _check_job(mission, one)


def job_here(mission: Mission) -> Job | None:
    """The job whose worktree this is, or whose agent we are part of; None outside of any."""
    name = job_of_worktree(mission.repo.git_dir)
    if name is None and os.environ.get("MC_DIR") == str(mission.store.root):
        name = os.environ.get("MC_JOB")
    return mission.store.job(name) if name else None


def _check_integration(mission: Mission, update: Update) -> None:
    gate = gate_on(mission, update.branch, update.commit)
    if not (gate.command or gate.missing) or is_start(mission, update.branch, update.commit):
        # Nothing is to be passed, or nothing was made.
        return
    tree = mission.git("rev-parse", f"{update.commit}^{{tree}}")
    # Where the command cannot be run now, it may have been before.
    if verdicts.known(mission, [tree], gate.command or None, None):
        return
    details = {"ref": update.there, "commit": update.commit, "tree": tree}
    if _allowed(mission, PUSH, **details):
        return
    # The branch itself may be elsewhere than what is pushed.
    here = mission.git.answer("rev-parse", "--verify", "--quiet", f"refs/heads/{update.branch}")
    name = update.branch if here == update.commit else update.commit
    what = f"its test, and {gate.missing}" if gate.missing else f"`{gate.command}`"
    raise Refused(
        f"'{update.branch}' has not passed {what}",
        hint=shlex.join(["git", "mc", "verify", name]),
    )


def _check_job(mission: Mission, update: Update) -> None:
    if pushes.allows(os.environ.get("MC_ALLOW"), PULL_REQUEST):
        return
    branch = update.branch
    job = next((job for job in mission.store.jobs()[0] if job.branch == branch), None)
    if job is None or job.state is State.MERGED or job.pr is not None:
        # Nobody's; or in its target already; or asked for before.
        return
    if _allowed(mission, PUSH, job=job.name, ref=update.there, commit=update.commit):
        return
    raise Refused(
        f"'{branch}' is the work of the job '{job.name}', which has not landed",
        hint=f"open a pull request: git mc pr {job.name}; or push it as it is: "
        f"MC_ALLOW={PUSH} git push",
    )


def _allowed(mission: Mission, rule: str, **details: object) -> bool:
    said = os.environ.get("MC_ALLOW")
    if not pushes.allows(said, rule):
        return False
    shown = {
        key: [_plain(path) for path in value] if isinstance(value, list) else value
        for key, value in details.items()
    }
    mission.store.journal.write(mission.now(), "allowed", rule=rule, **shown)
    return True


def _staged(mission: Mission) -> list[str]:
    """What is about to be committed differs in from the commit before; at the end of a merge, what
    differs from both sides."""
    # `git commit FILE` has the hook see another index than the worktree's own.
    index = os.environ.get("GIT_INDEX_FILE")
    git = mission.repo.here
    if index:
        git = git.with_environment(GIT_INDEX_FILE=str(Path(index).absolute()))
    paths = _changed(git, "HEAD")
    if git.answer("rev-parse", "--verify", "--quiet", "MERGE_HEAD") is not None:
        other = set(_changed(git, "MERGE_HEAD"))
        paths = [path for path in paths if path in other]
    return paths


def _changed(git: Git, commit: str) -> list[str]:
    options = ["--cached", "--name-only", "--no-renames", "--ignore-submodules=none", "-z"]
    return _names(git("diff", *options, commit, "--"))


def _names(printed: str) -> list[str]:
    return [name for name in printed.split("\0") if name]


def _listed(paths: Sequence[str]) -> str:
    shown = ", ".join(_plain(path) for path in paths[:SHOWN])
    more = len(paths) - SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _plain(path: str) -> str:
    """`path` for people: on one line, whatever its bytes are."""
    return path if path.isprintable() else ascii(path)[1:-1]
