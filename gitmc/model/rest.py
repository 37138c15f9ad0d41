"""When an agent that stays at its prompt is taken to have done its job. Pure.

Agents with a user interface do not end by themselves. One that says that its turn is over, and then
is quiet for long, is done: if git finds work that is committed, which is not asked here. What waits
for a person, met an error, or is only guessed to be silent is not done.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gitmc.model.job import Job, Phase, State

WORDS = frozenset({"agent", "title", "screen"})
"""Sources that show the agent at its prompt. The others only know that nothing was printed."""


def rest_left(job: Job, now: datetime, quiet: timedelta) -> float | None:
    """Seconds until the job's agent has been at rest for `quiet`, less than 0 where it has been.

    None where it is not at rest.
    """
    run, activity = job.run, job.activity
    if job.state is not State.RUNNING or run is None or run.phase is not Phase.LIVE or run.stop:
        return None
    if activity is None or activity.state != "idle" or activity.source not in WORDS:
        return None
    return (activity.since + quiet - now).total_seconds()
