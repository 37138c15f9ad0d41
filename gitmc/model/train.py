"""The merge train: which prefixes of a queue to test now, what lands, and who is to blame. Pure.

A train brings the branches of a queue to a target that never holds files that did not pass. It has
no schedule: `step` is called again after every event, and says what is due by what is known then.

    prefix     the target with the first few branches of the queue merged into it; known by its
               tree. Trees are made by `View.grow`, which remembers what it has merged.
    verdict    what the test command said of one tree, however often it was run (`Known`)
    suspect    a tree that failed, but not yet as often as it takes to call it red

What is due, in this order; whatever comes later waits for the next step:

1.  A branch that conflicts with the target itself is ejected. One that conflicts only with a branch
    ahead of it is left out until that one has landed or is ejected; so is one that depends on it.
    A branch that depends on an ejected one is blocked.
2.  The longest prefix that passed lands. With `every`, the longest of which each prefix passed.
3.  Let c be the shortest prefix that failed.
    c is the first branch alone, and red: it is ejected, if the target itself is known to pass. The
    target is tested if it is not; if it fails as well, the train stops and convicts nobody.
    c is the first branch alone, and a suspect: it is tested again.
    c is longer: prefixes are tested that split it evenly; it is tested again if a slot is free.
    Nothing longer than c is tested: its failure would say nothing new. What slots are free when the
    first branch is the suspect test the queue without it, as it will be once it is ejected, all of
    it by as many as these are.
4.  Nothing failed: prefixes that lie `spacing` apart are tested, as many as there are slots. Slots
    that come free when the whole queue is under test stay free.
5.  A run that is none of these is cancelled. A tree that could not be tested (a broken gate), or
    took too long beside others, is tested once more when its turn comes, and alone; a gate that
    breaks again stops the train, and a run that takes too long again counts as failed.
6.  What is left when nothing more can be tested (the command said that it cannot tell: exit 125)
    is passed over one by one, the first of the queue first, and convicted of nothing.

So a branch is ejected for a test only on a witness: the target passed, and with this one branch it
failed as often as `retries` asks for. Nothing ahead of it is unverified, because nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, log
from typing import NamedTuple

AGEING = 10
"""After how many landings an item stands where one of the next higher priority began."""


class Item(NamedTuple):
    """A branch in the queue, at the commit `head`. `joined` counts what had landed before."""

    name: str
    head: str = ""
    after: tuple[str, ...] = ()
    """Names of what has to land before, or to be in the target already."""
    priority: int = 0
    joined: int = 0


class Known(NamedTuple):
    """What runs have said of one tree."""

    passes: int = 0
    fails: int = 0
    skips: int = 0
    """It said that it cannot tell."""
    broken: int = 0
    """It could not be run, or did not end by itself."""
    broken_alone: bool = False
    """Whether one of these was the only run at the time."""
    late: int = 0
    """It took too long while others ran. Alone, that is a failure."""


UNKNOWN = Known()


class Clash(NamedTuple):
    """Why a branch cannot be merged here: with whom it conflicts (None: the target), and where."""

    by: str | None
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """How much at once, and how sure. `failing` is the share of branches that are expected to."""

    slots: int = 1
    retries: int = 1
    every: bool = False
    failing: float = 0.1


@dataclass(frozen=True)
class View:
    """All that is known at one moment."""

    base: str
    """The target's tree."""
    queue: tuple[Item, ...]
    """Who has neither landed nor been taken out."""
    known: Mapping[str, Known]
    live: frozenset[str]
    """Trees under test."""
    grow: Callable[[tuple[str, ...], str], str | Clash]
    """The tree of the target with those names and one more merged into it."""
    gone: frozenset[str] = frozenset()
    """Names of what was taken out."""


@dataclass(frozen=True)
class Start:
    """Test a tree: the target with `names` merged into it."""

    tree: str
    names: tuple[str, ...]
    alone: bool = False


@dataclass(frozen=True)
class Cancel:
    """End the run on a tree; nothing is learned from it."""

    tree: str


@dataclass(frozen=True)
class Land:
    """Move the target to the tree, which passed: it has `names` merged into it."""

    tree: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Eject:
    """Take a branch out. `by` is whom it conflicts with, or the branch ahead of it."""

    name: str
    reason: str
    by: str | None = None
    files: tuple[str, ...] = ()
    green: str | None = None
    red: str | None = None


