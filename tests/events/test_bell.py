"""The bell rings for files and for processes, and is quiet once it is closed."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from gitmc.events.bell import Bell
from gitmc.events.markers import drop
from gitmc.model.marker import Marker
from tests.support.world import PATIENCE

EXIT = Marker("r1", "exit", "launcher", "0")


@pytest.fixture
def events(tmp_path: Path) -> Path:
    for name in ("tmp", "new"):
        (tmp_path / name).mkdir()
    return tmp_path


def sleeper() -> subprocess.Popen[bytes]:
    """A process that lives until it is told to end."""
    return subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)


def end(process: subprocess.Popen[bytes]) -> None:
    process.communicate()


def descriptors() -> set[str]:
    """What this process has open."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{entry.name} {entry.readlink()}")
        except FileNotFoundError:
            continue
    return found


def test_it_rings_for_a_marker_made_in_place(events: Path) -> None:
    with Bell([events / "new"]) as bell:
        drop(events, EXIT)
        assert bell.wait(PATIENCE)


def test_it_rings_for_a_marker_that_is_moved_in(events: Path) -> None:
    with Bell([events / "new"]) as bell:
        drop(events, Marker("r1", "report", "cli", "1-2"), {"status": "working"})
        assert bell.wait(PATIENCE)


def test_it_rings_for_each_of_its_folders(events: Path) -> None:
    with Bell([events / "tmp", events / "new"]) as bell:
        for folder in ("tmp", "new"):
            (events / folder / "file").touch()
            assert bell.wait(PATIENCE)


def test_it_rings_for_a_change_where_changes_were_asked_for(events: Path) -> None:
    (events / "new" / "file").touch()
    with Bell([events / "new"], changes=True) as bell:
        (events / "new" / "file").write_text("more")
        assert bell.wait(PATIENCE)


def test_nothing_rings_until_the_time_is_up(events: Path) -> None:
    with Bell([events / "new"]) as bell:
        assert bell.wait(0.01) is False


def test_a_ring_is_heard_once_and_before_it_is_waited_for(events: Path) -> None:
    over = sleeper()
    over.kill()
    over.communicate()
    with Bell([events / "new"]) as bell:
        bell.watch({over.pid})
        assert bell.wait(0) is True
        assert bell.wait(0) is False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_rings_when_a_process_that_it_watches_is_killed(
    events: Path, number: signal.Signals
) -> None:
    process = sleeper()
    with Bell([events / "new"]) as bell:
        bell.watch([process.pid])
        assert bell.wait(0) is False
        process.send_signal(number)
        assert bell.wait(PATIENCE)
    end(process)
    assert process.returncode == -number


def test_it_rings_for_each_process_whether_it_was_watched_from_the_start(events: Path) -> None:
    first, second = sleeper(), sleeper()
    with Bell([events / "new"]) as bell:
        bell.watch([first.pid])
        bell.watch([first.pid, second.pid])
        end(second)
        assert bell.wait(PATIENCE)
        bell.watch([first.pid])
        end(first)
        assert bell.wait(PATIENCE)


def test_it_rings_at_once_for_a_process_that_is_gone_already(events: Path) -> None:
    process = sleeper()
    end(process)
    with Bell([events / "new"]) as bell:
        bell.watch([process.pid])
        assert bell.wait(0) is True


def test_a_process_that_has_ended_rings_once(events: Path) -> None:
    process = sleeper()
    with Bell([events / "new"]) as bell:
        bell.watch([process.pid])
        end(process)
        assert bell.wait(PATIENCE)
        bell.watch([process.pid])
        assert bell.wait(0.05) is False


def test_a_process_that_is_let_go_is_not_held_open(events: Path) -> None:
    process = sleeper()
    with Bell([events / "new"]) as bell:
        bell.watch([os.getpid()])
        before = descriptors()
        bell.watch([os.getpid(), process.pid])
        assert descriptors() != before
        bell.watch([os.getpid()])
        assert descriptors() == before
    end(process)


def test_closing_it_ends_its_threads_and_closes_all_that_it_opened(events: Path) -> None:
    process = sleeper()
    threads, files = set(threading.enumerate()), descriptors()
    bell = Bell([events / "new", events / "tmp"])
    bell.watch([process.pid])
    own = set(threading.enumerate()) - threads
    assert own
    bell.close()
    for thread in own:
        thread.join(PATIENCE)
        assert not thread.is_alive(), thread.name
    assert descriptors() == files
    end(process)


def test_it_hears_as_long_as_its_folder_is_the_same(events: Path) -> None:
    with Bell([events / "new"]) as bell:
        drop(events, EXIT)
        assert not bell.deaf


def test_it_is_deaf_once_its_folder_is_gone(events: Path) -> None:
    with Bell([events / "new", events / "tmp"]) as bell:
        (events / "tmp").rmdir()
        assert bell.deaf


def test_it_is_deaf_to_a_folder_that_was_moved_away_and_made_anew(events: Path) -> None:
    with Bell([events / "new"]) as bell:
        (events / "new").rename(events / "old")
        (events / "new").mkdir()
        assert bell.deaf


def test_it_is_deaf_to_a_folder_that_was_removed_and_made_anew(events: Path) -> None:
    with Bell([events / "new"]) as bell:
        (events / "new").rmdir()
        (events / "new").mkdir()
        assert bell.deaf


def test_a_bell_for_a_folder_that_is_not_there_is_deaf_and_can_still_be_rung(events: Path) -> None:
    process = sleeper()
    with Bell([events / "none"]) as bell:
        assert bell.deaf
        assert bell.wait(0) is False
        bell.watch([process.pid])
        end(process)
        assert bell.wait(PATIENCE)


def test_it_also_rings_where_a_ref_moves_and_where_folders_of_refs_come_and_go(
    events: Path, tmp_path: Path
) -> None:
    heads = tmp_path / "heads"
    heads.mkdir()
    with Bell([events / "new"], also=[heads, heads / "missing"]) as bell:
        assert not bell.deaf
        (heads / "main.lock").write_text("1")
        (heads / "main.lock").rename(heads / "main")
        assert bell.wait(PATIENCE)
        (heads / "missing").mkdir()
        assert bell.wait(PATIENCE)
        (heads / "missing").rmdir()
        assert bell.wait(PATIENCE)
        drop(events, EXIT)
        assert bell.wait(PATIENCE)
        (heads / "main").unlink()
        heads.rmdir()
        assert bell.deaf


def test_a_folder_that_is_also_wanted_and_missing_does_not_deafen_it(events: Path) -> None:
    with Bell([events / "new"], also=[events / "missing"]) as bell:
        assert not bell.deaf
        drop(events, EXIT)
        assert bell.wait(PATIENCE)
