"""What a pull request says, from the job's prompt, its agent's last word and its commits."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gitmc.control.leftovers import subject
from gitmc.control.mission import Mission
from gitmc.errors import Refused
from gitmc.git import refs
from gitmc.model import proposal
from gitmc.model.job import Job


class Range(NamedTuple):
    """What is proposed: `head`, to be merged into the base, which is at commit `target` on the
    remote, and which may not be here. `base` is what it is called here."""

    head: str
    base: str
    target: str


class Text(NamedTuple):
    """A title and a body, and the commits of which they tell."""

    title: str
    body: str
    commits: list[str]


def text(mission: Mission, job: Job, proposed: Range, kind: str | None) -> Text:
    """What the pull request says on a forge of that kind."""
    git = mission.git
    target = refs.commit_of(git, proposed.target)
    local = refs.branch_tip(git, proposed.base)
    root = target or local or job.base_commit
    commits = git("rev-list", "--reverse", proposed.head, f"^{root}").split()
    # What the local base has, and has not pushed yet, comes along. It is not the job's own.
    own = [f"^{commit}" for commit in (root, local) if commit]
    printed = git("log", "--reverse", "--no-merges", "--format=%s", "-z", proposed.head, *own)
    work = proposal.Work(
        name=job.name,
        prompt=_prompt(mission, job),
        report=job.report.message if job.report else None,
        subjects=[line for line in printed.split("\0") if line],
        leftovers=subject(mission, job),
    )
    template = _template(mission, root, kind)
    return Text(proposal.title(work), proposal.body(work, template), commits)


def given_title(title: str) -> str:
    """A title that was asked for, on one line. Raises Refused for an empty one."""
    line = proposal.one_line(title)
    if not line:
        raise Refused("the title is empty", hint="give one, or leave out --title")
    return line


def given_body(body: str, say: Callable[[str], None]) -> str:
    """A body that was asked for, cut to what forges take; then it is said."""
    fitted, cut = proposal.fitted(proposal.cleaned(body))
    if cut:
        say(f"warning: the body is longer than forges take, and is cut at {len(fitted)} characters")
    return fitted


def _prompt(mission: Mission, job: Job) -> str:
    try:
        return mission.store.prompt_path(job.name).read_text("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _template(mission: Mission, commit: str, kind: str | None) -> str | None:
    """The repository's own template for pull requests, as it is in `commit`."""
    files: dict[str, str] = {}
    for folders in ((), proposal.TEMPLATE_FOLDERS):
        for line in mission.git("ls-tree", "-z", commit, "--", *folders).split("\0"):
            about, _, path = line.partition("\t")
            # A link would be the path that it leads to.
            if about.startswith("100"):
                files[path] = about.split()[2]
    found = proposal.template_path(files, kind)
    if found is None:
        return None
    content = mission.git.result("cat-file", "blob", files[found]).stdout
    return proposal.cleaned(content.decode("utf-8", "replace"))
