"""Markers on disk: delivered whole, once, in order, by many at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitmc.control.spec import hooks_folder
from gitmc.events.markers import Delivered, delivered, drop, reject, waiting
from gitmc.model.marker import Marker
from gitmc.store.files import read_toml

EXIT = Marker("r1", "exit", "launcher", "0")
REPORT = Marker("r1", "report", "cli", "1-2")


@pytest.fixture
def events(tmp_path: Path) -> Path:
    for name in ("tmp", "new", "bad"):
        (tmp_path / name).mkdir()
    return tmp_path


def left(events: Path) -> dict[str, list[str]]:
    """The files in each folder that has some."""
    folders = {
        folder.name: sorted(path.name for path in folder.iterdir()) for folder in events.iterdir()
    }
    return {name: files for name, files in folders.items() if files}


def test_a_marker_is_delivered_with_the_time_it_was_made(events: Path) -> None:
    drop(events, EXIT)
    path = events / "new" / EXIT.name
    os.utime(path, (1_700_000_000, 1_700_000_000.25))
    at = datetime.fromtimestamp(1_700_000_000.25, UTC)
    assert delivered(events) == [Delivered(EXIT, path, at)]
    assert left(events) == {"new": [EXIT.name]}


def test_the_same_marker_twice_is_one(events: Path) -> None:
    drop(events, EXIT)
    drop(events, EXIT)
    assert [one.marker for one in delivered(events)] == [EXIT]


def test_markers_come_in_the_order_of_their_times(events: Path) -> None:
    for number, second in enumerate((30, 10, 20, 10)):
        marker = Marker("r1", "died", "tmux", str(number))
        drop(events, marker)
        os.utime(events / "new" / marker.name, (second, second))
    assert [one.marker.value for one in delivered(events)] == ["1", "3", "2", "0"]


def test_words_are_delivered_with_their_marker_and_leave_no_draft(events: Path) -> None:
    words = {"status": "working", "message": "line\r\nline\n", "progress": 3}
    drop(events, REPORT, words)
    (one,) = delivered(events)
    assert read_toml(one.path) == words
    assert left(events) == {"new": [REPORT.name]}


def test_words_that_cannot_be_written_leave_nothing(events: Path) -> None:
    with pytest.raises(TypeError):
        drop(events, REPORT, {"status": object()})
    with pytest.raises(UnicodeEncodeError):
        drop(events, REPORT, {"message": "\udcff"})
    assert left(events) == {}


@pytest.mark.parametrize("name", ["junk", "r1.exit.launcher.256", "r1.left.cli.0", ".hidden", "ü"])
def test_a_file_that_is_no_marker_is_kept_in_bad(events: Path, name: str) -> None:
    drop(events, EXIT)
    (events / "new" / name).write_text("content")
    assert [one.marker for one in delivered(events)] == [EXIT]
    assert left(events) == {"new": [EXIT.name], "bad": [name]}
    assert (events / "bad" / name).read_text() == "content"


def test_rejecting_what_another_has_taken_does_no_harm(events: Path) -> None:
    path = events / "new" / REPORT.name
    reject(events, path)
    drop(events, REPORT, {"status": 3})
    reject(events, path)
    reject(events, path)
    assert left(events) == {"bad": [REPORT.name]}


def test_whether_any_waits_is_told_without_reading(events: Path) -> None:
    assert not waiting(events)
    (events / "tmp" / "draft").touch()
    assert not waiting(events)
    (events / "new" / "junk").touch()
    assert waiting(events)
    assert left(events) == {"tmp": ["draft"], "new": ["junk"]}


def test_without_a_folder_nothing_waits(tmp_path: Path) -> None:
    assert not waiting(tmp_path / "none")
    assert delivered(tmp_path / "none") == []


DROP = """
import sys
from pathlib import Path
from gitmc.events.markers import drop
from gitmc.model.marker import Marker
sys.stdin.readline()
for number in range(100):
    marker = Marker(f"r{sys.argv[2]}", "report", "cli", f"{number}-1")
    drop(Path(sys.argv[1]), marker, {"message": "x" * 10_000, "number": number})
"""


def test_of_many_creators_at_once_each_marker_is_seen_whole(events: Path) -> None:
    creators = [
        subprocess.Popen([sys.executable, "-c", DROP, events, str(n)], stdin=subprocess.PIPE)
        for n in range(4)
    ]
    for creator in creators:
        assert creator.stdin is not None
        creator.stdin.close()
    seen: dict[Path, Marker] = {}
    running = True
    while running:
        running = any(creator.poll() is None for creator in creators)
        for one in delivered(events):
            words = read_toml(one.path)
            assert words == {"message": "x" * 10_000, "number": int(one.marker.value[:-2])}
            assert one.path not in seen
            seen[one.path] = one.marker
            one.path.unlink()
    assert [creator.wait() for creator in creators] == [0] * 4
    assert len(seen) == 400
    assert left(events) == {}


@pytest.mark.parametrize(
    ("argv", "value"), [(["7", ""], "7"), (["", "9"], "-9"), (["", ""], ""), (["0"], "0")]
)
def test_the_hook_of_tmux_drops_what_it_saw(events: Path, argv: list[str], value: str) -> None:
    script = hooks_folder() / "tmux" / "marker"
    done = subprocess.run(["/bin/sh", script, events, "r1", *argv], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert [one.marker for one in delivered(events)] == [Marker("r1", "died", "tmux", value)]


def test_the_hook_of_tmux_is_silent_where_the_folder_is_gone(tmp_path: Path) -> None:
    script = hooks_folder() / "tmux" / "marker"
    argv = ["/bin/sh", str(script), str(tmp_path / "none"), "r1", "0", ""]
    done = subprocess.run(argv, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
