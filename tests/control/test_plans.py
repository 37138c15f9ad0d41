"""Plans as observers meet them: what is stored by others between two looks is not lost."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from subprocess import PIPE, Popen

from gitmc.control.mission import open_mission
from gitmc.control.plans import tend
from gitmc.model.plan import Mode, Plan, PlanJob, PlanState
from gitmc.store.plans import Plans
from tests.support.world import PATIENCE, Repo

NOW = datetime(2026, 1, 2, tzinfo=UTC)

TENDS = """
from gitmc.control.mission import open_mission
from gitmc.control.plans import tend
assert tend(open_mission()) == []
"""


def test_a_plan_that_is_stored_while_its_record_is_looked_for_is_not_forgotten(repo: Repo) -> None:
    mission = open_mission(repo.path)
    head = repo.head()
    jobs = (PlanJob("a"),)
    plan = Plan("p", "p", Mode.COPILOT, PlanState.PENDING, "main", head, "integration", NOW, jobs)
    plans = Plans(mission.store.root)
    plans.folder.mkdir(parents=True)
    (plans.folder / "p.running").touch()
    with mission.store.locked() as held:
        observer = Popen([sys.executable, "-c", TENDS], cwd=repo.path, stderr=PIPE, text=True)
        assert observer.stderr is not None
        assert "waiting for" in observer.stderr.readline()
        plans.save(held, plan)
    _, said = observer.communicate(timeout=PATIENCE)
    assert observer.returncode == 0, said
    assert plans.running() == ["p"]


def test_a_mark_without_a_record_is_taken_away(repo: Repo) -> None:
    mission = open_mission(repo.path)
    plans = Plans(mission.store.root)
    plans.folder.mkdir(parents=True)
    (plans.folder / "p.running").touch()
    assert tend(mission) == []
    assert plans.running() == []
