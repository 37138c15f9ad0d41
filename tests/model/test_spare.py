"""Spare worktrees: how many to make, which to throw away, and what tells them apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.job import Setup
from gitmc.model.spare import Spare, due, key_of

spares = st.lists(
    st.builds(
        Spare,
        st.uuids().map(str),
        st.just("/w"),
        st.just("c0"),
        st.sampled_from(["here", "there"]),
        st.just(""),
        st.booleans(),
    ),
    max_size=6,
    unique_by=lambda spare: spare.id,
)
setups = st.builds(Setup, *[st.lists(st.text(max_size=2), max_size=2).map(tuple)] * 3)


@given(spares, st.none() | st.sampled_from(["here", "there"]), st.integers(0, 4))
def test_what_is_due_makes_the_pool_what_it_should_be(
    pool: list[Spare], key: str | None, count: int
) -> None:
    todo = due(pool, key, count)
    assert set(todo.discard) <= set(pool)
    left = [spare for spare in pool if spare not in todo.discard]
    assert all(spare.ready and spare.key == key for spare in left)
    assert len(left) + todo.make == (0 if key is None else count)
    made = [Spare(f"new{n}", "/w", "c0", key or "", "", True) for n in range(todo.make)]
    assert not due(left + made, key, count)


@given(st.text("ab"), setups, st.text("ab"), setups)
def test_the_same_key_means_the_same_worktree(
    commit: str, setup: Setup, other: str, another: Setup
) -> None:
    assert (key_of(commit, setup) == key_of(other, another)) == (
        (commit, setup) == (other, another)
    )


def test_a_spare_that_is_ready_is_kept_before_one_is_made() -> None:
    good = Spare("a", "/w", "c0", "here", "", True)
    assert due([good], "here", 2) == ((), 1)
    half = good._replace(id="b", ready=False)
    assert due([good, half], "here", 1) == ((half,), 0)
