"""Plans as observers meet them: what is stored by others between two looks is not lost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gitmc.control.mission import open_mission
from gitmc.control.plans import tend
from gitmc.model.plan import Mode, Plan, PlanJob, PlanState
from gitmc.store.plans import Plans
from tests.support.world import Repo

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_a_plan_that_is_stored_while_its_record_is_looked_for_is_not_forgotten(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    mission = open_mission(repo.path)
    head = repo.head()
    plan = Plan(
        "p",
        "p",
        Mode.COPILOT,
        PlanState.PENDING,
        "main",
        head,
        "mc/integration/p",
        NOW,
        (PlanJob("a"),),
    )
    plans = Plans(mission.store.root)
    look = Plans.get

    def stored_right_after(self: Plans, plan_id: str) -> Plan | None:
        found = look(self, plan_id)
        if found is None:
            with mission.store.locked() as held:
                plans.save(held, plan)
        return found

    plans.folder.mkdir(parents=True)
    (plans.folder / "p.running").touch()
    monkeypatch.setattr(Plans, "get", stored_right_after)
    assert tend(mission) == []
    assert plans.running() == ["p"]
    assert look(plans, "p") == plan


def test_a_mark_without_a_record_is_taken_away(repo: Repo) -> None:
    mission = open_mission(repo.path)
    plans = Plans(mission.store.root)
    plans.folder.mkdir(parents=True)
    (plans.folder / "p.running").touch()
    assert tend(mission) == []
    assert plans.running() == []
