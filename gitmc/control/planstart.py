"""Starting a plan, or adding jobs to one: from its file to what is stored.

Everything that a plan needs of its file is stored: its jobs' prompts and set-up, its test command,
its touch sets. So the file may change, or a job may change it, and the plan stays what it was.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from gitmc.agents import catalog
from gitmc.control.apart import start_observer
from gitmc.control.gatecommand import gate_of
from gitmc.control.launch import enlist_for_plan, plan_all
from gitmc.control.mission import Mission
from gitmc.control.plans import journal
from gitmc.control.prepare import Request
from gitmc.errors import McError, Refused
from gitmc.git import refs
from gitmc.model.job import Setup
from gitmc.model.names import broken_branch_rule, printable, slug
from gitmc.model.plan import FINAL, Mode, Plan, PlanJob, PlanState
from gitmc.model.planfile import Fault, JobSpec, PlanSpec, Read, read
from gitmc.store.lock import Held
from gitmc.store.plans import Plans

PREFIX = "mc/integration/"
"""How the names of integration branches begin."""

UNTESTED = (
    "no test command is set or found, so what lands is not tested"
    ' (test = "..." in the plan, or git config mc.testCommand)'
)


class Source:
    """A plan's file: its text, and the prompts in files that it names, each read once."""

    def __init__(self, path: str) -> None:
        self.name = "standard input" if path == "-" else path
        self._path = path
        self._folder = Path.cwd() if path == "-" else Path(path).parent
        self._prompts: dict[str, bytes] = {}
        try:
            content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
            # Some editors begin a file with a mark of the order of its bytes.
            self.text = content.decode("utf-8-sig")
        except OSError as fault:
            raise Refused(f"the plan {path} cannot be read: {fault.strerror}") from fault
        except UnicodeDecodeError as fault:
            line = content[: fault.start].count(b"\n") + 1
            raise Refused(f"{self.name}:{line}: it is not UTF-8") from fault

    def read(self, *, added_to: Sequence[str] = ()) -> Read:
        """What it says; a prompt file that cannot be read is a fault too."""
        found = read(self.text, catalog.bundled(), added_to=added_to)
        missing = [fault for one in found.prompt_files if (fault := self._fault(*one))]
        if not missing:
            return found
        return found._replace(plan=None, faults=tuple(sorted((*found.faults, *missing))))

    def _fault(self, prompt_file: str, line: int) -> Fault | None:
        try:
            self._prompts[prompt_file] = (self._folder / prompt_file).read_bytes()
        except OSError as fault:
            where = self._folder / prompt_file
            return Fault(line, f"the prompt file {where} cannot be read: {fault.strerror}")
        return None

    def prompt(self, job: JobSpec) -> bytes:
        """What the job's agent is told, as it was when the plan was read."""
        if job.prompt_file is None:
            return job.prompt.encode()
        return self._prompts[job.prompt_file]

    def plan(self, *, added_to: Sequence[str] = ()) -> tuple[PlanSpec, tuple[Fault, ...]]:
        """The plan, and what it is warned of. Raises Refused with all faults."""
        found = self.read(added_to=added_to)
        if found.plan is None:
            raise Refused(
                "\n".join(("the plan has faults:", *self.told(found.faults))),
                hint=f"mend them, then look again: git mc plan check {shlex.quote(self._path)}",
            )
        return found.plan, found.warnings

    def told(self, faults: Sequence[Fault]) -> list[str]:
        """Faults or warnings, each with its place."""
        return [f"{self.name}:{one.line or 1}: {printable(one.text)}" for one in faults]


class Wishes:
    """What was asked for beside the file; None means that the file decides."""

    def __init__(
        self,
        mode: str | None = None,
        base: str | None = None,
        placement: str | None = None,
        *,
        push: bool = True,
    ) -> None:
        self.mode = mode
        self.base = base
        self.placement = placement
        self.push = push


