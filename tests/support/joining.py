"""Trains that branches can join while they run, for a plan that is only a name."""

from __future__ import annotations

from datetime import UTC, datetime

from gitmc.control.trainqueue import open_for_plan
from gitmc.model.plan import Mode, Plan, PlanState
from gitmc.model.trainrecord import Train
from tests.support.world import World


def opened(world: World, test: str = "", onto: str = "mc/integration/p") -> Train:
    """A train onto that branch, which is made at main if it is not there; nobody drives it."""
    base = world.repo.head("main")
    if not world.repo.git("branch", "--list", onto):
        world.repo.git("branch", onto, "main")
    plan = Plan(
        "p", "p", Mode.AUTOPILOT, PlanState.RUNNING, "main", base, onto,
        datetime(2026, 1, 2, tzinfo=UTC), (), strategy="merge", test=test,
    )  # fmt: skip
    return open_for_plan(world.mission, plan)
