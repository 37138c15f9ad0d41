"""Pushing a job's branch, and having a pull request opened for it.

    push ─▶ record ─▶ find, else open ─▶ record
    (a push that opens it is all of it at once)

Killed anywhere, the next one goes on from what is on the remote: a commit there is replaced only if
it is one that this branch had before (its own record or git's reflog says so) or still contains;
and a pull request that is open is found, not opened again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gitmc.control.mission import Mission
from gitmc.errors import CommandFailed, Fatal, McError, Refused
from gitmc.forge import address, pushed
from gitmc.forge.choose import PROGRAMS, Way
from gitmc.forge.clients import Client, Found, Proposal, client
from gitmc.git import refs, remote
from gitmc.git.run import Git, environment_for_others
from gitmc.model.job import Job, PullRequest

ATTEMPTS = 5
"""How often the branch may move on the remote while it is pushed, before somebody is told."""

Say = Callable[[str], None]
"""Takes what a person is to know beside the outcome."""


@dataclass(frozen=True)
class Plan:
    """What is to be done, found out without doing any of it."""

    mission: Mission
    job: Job
    git: Git
    """git where the job's hooks are: in its worktree, while there is one."""
    folder: Path
    to: remote.Upstream
    """The remote, and the base as it is called there."""
    way: Way
    head: str
    was: str | None
    """The commit that the job's branch is at on the remote."""
    proposal: Proposal
    say: Say

    @property
    def ref(self) -> str:
        """What the branch is on the remote."""
        return f"refs/heads/{self.job.branch}"

    @property
    def compare_url(self) -> str | None:
        """The page where a person opens the pull request; None where none is known."""
        return address.compare_url(self.way.address, self.way.kind, self.to.branch, self.job.branch)

    @property
    def page(self) -> str:
        """The repository's page, on a forge that is known."""
        assert self.way.address is not None
        return self.way.address.page

    @property
    def before(self) -> PullRequest | None:
        """What is recorded of an earlier push of this branch, for this base."""
        same = (self.to.remote, self.job.branch, self.to.branch)
        known = self.job.pr
        return known if known and (known.remote, known.branch, known.base) == same else None


@dataclass(frozen=True)
class Came:
    """How far it came."""

    forge: str
    pushed: bool
    found: Found | None = None
    created: bool = False

    @property
    def url(self) -> str | None:
        """Where the pull request is; None where nobody has opened one."""
        return self.found.url if self.found else None


def publish(plan: Plan) -> Came:
    """Do it, and journal and record what came of it."""
    try:
        came = {"gitlab": _by_options, "gitea": _by_agit}.get(plan.way.forge, _by_branch)(plan)
    except McError as failed:
        _journal(plan, failed=failed.message.partition("\n")[0])
        raise
    _record(plan, came.forge, came.url)
    _journal(plan, forge=came.forge, url=came.url, created=came.created, pushed=came.pushed)
    return came


def _by_branch(plan: Plan) -> Came:
    """Push the branch, then have the forge's program open it, where there is one."""
    sent = _push_branch(plan)
    if plan.way.forge not in PROGRAMS.values() or plan.way.address is None:
        return Came("none", sent)
    _record(plan, plan.way.forge)
    asked = client(plan.way.forge, plan.way.address, plan.folder, environment_for_others())
    try:
        found, created = _find_or_create(asked, plan.proposal)
    except Fatal as failed:
        again = f"try again: git mc pr {plan.job.name}"
        by_hand = f"the branch is pushed; open it at {plan.compare_url}, or {again}"
        failed.hint = f"{failed.hint}; then {again}" if failed.hint else by_hand
        raise
    return Came(plan.way.forge, sent, found, created)


def _find_or_create(asked: Client, wanted: Proposal) -> tuple[Found, bool]:
    """The open pull request, and whether it was opened here."""
    found = asked.find(wanted.branch, wanted.base)
    if found is not None:
        return found, False
    try:
        return Found(asked.create(wanted), wanted.draft), True
    except CommandFailed as failed:
        if "already exists" not in failed.stderr:
            raise
        # Somebody opened it at this moment.
        found = asked.find(wanted.branch, wanted.base)
        if found is None:
            raise
        return found, False


def _by_options(plan: Plan) -> Came:
    """Push the branch, with options that have GitLab open it."""
    known = _known(plan)
    wanted = pushed.Request(plan.to.branch, plan.job.branch)
    if known is None:
        text = plan.proposal
        wanted = wanted._replace(title=text.title, body=text.body, draft=text.draft)
    said: list[str] = []
    sent = _push_branch(plan, pushed.gitlab_options(wanted), said.append)
    url = pushed.url_in("\n".join(said), "gitlab") or known
    if url is None:
        return Came("none", sent)
    created = url != known
    return Came("gitlab", sent, Found(url, created and plan.proposal.draft), created)


def _known(plan: Plan) -> str | None:
    """The merge request that is there already, as far as it can be told."""
    if plan.before and plan.before.url:
        return plan.before.url
    return None if plan.was is None else _by_head(plan, "gitlab", plan.was)


def _by_head(plan: Plan, kind: str, head: str) -> str | None:
    """The newest pull request that the forge keeps with this very head."""
    kept = remote.there(plan.git, plan.to.remote, pushed.heads_pattern(kind))
    urls = [pushed.url_of_ref(plan.page, kind, ref) for ref, at in kept.items() if at == head]
    return max(filter(None, urls), key=lambda url: int(url.rpartition("/")[2]), default=None)


