"""Verify: whether the files of a commit have passed the test that they are to pass, and testing."""

from __future__ import annotations

import time
from dataclasses import dataclass

from gitmc.control import verdicts
from gitmc.control.gate import run_tests
from gitmc.control.gatecommand import Gate, gate_of
from gitmc.control.mission import Mission
from gitmc.control.passes import gate_for
from gitmc.control.tested import under_which
from gitmc.errors import Refused
from gitmc.git import refs
from gitmc.model.names import slug
from gitmc.model.pushes import INTEGRATION
from gitmc.model.trainrecord import Train
from gitmc.model.verdict import Pass
from gitmc.store.codec import time_text
from gitmc.store.plans import Plans
from gitmc.store.trains import Trains


@dataclass(frozen=True)
class Verified:
    """That the files of a commit have passed."""

    name: str
    commit: str
    tree: str
    command: str
    seconds: float
    cached: bool
    """Whether they had passed before."""


def verify(mission: Mission, name: str) -> Verified:
    """See that the commit called `name` passes; its test is run unless it has passed before.

    Raises Refused where there is nothing to run, and where it does not pass.
    """
    if name == "HEAD":
        name = mission.repo.current_branch() or name
    commit = refs.commit_of(mission.repo.here, name)
    if commit is None:
        raise Refused(f"there is no commit called '{name}'", hint="name a branch or a commit")
    gate = gate_on(mission, name, commit)
    if not gate.command:
        why = f": {gate.missing} ({gate.origin} asks for it)" if gate.missing else ""
        raise Refused(
            f"there is no test command to run{why}", hint="git config mc.testCommand COMMAND"
        )
    tree = mission.git("rev-parse", f"{commit}^{{tree}}")
    under = under_which(gate)
    before = verdicts.known(mission, [tree], gate.command, under).get(tree)
    if before is not None:
        return Verified(name, commit, tree, gate.command, before.seconds, cached=True)
    mission.store.make()
    began = time.monotonic()
    verdict = run_tests(
        mission, gate, commit, mission.store.root / "logs" / f"verify-{slug(name)}.test.log"
    )
    took = time.monotonic() - began
    outcome = "pass" if verdict.passed else "broken" if verdict.broken else "fail"
    mission.store.journal.write(
        mission.now(), "verdict", ref=name, commit=commit, verdict=outcome, reason=verdict.why
    )
    if not verdict.passed:
        what = "the test command says nothing" if verdict.broken else "the tests fail"
        raise Refused(
            f"'{name}' did not pass: {what}: {verdict.why}",
            hint=f"its output is in {verdict.log}",
        )
    told = Pass(took, flaky=False, at=time_text(mission.now()))
    verdicts.remember(mission, {tree: told}, gate.command, under)
    return Verified(name, commit, tree, gate.command, took, cached=False)


def gate_on(mission: Mission, name: str, commit: str) -> Gate:
    """What the files of `commit`, called `name`, have to pass.

    It is the gate of the train that made it, or else of the plan whose branch it is, or of the
    latest train to it; or else as the settings and files of a job's base say, or of the commit.
    Raises Refused where the settings' command is not trusted.
    """
    branch = name.removeprefix("refs/heads/")
    trains = _trains(mission)
    for train in trains:
        if commit in commits_of(train):
            return gate_for(mission, train) or gate_of(mission, train.base, train.target)
    for plan in reversed(Plans(mission.store.root).all()[0]):
        if plan.branch == branch:
            # What its jobs have changed of the settings says nothing about what they have to pass.
            return gate_of(mission, plan.base_commit, plan.base, plan.test)
    for train in trains:
        if train.target == branch:
            return gate_for(mission, train) or gate_of(mission, train.base, train.target)
    if f"refs/heads/{branch}".startswith(INTEGRATION):
        # Nobody knows what it was for: at least it does not decide by itself.
        return gate_of(mission, refs.commit_of(mission.git, "HEAD") or commit, "HEAD")
    for job in mission.store.jobs()[0]:
        tip = refs.branch_tip(mission.git, job.base) if job.branch == branch else None
        if tip is not None:
            return gate_of(mission, tip, job.base)
    return gate_of(mission, commit, name)


def is_start(mission: Mission, branch: str, commit: str) -> bool:
    """Whether `commit` is what a plan's branch began at: nothing was made there."""
    plans = Plans(mission.store.root).all()[0]
    return any((plan.branch, plan.base_commit) == (branch, commit) for plan in plans)


def made_by_trains(mission: Mission) -> frozenset[str]:
    """The commits that trains have made or landed, of all trains whose records can be read."""
    return frozenset(commit for train in _trains(mission) for commit in commits_of(train))


def commits_of(train: Train) -> set[str]:
    """The commits of candidates of the train, and of what has landed by it."""
    landing = train.landing.commits if train.landing else ()
    tested = {run.commit for run in train.runs}
    return {*tested, *landing, *(one.commit for one in train.landed)} - {train.base}


def _trains(mission: Mission) -> list[Train]:
    """The trains, the latest first; torn records are for `git mc merge-train status` to tell of."""
    return Trains(mission.store.root).all()[0][::-1]
