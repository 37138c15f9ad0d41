"""The plans' records: `plans/ID.toml`. They are written under the lock of the jobs' records."""

from __future__ import annotations

import os
from pathlib import Path

from gitmc.model.plan import Plan
from gitmc.store.codec import Malformed
from gitmc.store.files import BadFile, read_toml, write_toml
from gitmc.store.lock import Held
from gitmc.store.records import decode, encode

RUNNING = ".running"
"""How the name of a file ends that is there while something is left to do for a plan."""


class Plans:
    """All plans of one repository; `root` is `.git/mission-control`."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "plans"

    def all(self) -> tuple[list[Plan], list[BadFile]]:
        """All plans, the oldest first, and a fault for every file that is not one's record."""
        plans: list[Plan] = []
        faults: list[BadFile] = []
        for path in self.folder.glob("*.toml"):
            try:
                plan = self.get(path.stem)
            except BadFile as fault:
                faults.append(fault)
                continue
            if plan is not None:
                plans.append(plan)
        return sorted(plans, key=lambda plan: (plan.created_at, plan.id)), faults

    def get(self, plan_id: str) -> Plan | None:
        """The plan of that id, or None. Raises BadFile."""
        path = self.folder / f"{plan_id}.toml"
        try:
            plan = decode(Plan, read_toml(path))
        except FileNotFoundError:
            return None
        except Malformed as fault:
            raise BadFile(path, str(fault)) from fault
        if plan.id != plan_id:
            raise BadFile(path, f"it holds a plan called '{plan.id}'")
        return plan

    def has(self, plan_id: str) -> bool:
        """Whether there is a record of that id, readable or not."""
        return (self.folder / f"{plan_id}.toml").exists()

    def save(self, held: Held, plan: Plan) -> None:
        """Store `plan`; there is then something left to do for it."""
        assert isinstance(held, Held)
        self.folder.mkdir(exist_ok=True)
        (self.folder / f"{plan.id}{RUNNING}").touch()
        write_toml(self.folder / f"{plan.id}.toml", encode(plan))

    def rest(self, held: Held, plan_id: str) -> None:
        """Nothing is left to do for the plan, which has ended."""
        assert isinstance(held, Held)
        (self.folder / f"{plan_id}{RUNNING}").unlink(missing_ok=True)

    def running(self) -> list[str]:
        """The ids of plans for which something is left to do, as names of files tell."""
        try:
            names = sorted(entry.name for entry in os.scandir(self.folder))
        except FileNotFoundError:
            return []
        return [name.removesuffix(RUNNING) for name in names if name.endswith(RUNNING)]
