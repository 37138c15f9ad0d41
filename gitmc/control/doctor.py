"""Doctor: what is inconsistent is found, and mended where that loses nothing.

What mends a finding looks again, under the lock that keeps others from it, whether it is still so:
between the look and the deed anybody may have been at work.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from gitmc.control import init, inventory, removal
from gitmc.control.mission import Mission
from gitmc.errors import McError, Refused, of_system
from gitmc.git import refs, repoint, worktree
from gitmc.model.health import Finding, Fix, findings
from gitmc.model.job import Phase
from gitmc.store.files import replace_file
from gitmc.tmux.run import Tmux
from gitmc.tmux.session import capture, kill_run, started

WHY = "mc doctor"


def examine(mission: Mission) -> list[Finding]:
    """All that is inconsistent; nothing is changed."""
    return findings(inventory.take(mission))


def mend(mission: Mission, found: list[Finding]) -> tuple[list[Finding], list[McError]]:
    """Mend what can be without loss; what was mended, and what went wrong."""
    mission.store.make()
    mended: list[Finding] = []
    troubles: list[McError] = []
    for finding in found:
        if finding.fix is None:
            continue
        details = {"id": finding.id, "on": finding.subject}
        mission.store.journal.write(mission.now(), "action", action="Mend", **details)
        try:
            _mend(mission, finding.fix, finding.arguments)
        except McError as trouble:
            troubles.append(trouble)
        except OSError as fault:
            troubles.append(of_system(fault))
        else:
            mended.append(finding)
    return mended, troubles


def _mend(mission: Mission, fix: Fix, words: tuple[str, ...]) -> None:
    git = mission.git
    match fix:
        case Fix.BRANCH:
            branch, commit = words
            refs.swap(git, f"refs/heads/{branch}", commit, refs.NOTHING, WHY)
        case Fix.CLOSE:
            _close(mission, *words)
        case Fix.FORGET:
            with mission.store.worktrees_locked():
                worktree.forget(git, Path(words[0]))
        case Fix.HOOKS:
            init.install(mission)
        case Fix.LABEL:
            replace_file(Path(words[0], "mc-job"), f"{words[1]}\n".encode())
        case Fix.MEND:
            repoint.mend(Path(words[0]))
        case Fix.REMOVE:
            _remove(mission, Path(words[0]))
        case Fix.SCRATCH:
            with mission.store.worktrees_locked():
                worktree.remove(git, Path(words[0]), force=True)
        case Fix.TAKE_BACK:
            removal.find(mission, mission.job(words[0]), dry_run=False)
        case Fix.UNLABEL:
            _unlabel(mission, Path(words[0], "mc-job"), words[1])
        case Fix.UNREF:
            refs.swap(git, words[0], refs.NOTHING, words[1], WHY)


def _close(mission: Mission, socket: str, run: str) -> None:
    """Close the dead pane of `run`; what it shows goes to a log first."""
    tmux = Tmux(socket)
    pane = next((one for one in started(tmux) if one.run == run and one.dead), None)
    if pane is None:
        return
    shown = capture(tmux, pane.pane, run, None)
    if shown:
        path = mission.store.log_path(f"run-{run}")
        path.write_text(f"{shown}\n", errors="surrogateescape")
    kill_run(tmux, run)


def _remove(mission: Mission, path: Path) -> None:
    with mission.store.locked():
        live = {
            job.run.id
            for job in mission.store.jobs()[0]
            if job.run and (job.run.phase is not Phase.CLOSED or job.launch)
        }
        if any(run in path.name for run in live):
            raise Refused(f"{path} is in use by now", hint="git mc doctor looks again")
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _unlabel(mission: Mission, file: Path, job: str) -> None:
    with mission.store.locked():
        own = worktree.place(file.parent)
        stored = mission.store.job(job) if job in mission.store.job_names() else None
        if stored is not None and own is not None and stored.worktree == str(own):
            raise Refused(f"{own} is the worktree of '{job}' by now")
        if file.read_text(errors="surrogateescape").strip() == job:
            file.unlink()
