"""A world for plans without a clock, a disk or an agent: what they ask for is done here, in parts.

Every round lets one thing happen, chosen at random: an agent ends, the train lands or ejects one, a
person answers, or all is looked at once more. What is to be stored and done is cut off at a random
place where the world is told to be killed there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from random import Random

from gitmc.errors import Refused
from gitmc.model.job import (
    INTERRUPTED,
    Job,
    Landed,
    Launch,
    Phase,
    Queue,
    Report,
    Run,
    State,
    move,
)
from gitmc.model.line import ready
from gitmc.model.plan import FINAL, Kind, Mode, Plan, PlanJob, PlanState, Trouble, with_job
from gitmc.model.planask import answered, approved, canceled, paused, runs_again, skipped
from gitmc.model.planheard import Seen
from gitmc.model.planstep import (
    Again,
    CancelTrain,
    Check,
    CloseTrain,
    EndAgent,
    Finish,
    Join,
    OpenTrain,
    Step,
    step,
)
from gitmc.model.planwait import checkpoints
from gitmc.model.trainrecord import Arrived, Out, Rider, Train, TrainState

NOW = datetime(2026, 1, 2, tzinfo=UTC)

ENDS = ("ok", "ok", "ok", "ok", "fail", "lost", "interrupted", "breach", "review", "live", "nodiff")
"""How a run goes."""

LANDS = ("land", "land", "land", "land", "conflict", "test", "timeout", "moved", "skip", "deleted")
"""What becomes of one in the train."""


class Killed(Exception):
    """The world was killed in the middle of doing something."""


class PlanWorld:
    """One plan, its jobs, its train, and whoever answers."""

    def __init__(self, seed: int, size: int = 12, kills: float = 0.2, trouble: float = 0.4) -> None:
        self.random = Random(seed)
        self.kills = kills
        self.trouble = trouble
        names = [f"j{n}" for n in range(self.random.randint(1, size))]
        plans = []
        for at, name in enumerate(names):
            some = self.random.sample(names[:at], min(at, self.random.choice((0, 0, 1, 2, 3))))
            plans.append(PlanJob(name, tuple(some), ("src/**",), self.random.choice((0, 0, 1))))
        self.random.shuffle(plans)
        mode = self.random.choice(list(Mode))
        first = PlanState.PENDING if mode is Mode.COPILOT else PlanState.RUNNING
        self.plan = Plan(
            "p", "p", mode, first, "main", "b0", "mc/integration/p", NOW, tuple(plans),
            approved=mode is not Mode.COPILOT,
        )  # fmt: skip
        line = Queue("p", self.random.randint(1, 4))
        self.jobs: dict[str, Job] = {
            name: Job(
                name, State.WAITING_DEPS, "command", f"mc/{name}", self.plan.branch, "b0", "/w",
                "session", NOW, plan="p", run=Run(f"{name}-0"), queue=line,
                launch=Launch(None, new_branch=True),
            )
            for name in names
        }  # fmt: skip
        self.trains: dict[str, Train] = {}
        self.closed: set[str] = set()
        self.landed: list[str] = []
        """The integration branch: what has landed, in order."""
        self.outside: dict[str, str] = {}
        self.heads = dict.fromkeys(names, 0)
        self.pushed = False
        self.runs = 0
        self.started_from: dict[str, frozenset[str]] = {}
        self.accepted: set[str] = set()

    @property
    def tip(self) -> str:
        return f"tip{len(self.landed)}"

    @property
    def seen(self) -> Seen:
        running = [t for t in self.trains.values() if t.state is TrainState.RUNNING]
        train = self.trains[self.plan.train] if self.plan.train else None
        train = train or (running[0] if running else None)
        closing = train is not None and train.id in self.closed
        return Seen(NOW, self.tip, train, closing)

    def look(self) -> bool:
        """Step, store and do what is due; whether there was anything."""
        due = step(self.plan, self.jobs, self.seen)
        if due.plan == self.plan and not due.jobs and not due.actions:
            return False
        with suppress(Killed):
            self._store(due)
            for action in due.actions:
                self._maybe_killed()
                self._do(action)
        return True

    def _maybe_killed(self) -> None:
        if self.random.random() < self.kills:
            raise Killed

    def _store(self, due: Step) -> None:
        self._maybe_killed()
        self.plan = due.plan
        for job in due.jobs:
            self._maybe_killed()
            if job.state is State.QUEUED:
                needed = self.plan.job(job.name)
                assert needed is not None
                missing = [
                    name
                    for name in needed.depends_on
                    if name not in self.landed and not self._skipped(name)
                ]
                assert not missing, f"{job.name} was released before {missing}"
            self.jobs[job.name] = job

    def _skipped(self, name: str) -> bool:
        job = self.plan.job(name)
        return job is None or job.skipped is not None

    def _do(self, action: object) -> None:
        match action:
            case Check(name):
                outside = ("other.py",) if self.outside.get(name) == self._head(name) else ()
                known = self.plan.job(name)
                assert known is not None
                self.plan = with_job(
                    self.plan, known._replace(checked=self._head(name), outside=outside)
                )
            case EndAgent(name):
                job = self.jobs[name]
                assert job.run is not None
                if job.state is State.RUNNING:
                    job = move(job, State.STOPPED, reason="ended")
                assert job.run is not None
                self.jobs[name] = job._replace(run=Run(job.run.id, Phase.CLOSED))
            case Again(name):
                self._again(name)
            case OpenTrain():
                train_id = f"t{len(self.trains)}"
                running = [t for t in self.trains.values() if t.state is TrainState.RUNNING]
                if not running:
                    self.trains[train_id] = Train(
                        train_id, TrainState.RUNNING, self.plan.branch, self.tip, NOW, open=True
                    )
                    running = [self.trains[train_id]]
                    self._maybe_killed()
                self.plan = self.plan._replace(train=running[0].id)
            case Join(name, head):
                self._join(name, head)
            case CloseTrain():
                assert self.plan.train is not None
                self.closed.add(self.plan.train)
            case CancelTrain():
                assert self.plan.train is not None
                train = self.trains[self.plan.train]
                self.trains[train.id] = train._replace(state=TrainState.CANCELED)
            case Finish():
                assert all(job.done for job in self.plan.jobs)
                if self.random.random() < 0.2:
                    self.plan = self.plan._replace(trouble=Trouble(Kind.GIT, "no network"))
                else:
                    self.pushed = True
                    self.plan = self.plan._replace(state=PlanState.COMPLETED, ended_at=NOW)

    def _join(self, name: str, head: str) -> None:
        assert self.plan.train is not None
        train = self.trains[self.plan.train]
        job = self.jobs[name]
        assert not job.live
        known = self.plan.job(name)
        assert known is not None
        assert self.outside.get(name) != head or head in known.accepted
        if self.plan.mode is Mode.SUPERVISOR:
            assert known.approved == head
        if job.state is not State.READY_TO_MERGE:
            self.jobs[name] = move(job, State.READY_TO_MERGE)
        if train.state is TrainState.RUNNING and all(r.name != name for r in train.queue):
            out = tuple(one for one in train.out if one.name != name)
            rider = Rider(name, job.branch, head, name)
            self.trains[train.id] = train._replace(queue=(*train.queue, rider), out=out)
        self._maybe_killed()
        self.plan = with_job(self.plan, known._replace(joined=head))

    def _again(self, name: str) -> None:
        job = self.jobs[name]
        self.runs += 1
        again = job._replace(
            run=Run(f"{name}-{self.runs}"), launch=Launch(None, False, job.state), reason=None,
            report=None,
        )  # fmt: skip
        self.jobs[name] = move(again, State.QUEUED)

    def _head(self, name: str) -> str:
        return f"{name}@{self.heads[name]}"

    # What happens by itself.

    def happen(self) -> bool:
        """Let one thing happen; whether anything can."""
        some: list[tuple[Callable[[str], None], str]] = [
            (self._start, job.name) for job in ready(self.jobs.values())
        ]
        some += [
            (self._end_run, job.name) for job in self.jobs.values() if job.state is State.RUNNING
        ]
        for train in self.trains.values():
            if train.state is TrainState.RUNNING:
                some += [(self._ride, train.id)] if train.queue or train.id in self.closed else []
        if not some:
            return False
        do, name = self.random.choice(some)
        do(name)
        return True

    def _start(self, name: str) -> None:
        job = self.jobs[name]
        if job.launch and job.launch.new_branch:
            self.started_from[name] = frozenset(self.landed[: int(job.base_commit[3:])])
        if self._is_bad() and self.random.random() < 0.2:
            failed = move(job, State.FAILED, reason=INTERRUPTED, launch=None)
            self.jobs[name] = failed._replace(run=Run(job.run.id if job.run else "", Phase.CLOSED))
            return
        self.jobs[name] = move(job, State.RUNNING, launch=None)

    def _is_bad(self) -> bool:
        return self.random.random() < self.trouble

    def _end_run(self, name: str) -> None:
        job = self.jobs[name]
        assert job.run is not None
        how = self.random.choice(ENDS) if self._is_bad() else "ok"
        run = Run(job.run.id, Phase.CLOSED, lost=how == "lost")
        self.heads[name] += how != "nodiff"
        state, reason, report = State.COMPLETED, None, None
        if how == "breach":
            self.outside[name] = self._head(name)
        elif how in ("fail", "lost"):
            state, reason = State.FAILED, how
        elif how == "review":
            report = Report("needs_review", "please look", NOW)
        elif how == "live":
            run = Run(job.run.id)
        self.jobs[name] = move(job, state, reason=reason, run=run, report=report)

    def _ride(self, train_id: str) -> None:
        train = self.trains[train_id]
        if not train.queue:
            self.trains[train_id] = train._replace(state=TrainState.DONE)
            return
        rider = self.random.choice(train.queue)
        how = self.random.choice(LANDS) if self._is_bad() else "land"
        if how == "skip" and self.random.random() < 0.3:
            self.trains[train_id] = train._replace(state=TrainState.STOPPED, reason="base red")
            return
        queue = tuple(one for one in train.queue if one.name != rider.name)
        job = self.jobs.get(rider.name)
        if job is None or job.live or job.unstarted or job.state is State.RUNNING:
            gone = Out(rider.name, rider.branch, rider.head, "withdrawn")
            self.trains[train_id] = train._replace(queue=queue, out=(*train.out, gone))
            return
        if how == "land":
            self.landed.append(rider.name)
            new = Arrived(rider.name, rider.branch, rider.head, self.tip, self.tip)
            merged = move(move(job, State.MERGING), State.MERGED)
            self.jobs[rider.name] = merged._replace(
                landed=Landed(self.plan.branch, self.tip, rider.head)
            )
            self.trains[train_id] = train._replace(queue=queue, landed=(*train.landed, new))
            return
        if how == "moved":
            self.heads[rider.name] += 1
        if how == "conflict":
            self.jobs[rider.name] = move(move(job, State.MERGING), State.CONFLICT, reason=how)
        out = Out(rider.name, rider.branch, rider.head, how)
        self.trains[train_id] = train._replace(queue=queue, out=(*train.out, out))

    # What people do.

    def ask(self, *, only_skip: bool = False) -> bool:
        """Answer where the plan waits; whether it did. Refusals are fine, but not tracebacks."""
        if not self.plan.approved:
            self.plan = approved(self.plan, self.tip)
            return True
        if self.plan.paused:
            self.plan = paused(self.plan, on=False)
            return True
        waiting = checkpoints(self.plan, self.tip)
        if not waiting:
            return False
        one = self.random.choice(waiting)
        if one.job is None or not one.answers:
            named = f"{one.type}:{one.job}" if one.job else one.type
            self.plan = approved(self.plan, self.tip, named)
            return True
        answer = "skip" if only_skip else self.random.choice(one.answers)
        before = self.plan
        try:
            after = answered(before, answer, one.job)
        except Refused:
            after = skipped(before, one.job, dependents_too=self.random.random() < 0.3)
            self.plan = after
            return True
        job = self.jobs.get(one.job)
        if runs_again(before, answer, one.job) and job is not None and not job.live:
            self._again(one.job)
        self.plan = after
        return True

    def meddle(self) -> None:
        """Do what nobody asked for."""
        if not self.jobs:
            return
        job = self.random.choice(list(self.jobs.values()))
        known = self.plan.job(job.name)
        match self.random.randrange(6):
            case 0 if self.plan.state not in FINAL and not self.plan.paused:
                self.plan = paused(self.plan, on=True)
            case 1 if job.state is State.RUNNING and job.run:
                run = Run(job.run.id, Phase.CLOSED)
                self.jobs[job.name] = move(job, State.STOPPED, reason="killed", run=run)
            case 2 if job.state in (State.FAILED, State.COMPLETED) and not job.live:
                if known is not None and not known.done:
                    self._again(job.name)
            case 3 if not job.live and not job.unstarted and job.state is not State.RUNNING:
                del self.jobs[job.name]
            case 4 if self.plan.state not in FINAL and known and not (known.done or known.joined):
                self.plan = skipped(self.plan, job.name)
            case _:
                pass

    def cancel(self) -> None:
        """Cancel the plan."""
        if self.plan.state not in FINAL:
            self.plan = canceled(self.plan)


def told(jobs: Mapping[str, Job]) -> dict[str, str]:
    """The jobs' states, for messages."""
    return {name: str(job.state) for name, job in jobs.items()}
