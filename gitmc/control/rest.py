"""Completing the jobs of agents that have been at their prompt for long, with their work committed.

The agent stays as it is: whoever wants more of it can say so.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from gitmc.agents import omo
from gitmc.control.mission import Mission
from gitmc.errors import McError
from gitmc.git import refs, worktree
from gitmc.model.job import Job, State, move
from gitmc.model.notice import noted
from gitmc.model.rest import rest_left


class Rest:
    """Looks after the jobs whose agents rest."""

    def __init__(self, mission: Mission) -> None:
        self._mission = mission
        self._again: dict[str, float] = {}
        """By run: when to ask git again, where it had found nothing that is done."""

    def tend(self, jobs: Iterable[Job]) -> float:
        """Complete those that are done; seconds until there may be another, infinite if never."""
        quiet = timedelta(seconds=self._mission.settings["idleThreshold"])
        asked, self._again = self._again, {}
        soonest = math.inf
        for job in jobs:
            left = rest_left(job, self._mission.now(), quiet)
            if left is None or job.run is None:
                continue
            began = time.monotonic()
            left = max(left, asked.get(job.run.id, began) - began)
            if left <= 0:
                if self._is_done(job) and self._complete(job, quiet):
                    return 0.0
                left = quiet.total_seconds()
            self._again[job.run.id] = began + left
            soonest = min(soonest, left)
        return soonest

    def _is_done(self, job: Job) -> bool:
        path = Path(job.worktree)
        if not path.is_dir() or omo.goes_on(path, job.mode, job.name, job.session_id):
            return False
        git = self._mission.git
        try:
            tip = refs.branch_tip(git, job.branch)
            if tip is None or refs.is_ancestor(git, tip, job.base_commit):
                return False
            return worktree.is_clean_at(path, tip)
        except McError:
            return False

    def _complete(self, seen: Job, quiet: timedelta) -> bool:
        mission = self._mission
        why = f"its agent was idle for {quiet.total_seconds():g} s, with its work committed"
        with mission.store.locked() as held:
            job = mission.store.job(seen.name)
            if job is None or (job.run, job.activity, job.state) != (
                seen.run, seen.activity, seen.state,
            ):  # fmt: skip
                return False
            done = move(job, State.COMPLETED, ended_at=mission.now(), reason=why)
            mission.save(held, job, noted(job, done), "rest")
        return True