def start(mission: Mission, source: Source, wishes: Wishes) -> tuple[Plan, list[str]]:
    """Start the plan; it as it is stored, and what it is warned of. Raises Refused.

    The observer is started first, since it takes as long to be there as the rest.
    """
    _clear_orphans(mission)
    plan, requests, warnings = prepare(mission, source, wishes)
    git = mission.git
    ref = f"refs/heads/{plan.branch}"
    made = refs.swap(git, ref, plan.base_commit, refs.NOTHING, f"mc plan {plan.id}")
    if not made and refs.branch_tip(git, plan.branch) != plan.base_commit:
        raise Refused(
            f"the branch '{plan.branch}' was made by somebody else at this moment",
            hint="start the plan again",
        )
    mission.store.make()
    start_observer(mission)
    plans = Plans(mission.store.root)

    def store(held: Held) -> None:
        plans.save(held, plan)
        journal(mission, None, plan, "plan start")

    try:
        places = (plan.id, plan.branch, plan.max_parallel)
        enlist_for_plan(mission, requests, places, store)
    except BaseException:
        refs.swap(git, ref, refs.NOTHING, plan.base_commit, f"mc plan {plan.id}: undone")
        raise
    return plan, warnings


def _clear_orphans(mission: Mission) -> None:
    """Remove the jobs of a plan whose start was killed before the plan itself was stored."""
    store = mission.store
    if not store.root.is_dir():
        return
    plans = Plans(store.root)
    with store.locked() as held:
        for job in store.jobs()[0]:
            if job.held and job.plan is not None and not plans.has(job.plan):
                store.remove(held, job.name)
                store.prompt_path(job.name).unlink(missing_ok=True)
                if job.run is not None:
                    store.clear_run(job.run.id)
                store.journal.write(mission.now(), "undone", job=job.name, plan=job.plan)


def prepare(
    mission: Mission, source: Source, wishes: Wishes
) -> tuple[Plan, list[Request], list[str]]:
    """What starting the plan would store, and what it is warned of; changes nothing."""
    spec, faults = source.plan()
    warnings = source.told(faults)
    base, commit = _base(mission, wishes.base or spec.base)
    mode = Mode(wishes.mode or spec.mode)
    plan_id = _free_id(mission, spec.name, commit)
    plan = Plan(
        id=plan_id,
        name=spec.name,
        mode=mode,
        state=PlanState.PENDING if mode is Mode.COPILOT else PlanState.RUNNING,
        base=base,
        base_commit=commit,
        branch=PREFIX + plan_id,
        created_at=mission.now(),
        jobs=_jobs(spec),
        max_parallel=spec.max_parallel or max(1, mission.settings["maxParallel"]),
        strategy=spec.strategy,
        test=spec.test,
        approved=mode is not Mode.COPILOT,
        push=wishes.push,
    )
    if _untested(mission, spec.test, base, commit):
        warnings.append(UNTESTED)
    return plan, requests_of(source, spec, commit, wishes.placement), warnings


def doubts(mission: Mission, spec: PlanSpec) -> tuple[Fault, ...]:
    """What starting the plan in this repository would be warned of, or refused for; no more than
    one thing."""
    try:
        base, commit = _base(mission, spec.base)
        untested = _untested(mission, spec.test, base, commit)
    except McError as fault:
        return (Fault(0, fault.message),)
    return (Fault(0, UNTESTED),) if untested else ()


def _untested(mission: Mission, test: str | None, base: str, commit: str) -> bool:
    if test is not None:
        return test == ""
    return gate_of(mission, commit, base).command is None


def _jobs(spec: PlanSpec) -> tuple[PlanJob, ...]:
    return tuple(
        PlanJob(job.name, job.depends_on, job.touch_set, job.priority) for job in spec.jobs
    )


