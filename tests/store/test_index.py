"""The indexes: they answer as the files do, or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitmc.errors import Clash
from gitmc.model.job import Job, State
from gitmc.model.radar import Answer, Known
from gitmc.store import index, radar
from gitmc.store.codec import decode_job, encode_job
from gitmc.store.state import Store
from tests.support.generated import jobs, texts
from tests.support.world import World

T0 = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
OLD = (1, 2, 3, 4)
COUNT = index.FEW + 4
some = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def a_job(number: int, state: State = State.COMPLETED) -> Job:
    name = f"job{number}"
    return Job(name, state, "command", f"mc/{name}", "main", "c0", "/w", "session", T0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store of more jobs than may be missing in an index."""
    made = Store(tmp_path / "mission-control")
    made.make()
    with made.locked() as held:
        for number in range(COUNT):
            made.save(held, a_job(number))
    return made


def indexed(store: Store) -> Path:
    """The index of the store, once its files are old enough for one."""
    path = store.root / "jobs.index"
    end = time.monotonic() + 30
    while len(index.read_jobs(path)) < COUNT:
        assert time.monotonic() < end
        path.unlink(missing_ok=True)
        assert len(Store(store.root).jobs()[0]) == COUNT
    return path


@some
@given(jobs(texts=texts, unknown=st.just({})))
def test_a_job_comes_out_of_the_index_as_it_comes_out_of_its_file(tmp_path: Path, job: Job) -> None:
    path = tmp_path / "jobs.index"
    read = decode_job(encode_job(job))
    index.write_jobs(path, {"one": (OLD, read)})
    assert index.read_jobs(path) == {"one": (OLD, read)}
    kept = index.read_jobs(path)["one"][1]
    assert repr(kept) == repr(read)


def test_times_keep_what_is_finer_than_we_write(tmp_path: Path) -> None:
    path = tmp_path / "jobs.index"
    index.write_jobs(path, {"job1": (OLD, a_job(1))})
    assert index.read_jobs(path)["job1"][1].created_at == T0


@some
@given(st.binary(max_size=50), st.integers(0, 3000), st.integers(0, 50))
def test_a_torn_or_foreign_index_is_none(tmp_path: Path, junk: bytes, at: int, cut: int) -> None:
    path = tmp_path / "jobs.index"
    index.write_jobs(path, {f"job{n}": (OLD, a_job(n)) for n in range(3)})
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + junk + whole[at + cut :])
    assert path.read_bytes() == whole or index.read_jobs(path) == {}


def test_an_index_of_other_fields_or_of_another_kind_is_none(tmp_path: Path) -> None:
    path = tmp_path / "jobs.index"
    index.write_jobs(path, {"job1": (OLD, a_job(1))})
    assert index.read_counts(path) == {}
    newer = path.read_bytes().replace(b"git mc index 1", b"git mc index 2", 1)
    path.write_bytes(newer)
    assert index.read_jobs(path) == {}


def test_what_is_not_known_or_not_old_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "jobs.index"
    now = time.time_ns()
    foreign = a_job(2)._replace(unknown={"new": T0})
    records = {"job1": ((1, now, 3, 4), a_job(1)), "job2": (OLD, foreign), "job3": (OLD, a_job(3))}
    index.write_jobs(path, records)
    assert set(index.read_jobs(path)) == {"job3"}


def test_the_first_reader_of_many_writes_an_index_and_the_next_one_reads_it(store: Store) -> None:
    path = indexed(store)
    before = path.stat().st_mtime_ns
    assert Store(store.root).jobs() == store.jobs()
    assert path.stat().st_mtime_ns == before
    assert [p.name for p in store.root.iterdir() if "index" in p.name] == ["jobs.index"]


