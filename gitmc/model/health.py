"""What is inconsistent, from facts that were looked up: each finding with its cure. Pure.

A finding can be mended by `git mc doctor --fix` only where that loses nothing: no commit, no file
of a person's, no process, nothing that a terminal shows. All else only names its cure. What is
under way is no finding: launches, landings and removals that were killed are settled before anybody
looks, and files that may just have been made are given `GRACE`.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from gitmc.model.inventory import Facts, Tree, Trouble
from gitmc.model.job import Job, Phase, State
from gitmc.model.plan import FINAL

GRACE = 600.0
"""Seconds for which a file may belong to something that is only about to be recorded."""


class Fix(StrEnum):
    """What mends a finding; its arguments are said with each."""

    BRANCH = "branch"
    """Make the branch again: branch, commit."""
    CLOSE = "close"
    """Keep what a dead pane shows, and close it: socket, run."""
    FORGET = "forget"
    """Take a worktree whose folder is gone off git's list: path."""
    HOOKS = "hooks"
    """Install what is ours of the hooks again."""
    LABEL = "label"
    """Write into a worktree's git directory whose it is: git directory, job."""
    MEND = "mend"
    """Finish or take back the move of a branch: worktree."""
    REMOVE = "remove"
    """Remove a file of ours that nobody will read: path."""
    SCRATCH = "scratch"
    """Remove a worktree that was made to work in for a moment: path."""
    TAKE_BACK = "take-back"
    """Take back the removal of a job's worktree: job."""
    UNLABEL = "unlabel"
    """Take away a label that names no job: git directory, job."""
    UNREF = "unref"
    """Delete a ref of ours whose commit others hold: ref, commit."""


class Finding(NamedTuple):
    """One inconsistency. `id` names its kind, `cure` says what a person can do about it."""

    id: str
    subject: str
    text: str
    cure: str
    fix: Fix | None = None
    arguments: tuple[str, ...] = ()


def findings(facts: Facts) -> list[Finding]:
    """All that is inconsistent, in a fixed order."""
    return [
        *_troubles(facts.troubles),
        *_jobs(facts),
        *_twins(facts.jobs),
        *_trees(facts),
        *_folders(facts),
        *_running(facts),
        *_refs(facts),
        *_files(facts),
        *_trains(facts),
        *_plans(facts),
        *_hooks(facts),
    ]


def _troubles(troubles: Iterable[Trouble]) -> Iterator[Finding]:
    for one in troubles:
        yield Finding(one.id, "", one.text, one.hint or "see what it says, and correct that")


def _jobs(facts: Facts) -> Iterator[Finding]:
    trees = {tree.path: tree for tree in facts.trees}
    labels = {tree.label: tree for tree in facts.trees if tree.label and tree.there}
    for job in facts.jobs:
        if job.unstarted or job.launch is not None or job.landing is not None:
            continue
        if job.state is State.CANCELED and job.worktree not in facts.present:
            continue
        tree = trees.get(job.worktree)
        if job.worktree in facts.present:
            yield from _place(job, tree, facts)
        elif job.name in facts.half_removed:
            text = f"the removal of the worktree of '{job.name}' was interrupted"
            cure = f"git mc cleanup {job.name} takes it up again"
            yield Finding("half-removed", job.name, text, cure, Fix.TAKE_BACK, (job.name,))
        elif job.name in labels and labels[job.name].path != job.worktree:
            path = labels[job.name].path
            text = f"the worktree of '{job.name}' was moved to {path}"
            cure = shlex.join(["git", "worktree", "move", path, job.worktree])
            yield Finding("moved-worktree", job.name, text, cure)
        else:
            text = f"the worktree of '{job.name}' is gone: {job.worktree}"
            yield Finding("no-worktree", job.name, text, _let_go(job, "make it again"))
        if job.branch not in facts.tips:
            yield _no_branch(job, tree)


def _let_go(job: Job, purpose: str) -> str:
    cleanup = f"git mc cleanup {job.name}"
    if job.state is State.MERGED or job.landed is not None:
        return cleanup
    return f"git mc relaunch {job.name}, to {purpose}; or {cleanup}"


def _no_branch(job: Job, tree: Tree | None) -> Finding:
    text = f"the branch of '{job.name}' is gone: {job.branch}"
    if tree is None or tree.last is None or tree.branch != job.branch:
        return Finding("no-branch", job.name, text, _let_go(job, "start again from its base"))
    cure = shlex.join(["git", "branch", job.branch, tree.last])
    return Finding("no-branch", job.name, text, cure, Fix.BRANCH, (job.branch, tree.last))