@dataclass(frozen=True)
class Defer:
    """A branch waits until `by`, which is ahead of it, has landed or is ejected."""

    name: str
    by: str


@dataclass(frozen=True)
class Block:
    """A branch cannot land because `by`, which it depends on, will not."""

    name: str
    by: str


@dataclass(frozen=True)
class Pass:
    """Pass over a branch of which the test command cannot tell anything."""

    name: str


@dataclass(frozen=True)
class Stop:
    """End the train: nothing can be judged."""

    why: str
    tree: str


Action = Start | Cancel | Land | Eject | Defer | Block | Pass | Stop


class Prefix(NamedTuple):
    """The target with the first few branches of a queue."""

    names: tuple[str, ...]
    tree: str


def step(view: View, policy: Policy) -> list[Action]:
    """What is due now. Doing it and stepping again comes to an end."""
    items = order(view.queue)
    blocked = [Block(item.name, by) for item in items for by in item.after if by in view.gone]
    if blocked:
        return list({block.name: block for block in blocked}.values())
    chain, waiting = couple(view, items)
    ejected = [Eject(name, "conflict", files=why.files) for name, why in waiting if why.by is None]
    if ejected:
        return [*ejected]
    deferred = [Defer(name, why.by) for name, why in waiting if why.by is not None]
    return [*deferred, *_move(view, items, chain, policy)]


def order(queue: Iterable[Item]) -> list[Item]:
    """The queue as it is merged: what others depend on first, then by priority and age."""
    left = sorted(queue, key=lambda item: item.joined - AGEING * item.priority)
    names = {item.name for item in left}
    placed: list[Item] = []
    while left:
        free = next((item for item in left if names.isdisjoint(item.after)), left[0])
        left.remove(free)
        names.discard(free.name)
        placed.append(free)
    return placed


def couple(view: View, items: Iterable[Item]) -> tuple[list[Prefix], list[tuple[str, Clash]]]:
    """The prefixes of what can be merged one after another, and why the others cannot."""
    chain: list[Prefix] = []
    waiting: dict[str, Clash] = {}
    names: tuple[str, ...] = ()
    for item in items:
        missing = next((name for name in item.after if name in waiting), None)
        grown = Clash(missing) if missing else view.grow(names, item.name)
        if isinstance(grown, Clash):
            # What it depends on may not land, and then it is blocked, whatever it conflicts with.
            before = next((name for name in item.after if name in names), None)
            waiting[item.name] = grown if grown.by else grown._replace(by=before)
        else:
            names = (*names, item.name)
            chain.append(Prefix(names, grown))
    return chain, list(waiting.items())


def _move(
    view: View, items: Sequence[Item], chain: Sequence[Prefix], policy: Policy
) -> list[Action]:
    good = _landable(view, chain, policy)
    if good is not None:
        return [Land(good.tree, good.names)]
    first = chain[0].tree if chain else view.base
    if _red(view, first, policy) and chain and _of(view, view.base).passes:
        return [Eject(chain[0].names[-1], "test", green=view.base, red=first)]
    if _red(view, view.base, policy) and first != view.base:
        return _stop(view, "the target fails by itself", view.base)
    wanted: dict[str, tuple[str, ...]] = {}
    for tree, names in _wanted(view, items, policy):
        wanted.setdefault(tree, names)
        if len(wanted) == policy.slots:
            break
    if chain and not wanted:
        return [*map(Cancel, sorted(view.live)), Pass(chain[0].names[-1])]
    return _arrange(view, wanted, policy)


def _landable(view: View, chain: Sequence[Prefix], policy: Policy) -> Prefix | None:
    """The longest prefix that may land. What changes nothing needs no test."""
    best = None
    for prefix in chain:
        if prefix.tree == view.base or _of(view, prefix.tree).passes:
            best = prefix
        elif policy.every:
            break
    return best


def _of(view: View, tree: str) -> Known:
    return view.known.get(tree, UNKNOWN)


def _failed(known: Known) -> bool:
    return known.fails > 0 and not known.passes


def _red(view: View, tree: str, policy: Policy) -> bool:
    known = _of(view, tree)
    return _failed(known) and known.fails > policy.retries


def _stop(view: View, why: str, tree: str) -> list[Action]:
    return [*map(Cancel, sorted(view.live)), Stop(why, tree)]


