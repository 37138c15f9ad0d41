"""Jobs as they are shown: what is stored, joined with what git knows now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gitmc.control.mission import Mission
from gitmc.errors import McError, Refused
from gitmc.git import refs
from gitmc.model.job import Job, Phase, State
from gitmc.store import index
from gitmc.store.codec import time_text


def heads(mission: Mission, jobs: Sequence[Job]) -> dict[str, str]:
    """By job: the commit that its branch is at; jobs whose branch is gone are left out."""
    tips = refs.tips(mission.git, [f"refs/heads/{job.branch}" for job in jobs])
    found = {job.name: tips.get(f"refs/heads/{job.branch}") for job in jobs}
    return {name: tip for name, tip in found.items() if tip}


def ahead(mission: Mission, jobs: Sequence[Job]) -> dict[str, int | None]:
    """By job: how many commits its branch has beyond the commit it started from."""
    return _ahead(mission, jobs, heads(mission, jobs))


def _ahead(mission: Mission, jobs: Sequence[Job], tips: dict[str, str]) -> dict[str, int | None]:
    pairs = {job.name: (job.base_commit, tips.get(job.name, "")) for job in jobs}
    found = counts(mission, list(pairs.values()))
    return {name: found.get(pair) for name, pair in pairs.items()}


def counts(mission: Mission, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int | None]:
    """For each (base, head): how many commits head has that base has not; None if unknown."""
    # Of two commits the answer never changes, unless the history of a shallow clone is deepened.
    keep = not (mission.repo.common_dir / "shallow").exists()
    path = mission.store.counts_path
    known = index.read_counts(path) if keep else {}
    asked = [pair for pair in pairs if "..".join(pair) not in known]
    answers = zip(asked, refs.ahead(mission.git, asked), strict=True)
    new = {"..".join(pair): count for pair, count in answers if count is not None}
    if keep and len(new) > index.FEW:
        index.add_counts(path, known, new)
    found = {**known, **new}
    return {pair: found.get("..".join(pair)) for pair in pairs}


def dirty(job: Job) -> bool | None:
    """Whether the job's worktree has uncommitted changes; None where it cannot be asked."""
    from gitmc.git import worktree

    path = Path(job.worktree)
    try:
        return bool(worktree.uncommitted(path)) if (path / ".git").exists() else None
    except McError:
        # No worktree any more, for example; `None` says that it could not be told.
        return None


def without_work(mission: Mission, jobs: Sequence[Job]) -> set[str]:
    """The names of those that made no commit since their base, and left nothing that could be one.

    git is asked once for all of them, and then of each such worktree. Where it cannot tell, there
    may be work.
    """
    if not jobs:
        return set()
    tips = heads(mission, jobs)
    return {j.name for j in jobs if tips.get(j.name) == j.base_commit and _is_untouched(j)}


def _is_untouched(job: Job) -> bool:
    from gitmc.git import worktree

    path = Path(job.worktree)
    try:
        return (path / ".git").exists() and worktree.is_clean_at(path, job.base_commit)
    except McError:
        return False


def objects(mission: Mission, jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """The job objects (`mc.job/1`, less the schema key). A key that does not apply is absent;
    null means that it was asked and could not be told."""
    from concurrent.futures import ThreadPoolExecutor

    tips = heads(mission, jobs)
    ahead_by = _ahead(mission, jobs, tips)
    with ThreadPoolExecutor(8) as pool:
        dirts = list(pool.map(dirty, jobs))
    return [
        _object(mission, job, tips.get(job.name), ahead_by[job.name], dirt)
        for job, dirt in zip(jobs, dirts, strict=True)
    ]


def _object(
    mission: Mission, job: Job, head: str | None, count: int | None, dirt: bool | None
) -> dict[str, Any]:
    seconds = job.seconds(mission.now())
    found = {
        "name": job.name,
        "state": str(job.state),
        "activity": _activity(job),
        "agent": job.agent,
        "mode": job.mode,
        "model": job.model,
        "arguments": list(job.arguments) or None,
        "unattended": job.unattended or None,
        "branch": job.branch,
        "base": job.base,
        "base_commit": job.base_commit,
        "head": head,
        "ahead": count,
        "dirty": dirt,
        "worktree": job.worktree,
        "placement": job.placement,
        "tmux": job.terminal and job.terminal._asdict(),
        "plan": job.plan,
        "prompt": _prompt(mission, job),
        "created_at": time_text(job.created_at),
        "started_at": job.started_at and time_text(job.started_at),
        "ended_at": job.ended_at and time_text(job.ended_at),
        "seconds": None if seconds is None else round(seconds, 3),
        "exit_status": job.exit_status,
        "reason": job.reason,
        "report": _report(job),
        "session_id": job.session_id,
        "landed": job.landed and job.landed._asdict(),
        "pr": job.pr and {k: v for k, v in job.pr._asdict().items() if v is not None},
    }
    asked = {"head", "ahead", "dirty"} | ({"exit_status"} if job.ended_at else set())
    return {key: value for key, value in found.items() if value is not None or key in asked}


def _activity(job: Job) -> dict[str, Any] | None:
    if job.state is not State.RUNNING:
        return None
    if job.activity is None:
        since = job.started_at or job.created_at
        return {"state": "unknown", "since": time_text(since), "source": "none"}
    activity = job.activity
    return {
        "state": activity.state,
        "since": time_text(activity.since),
        "source": activity.source,
    }


def _report(job: Job) -> dict[str, Any] | None:
    if job.report is None:
        return None
    word = {"status": job.report.status, "message": job.report.message}
    progress = {} if job.report.progress is None else {"progress": job.report.progress}
    return {**word, **progress, "at": time_text(job.report.at)}


def _prompt(mission: Mission, job: Job) -> str | None:
    try:
        content = mission.store.prompt_path(job.name).read_bytes()
    except FileNotFoundError:
        return None
    return content.decode("utf-8", "surrogateescape")


def screen(mission: Mission, job: Job, lines: int, *, ansi: bool = False) -> str | None:
    """The last lines of the job's pane, or of its kept log where the pane is gone, or None."""
    from gitmc.model.keptlog import shown
    from gitmc.tmux.session import capture

    if job.terminal is not None and job.run is not None:
        tmux = mission.tmux_of(job.terminal)
        text = capture(tmux, job.terminal.pane, job.run.id, lines, ansi=ansi)
        if text is not None:
            return text
    try:
        kept = mission.store.log_path(job.name).read_bytes()
    except FileNotFoundError:
        return None
    text = shown(kept).decode("utf-8", "surrogateescape")
    return "\n".join(text.rstrip("\n").split("\n")[-lines:])


def over(job: Job) -> bool:
    """Whether nothing more is to come. Raises Refused where the job has not started yet."""
    if job.unstarted:
        raise Refused(
            f"the job '{job.name}' has not started: it is {job.state}",
            hint=f"wait for its start: git mc wait --for running {job.name}",
        )
    return job.run is None or job.terminal is None or job.run.phase is not Phase.LIVE
