"""A train on a virtual clock: queues, verdicts and accidents by chance, and what must always hold.

What the test command says is an oracle's: a branch may be bad by itself, or only together with
another; a test may be flaky, take too long beside others, say that it cannot tell, or not run at
all. Branches may conflict with the target or with one another, and depend on one another. On the
way, runs end in any order, other people commit to the target, branches are pushed, and the process
is killed: it then knows only what was recorded.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from gitmc.model.train import (
    Block,
    Cancel,
    Clash,
    Defer,
    Eject,
    Item,
    Known,
    Land,
    Pass,
    Policy,
    Start,
    Stop,
    View,
    step,
)

Words = tuple[str, ...]
"""What a tree is made of: the target's own commits (`main0`) and branches at commits (`b1@0`)."""


@dataclass
class World:
    """What is true, whether or not anybody knows."""

    bad: frozenset[str] = frozenset()
    pairs: frozenset[frozenset[str]] = frozenset()
    """Branches that fail only together."""
    conflicts: frozenset[frozenset[str]] = frozenset()
    """Branches that cannot both be merged."""
    hopeless: frozenset[str] = frozenset()
    """Branches that conflict with the target itself."""
    empty: frozenset[str] = frozenset()
    """Branches that change nothing."""
    untellable: frozenset[str] = frozenset()
    """Branches with which the test command cannot tell."""
    flaky: float = 0.0
    broken: float = 0.0
    red_base: bool = False

    def fails(self, words: Words) -> bool:
        """Whether the files fail by themselves."""
        names = {word.partition("@")[0] for word in words}
        return bool(self.red_base or names & self.bad or any(pair <= names for pair in self.pairs))

    def clash(self, words: Words, name: str) -> Clash | None:
        """Why `name` cannot be merged into `words`; the target's own are no names any more."""
        if name in self.hopeless:
            return Clash(None, ("file",))
        for word in words:
            if frozenset((word.partition("@")[0], name)) in self.conflicts:
                return Clash(word, ("file",))
        return None


def tree_of(words: Words, world: World) -> str:
    """The tree of the target with `words` in it."""
    return "+".join(word for word in words if word.partition("@")[0] not in world.empty)


