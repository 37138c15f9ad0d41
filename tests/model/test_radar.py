"""The radar: every pair once, nothing lost that is in use, nothing kept that is not."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations, islice

from hypothesis import given
from hypothesis import strategies as st

from gitmc.errors import Clash
from gitmc.model.job import Job, State
from gitmc.model.radar import (
    CLEAN,
    Answer,
    Contender,
    Known,
    Pair,
    learned,
    missing,
    pair,
    predicted,
    troubled,
    watched,
    worth_a_look,
)

HEADS = [f"{number:x}" * 4 for number in range(8)]
TIPS = ["main" * 2, "dev" * 2, HEADS[0]]
T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@st.composite
def fields(draw: st.DrawFn) -> list[Contender]:
    """Some jobs, of which a few are at the same commit, or have another's branch for a base."""
    heads = draw(st.lists(st.sampled_from(HEADS), max_size=7))
    return [
        Contender(f"job{number}", head, "base", draw(st.sampled_from([*TIPS, None])))
        for number, head in enumerate(heads)
    ]


def truth(both: Pair) -> Answer:
    """What git would say: always the same of the same two commits."""
    digit = sum(map(ord, "".join(both))) % 5
    if digit == 0:
        return Answer(trouble="no")
    return Answer((Clash(f"file{digit}", ("content",)),)) if digit < 3 else CLEAN


def all_pairs(some: list[Contender]) -> set[Pair]:
    """By the plain definition: each with its base, and each two."""
    bases = {pair(one.tip, one.head) for one in some if one.tip}
    both = {pair(one.head, other.head) for one, other in combinations(some, 2)}
    return {asked for asked in bases | both if asked[0] != asked[1]}


def asked(known: Known, some: list[Contender], most: int | None = None) -> Known:
    """What is known after so many of the missing pairs were asked about."""
    pairs = islice(missing(some, known), most)
    return learned(known, some, {both: truth(both) for both in pairs})


@given(fields())
def test_every_pair_is_asked_about_once_and_then_none(some: list[Contender]) -> None:
    pairs = list(missing(some, Known()))
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == all_pairs(some)
    assert list(missing(some, asked(Known(), some))) == []


@given(st.lists(st.tuples(fields(), st.none() | st.integers(0, 9)), max_size=4), fields())
def test_whatever_was_there_before_what_is_known_is_true_and_only_what_is_missing_is_asked(
    past: list[tuple[list[Contender], int | None]], some: list[Contender]
) -> None:
    known = Known()
    for before, most in past:
        known = asked(known, before, most)
        for both in all_pairs(before):
            if known.has(both):
                assert known.answers.get(both, CLEAN) == truth(both)
    left = set(missing(some, known))
    assert left == {both for both in all_pairs(some) if not known.has(both)}
    known = asked(known, some)
    assert all(known.has(both) for both in all_pairs(some))
    assert all(known.answers.get(both, CLEAN) == truth(both) for both in all_pairs(some))


@given(fields(), fields())
def test_only_what_is_in_use_is_kept_and_nothing_clean_of_those_that_are_together(
    before: list[Contender], now: list[Contender]
) -> None:
    known = asked(asked(Known(), before), now)
    heads = {one.head for one in now}
    use = heads | {one.tip for one in now if one.tip}
    assert known.together == heads
    assert all(use.issuperset(both) for both in known.answers)
    clean = {both for both, answer in known.answers.items() if answer == CLEAN}
    assert not [both for both in clean if heads.issuperset(both)]


@given(fields(), st.sets(st.sampled_from([f"job{n}" for n in range(7)])))
def test_of_named_jobs_only_what_involves_one_is_asked_and_shown(
    some: list[Contender], named: set[str]
) -> None:
    mine = [one for one in some if one.name in named]
    heads = {one.head for one in mine}
    bases = {pair(one.tip, one.head) for one in mine if one.tip}
    pairs = list(missing(some, Known(), named))
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == {
        both for both in all_pairs(some) if both in bases or _of_heads(both, some, heads)
    }
    known = learned(Known(), some, {both: truth(both) for both in pairs})
    shown = predicted(some, known, named, complete=True)
    whole = predicted(some, asked(Known(), some), complete=True)
    involved = [
        f for f in whole.conflicts if f.job in named or (not f.on_base and f.other in named)
    ]
    assert list(shown.conflicts) == involved


def _of_heads(both: Pair, some: list[Contender], heads: set[str]) -> bool:
    return {one.head for one in some}.issuperset(both) and not heads.isdisjoint(both)


@given(fields())
def test_what_is_shown_is_what_git_says_of_each_two_jobs(some: list[Contender]) -> None:
    shown = predicted(some, asked(Known(), some), complete=True)
    found = {(f.job, f.other, f.on_base): f.answer for f in (*shown.conflicts, *shown.troubles)}
    expected: dict[tuple[str, str, bool], Answer] = {}
    for one, other in combinations(some, 2):
        if one.head != other.head:
            expected[one.name, other.name, False] = truth(pair(one.head, other.head))
    for one in some:
        if one.tip and one.tip != one.head:
            expected[one.name, one.target, True] = truth(pair(one.tip, one.head))
    assert found == {key: answer for key, answer in expected.items() if answer != CLEAN}
    assert len(found) == len(shown.conflicts) + len(shown.troubles)


@given(fields())
def test_troubles_are_known_and_can_be_tried_again(some: list[Contender]) -> None:
    known = asked(Known(), some)
    again = troubled(known)
    assert set(again) == {both for both in all_pairs(some) if truth(both).trouble}
    better = learned(known, some, dict.fromkeys(again, CLEAN))
    assert not predicted(some, better, complete=True).troubles
    assert list(missing(some, better)) == []


def test_a_commit_of_many_jobs_costs_one_merge_with_each_other() -> None:
    some = [Contender(f"job{n}", HEADS[n % 2], "main", TIPS[0]) for n in range(6)]
    assert len(list(missing(some, Known()))) == 3


def a_job(name: str, state: State = State.COMPLETED, base: str = "main") -> Job:
    return Job(name, state, "command", f"mc/{name}", base, "c0", "/w", "session", T0)


def test_it_is_stale_when_a_branch_that_matters_has_moved_and_a_job_has_commits() -> None:
    jobs = [a_job("one"), a_job("two", State.RUNNING, "dev"), a_job("in", State.MERGED, "old")]
    heads = ["dev", "main", "mc/one", "mc/two"]
    assert watched(jobs) == [f"refs/heads/{name}" for name in heads]
    tips = dict.fromkeys(watched(jobs), "c0")
    assert not worth_a_look(jobs, tips, {}), "nobody has commits"
    ahead = {**tips, "refs/heads/mc/one": "c1"}
    assert worth_a_look(jobs, ahead, {})
    assert worth_a_look(jobs, ahead, tips)
    assert not worth_a_look(jobs, ahead, ahead)
    assert worth_a_look(jobs, {**ahead, "refs/heads/main": "c2"}, ahead)
    assert not worth_a_look(jobs, {"refs/heads/main": "c1", "refs/heads/mc/one": "c1"}, {})
    del ahead["refs/heads/dev"]
    assert not worth_a_look(jobs, ahead, {**ahead, "refs/heads/dev": "c0"}), "nothing to find out"
    assert not worth_a_look([jobs[2]], ahead, {})
