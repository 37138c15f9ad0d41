"""The plans' records: `plans/ID.toml`. They are written under the lock of the jobs' records."""

from __future__ import annotations

from pathlib import Path

from gitmc.model.plan import Plan
from gitmc.store.files import write_toml
from gitmc.store.folder import Folder
from gitmc.store.lock import Held
from gitmc.store.records import encode


class Plans(Folder[Plan]):
    """All plans of one repository; `root` is `.git/mission-control`."""

    def __init__(self, root: Path) -> None:
        super().__init__(root / "plans", Plan, "plan")

    def has(self, plan_id: str) -> bool:
        """Whether there is a record of that id, readable or not."""
        return self.path(plan_id).exists()

    def save(self, held: Held, plan: Plan) -> None:
        """Store `plan`; there is then something left to do for it."""
        assert isinstance(held, Held)
        self.folder.mkdir(exist_ok=True)
        self.mark(plan.id).touch()
        write_toml(self.path(plan.id), encode(plan))

    def rest(self, held: Held, plan_id: str) -> None:
        """Nothing is left to do for the plan, which has ended."""
        assert isinstance(held, Held)
        self.mark(plan_id).unlink(missing_ok=True)
