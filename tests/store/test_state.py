"""The store: jobs by name, faults by file, and nothing written without the lock."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitmc.errors import Refused
from gitmc.model.job import Job, State
from gitmc.store.state import FOLDERS, Store

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def a_job(name: str, state: State = State.RUNNING) -> Job:
    return Job(name, state, "command", f"mc/{name}", "main", "c0", "/w", "session", T0)


def put(store: Store, *jobs: Job) -> None:
    with store.locked() as held:
        for job in jobs:
            store.save(held, job)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "mission-control")
    made.make()
    return made


def test_reading_makes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "mission-control")
    assert (store.job_names(), store.jobs(), store.job("one")) == ([], ([], []), None)
    assert not store.observed()
    assert list(store.journal.entries()) == []
    assert list(tmp_path.iterdir()) == []


def test_making_it_twice_does_no_harm(store: Store) -> None:
    put(store, a_job("one"))
    store.make()
    assert store.job("one") == a_job("one")
    assert all((store.root / folder).is_dir() for folder in FOLDERS)


def test_jobs_come_by_name(store: Store) -> None:
    put(store, a_job("b"), a_job("a.b"), a_job("größe"))
    assert store.job_names() == ["a.b", "b", "größe"]
    assert store.jobs()[0] == [a_job("a.b"), a_job("b"), a_job("größe")]


def test_a_saved_job_is_seen_by_one_who_read_it_before(store: Store) -> None:
    other = Store(store.root)
    put(store, a_job("one"))
    assert other.job("one") == a_job("one")
    assert other.job("one") is other.job("one")
    put(store, a_job("one", State.FAILED))
    assert other.job("one") == a_job("one", State.FAILED)
    with store.locked() as held:
        store.remove(held, "one")
    assert other.job("one") is None


def test_a_job_is_added_once(store: Store) -> None:
    with store.locked() as held:
        store.add(held, a_job("one"))
        with pytest.raises(Refused, match="a job called 'one' exists already") as refused:
            store.add(held, a_job("one", State.FAILED))
    assert "git mc cleanup one" in (refused.value.hint or "")
    assert store.job("one") == a_job("one")


def test_a_foreign_file_is_never_written_over_by_a_new_job(store: Store) -> None:
    store.job_path("one").write_text("mine\n")
    with store.locked() as held, pytest.raises(Refused):
        store.add(held, a_job("one"))
    assert store.job_path("one").read_text() == "mine\n"


def test_removing_a_job_forgets_its_prompt_and_keeps_its_log(store: Store) -> None:
    put(store, a_job("one"), a_job("two"))
    store.write_prompt(store.prompt_path("one"), b"do it \xff")
    store.log_path("one").write_text("done")
    assert store.prompt_path("one").read_bytes() == b"do it \xff"
    assert store.prompt_path("one").stat().st_mode & 0o777 == 0o600
    with store.locked() as held:
        store.remove(held, "one")
        store.remove(held, "one")
    assert store.job_names() == ["two"]
    assert not store.prompt_path("one").exists()
    assert store.log_path("one").read_text() == "done"


def test_nothing_is_written_without_the_lock(store: Store) -> None:
    token: object = object()
    with pytest.raises(AssertionError):
        store.save(token, a_job("one"))  # type: ignore[arg-type]
    put(store, a_job("two"))
    with pytest.raises(AssertionError):
        store.remove(token, "two")  # type: ignore[arg-type]
    assert store.job_names() == ["two"]


def test_a_fault_in_one_file_hides_no_other_job(store: Store) -> None:
    put(store, a_job("a"), a_job("z"))
    store.job_path("torn").write_bytes(store.job_path("a").read_bytes()[:40])
    store.job_path("moved").write_bytes(store.job_path("a").read_bytes())
    store.job_path("folder").mkdir()
    before = {path: path.read_bytes() for path in store.jobs_dir.iterdir() if path.is_file()}
    jobs, faults = store.jobs()
    assert [job.name for job in jobs] == ["a", "z"]
    assert [fault.path.stem for fault in faults] == ["folder", "moved", "torn"]
    assert "it holds a job called 'a'" in faults[1].message
    assert {path: path.read_bytes() for path in before} == before


def test_a_fault_that_was_repaired_is_one_no_more(store: Store) -> None:
    put(store, a_job("a"))
    content = store.job_path("a").read_bytes()
    store.job_path("a").write_bytes(content + b"torn")
    assert len(store.jobs()[1]) == 1
    store.job_path("a").write_bytes(content)
    assert store.jobs() == ([a_job("a")], [])


def test_drafts_and_other_files_are_no_jobs(store: Store) -> None:
    put(store, a_job("a"))
    for name in (".a.toml.123", ".b.toml", "a.toml~", "notes.txt"):
        (store.jobs_dir / name).write_text("junk")
    assert store.job_names() == ["a"]


def test_saving_leaves_no_draft(store: Store) -> None:
    put(store, *(a_job("a")._replace(exit_status=status) for status in range(20)))
    assert list(store.jobs_dir.iterdir()) == [store.job_path("a")]


def test_a_lock_that_is_free_is_had_and_one_that_is_not_is_not(store: Store) -> None:
    with store.locked_if_free() as held:
        assert held is not None
        store.save(held, a_job("one"))
    with store.worktrees_locked() as held:
        assert held is not None
    assert not store.observed()