def _by_agit(plan: Plan) -> Came:
    """Push to `refs/for/BASE`, which has Gitea open it."""
    ref, text, before = f"refs/for/{plan.to.branch}", plan.proposal, plan.before
    # Recorded first: it is by this that the next push knows to replace it.
    _record(plan, "gitea")
    force = before is not None and not _contains(plan, before.head)
    wanted = pushed.Request(plan.to.branch, plan.job.branch, text.title, text.body, text.draft)
    _journal_push(plan, ref, None)
    options = pushed.agit_options(wanted, force=force)
    came = remote.push(plan.git, plan.to.remote, plan.head, ref, options=options)
    if came.takes_no_options:
        _say_no_options(plan)
        return Came("none", _push_branch(plan))
    if came.done:
        at = pushed.url_in(came.said, "gitea") or pushed.url_of_ref(plan.page, "gitea", came.ref)
        if at is None:
            plan.say(f"warning: to '{plan.to.remote}', {ref} is a branch like any other")
            return Came("none", _push_branch(plan))
        return Came("gitea", True, Found(at, came.new and text.draft), created=came.new)
    if not pushed.is_there_already(came.summary):
        raise _not_pushed(plan, came)
    at = (before.url if before else None) or _by_head(plan, "gitea", plan.head)
    return Came("gitea", pushed=False, found=Found(at, draft=False) if at else None)


def _push_branch(plan: Plan, options: list[str] | None = None, hear: Say = lambda _: None) -> bool:
    """Push the job's branch, and nothing over a commit that is not the job's; whether there was
    anything to push. What the server says goes to `hear`."""
    was = plan.was
    for _ in range(ATTEMPTS):
        if was == plan.head:
            return False
        if was is not None and not _is_ours(plan, was):
            raise Refused(
                f"'{plan.job.branch}' on '{plan.to.remote}' has commits that the job has not",
                hint=f"take them in: in {plan.folder}: "
                f"git pull --rebase {plan.to.remote} {plan.job.branch}",
            )
        _journal_push(plan, plan.ref, was)
        came = remote.push(
            plan.git, plan.to.remote, plan.head, plan.ref, over=was or "", options=options or ()
        )
        if came.done:
            hear(came.said)
            _track(plan)
            return True
        now = ask(plan.mission, plan.to, plan.job.branch).get(plan.ref)
        if came.takes_no_options:
            _say_no_options(plan)
            options = None
        elif now == was:
            raise _not_pushed(plan, came)
        was = now
    raise Refused(
        f"'{plan.job.branch}' on '{plan.to.remote}' keeps moving while it is pushed",
        hint=f"see who pushes to it, then try again: git mc pr {plan.job.name}",
    )


def _is_ours(plan: Plan, commit: str) -> bool:
    """Whether `commit`, found on the remote, is one that the job's branch has or had."""
    pushed_before = (plan.to.remote, plan.job.branch, commit)
    known = plan.job.pr
    if known and (known.remote, known.branch, known.head) == pushed_before:
        return True
    return _contains(plan, commit) or commit in refs.was_at(plan.git, plan.ref)


def _contains(plan: Plan, commit: str) -> bool:
    """Whether the job's work has `commit`, which need not be in this repository."""
    here = refs.commit_of(plan.git, commit) is not None
    return here and refs.is_ancestor(plan.git, commit, plan.head)


def ask(mission: Mission, to: remote.Upstream, branch: str) -> dict[str, str]:
    """The job's branch and the base as the remote has them, by ref."""
    return remote.there(mission.git, to.remote, f"refs/heads/{branch}", f"refs/heads/{to.branch}")


def _not_pushed(plan: Plan, came: remote.Pushed) -> Refused:
    why = ": ".join(filter(None, (came.summary, came.said.strip())))
    return Refused(
        f"'{plan.job.branch}' was not pushed to '{plan.to.remote}': {why}",
        hint=f"cure that, then try again: git mc pr {plan.job.name}",
    )


def _say_no_options(plan: Plan) -> None:
    plan.say(f"warning: '{plan.to.remote}' takes no options with a push, by which to open it")


def _track(plan: Plan) -> None:
    to = remote.Upstream(plan.to.remote, plan.job.branch)
    try:
        remote.track(plan.mission.git, plan.job.branch, to)
    except CommandFailed as failed:
        plan.say(f"warning: '{plan.job.branch}' has no upstream now: {failed.message}")


def _record(plan: Plan, forge: str, url: str | None = None) -> None:
    if url is None and plan.before and plan.before.url:
        # It was opened once, and that nobody can tell of it now does not close it.
        forge, url = plan.before.forge, plan.before.url
    made = PullRequest(forge, plan.to.remote, plan.job.branch, plan.to.branch, plan.head, url)
    with plan.mission.store.locked() as held:
        now = plan.mission.store.job(plan.job.name)
        # It may have been cleaned up by now.
        if now is not None and now.pr != made:
            plan.mission.save(held, now, now._replace(pr=made), "pr")


def _journal_push(plan: Plan, ref: str, expected: str | None) -> None:
    plan.mission.store.journal.write(
        plan.mission.now(), "action", action="Push", job=plan.job.name, remote=plan.to.remote,
        ref=ref, expected=expected, head=plan.head,
    )  # fmt: skip


def _journal(plan: Plan, **details: object) -> None:
    plan.mission.store.journal.write(plan.mission.now(), "pr", job=plan.job.name, **details)


def browse(plan: Plan, came: Came) -> None:
    """Show the pull request in a browser, or the page to open it on; a failure is only said."""
    url = came.url or plan.compare_url
    if url is None:
        return
    try:
        if came.url and plan.way.address and came.forge in PROGRAMS.values():
            asked = client(came.forge, plan.way.address, plan.folder, environment_for_others())
            asked.browse(came.url)
        else:
            plan.git("web--browse", url)
    except CommandFailed as failed:
        plan.say(f"warning: no browser was opened: {failed.message}")