def _wanted(
    view: View, items: Sequence[Item], policy: Policy
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What should be under test, the most urgent first. What is, and is of use, stays."""
    chain, _ = couple(view, items)
    slots = policy.slots
    bad = next((at for at, prefix in enumerate(chain) if _failed(_of(view, prefix.tree))), None)
    open_ = [p for p in chain[:bad] if not any(_of(view, p.tree)[:3])]
    if policy.every:
        chosen = open_[:slots]
    else:
        live = [at for at, prefix in enumerate(open_) if prefix.tree in view.live]
        far = spacing(len(open_), slots, policy.failing) if bad is None else None
        chosen = [open_[at] for at in places(len(open_), live, slots, far)]
    for prefix in chosen:
        yield prefix.tree, prefix.names
    if bad is None:
        return
    suspect = chain[bad]
    judged = [] if _red(view, suspect.tree, policy) else [(suspect.tree, suspect.names)]
    base = _of(view, view.base)
    if bad == 0 and not base.passes and not base.skips and not _red(view, view.base, policy):
        judged.append((view.base, ()))
    yield from judged
    if (bad == 0 or policy.every) and slots > len(judged):
        left = replace(policy, slots=slots - len(judged))
        yield from _wanted(view, _without(items, suspect.names[-1]), left)


def _without(queue: Iterable[Item], name: str) -> list[Item]:
    """The queue as it would be if `name` were ejected."""
    gone = {name}
    items = []
    for item in queue:
        if item.name == name or not gone.isdisjoint(item.after):
            gone.add(item.name)
        else:
            items.append(item)
    return items


def _arrange(view: View, wanted: Mapping[str, tuple[str, ...]], policy: Policy) -> list[Action]:
    """Cancel what is not wanted, and start what is."""
    first = next(iter(wanted), None)
    if first is not None and _odd(view, first):
        known = _of(view, first)
        if known.broken > 1 and known.broken_alone:
            return _stop(view, "the test command could not be run", first)
        wanted = {first: wanted[first]}
    now = {tree: wanted[tree] for tree in wanted if tree == first or not _odd(view, tree)}
    alone = policy.slots == 1 or (first is not None and _odd(view, first))
    cancelled = [Cancel(tree) for tree in sorted(view.live - now.keys())]
    started = [Start(tree, names, alone) for tree, names in now.items() if tree not in view.live]
    return [*cancelled, *started]


def _odd(view: View, tree: str) -> bool:
    """Whether the tree is to be tested alone."""
    known = _of(view, tree)
    return bool(known.broken or known.late)


def spacing(count: int, slots: int, failing: float) -> int:
    """How many branches apart the prefixes should be that are tested at once.

    The one with the least expected time for each branch that lands, in test runs: a run, and with
    the chance that one of them fails, the runs that find it, over the branches up to the failure.
    """
    passing = 1 - failing

    def cost(apart: int) -> float:
        # A round for the rest of the queue costs as much as a full one.
        rounds = ceil(count / (slots * apart)) * slots * apart / max(1, count)
        some_fail = 1 - passing ** (slots * apart)
        runs = 1 + some_fail * ceil(log(apart, slots + 1) - 1e-9)
        each = runs * failing / some_fail if some_fail > 0 else runs / (slots * apart)
        return each * rounds

    return min(range(1, max(1, ceil(count / slots)) + 1), key=cost)


def places(count: int, live: Sequence[int], slots: int, apart: int | None) -> list[int]:
    """Which of `count` prefixes to test: those that are `live`, and more while there are slots.

    They go on from the last one `apart` from each other; without that, and with what is left then,
    they split the widest gaps. A gap between prefixes that are under test already is not split as
    long as nothing has failed: what stands behind it will most likely pass first.
    """
    chosen = list(live[:slots])
    if apart is not None:
        last = max(chosen, default=-1)
        while len(chosen) < slots and last < count - 1:
            last = min(last + apart, count - 1)
            chosen.append(last)
        if live:
            return chosen
    elif not chosen:
        many = min(slots, count)
        chosen = [(at + 1) * (count + 1) // (many + 1) - 1 for at in range(many)]
    while len(chosen) < min(slots, count):
        walls = [-1, *sorted(chosen), count]
        width, below = max((b - a, -a) for a, b in pairwise(walls))
        chosen.append(-below + width // 2)
    return chosen
