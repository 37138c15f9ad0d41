"""How many test runs at once: never more than the machine bears, never none."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.slots import (
    ALONE,
    HALF_LIFE,
    MOST,
    RECENT,
    History,
    Machine,
    Measured,
    after_run,
    after_train,
    expected,
    failing,
    slots,
)

GIB = float(1024**3)
BIG = Machine(64, 256 * GIB)

numbers = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-5, 50).map(float)
measured = st.builds(
    Measured,
    st.sampled_from(["a", "b"]),
    numbers,
    numbers,
    numbers,
    st.integers(-1, 40),
    st.booleans(),
)
machines = st.builds(Machine, numbers, numbers | st.floats(0, 1e12))
histories = st.builds(History, st.lists(measured, max_size=12).map(tuple), numbers, numbers)


def run(
    seconds: float = 10, cpu: float = 5, memory: float = GIB, together: int = 1, passed: bool = True
) -> Measured:
    return Measured("make", seconds, cpu, memory, together, passed)


def seen(*runs: Measured) -> History:
    history = History()
    for one in runs:
        history = after_run(history, one)
    return history


@given(machines, histories)
def test_there_is_always_a_sound_number(machine: Machine, history: History) -> None:
    found = slots(machine, history)
    assert isinstance(found, int)
    assert 1 <= found <= MOST


@given(histories, *(st.tuples(*[st.floats(0, 1e3) | st.floats(0, 1e12)] * 2).map(sorted),) * 2)
def test_more_cores_or_memory_never_make_it_fewer(
    history: History, cores: list[float], memory: list[float]
) -> None:
    found = [slots(Machine(c, m), history) for c in cores for m in memory]
    few, more_memory, more_cores, most = found
    assert few <= more_memory <= most
    assert few <= more_cores <= most


@pytest.mark.parametrize(
    ("cores", "memory", "count"),
    [(1, 64, 1), (1.9, 64, 1), (2, 64, 2), (4, 64, 2), (128, 64, 2), (128, 1.5, 1), (128, 2, 2)],
)
def test_the_first_runs_are_careful(cores: float, memory: float, count: int) -> None:
    assert slots(Machine(cores, memory * GIB), History()) == count


@pytest.mark.parametrize(
    ("runs", "machine", "count"),
    [
        # one core in two, so that memory and growth decide
        ([run()], Machine(8, 64 * GIB), 2),
        ([run(), run(together=2)], Machine(8, 64 * GIB), 4),
        ([run(), run(together=8)], Machine(8, 64 * GIB), 16),
        ([run(), run(together=8)], Machine(8, 10 * GIB), 8),
        ([run(), run(together=8)], Machine(3, 64 * GIB), 6),
        # a suite that keeps all cores busy by itself
        ([run(cpu=80)] * 3, Machine(8, 64 * GIB), 1),
        # the same, run beside others that take its share from it
        ([run(cpu=80), *[run(cpu=80, seconds=14, together=2)] * 9], Machine(12, 64 * GIB), 1),
        # one that waits
        ([run(cpu=0), run(cpu=0, together=40)], BIG, MOST),
        # one large run among small ones
        ([run(memory=6 * GIB), run(together=4)], Machine(8, 16 * GIB), 2),
        # runs that failed at once tell nothing of what a whole one needs
        ([run(), *[run(seconds=0.1, cpu=0.1, passed=False)] * 5], Machine(8, 64 * GIB), 2),
        # only failures: careful
        ([run(passed=False)], BIG, 2),
    ],
)
def test_earlier_runs_decide(runs: list[Measured], machine: Machine, count: int) -> None:
    assert slots(machine, seen(*runs)) == count


def test_what_held_one_another_up_is_not_tried_again_soon() -> None:
    history = seen(run(cpu=1), run(cpu=1, together=2), run(cpu=1, together=4, seconds=30))
    assert slots(BIG, history) == 3
    for _ in range(RECENT):
        history = after_run(history, run(cpu=1, together=3))
    assert slots(BIG, history) > 3


def test_runs_alone_are_remembered_and_others_forgotten() -> None:
    history = seen(*[run(seconds=n + 1) for n in range(20)])
    other = Measured("other", 1, 1, 1, 1, True)
    history = after_run(history, other)
    for _ in range(2 * RECENT):
        history = after_run(history, run(together=2))
    mine = history.of("make")
    assert [one.seconds for one in mine.runs if one.together == 1] == list(range(13, 21))
    assert len(mine.runs) == RECENT + ALONE
    assert history.of("other").runs == (other,)


@given(st.lists(measured, max_size=300))
def test_what_is_remembered_has_an_end(runs: list[Measured]) -> None:
    history = seen(*runs)
    assert len(history.runs) <= 2 * RECENT + ALONE
    assert not runs or history.runs[-1] is runs[-1]


def test_a_run_is_expected_to_take_what_the_last_passes_took() -> None:
    assert expected(History()) is None
    assert expected(seen(run(passed=False))) is None
    assert expected(seen(*[run(seconds=100)] * 9, *[run(seconds=n) for n in (1, 2, 3) * 3])) == 2
    assert expected(seen(run(seconds=3), run(seconds=nan), run(seconds=99, passed=False))) == 3


def test_one_branch_in_ten_is_red_until_something_is_known() -> None:
    assert failing(History()) == 0.1
    assert failing(after_train(History(), 0, 90)) == 0.01
    assert failing(after_train(History(), 10, 0)) == 0.55


def test_old_trains_count_less() -> None:
    red = after_train(History(), 8, 0)
    later = red
    for _ in range(int(HALF_LIFE)):
        later = after_train(later, 0, 1)
    assert later.failed == pytest.approx(4)
    assert 0 < later.passed < HALF_LIFE
    assert failing(later) < failing(red)


@given(numbers, numbers, st.integers(0, 500), st.integers(0, 500))
def test_a_share_is_never_certain(f: float, p: float, failed: int, passed: int) -> None:
    assert 0 < failing(History((), f, p)) < 1
    known = after_train(after_train(History(), failed, passed), failed, passed)
    assert 0 < failing(known) < 1
    assert failing(after_train(known, 1, 0)) >= failing(after_train(known, 0, 1))


def test_what_is_infinite_is_no_reason_to_fail() -> None:
    assert slots(Machine(inf, inf), History()) == 1
    assert slots(Machine(nan, nan), seen(run())) == 1
    assert slots(Machine(4, inf), seen(run(), run(together=2))) == 4