@dataclass
class Train:
    """One train, run to its end by `run`."""

    world: World
    queue: list[Item]
    policy: Policy
    rng: random.Random
    learn: bool = True
    jitter: float = 0.1
    """By what share runs take more or less than one unit of time."""
    target: Words = ("main0",)
    known: dict[str, Known] = field(default_factory=dict)
    live: dict[str, tuple[float, Words, bool]] = field(default_factory=dict)
    landed: list[str] = field(default_factory=list)
    ejected: dict[str, Eject] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)
    stopped: str | None = None
    clock: float = 0.0
    runs: int = 0
    cancelled: int = 0
    accident: Callable[[Train], None] = lambda train: None

    def grow(self, names: Words, name: str) -> str | Clash:
        heads = {item.name: item.head for item in self.queue}
        words = (*self.target, *(f"{n}@{heads[n]}" for n in names))
        clash = self.world.clash(words, name)
        if clash is not None and clash.by is not None:
            by = clash.by.partition("@")[0]
            return Clash(by if by in names else None, clash.files)
        return clash or tree_of((*words, f"{name}@{heads[name]}"), self.world)

    def view(self) -> View:
        return View(
            tree_of(self.target, self.world),
            tuple(self.queue),
            self.known,
            frozenset(self.live),
            self.grow,
            frozenset({*self.ejected, *self.blocked, *self.passed_over}),
        )

    def settle(self) -> None:
        """Step, and do what is due, until nothing is; then see that nothing new is."""
        for _ in range(20 * (len(self.queue) + 2)):
            judged = len(self.landed) + len(self.ejected)
            failing = (1 + len(self.ejected)) / (10 + judged)
            policy = replace(self.policy, failing=failing) if self.learn else self.policy
            actions = [a for a in step(self.view(), policy) if not isinstance(a, Defer)]
            if not actions:
                return
            for action in actions:
                self.do(action)
            if self.stopped:
                return
        raise AssertionError("it never comes to rest")

    def do(self, action: object) -> None:
        match action:
            case Start(tree, names, alone):
                assert tree not in self.live
                heads = {item.name: item.head for item in self.queue}
                words = (*self.target, *(f"{name}@{heads[name]}" for name in names))
                assert tree == tree_of(words, self.world)
                takes = 1 + self.rng.uniform(-self.jitter, self.jitter)
                self.live[tree] = (self.clock + takes, words, alone)
                self.runs += 1
                assert len(self.live) <= self.policy.slots
                assert not alone or len(self.live) == 1
            case Cancel(tree):
                del self.live[tree]
                self.cancelled += 1
            case Land(tree, names):
                self.land(tree, names)
            case Eject(name, reason):
                self.eject(action, name, reason)
            case Block(name, by):
                assert by in {*self.ejected, *self.blocked, *self.passed_over}
                self.blocked[name] = by
                self.drop(name)
            case Pass(name):
                self.passed_over.append(name)
                self.drop(name)
            case Stop(why):
                assert not self.live
                self.stopped = why

    def land(self, tree: str, names: Words) -> None:
        old = tree_of(self.target, self.world)
        assert tree == old or self.known[tree].passes, "it lands what did not pass"
        heads = {item.name: item.head for item in self.queue}
        for item in self.queue:
            if item.name in names:
                assert not set(item.after) - set(self.landed) - set(names)
        if self.policy.every:
            for at in range(1, len(names) + 1):
                words = (*self.target, *(f"{n}@{heads[n]}" for n in names[:at]))
                between = tree_of(words, self.world)
                assert between == old or self.known[between].passes
        self.target = (*self.target, *(f"{name}@{heads[name]}" for name in names))
        self.landed += names
        for name in names:
            self.drop(name)

    def eject(self, action: Eject, name: str, reason: str) -> None:
        if reason == "test":
            assert action.green == tree_of(self.target, self.world)
            assert self.known[action.green].passes, "convicted without a green witness"
            red = self.known[action.red or ""]
            assert red.fails > self.policy.retries
            assert not red.passes
            heads = {item.name: item.head for item in self.queue}
            assert action.red == tree_of((*self.target, f"{name}@{heads[name]}"), self.world)
        self.ejected[name] = action
        self.drop(name)

    def drop(self, name: str) -> None:
        self.queue = [item for item in self.queue if item.name != name]

    def finish_one(self) -> None:
        """Let the run that ends next end, and record what it says."""
        tree = min(self.live, key=lambda name: self.live[name][0])
        self.clock, words, alone = self.live.pop(tree)
        known = self.known.get(tree, Known())
        names = {word.partition("@")[0] for word in words}
        if self.rng.random() < self.world.broken:
            known = known._replace(
                broken=known.broken + 1, broken_alone=known.broken_alone or alone
            )
        elif names & self.world.untellable:
            known = known._replace(skips=known.skips + 1)
        elif self.world.fails(words) or self.rng.random() < self.world.flaky:
            known = known._replace(fails=known.fails + 1)
        else:
            known = known._replace(passes=known.passes + 1)
        self.known[tree] = known

    def run(self) -> Train:
        """To the end."""
        for _ in range(100 * (len(self.queue) + 2)):
            self.settle()
            if not self.live:
                assert not self.queue or self.stopped, "it waits for nothing"
                return self
            self.finish_one()
            self.accident(self)
        raise AssertionError("it never ends")


def serial(train: Train) -> tuple[list[str], set[str], set[str]]:
    """What the same queue comes to one after another: landed in order, ejected, blocked."""
    from gitmc.model.train import order

    words, landed = train.target, []
    out: set[str] = set()
    blocked: set[str] = set()
    for item in order(train.queue):
        if (out | blocked).intersection(item.after):
            blocked.add(item.name)
            continue
        new = (*words, f"{item.name}@{item.head}")
        changed = tree_of(new, train.world) != tree_of(words, train.world)
        if train.world.clash(words, item.name) or (changed and train.world.fails(new)):
            out.add(item.name)
        else:
            words = new
            landed.append(item.name)
    return landed, out, blocked