def _place(job: Job, tree: Tree | None, facts: Facts) -> Iterator[Finding]:
    if tree is None:
        text = f"git does not know the worktree of '{job.name}': {job.worktree}"
        cure = shlex.join(["git", "worktree", "repair", job.worktree])
        yield Finding("foreign-worktree", job.name, text, cure)
        return
    if tree.label is None or tree.label not in facts.known:
        text = f"the worktree {tree.path} does not say that it is of the job '{job.name}'"
        cure = f"printf '%s\\n' {job.name} >{shlex.quote(tree.own)}/mc-job"
        yield Finding("no-label", job.name, text, cure, Fix.LABEL, (tree.own, job.name))
    over = job.run is None or job.run.phase is Phase.CLOSED
    if over and tree.branch != job.branch and not tree.under_way and job.branch in facts.tips:
        on = f"on '{tree.branch}'" if tree.branch else "on no branch"
        text = f"the worktree of '{job.name}' is {on}, not on '{job.branch}'"
        cure = shlex.join(["git", "-C", tree.path, "switch", job.branch])
        yield Finding("off-branch", job.name, text, cure)


def _twins(jobs: Sequence[Job]) -> Iterator[Finding]:
    """What two jobs have, and only one can work with."""
    begun = [job for job in jobs if not job.unstarted]
    for what, field in (("worktree", "worktree"), ("branch", "branch")):
        counted = Counter(getattr(job, field) for job in begun)
        for value in sorted(value for value, count in counted.items() if count > 1):
            names = [job.name for job in begun if getattr(job, field) == value]
            text = f"{' and '.join(names)} have the same {what}: {value}"
            cure = f"git mc cleanup --keep-worktree {names[-1]}"
            yield Finding(f"shared-{what}", names[0], text, cure)


def _trees(facts: Facts) -> Iterator[Finding]:
    of_jobs = {job.worktree: job for job in facts.jobs}
    for tree in facts.trees:
        if tree.moving and tree.there:
            text = f"a branch was being moved in {tree.path} when git mc was killed"
            cure = "git mc sync, merge and cleanup finish it, or take it back"
            yield Finding("unfinished-move", tree.path, text, cure, Fix.MEND, (tree.path,))
        if tree.path in facts.spares or tree.path in of_jobs:
            continue
        ours = _is_below(tree.path, facts.pool) or tree.label is not None
        if not tree.there:
            if ours and not tree.locked:
                yield _gone(tree)
        elif _is_scratch(tree.path, facts.pool):
            if tree.age > GRACE:
                text = f"a worktree for a moment's work was left behind: {tree.path}"
                cure = shlex.join(["git", "worktree", "remove", "--force", tree.path])
                yield Finding("scratch", tree.path, text, cure, Fix.SCRATCH, (tree.path,))
        elif tree.label is not None and _is_stray(tree.label, facts):
            text = f"{tree.path} says that it is the worktree of '{tree.label}', and is not"
            remove = shlex.join(["git", "worktree", "remove", tree.path])
            cure = f"rm {shlex.quote(tree.own)}/mc-job; or, if it is not needed: {remove}"
            arguments = (tree.own, tree.label)
            yield Finding("stray-worktree", tree.path, text, cure, Fix.UNLABEL, arguments)


def _is_stray(label: str, facts: Facts) -> bool:
    """Whether no job of that name could say that a worktree, which it does not know, is its own."""
    if label not in facts.known:
        return True
    job = next((job for job in facts.jobs if job.name == label), None)
    return job is not None and job.worktree in facts.present


def _gone(tree: Tree) -> Finding:
    text = f"git has the worktree {tree.path} on its list, and its folder is gone"
    if tree.held:
        remove = shlex.join(["git", "worktree", "remove", "--force", tree.path])
        return Finding("gone-worktree", tree.path, text, remove, Fix.FORGET, (tree.path,))
    cure = f"keep its commits: git branch NAME {tree.last}; then: git worktree prune"
    return Finding("gone-worktree", tree.path, text, cure)


def _is_below(path: str, folder: str) -> bool:
    return bool(folder) and path.startswith(f"{folder}/")


def _is_scratch(path: str, pool: str) -> bool:
    return _is_below(path, pool) and not path.removeprefix(f"{pool}/").startswith("slot-")


def _folders(facts: Facts) -> Iterator[Finding]:
    known = {tree.path for tree in facts.trees} | {job.worktree for job in facts.jobs}
    for path in facts.folders:
        if path not in known | facts.spares:
            text = f"a folder among the worktrees belongs to no job, and to no worktree: {path}"
            cure = f"look into it, then: {shlex.join(['rm', '-r', path])}"
            yield Finding("stray-folder", path, text, cure)


def _live(facts: Facts) -> frozenset[str]:
    """The runs that are not over."""
    runs = [(job.run, job) for job in facts.jobs if job.run is not None]
    return frozenset(r.id for r, job in runs if r.phase is not Phase.CLOSED or job.launch)


def _running(facts: Facts) -> Iterator[Finding]:
    live = _live(facts)
    # The pane of a run that is over stays for its job to be looked at.
    shown = {job.run.id for job in facts.jobs if job.run is not None}
    for pane in facts.panes:
        if pane.run in shown:
            continue
        close = shlex.join(["tmux", "-S", pane.socket, "kill-pane", "-t", pane.id])
        if pane.dead:
            text = f"a pane shows how a run ended that no job has: {pane.id} of {pane.socket}"
            fix = (pane.socket, pane.run)
            yield Finding("stray-pane", pane.id, text, close, Fix.CLOSE, fix)
        else:
            text = f"an agent runs that no job knows of, in pane {pane.id} of {pane.socket}"
            yield Finding("stray-pane", pane.id, text, f"look at it, then: {close}")
    for pid, run, command in facts.processes:
        if run not in live:
            text = f"process {pid} was left by a run that is over: {command}"
            yield Finding("stray-process", str(pid), text, f"kill {pid}")
    for pid, lock in facts.stopped:
        text = f"process {pid} is stopped, and holds {lock}, for which others wait"
        yield Finding("stopped-holder", str(pid), text, f"kill -CONT {pid}")


