"""Driving a train: what `gitmc/model/train.py` says is due is done, and each event brings a step.

One process drives a train, and holds its lock. What it is about to do is in the train's record and
in the journal before it is done: a run before it starts, a landing before the target moves. So
another process can take over at any moment. It looks at the target to see whether a landing under
way has come about, and asks for every run under way again by the same id, which finds the one that
is running, or its result.

Others may do as they like meanwhile. A commit on the target, a push to a branch, a branch or job
that goes: all of that is looked for before each step, and once more before anything lands.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from gitmc.control import capacity, joins, riders
from gitmc.control.chain import Chain
from gitmc.control.gate import spec_of
from gitmc.control.mission import Mission, this_process
from gitmc.control.passes import Passes, gate_for
from gitmc.control.provision import uninterrupted
from gitmc.control.target import advance, await_others
from gitmc.control.testrun import Result, Spec, cancel, forget, forget_abandoned, run_test
from gitmc.control.trainqueue import bearable
from gitmc.errors import McError, Refused
from gitmc.events.bell import Bell
from gitmc.git import refs
from gitmc.git.merge import Merger
from gitmc.git.run import Git
from gitmc.model import trainrecord
from gitmc.model.ended import Verdict
from gitmc.model.slots import MOST, failing
from gitmc.model.train import (
    Action,
    Block,
    Cancel,
    Defer,
    Eject,
    Land,
    Pass,
    Policy,
    Start,
    Stop,
    View,
    step,
)
from gitmc.model.trainrecord import Landing, Train, TrainRun, TrainState
from gitmc.store.lock import Held
from gitmc.store.trains import Trains

Tell = Callable[[Train], object]


class Driven(Refused):
    """Another process drives the train."""


def drive(mission: Mission, train_id: str, tell: Tell, executor: Executor | None = None) -> Train:
    """Drive the train to its end, and return it. Raises Driven where somebody else does.

    `tell` is called whenever the train has changed. `executor` runs the tests; by default, threads
    of this process wait for them.
    """
    trains = Trains(mission.store.root)
    with ExitStack() as stack:
        held = stack.enter_context(trains.driving(train_id))
        train = trains.get(train_id)
        if train is None:
            raise Refused(f"there is no train '{train_id}'", hint="git mc merge-train status")
        if held is None:
            raise Driven(f"the train '{train_id}' is driven by another process already")
        trains.tidy(held, train_id)
        if executor is None:
            executor = stack.enter_context(ThreadPoolExecutor(MOST))
        bell = stack.enter_context(Bell([trains.folder]))
        return Driver(mission, trains, held, train, executor, bell, tell).run()


class Driver:
    """One train under way."""

    def __init__(
        self,
        mission: Mission,
        trains: Trains,
        held: Held,
        train: Train,
        executor: Executor,
        bell: Bell,
        tell: Tell,
    ) -> None:
        self._mission = mission
        self._trains = trains
        self._held = held
        self._train = train
        self._executor = executor
        self._bell = bell
        self._tell = tell
        self._results: SimpleQueue[tuple[str, Future[Result]]] = SimpleQueue()
        self._specs: dict[str, Spec] = {}
        self._chain: Chain | None = None
        self._gate = gate_for(mission, train)
        self._passes = Passes(mission, self._gate)
        self._machine = capacity.machine()

    def run(self) -> Train:
        """Everything that is due, until nothing is left."""
        if self._train.state is not TrainState.RUNNING:
            # Whoever ended it may have been killed before all of that was done.
            self._save(self._train)
            joins.clear(self._trains, self._train)
            return self._train
        try:
            self._save(self._train._replace(owner=this_process()))
            self._recover()
            self._go()
        except KeyboardInterrupt:
            self._end(TrainState.CANCELED, "interrupted")
            raise
        return self._train

    def _go(self) -> None:
        while self._train.state is TrainState.RUNNING:
            if self._is_canceled():
                self._end(TrainState.CANCELED, "canceled")
            elif self._is_idle():
                self._bell.wait(self._mission.settings["pollInterval"])
            elif not (self._hear() or self._look() or self._act()):
                if self._live() or not (self._train.queue or joins.over(self._trains, self._train)):
                    self._bell.wait(self._mission.settings["pollInterval"])
                elif self._train.queue:
                    self._end(TrainState.STOPPED, "of what is left, nothing can be decided")
                else:
                    self._end(TrainState.DONE, None)

    def _is_idle(self) -> bool:
        """Whether there is nothing to do until somebody joins: git is not asked meanwhile."""
        waits = self._chain is not None and not self._live() and self._results.empty()
        return waits and joins.idle(self._trains, self._train)

    def _save(self, train: Train) -> None:
        self._train = train
        self._trains.save(self._held, train)
        self._tell(train)

    def _write(self, action: str, **facts: object) -> None:
        self._mission.store.journal.write(
            self._mission.now(), "action", action=action, train=self._train.id, **facts
        )

    def _end(self, state: TrainState, reason: str | None) -> None:
        for run in self._live().values():
            self._cancel(run)
        self._write("EndTrain", state=str(state), reason=reason)
        train = self._train
        if train.test is not None:
            failed = sum(out.reason in ("test", "timeout") for out in train.out)
            capacity.remember_train(self._mission, failed, len(train.landed))
        # Of runs whose end was recorded by a process that was killed before it forgot them.
        forget_abandoned(self._mission.store.root, f"{train.id}-")
        now = self._mission.now()
        self._save(train._replace(state=state, reason=reason, ended_at=now, owner=None))
        joins.clear(self._trains, train)

    # What was under way when an earlier process ended.

    def _recover(self) -> None:
        if self._train.landing is not None:
            with uninterrupted():
                await_others(self._train.landing.commits[-1])
                self._settle(self._train.landing)
        if not self._is_canceled():
            for run in self._live().values():
                self._submit(run)

    def _is_canceled(self) -> bool:
        return self._trains.cancel_path(self._train.id).exists()

    def _settle(self, landing: Landing) -> bool:
        """Whether the landing has come about, by a look at the target."""
        git, target = self._mission.git, self._train.target
        tip = refs.branch_tip(git, target)
        if tip is None or not refs.is_ancestor(git, landing.commits[-1], tip):
            self._save(self._train._replace(landing=None))
            return False
        riders.finish(self._mission, self._train, landing)
        self._save(trainrecord.arrived(self._train))
        return True

    # What has happened.

    def _live(self) -> dict[str, TrainRun]:
        return {run.tree: run for run in self._train.runs if run.verdict is None}

    def _hear(self) -> bool:
        heard = False
        while not self._results.empty():
            run_id, future = self._results.get()
            run = next(run for run in self._train.runs if run.id == run_id)
            if run.verdict is None:
                self._heard(run, _outcome(future))
                heard = True
        return heard

    def _heard(self, run: TrainRun, result: Result) -> None:
        together = len(self._live())
        self._mission.store.journal.write(
            self._mission.now(), "verdict", train=self._train.id, run=run.id, tree=run.tree,
            verdict=str(result.verdict), reason=result.why,
        )  # fmt: skip
        log, seconds = str(result.log), round(result.seconds, 3)
        said = {"why": result.why, "seconds": seconds, "log": log}
        self._save(trainrecord.ended(self._train, run.id, str(result.verdict), **said))
        forget(self._spec(run))
        self._passes.remember(self._train, run, result, together)
        if self._train.measured:
            more = bearable(self._mission, self._machine, self._gate)
            if more > self._train.slots:
                self._save(self._train._replace(slots=more))

    def _look(self) -> bool:
        """See what others did to the target, the branches and the jobs; whether it matters."""
        before = self._train
        train, taken = joins.taken(self._trains, before)
        branches = [rider.branch for rider in train.queue]
        tips = refs.tips(self._mission.git, [f"refs/heads/{b}" for b in (before.target, *branches)])
        target = tips.get(f"refs/heads/{before.target}")
        if target is None:
            self._end(TrainState.STOPPED, f"the target '{before.target}' is gone")
            return True
        train = riders.lined_up(self._mission, train, tips)
        if self._chain is None or self._chain.target != target:
            merger = Merger(Git(self._mission.main_worktree), self._mission.repo.common_dir)
            self._chain = Chain(self._mission, merger, target, train.target, train.strategy)
        train = train._replace(tip=target)
        self._chain.line_up(train.queue)
        if train != before:
            self._save(train)
        for path in taken:
            path.unlink(missing_ok=True)
        return train != before

    # What is due.

    def _due(self, chain: Chain) -> list[Action]:
        """What is due, once every candidate in question has been looked for among old passes."""
        train = self._train
        while True:
            view = View(
                chain.tree,
                tuple(rider.item for rider in train.queue),
                self._passes.known(train),
                frozenset(self._live()),
                chain.grow,
                frozenset(out.name for out in train.out),
            )
            actions = step(view, self._policy())
            if not self._passes.learn(chain.trees()):
                return actions

    def _policy(self) -> Policy:
        train = self._train
        share = failing(capacity.history(self._mission))
        return Policy(train.slots, train.retries, train.every, share)

    # What is done.

    def _act(self) -> bool:
        """Do what is due; whether anything was, so that there may be more."""
        assert self._chain is not None
        done = False
        for action in self._due(self._chain):
            done = self._do(action, self._chain) or done
        return done

    def _do(self, action: Action, chain: Chain) -> bool:
        match action:
            case Start(tree, names, alone):
                self._start(chain, tree, names, alone)
            case Cancel(tree):
                self._cancel(self._live()[tree])
            case Land(tree, names):
                # A git that is killed half-way would leave the user's worktree so.
                with uninterrupted():
                    return self._land(chain, tree, names)
            case Eject():
                self._eject(action)
            case Block(name, by):
                self._take_out(name, "blocked", by=by)
            case Pass(name):
                self._take_out(name, "skip")
            case Defer(name, by):
                if self._train.rider(name).deferred_by == by:
                    return False
                self._save(trainrecord.deferred(self._train, name, by))
            case Stop(why, tree):
                self._end(TrainState.STOPPED, trainrecord.explained(self._train, why, tree))
        return True

    def _take_out(self, name: str, reason: str, **said: object) -> None:
        rider = self._train.rider(name)
        self._write("TakeOut", name=name, reason=reason, **said)
        train = trainrecord.taken_out(self._train, name, reason, **said)
        riders.set_aside(self._mission, train, rider, train.out[-1])
        riders.pin(self._mission, train, train.out[-1])
        self._save(train)

    def _eject(self, action: Eject) -> None:
        failed = [
            run
            for run in self._train.runs
            if run.tree == action.red and run.verdict in ("fail", "late") and not run.void
        ]
        late = bool(failed) and all(run.verdict == "late" for run in failed)
        by = action.by
        if action.reason == "conflict":
            # With the target by now: what it conflicted with before has landed.
            by = self._train.rider(action.name).deferred_by
            by = by if by in {one.name for one in self._train.landed} else None
        self._take_out(
            action.name, "timeout" if late else action.reason, by=by, files=action.files,
            green=action.green, red=action.red, runs=tuple(run.id for run in failed),
        )  # fmt: skip

    def _start(self, chain: Chain, tree: str, names: tuple[str, ...], alone: bool) -> None:
        commit = (chain.target, *chain.commits(names))[-1]
        run_id = f"{self._train.id}-{os.urandom(4).hex()}"
        run = TrainRun(run_id, tree, commit, names, self._mission.now(), alone)
        self._write("StartRun", run=run.id, tree=tree, names=list(names))
        self._save(trainrecord.started(self._train, run))
        self._submit(run)

    def _submit(self, run: TrainRun) -> None:
        future = self._executor.submit(run_test, self._spec(run))
        future.add_done_callback(partial(self._ring, run.id))

    def _spec(self, run: TrainRun) -> Spec:
        if run.id not in self._specs:
            assert self._gate is not None
            spec = spec_of(self._mission, self._gate, run.commit, run.id, self._train.setup)
            spec = spec._replace(seconds=self._train.timeout, train=self._train.id)
            self._specs[run.id] = spec
        return self._specs[run.id]

    def _ring(self, run_id: str, future: Future[Result]) -> None:
        self._results.put((run_id, future))
        self._bell.ring()

    def _cancel(self, run: TrainRun) -> None:
        self._write("CancelRun", run=run.id)
        # We may have been interrupted, or it is one of an earlier process, before it was submitted.
        spec = self._spec(run)
        cancel(spec)
        self._save(trainrecord.ended(self._train, run.id, "canceled"))
        forget(spec)

    def _land(self, chain: Chain, tree: str, names: tuple[str, ...]) -> bool:
        if self._look():
            # Somebody has pushed or committed meanwhile: it is decided anew.
            return True
        train = self._train
        landing = Landing(chain.target, tree, names, chain.commits(names))
        commit, moves = landing.commits[-1], landing.commits[-1] != landing.expected
        self._write("Land", target=train.target, expected=landing.expected, commit=commit,
                    names=list(names))  # fmt: skip
        self._save(self._passes.told_of(train, landing)._replace(landing=landing))
        try:
            if moves:
                why = f"mc merge-train {train.id}: {', '.join(names)}"
                advance(self._mission, train.target, landing.expected, commit, why)
        except Refused as refused:
            self._save(self._train._replace(landing=None))
            hint = f" ({refused.hint})" if refused.hint else ""
            self._end(TrainState.STOPPED, refused.message + hint)
            return True
        if self._settle(landing):
            chain.moved(names)
        return True


def _outcome(future: Future[Result]) -> Result:
    """What the run came to; where it could not even be asked for, that."""
    try:
        return future.result()
    except (McError, OSError) as fault:
        return Result(Verdict.BROKEN, str(fault), None, 0.0, 0.0, 0, Path())
