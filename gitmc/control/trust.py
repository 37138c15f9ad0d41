"""Trust: a committed file says what is run only once the user has approved exactly that text."""

from __future__ import annotations

from gitmc.control.config import committed, committed_in
from gitmc.control.mission import Mission
from gitmc.errors import Refused
from gitmc.git.refs import commit_of
from gitmc.model.settings import commands_of
from gitmc.model.trust import Approval, Wanted
from gitmc.store.trusted import read_approvals, write_approvals


def wanted(mission: Mission, name: str | None = None) -> Wanted:
    """What the committed file wants to run, as it is now, or as it is in the commit `name`.

    Raises Refused for a fault in it, and where there is no such commit.
    """
    if name is None:
        source = committed(mission.main_worktree)
    else:
        commit = commit_of(mission.git, name)
        if commit is None:
            raise Refused(f"there is no commit called '{name}'", hint="name a branch or a commit")
        source = committed_in(mission.git, commit, name)
    return Wanted(source.label, commands_of(source))


def is_approved(mission: Mission, asked: Wanted) -> bool:
    """Whether the user has approved this text. Raises BadFile where that cannot be told."""
    approvals = read_approvals(mission.store.trusted_path)
    return any(one.sha256 == asked.sha256 for one in approvals)


def approve(mission: Mission, asked: Wanted) -> None:
    """Record that the user approves `asked`, which is what he was shown, whatever is there now."""
    store = mission.store
    store.make()
    approval = Approval(asked.sha256, asked.text, mission.now())
    with store.locked() as held:
        approvals = read_approvals(store.trusted_path)
        if all(one.sha256 != approval.sha256 for one in approvals):
            write_approvals(held, store.trusted_path, [*approvals, approval])


def revoke(mission: Mission) -> bool:
    """Take back every approval; whether there were any."""
    store = mission.store
    if not store.trusted_path.exists():
        return False
    with store.locked() as held:
        approvals = read_approvals(store.trusted_path)
        write_approvals(held, store.trusted_path, [])
    return bool(approvals)
