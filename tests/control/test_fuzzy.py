"""What a filter means to fzf: the real one, one that is like it, and some that are of no use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest

from gitmc.control.fuzzy import Found, Fuzzy
from gitmc.model.picker import Sought
from tests.support.agents import Pipe, script_at
from tests.support.events import gone
from tests.support.fzf import path_with_fzf
from tests.support.world import PATIENCE

pytestmark = pytest.mark.slow

LINES = ("one running claude mc/one", "old-docs failed claude mc/x\udcff", "Docs completed äö")

Told = SimpleQueue[tuple[str, Found]]


@contextmanager
def looking() -> Iterator[tuple[Fuzzy, Told]]:
    """Who looks, and what it tells."""
    told: Told = SimpleQueue()
    fuzzy = Fuzzy(lambda *found: told.put(found))
    try:
        yield fuzzy, told
    finally:
        fuzzy.close()


@pytest.mark.usefixtures("any_fzf")
def test_it_finds_what_has_the_letters_and_ranks_it_whatever_the_user_has_set() -> None:
    cases: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
        "dcs": (LINES, ("Docs", "old-docs")),
        "DCS mpl": (LINES, ("Docs",)),
        "öx": (LINES, ()),
        "--x\0": (LINES, ()),
        "j4999": (tuple(f"j{number} {'x' * 90}" for number in range(5000)), ("j4999",)),
    }
    with looking() as (fuzzy, told):
        for query, (lines, names) in cases.items():
            fuzzy.look(Sought(query, lines))
            assert told.get(timeout=PATIENCE) == (query, names)
        fuzzy.look(Sought("j4999", LINES))
        assert told.get(timeout=PATIENCE) == ("j4999", ())


@pytest.mark.parametrize("script", ["cat; exit 2", "exec <&-; echo one; exit 3", "kill -9 $$"])
def test_one_that_fails_has_no_answer(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path_with_fzf(tmp_path, script))
    with looking() as (fuzzy, told):
        fuzzy.look(Sought("one", LINES * 5000))
        assert told.get(timeout=PATIENCE) == ("one", None)


def test_one_that_cannot_be_run_has_no_answer_and_none_at_all_is_never_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with looking() as (fuzzy, told):
        fuzzy.look(Sought("one", LINES))
        assert told.empty()
    script_at(tmp_path / "fzf", "").write_text("#!/no/such/shell\n")
    with looking() as (fuzzy, told):
        fuzzy.look(Sought("one", LINES))
        assert told.get(timeout=PATIENCE) == ("one", None)


HANGS = 'sleep 1000 & echo "$$" >{said}; echo "$!" >{said}; wait'


def test_one_that_hangs_is_ended_by_the_next_filter_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Pipe(tmp_path / "said")
    monkeypatch.setenv("PATH", path_with_fzf(tmp_path, HANGS.format(said=said)))
    with looking() as (fuzzy, told):
        for query in ("o", "on"):
            fuzzy.look(Sought(query, LINES))
            first = [int(said.read()), int(said.read())]
            fuzzy.look(Sought(query, LINES[:2]))
        fuzzy.look(Sought("one", LINES))
        assert all(map(gone, first))
        last = [int(said.read()), int(said.read())]
        assert told.empty(), "nobody has asked any more"
    assert all(map(gone, last))
    assert told.empty()


def test_one_that_hangs_has_no_answer_once_that_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Pipe(tmp_path / "said")
    monkeypatch.setenv("PATH", path_with_fzf(tmp_path, HANGS.format(said=said)))
    with looking() as (fuzzy, told):
        fuzzy.look(Sought("one", LINES))
        assert told.get(timeout=PATIENCE) == ("one", None)
        assert all(gone(int(said.read())) for _ in range(2))