def test_a_file_edited_by_hand_is_seen_at_once_whatever_its_times_say(store: Store) -> None:
    indexed(store)
    edited = store.job_path("job3")
    stat = edited.stat()
    edited.write_text(edited.read_text().replace('"completed"', '"stopped"  '))
    os.utime(edited, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert edited.stat().st_size == stat.st_size
    store.job_path("job4").unlink()
    store.job_path("job5").write_text("torn")
    found, faults = Store(store.root).jobs()
    assert {job.name: job.state for job in found}["job3"] is State.STOPPED
    assert {"job4", "job5"}.isdisjoint(job.name for job in found)
    assert [fault.path.name for fault in faults] == ["job5.toml"]


def test_a_saved_job_is_seen_beside_an_old_index(store: Store) -> None:
    path = indexed(store)
    with store.locked() as held:
        store.save(held, a_job(2, State.FAILED))
    before = path.stat().st_mtime_ns
    assert {job.name: job.state for job in Store(store.root).jobs()[0]}["job2"] is State.FAILED
    assert path.stat().st_mtime_ns == before, "one that is missing is no reason to write"


def test_an_index_that_cannot_be_written_or_read_is_nobodys_trouble(store: Store) -> None:
    path = indexed(store)
    path.unlink()
    path.mkdir()
    (path / "in-the-way").touch()
    assert Store(store.root).jobs() == store.jobs()
    assert [p.name for p in store.root.iterdir() if p.name.startswith(".")] == []


def test_counts_are_added_to_those_that_are_known(tmp_path: Path) -> None:
    path = tmp_path / "ahead.index"
    index.add_counts(path, {"a..b": 1}, {"c..d": 2})
    assert index.read_counts(path) == {"a..b": 1, "c..d": 2}
    many = {str(number): number for number in range(index.MANY)}
    index.add_counts(path, many, {"e..f": 3})
    assert index.read_counts(path) == {"e..f": 3}


commits = st.sampled_from(["aa", "bb", "cc", "dd"])
clashes = st.builds(
    Clash, st.text(max_size=3), st.lists(st.text(max_size=3), max_size=2).map(tuple)
)
answers = st.builds(Answer, st.lists(clashes, max_size=2).map(tuple), st.none() | st.text())
known = st.builds(
    Known,
    st.frozensets(commits),
    st.dictionaries(st.tuples(commits, commits), answers),
    st.dictionaries(st.text(max_size=3), commits),
)


@some
@given(known, st.binary(max_size=50), st.integers(0, 300), st.integers(0, 50))
def test_the_radar_comes_out_as_it_went_in_or_not_at_all(
    tmp_path: Path, knows: Known, junk: bytes, at: int, cut: int
) -> None:
    path = tmp_path / "radar.index"
    radar.write(path, "key", knows)
    assert radar.read(path, "key") == knows
    assert radar.read(path, "other") == Known(seen=knows.seen)
    assert index.read_jobs(path) == {}
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + junk + whole[at + cut :])
    assert path.read_bytes() == whole or radar.read(path, "key") == Known()


def test_a_list_of_many_reads_no_toml_and_is_the_same_with_junk_for_an_index(world: World) -> None:
    store = world.mission.store
    store.make()
    heads = [world.repo.head()]
    for number in range(COUNT):
        heads.append(world.repo.commit({"file": str(number)}))
        world.repo.git("branch", f"mc/job{number}")
    with store.locked() as held:
        for number in range(COUNT):
            store.save(held, a_job(number)._replace(base_commit=heads[number // 2]))
    path = indexed(store)
    first = world.mc("jobs").ok().stdout
    ahead = [line.split()[4] for line in first.splitlines()[1:]]
    assert ahead == [str(n + 1 - n // 2) for n in sorted(range(COUNT), key=str)]
    argv = [sys.executable, "-X", "importtime", "-m", "gitmc", "jobs"]
    done = subprocess.run(argv, cwd=world.repo.path, capture_output=True, text=True, check=True)
    assert done.stdout == first
    assert "tomllib" not in done.stderr
    counts = json.loads(store.counts_path.read_text().partition("\n")[2])
    assert sorted(counts.values(), key=str) == sorted(map(int, ahead), key=str)
    for content in (b"", b"junk\n{}", path.read_bytes()[:-1]):
        path.write_bytes(content)
        store.counts_path.write_bytes(content)
        assert world.mc("jobs").ok().stdout == first
