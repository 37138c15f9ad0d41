"""Following a plan, woken by events."""

from __future__ import annotations

import time
from collections.abc import Iterator

from gitmc.control.loop import catch_up
from gitmc.control.mission import Mission
from gitmc.control.planview import Shown, shown
from gitmc.errors import Refused
from gitmc.events.bell import Bell
from gitmc.model.plan import FINAL
from gitmc.store.plans import Plans


def follow(
    mission: Mission,
    plan_id: str,
    *,
    timeout: float | None = None,
    tick: float | None = None,
) -> Iterator[Shown]:
    """The plan whenever it may have changed, until it has ended or `timeout` seconds are over.

    It comes once more at the end of each `tick` seconds. Raises Refused where it is removed.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    store = mission.store
    plans = Plans(store.root)
    folders = [store.events / "new", store.jobs_dir, plans.folder]
    trains = store.root / "trains"
    with Bell(folders, also=[trains] if trains.is_dir() else []) as bell:
        rang = False
        while True:
            jobs, _ = store.jobs() if rang and store.observed() else catch_up(mission)
            plan = plans.get(plan_id)
            if plan is None:
                raise Refused(f"the plan '{plan_id}' was removed", hint="git mc plan list")
            yield shown(mission, plan, jobs)
            left = None if deadline is None else deadline - time.monotonic()
            if plan.state in FINAL or (left is not None and left <= 0):
                return
            pause: float = tick or mission.settings["pollInterval"]
            rang = bell.wait(pause if left is None else min(pause, left))
