"""A pull request for one job: find out what is to be done, commit what is left over, publish it.

The state of the job stays what it is: what lands it is somebody else's to say.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from gitmc.control import propose
from gitmc.control.leftovers import commit_leftovers
from gitmc.control.mission import Mission
from gitmc.control.publish import Came, Plan, Say, ask, browse, publish
from gitmc.control.view import dirty
from gitmc.errors import Refused
from gitmc.forge.choose import PROGRAMS, Way, choose
from gitmc.forge.clients import Proposal, gh_knows
from gitmc.git import refs, remote
from gitmc.git.run import Git, environment_for_others
from gitmc.model.job import Job, State
from gitmc.model.pushes import PULL_REQUEST


@dataclass(frozen=True)
class Request:
    """What was asked for; None means that it is made from what is known of the job."""

    name: str
    title: str | None = None
    body: str | None = None
    draft: bool = False
    base: str | None = None
    web: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of it. `url` is None where nobody has opened a pull request, and `compare_url`
    where it is not known how a person could. `title` and `body` are those of a new one."""

    name: str
    url: str | None
    compare_url: str | None
    forge: str
    remote: str
    branch: str
    base: str
    head: str
    created: bool
    pushed: bool
    draft: bool
    title: str
    body: str


def open_pull_request(mission: Mission, request: Request, say: Say) -> Outcome:
    """Push the job's branch, and open a pull request or find the open one.

    Raises Refused, with nothing changed on the remote, and CommandFailed where git or the forge's
    program fails; what was pushed by then is recorded.
    """
    title = None if request.title is None else propose.given_title(request.title)
    body = None if request.body is None else propose.given_body(request.body, say)
    job = mission.job(request.name)
    _check_state(job)
    folder = Path(job.worktree)
    folder = folder if folder.is_dir() else mission.main_worktree
    base = (request.base or job.base).removeprefix("refs/heads/")
    to = remote.upstream_of(mission.git, base)
    if to.branch == job.branch:
        raise Refused(
            f"'{base}' is the job's own branch", hint="name another: git mc pr --base BRANCH"
        )
    way = way_to(mission, to.remote, folder)
    there = ask(mission, to, job.branch)
    _check_base(mission, job, to, base, there)
    _take_leftovers(mission, job, say, dry_run=request.dry_run)
    head = refs.branch_tip(mission.git, job.branch)
    if head is None:
        raise Refused(f"the branch '{job.branch}' is gone, so there is nothing to push")
    target = there[f"refs/heads/{to.branch}"]
    text = propose.text(mission, job, propose.Range(head, base, target), way.kind)
    if not text.commits and not (request.dry_run and dirty(job)):
        raise Refused(
            f"the job '{job.name}' has no commits that '{to.branch}' on '{to.remote}' has not",
            hint=f"see what it did: git mc capture {job.name}",
        )
    proposal = Proposal(
        job.branch,
        to.branch,
        text.title if title is None else title,
        text.body if body is None else body,
        request.draft,
    )
    was = there.get(f"refs/heads/{job.branch}")
    # To its own hook, whoever asks for a pull request has asked for the push.
    git = Git(folder).with_environment(MC_ALLOW=PULL_REQUEST)
    plan = Plan(mission, job, git, folder, to, way, head, was, proposal, say)
    if request.dry_run:
        return _outcome(plan, Came(way.forge, pushed=False))
    came = publish(plan)
    asked = title is not None or body is not None or request.draft
    if came.found and not came.created and asked:
        say("warning: the pull request was open already, and is left as it is but for its commits")
    if request.web:
        browse(plan, came)
    return _outcome(plan, came)


def _check_state(job: Job) -> None:
    if job.state is State.CANCELED:
        raise Refused(f"the job '{job.name}' was canceled, so there is nothing to push")
    if job.unstarted:
        raise Refused(
            f"the job '{job.name}' has not started: it is {job.state}",
            hint=f"wait for it: git mc wait {job.name}",
        )
    if job.state is State.MERGING:
        raise Refused(f"the job '{job.name}' is being merged by another process")
    if job.landed is not None:
        raise Refused(
            f"the job '{job.name}' has landed on '{job.landed.target}' already",
            hint=f"push '{job.landed.target}' instead, or git mc cleanup {job.name}",
        )


def way_to(mission: Mission, name: str, folder: Path) -> Way:
    """How a pull request is opened on the remote of that name; `folder` is where to ask."""
    setting = mission.settings["forge"]
    installed = {program for program in PROGRAMS.values() if shutil.which(program)}
    urls = remote.urls(mission.git, name)
    way = choose(urls, setting, installed)
    if way.address is None or way.kind is not None or setting != "auto" or "gh" not in installed:
        return way
    # GitHub can be at any name.
    known = gh_knows(way.address.host, folder, environment_for_others())
    return choose(urls, "github", installed) if known else way


def _check_base(
    mission: Mission, job: Job, to: remote.Upstream, base: str, there: dict[str, str]
) -> None:
    if f"refs/heads/{to.branch}" in there:
        return
    local = refs.branch_tip(mission.git, base) is not None
    raise Refused(
        f"'{to.remote}' has no branch '{to.branch}' to open a pull request against",
        hint=f"git push {to.remote} {base}"
        if local
        else f"name one that it has: git mc pr {job.name} --base BRANCH",
    )


def _take_leftovers(mission: Mission, job: Job, say: Say, *, dry_run: bool) -> None:
    if job.live or job.state is State.RUNNING:
        left = ", and what it has not committed stays behind" if dirty(job) else ""
        say(f"warning: the agent of '{job.name}' still runs, and may do more{left}")
    elif dry_run:
        if dirty(job):
            say(f"would commit first what '{job.name}' left uncommitted")
    else:
        commit_leftovers(mission, job)


def _outcome(plan: Plan, came: Came) -> Outcome:
    return Outcome(
        name=plan.job.name,
        url=came.url,
        compare_url=plan.compare_url,
        forge=came.forge,
        remote=plan.to.remote,
        branch=plan.job.branch,
        base=plan.to.branch,
        head=plan.head,
        created=came.created,
        pushed=came.pushed,
        draft=came.found.draft if came.found else plan.proposal.draft,
        title=plan.proposal.title,
        body=plan.proposal.body,
    )