def _refs(facts: Facts) -> Iterator[Finding]:
    names = {tree.own.rpartition("/")[2].strip(".") for tree in facts.trees if tree.moving}
    for ref in facts.refs:
        kind, _, rest = ref.name.removeprefix("refs/mc/").partition("/")
        owner = {
            "train": rest.partition("/")[0] in facts.trains,
            "repoint": rest.partition("/")[0] in names,
            # There while a sync goes on, for as long as a fetch may take.
            "sync": False,
        }.get(kind, True)
        if owner or (kind == "sync" and rest in facts.known):
            continue
        text = f"{ref.name} belongs to nothing that is there"
        delete = f"git update-ref -d {shlex.quote(ref.name)} {ref.commit}"
        if ref.held:
            arguments = (ref.name, ref.commit)
            yield Finding("stray-ref", ref.name, text, delete, Fix.UNREF, arguments)
        else:
            cure = f"keep its commits: git branch NAME {shlex.quote(ref.name)}; then: {delete}"
            yield Finding("stray-ref", ref.name, text, cure)


def _files(facts: Facts) -> Iterator[Finding]:
    live = _live(facts)
    for file in facts.files:
        remove = shlex.join(["rm", "-r", file.path] if file.path.endswith("/") else
                            ["rm", file.path])  # fmt: skip
        fix = (Fix.REMOVE, (file.path,))
        minutes = round(file.age / 60)
        match file.kind:
            case "draft" if not file.alive:
                text = f"process {file.owner} was killed while it wrote {file.path}"
                yield Finding("draft", file.path, text, remove, *fix)
            case "run" if file.owner not in live and file.age > GRACE:
                text = f"{file.path} is for a run that is over"
                if file.path.endswith(".md"):
                    # What somebody told an agent.
                    yield Finding("run-file", file.path, text, f"read it, then: {remove}")
                else:
                    yield Finding("run-file", file.path, text, remove, *fix)
            case "train" if not facts.trains.get(file.owner, False) and file.age > GRACE:
                text = f"{file.path} is for a train that is over"
                yield Finding("train-file", file.path, text, remove, *fix)
            case "event" if file.age > GRACE:
                text = f"somebody was killed while he wrote the marker {file.path}"
                yield Finding("unread-marker", file.path, text, f"read it, then: {remove}")
            case "unread":
                text = f"{file.path} is no marker that git mc can read"
                yield Finding("unread-marker", file.path, text, f"read it, then: {remove}")
            case "lock" if file.age > GRACE:
                text = f"git was killed, or takes very long: {file.path} is {minutes} min old"
                yield Finding("git-lock", file.path, text, f"if no git is at work there: {remove}")


def _trains(facts: Facts) -> Iterator[Finding]:
    for train in facts.undriven:
        text = f"the train '{train}' runs, and nobody drives it"
        cure = f"any command has it driven again; to end it: git mc merge-train cancel {train}"
        yield Finding("train-without-driver", train, text, cure)


def _plans(facts: Facts) -> Iterator[Finding]:
    for job in facts.jobs:
        if job.held and job.plan is not None and job.plan not in facts.plan_files:
            text = f"the job '{job.name}' waits for its plan '{job.plan}', which is not there"
            yield Finding("no-plan", job.name, text, f"git mc kill {job.name}")
    for plan in facts.plans:
        if plan.state in FINAL:
            continue
        if plan.branch not in facts.tips:
            landed = [one.commit for one in plan.jobs if one.commit]
            commit = landed[-1] if len(landed) == 1 else plan.base_commit
            text = f"the integration branch of the plan '{plan.id}' is gone: {plan.branch}"
            cure = shlex.join(["git", "branch", plan.branch, commit])
            if len(landed) > 1:
                cure = f"{cure}, at the last of what has landed: {', '.join(landed)}"
            fix = Fix.BRANCH if not landed else None
            yield Finding("no-branch", plan.id, text, cure, fix, (plan.branch, commit))
        for one in plan.jobs:
            if not one.done and one.name not in facts.known:
                text = f"the plan '{plan.id}' has lost the record of its job '{one.name}'"
                yield Finding("no-record", one.name, text, f"git mc plan skip {plan.id} {one.name}")


def _hooks(facts: Facts) -> Iterator[Finding]:
    for name, state in facts.hooks:
        what = "the settings of `git mc init` are" if name == "settings" else f"the hook {name} is"
        text = f"{what} {state}, though others of git mc's are installed"
        yield Finding("hook", name, text, "git mc init", Fix.HOOKS)
