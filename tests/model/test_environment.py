"""What a test runs under: which programs are asked, and what makes a difference."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.environment import ASKED, environment, questions


@pytest.mark.parametrize(
    ("command", "programs"),
    [
        ("make test", ["make"]),
        ("npm test", ["node"]),
        ("cargo test && go vet", ["cargo", "go", "rustc"]),
        ("python3 -m pytest -q", ["python3"]),
        ("python3.12 -m pytest; python x", ["python", "python3.12"]),
        ("/usr/bin/python3 x", ["python3"]),
        ("pytest -q | tee log", ["pytest", "python3"]),
        ("CI=1 FOO='a b' exec nice -n 5 make", []),
        ("CI=1 FOO='a b' exec make", ["make"]),
        ("env -i A=1 make", ["make"]),
        ("(cd web; npm test)", ["node"]),
        ("if make; then node x; fi", ["make", "node"]),
        ("true\nmake", ["make"]),
        ("make >out 2>&1 && true", ["make"]),
        ("echo make; ./make; .venv/bin/python3 x; sh -c make", []),
        ("echo 'make", []),
        ("make 'open", ["make"]),
        ("", []),
    ],
)
def test_who_is_asked_for_a_version(command: str, programs: list[str]) -> None:
    assert [argv[0] for argv in questions(command)] == programs


@given(st.text())
def test_only_known_programs_are_ever_run(command: str) -> None:
    known = {argv[0] for asked in ASKED.values() for argv in asked}
    for argv in questions(command):
        assert argv[0] in known or argv[0].startswith("python")
        assert argv[1:] in (("--version",), ("version",), ("-version",))


GIVEN: dict[str, Any] = {
    "platform": "Linux",
    "versions": {"make": "4.3"},
    "variables": {"A": "1", "B": None},
    "setup": ("npm ci",),
}


@pytest.mark.parametrize(
    "other",
    [
        {"platform": "Darwin"},
        {"versions": {"make": "4.4"}},
        {"versions": {}},
        {"variables": {"A": "2", "B": None}},
        {"variables": {"A": "1", "B": ""}},
        {"variables": {"A": "1"}},
        {"setup": ()},
        {"setup": ("npm", "ci")},
    ],
)
def test_all_of_it_makes_a_difference(other: dict[str, Any]) -> None:
    assert environment(**GIVEN).key == environment(**GIVEN).key
    assert environment(**GIVEN).key != environment(**(GIVEN | other)).key


def test_a_person_can_read_what_it_was_and_no_secret() -> None:
    variables = {"DB_TOKEN": "hush", "LANG": "C\udcff", "NONE": None}
    found = environment("Linux", {"make": "GNU Make 4.3"}, variables, ("npm ci",))
    assert found.parts == (
        *("Linux", "make: GNU Make 4.3", "DB_TOKEN is set"),
        *("LANG=C\ufffd", "NONE is not set", "set up by: npm ci"),
    )
    assert found.key != environment("Linux", {}, {**variables, "DB_TOKEN": "shh"}).key
