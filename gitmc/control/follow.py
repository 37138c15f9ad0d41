"""Following the jobs: how they are after each thing that happens."""

from __future__ import annotations

from collections.abc import Iterator

from gitmc.control.loop import catch_up
from gitmc.control.mission import Mission
from gitmc.control.settle import live_pids
from gitmc.errors import McError
from gitmc.events.bell import Bell
from gitmc.model.job import Job


def bell_of(mission: Mission) -> Bell:
    """A bell that rings for markers, for the end of agents, and for whatever becomes of records."""
    mission.store.make()
    folders = [mission.store.events / "new", mission.store.jobs_dir]
    return Bell(folders, changes=True, removals=True)


def follow(mission: Mission, bell: Bell) -> Iterator[tuple[list[Job], list[McError]]]:
    """All jobs, and what went wrong on the way to them: now, and each time that `bell` rings.

    The tick is for file systems that send no events: then only jobs that differ are news.
    """
    seen: list[Job] | None = None
    rang = True
    while True:
        jobs, troubles = catch_up(mission, wait=False)
        bell.watch(live_pids(jobs))
        if rang or jobs != seen:
            seen = jobs
            yield jobs, [*troubles, *mission.store.jobs()[1]]
        rang = bell.wait(mission.settings["pollInterval"])
