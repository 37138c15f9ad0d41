"""Trains on disk: all of one comes back, and nothing that is not one is taken for it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitmc.model.trainrecord import Arrived, Landing, Out, Rider, Train, TrainRun, TrainState
from gitmc.store.codec import Malformed
from gitmc.store.files import BadFile
from gitmc.store.records import decode, encode
from gitmc.store.trains import Trains
from tests.support.generated import maybe, processes, texts, times, unknown_keys

several = st.lists(texts, max_size=2).map(tuple)
numbers = st.integers(0, 99)
seconds = st.floats(0, 1e6)


def lists(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=2).map(tuple)


trains = st.builds(
    Train,
    id=st.just("t1"),
    state=st.sampled_from(TrainState),
    target=texts,
    base=texts,
    created_at=times,
    strategy=texts,
    test=maybe(texts),
    key=texts,
    setup=several,
    timeout=seconds,
    slots=numbers,
    measured=st.booleans(),
    retries=numbers,
    every=st.booleans(),
    plan=maybe(texts),
    open=st.booleans(),
    taken=several,
    tip=maybe(texts),
    reason=maybe(texts),
    ended_at=maybe(times),
    owner=maybe(processes),
    landing=maybe(st.builds(Landing, texts, texts, several, several)),
    queue=lists(
        st.builds(Rider, texts, texts, texts, maybe(texts), several, numbers, numbers, maybe(texts))
    ),
    landed=lists(st.builds(Arrived, texts, texts, texts, texts, texts)),
    out=lists(
        st.builds(
            Out,
            texts,
            texts,
            texts,
            texts,
            maybe(texts),
            several,
            maybe(texts),
            maybe(texts),
            several,
        )
    ),
    runs=lists(
        st.builds(
            TrainRun,
            texts,
            texts,
            texts,
            several,
            times,
            st.booleans(),
            maybe(texts),
            maybe(texts),
            maybe(seconds),
            st.booleans(),
            maybe(texts),
            st.booleans(),
        )
    ),
    unknown=unknown_keys,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(trains)
def test_a_train_comes_back_as_it_was(store_root: Path, train: Train) -> None:
    store = Trains(store_root)
    with store.starting() as held:
        store.save(held, train)
    assert store.get("t1") == train
    assert store.all() == ([train], [])


@pytest.fixture
def store_root(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path


PLAIN = Train("t1", TrainState.RUNNING, "main", "abc", datetime(2026, 1, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("state", "gone"), ("target", 1), ("slots", True), ("slots", 1.5), ("every", 1),
        ("created_at", "2026-01-02"), ("queue", "one"), ("queue", [1]), ("queue", [{"name": "x"}]),
        ("timeout", "1"), ("owner", []),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(Malformed, match=key):
        decode(Train, encode(PLAIN) | {key: value})


@pytest.mark.parametrize("text", ["", "version = 9\n", 'version = 1\nid = "t2"\n', "version = "])
def test_a_file_that_is_no_train_is_a_fault_that_names_it(store_root: Path, text: str) -> None:
    store = Trains(store_root)
    store.folder.mkdir()
    (store.folder / "t1.toml").write_text(text)
    with pytest.raises(BadFile, match=r"t1\.toml"):
        store.get("t1")
    assert store.all()[0] == []
    assert len(store.all()[1]) == 1
