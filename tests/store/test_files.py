"""Whole files: replaced or left as they were, with nothing beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitmc.store.files import BadFile, read_toml, replace_file, write_tomls
from tests.support.generated import texts

LIMITED = """
import resource, sys
from pathlib import Path
from gitmc.store.files import replace_file
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    replace_file(Path(sys.argv[1]), b"new" * 1000)
except OSError as error:
    print(error.strerror)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_write_that_does_not_fit_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    said = subprocess.run(
        [sys.executable, "-c", LIMITED, path], capture_output=True, text=True, check=True
    )
    assert said.stdout == "File too large\n"
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_file_that_cannot_be_put_in_place_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path / "folder", b"new")
    assert names(tmp_path) == ["folder"]


def test_a_folder_that_is_missing_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "none" / "file", b"new")
    assert names(tmp_path) == []


def test_a_file_is_replaced_by_another_of_the_mode_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, b"one")
    os.link(path, tmp_path / "old")
    replace_file(path, b"two", mode=0o600)
    assert (path.read_bytes(), (tmp_path / "old").read_bytes()) == (b"two", b"one")
    assert path.stat().st_mode & 0o777 == 0o600


READER = """
import sys
from pathlib import Path
print("ready", flush=True)
seen = set()
while len(seen) < 3:
    seen.add(Path(sys.argv[1]).read_bytes())
    assert seen <= {b"a" * 50000, b"b" * 70000, b"c"}, "a part of a file"
"""


def test_a_reader_sees_one_text_or_the_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, b"c")
    reader = subprocess.Popen([sys.executable, "-c", READER, path], stdout=subprocess.PIPE)
    with reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"ready\n"
        for turn in range(100_000):
            if reader.poll() is not None:
                break
            replace_file(path, (b"a" * 50000, b"b" * 70000, b"c")[turn % 3])
    assert reader.returncode == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(texts, texts, max_size=3))
def test_any_text_is_read_back_as_it_was_written(tmp_path: Path, table: dict[str, str]) -> None:
    write_tomls({tmp_path / "file.toml": table})
    assert read_toml(tmp_path / "file.toml") == table


def test_of_many_tables_all_are_written_or_those_before_the_one_that_fails(tmp_path: Path) -> None:
    tables = {tmp_path / f"{number:02}": {"number": number} for number in range(40)}
    write_tomls(tables)
    assert {path: read_toml(path) for path in tables} == tables
    bad = tmp_path / "none" / "file"
    with pytest.raises(FileNotFoundError):
        write_tomls({path: {"number": -1} for path in (*tables, bad)})
    assert {path: read_toml(path) for path in tables} == tables
    (tmp_path / "20").unlink()
    (tmp_path / "20").mkdir()
    with pytest.raises(IsADirectoryError):
        write_tomls({path: {"number": -1} for path in tables})
    read = [read_toml(path)["number"] for path in tables if path.is_file()]
    assert read == [-1] * 20 + list(range(21, 40))
    assert names(tmp_path) == [path.name for path in tables]


def test_a_text_keeps_its_carriage_returns(tmp_path: Path) -> None:
    write_tomls({tmp_path / "file.toml": {"command": "printf 'a\r\n'\nexit\n"}})
    assert read_toml(tmp_path / "file.toml") == {"command": "printf 'a\r\n'\nexit\n"}


@pytest.mark.parametrize(
    "content",
    [b"a = ", b"a = 1\na = 2\n", b"\xff\xfe", b"a = 2026-99-99", b"{", b"a = '\0'",
     b"a = " + b"[" * 100_000, b"a = " + b"1" * 5000],
    ids=["torn", "twice", "not utf-8", "no date", "json", "nul", "deep", "long"],
)  # fmt: skip
def test_what_is_no_toml_is_refused_by_its_path_and_left_alone(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "file.toml"
    path.write_bytes(content)
    with pytest.raises(BadFile) as bad:
        read_toml(path)
    assert bad.value.message.startswith(f"{path}: not a TOML file: ")
    assert bad.value.path == path
    assert "left untouched" in (bad.value.hint or "")
    assert path.read_bytes() == content


def test_a_file_that_is_not_there_is_not_a_bad_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_toml(tmp_path / "none.toml")