def requests_of(
    source: Source, spec: PlanSpec, commit: str, placement: str | None
) -> list[Request]:
    """What each job of the plan asks for, from `commit` on."""
    return [
        Request(
            name=job.name,
            prompt=source.prompt(job),
            command=job.command,
            agent=job.agent,
            base=commit,
            placement=placement or spec.placement,
            headless=job.headless,
            mode=job.mode,
            model=job.model,
            unattended=job.unattended,
            setup=Setup(job.copy_files, job.symlink_dirs, job.commands),
            touch=job.touch_set,
            timeout=job.timeout,
        )
        for job in spec.jobs
    ]


def _base(mission: Mission, asked: str | None) -> tuple[str, str]:
    name = asked or mission.repo.current_branch()
    if name is None:
        raise Refused(
            "no branch is checked out here that the plan could be for",
            hint="name one: git mc plan start FILE --base BRANCH",
        )
    name = name.removeprefix("refs/heads/")
    # What git would take for the commit of a branch, such as main~1, is none.
    tip = None if broken_branch_rule(name) else refs.branch_tip(mission.git, name)
    if tip is None:
        raise Refused(
            f"the plan's base '{name}' is not a branch",
            hint="name one: git mc plan start FILE --base BRANCH",
        )
    return name, tip


def _free_id(mission: Mission, name: str, commit: str) -> str:
    """An id of which there is no plan yet, nor a branch that is not just at `commit`."""
    stem = slug(name, 40)
    taken = {path.stem for path in Plans(mission.store.root).folder.glob("*.toml")}
    number = 1
    while True:
        found = stem if number == 1 else f"{stem}-{number}"
        at = refs.branch_tip(mission.git, PREFIX + found)
        if found not in taken and at in (None, commit):
            return found
        number += 1


def add(mission: Mission, plan: Plan, source: Source) -> tuple[list[str], list[str]]:
    """Add the file's jobs to a plan under way; their names, and warnings. Raises Refused."""
    if plan.state in FINAL:
        raise Refused(
            f"the plan '{plan.id}' is {plan.state} already", hint="git mc plan start FILE"
        )
    spec, faults = source.plan(added_to=[job.name for job in plan.jobs])
    tip = refs.branch_tip(mission.git, plan.branch) or plan.base_commit
    requests = requests_of(source, spec, tip, None)
    plan_all(mission, requests)
    mission.store.make()
    start_observer(mission)
    plans = Plans(mission.store.root)

    def store(held: Held) -> None:
        now = plans.get(plan.id)
        if now is None or now.state in FINAL:
            raise Refused(f"the plan '{plan.id}' has ended meanwhile")
        plans.save(held, now._replace(jobs=(*now.jobs, *_jobs(spec))))

    places = (plan.id, plan.branch, plan.max_parallel)
    enlist_for_plan(mission, requests, places, store)
    return [job.name for job in spec.jobs], source.told(faults)


def named(mission: Mission, name: str | None) -> Plan:
    """The plan of that id, name or unique prefix; without one, the only one under way, or else the
    latest. Raises Refused."""
    plans, faults = Plans(mission.store.root).all()
    if not plans:
        if faults:
            raise faults[0]
        raise Refused("there is no plan", hint="git mc plan start FILE")
    if name is None:
        active = [plan for plan in plans if plan.state not in FINAL]
        if len(active) > 1:
            raise Refused(
                f"{len(active)} plans are under way: {', '.join(plan.id for plan in active)}",
                hint="name one of them",
            )
        return (active or plans)[-1]
    for some in (
        [plan for plan in plans if plan.id == name],
        [plan for plan in plans if plan.name == name],
        [plan for plan in plans if plan.id.startswith(name) or plan.name.startswith(name)],
    ):
        if len(some) == 1:
            return some[0]
        if some:
            ids = ", ".join(plan.id for plan in some)
            raise Refused(f"'{name}' is more than one plan: {ids}", hint="name one by its id")
    raise Refused(
        f"there is no plan '{name}'", hint="plans: " + ", ".join(plan.id for plan in plans)
    )
