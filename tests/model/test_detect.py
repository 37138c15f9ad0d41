"""The test command that a project's files ask for, and what is installed for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.detect import (
    INPUTS,
    LOCKS,
    MAKEFILES,
    PYTHON,
    READ,
    RUNNERS,
    TESTS,
    Files,
    Found,
    find,
    install,
    installs,
    is_test,
    may_have_tests,
    named,
)


def project(texts: dict[str, str], tests: bool = False) -> Files:
    """Files by name, as they would be read."""
    ids = {name: str(number) for number, name in enumerate(texts)}
    return Files(ids, {name: text for name, text in texts.items() if name in READ}, tests)


def script(text: Any = "jest", **more: Any) -> str:
    """A package.json with `text` for its tests."""
    return json.dumps({"scripts": {"test": text}, **more})


PLACEHOLDER = 'echo "Error: no test specified" && exit 1'
PYTEST = "[tool.pytest.ini_options]\n"
HATCH = '[tool.hatch.envs.default]\ndependencies = ["pytest>=8"]\n'


@pytest.mark.parametrize(
    ("texts", "command", "file"),
    [
        ({}, None, None),
        ({"README.md": "x", "test_login.py": "x"}, None, None),
        # package.json
        ({"package.json": script()}, "npm test", "package.json"),
        ({"package.json": script(), "package-lock.json": ""}, "npm test", "package.json"),
        ({"package.json": script(), "pnpm-lock.yaml": ""}, "pnpm test", "package.json"),
        ({"package.json": script(), "yarn.lock": ""}, "yarn test", "package.json"),
        ({"package.json": script(), "bun.lockb": ""}, "bun run test", "package.json"),
        ({"package.json": script(packageManager="yarn@4.1.0")}, "yarn test", "package.json"),
        (
            {"package.json": script(packageManager="pnpm@9+sha512.ab"), "yarn.lock": ""},
            "pnpm test",
            "package.json",
        ),
        ({"package.json": script(packageManager="rm -rf @1")}, "npm test", "package.json"),
        ({"package.json": script(packageManager=3)}, "npm test", "package.json"),
        ({"package.json": script(PLACEHOLDER)}, None, None),
        ({"package.json": script("  ")}, None, None),
        ({"package.json": script(["jest"])}, None, None),
        ({"package.json": "{}"}, None, None),
        ({"package.json": "{torn"}, None, None),
        ({"package.json": "[]"}, None, None),
        ({"package.json": '{"scripts": "test"}'}, None, None),
        ({"package.json": "[" * 100_000}, None, None),
        ({"package.json": script(PLACEHOLDER), "go.mod": ""}, "go test ./...", "go.mod"),
        # tox and nox
        ({"tox.ini": "[tox]\nenvlist = py\n"}, "tox", "tox.ini"),
        ({"tox.ini": "[testenv:py]\n"}, "tox", "tox.ini"),
        ({"tox.toml": ""}, "tox", "tox.toml"),
        ({"pyproject.toml": "[tool.tox]\n"}, "tox", "pyproject.toml"),
        ({"setup.cfg": "[tox:tox]\n"}, "tox", "setup.cfg"),
        ({"tox.ini": "[flake8]\nmax = 1\n"}, None, None),
        ({"noxfile.py": "", "pyproject.toml": PYTEST}, "nox", "noxfile.py"),
        ({"noxfile.py": "", "tox.ini": "[tox]\n"}, "tox", "tox.ini"),
        # pytest
        ({"pyproject.toml": PYTEST}, "python3 -m pytest -q", "pyproject.toml"),
        ({"pyproject.toml": "[tool.pytest]\n"}, "python3 -m pytest -q", "pyproject.toml"),
        ({"pytest.ini": ""}, "python3 -m pytest -q", "pytest.ini"),
        ({"tox.ini": "[pytest]\n"}, "python3 -m pytest -q", "tox.ini"),
        ({"setup.cfg": "[tool:pytest]\n"}, "python3 -m pytest -q", "setup.cfg"),
        ({"pyproject.toml": PYTEST, "uv.lock": ""}, "uv run pytest -q", "pyproject.toml"),
        ({"pyproject.toml": PYTEST, "poetry.lock": ""}, "poetry run pytest -q", "pyproject.toml"),
        ({"pyproject.toml": PYTEST, "pdm.lock": ""}, "pdm run pytest -q", "pyproject.toml"),
        ({"pyproject.toml": PYTEST + HATCH}, "hatch run pytest -q", "pyproject.toml"),
        (
            {
                "pyproject.toml": PYTEST,
                "hatch.toml": '[envs.default]\ndependencies = ["pytest"]\n',
            },
            "hatch run pytest -q",
            "pyproject.toml",
        ),
        (
            {"pyproject.toml": PYTEST + "[tool.hatch.envs.docs]\ndependencies = ['pytest']\n"},
            "python3 -m pytest -q",
            "pyproject.toml",
        ),
        ({"pyproject.toml": "[project]\nname = 'x'\n"}, None, None),
        ({"pyproject.toml": "= torn"}, None, None),
        ({"setup.py": ""}, None, None),
        # the others
        ({"Cargo.toml": ""}, "cargo test", "Cargo.toml"),
        ({"go.mod": ""}, "go test ./...", "go.mod"),
        ({"Makefile": "test:\n\ttrue\n"}, "make test", "Makefile"),
        ({"Makefile": "all: x\nx test y : z\n"}, "make test", "Makefile"),
        ({"Makefile": "test::\n"}, "make test", "Makefile"),
        ({"Makefile": "check: test-unit\ntest-unit:\n"}, "make check", "Makefile"),
        ({"Makefile": "check:\ntest:\n"}, "make test", "Makefile"),
        ({"GNUmakefile": "check:\n", "Makefile": "test:\n"}, "make check", "GNUmakefile"),
        ({"Makefile": ".PHONY: test\nall:\n"}, None, None),
        ({"Makefile": "test := x\ncheck ::= y\ntest = a:b\n"}, None, None),
        ({"Makefile": "all:\n\ttest: x\n# test: y\nlatest:\ntest-all:\n"}, None, None),
        ({"Makefile": "export test\nall:\n"}, None, None),
        # which comes first
        (
            {"package.json": script(), "pytest.ini": "", "Cargo.toml": "", "Makefile": "test:\n"},
            "npm test",
            "package.json",
        ),
        ({"pytest.ini": "", "Cargo.toml": ""}, "python3 -m pytest -q", "pytest.ini"),
        ({"Cargo.toml": "", "go.mod": ""}, "cargo test", "Cargo.toml"),
        ({"go.mod": "", "Makefile": "test:\n"}, "go test ./...", "go.mod"),
    ],
)
def test_the_first_that_asks_for_tests_decides(
    texts: dict[str, str], command: str | None, file: str | None
) -> None:
    found = find(project(texts))
    assert (found.command if found else None, found.file if found else None) == (command, file)


def test_a_folder_of_tests_makes_a_python_project_a_tested_one() -> None:
    some = project({"setup.py": "", "tests": ""})
    assert may_have_tests(some) == ["tests"]
    assert find(some) is None
    assert find(some._replace(tests=True)) == Found(
        "python3 -m pytest -q", "setup.py", "python3", "pytest"
    )
    assert may_have_tests(project({"tests": "", "test": ""})) == []
    assert find(project({"tests": ""}, tests=True)) is None


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("tests/test_a.py", True),
        ("tests/deep/er/test_a b\nc.py", True),
        ("tests/test_a.pyc", False),
        ("tests/a.py", False),
        ("test_x/a.py", False),
    ],
)
def test_what_pytest_would_look_into(path: str, taken: bool) -> None:
    assert is_test(path) is taken


NAMES = [
    *("package.json", "Cargo.toml", "go.mod", *PYTHON, *MAKEFILES, *TESTS, *INPUTS),
    *("hatch.toml", "anything"),
]
CONTENT = st.text(max_size=30) | st.sampled_from(
    [
        "{}",
        script(),
        PYTEST,
        HATCH,
        "[tool]\n",
        "tool = 3\n",
        "[tool]\nhatch = 3",
        "test:\n",
        "[tox]",
    ]
)


@given(st.dictionaries(st.sampled_from(NAMES), CONTENT), st.booleans())
def test_whatever_is_in_the_files_there_is_a_command_or_none(
    texts: dict[str, str], tests: bool
) -> None:
    found = find(project(texts, tests))
    if found is not None:
        assert found.file in texts
        assert found.command.split()[0] == found.program
    for command, program in installs(project(texts)):
        assert command.split()[0] == program


@pytest.mark.parametrize(
    ("texts", "commands"),
    [
        ({"package.json": "{}"}, []),
        ({"package-lock.json": ""}, ["npm ci"]),
        ({"npm-shrinkwrap.json": ""}, ["npm ci"]),
        ({"pnpm-lock.yaml": ""}, ["pnpm install --frozen-lockfile"]),
        ({"yarn.lock": ""}, ["yarn install --frozen-lockfile"]),
        ({"yarn.lock": "", ".yarnrc.yml": ""}, ["yarn install --immutable"]),
        (
            {"yarn.lock": "", "package.json": script(packageManager="yarn@4.1.0")},
            ["yarn install --immutable"],
        ),
        (
            {
                "yarn.lock": "",
                ".yarnrc.yml": "",
                "package.json": script(packageManager="yarn@1.22.1"),
            },
            ["yarn install --frozen-lockfile"],
        ),
        ({"bun.lock": ""}, ["bun install --frozen-lockfile"]),
        ({"package.json": script(packageManager="pnpm@9"), "package-lock.json": ""}, []),
        ({"uv.lock": ""}, ["uv sync --frozen"]),
        ({"poetry.lock": ""}, ["poetry install"]),
        ({"uv.lock": "", "poetry.lock": ""}, ["uv sync --frozen"]),
        ({"uv.lock": "", "package-lock.json": ""}, ["npm ci", "uv sync --frozen"]),
        ({"requirements.txt": "x"}, []),
    ],
)
def test_what_lock_files_ask_to_be_installed(texts: dict[str, str], commands: list[str]) -> None:
    assert [command for command, _ in installs(project(texts))] == commands


def test_an_installation_is_the_same_as_long_as_commands_and_inputs_are() -> None:
    one = install(["npm ci"], {"package.json": "1", "package-lock.json": "2"})
    assert one == install(["npm ci"], {"package-lock.json": "2", "package.json": "1"})
    others = [
        install(["npm ci"], {"package.json": "1", "package-lock.json": "3"}),
        install(["npm ci"], {"package.json": "1"}),
        install(["npm i"], {"package.json": "1", "package-lock.json": "2"}),
        install(["npm", "ci"], {"package.json": "1", "package-lock.json": "2"}),
    ]
    assert len({one.digest, *(other.digest for other in others)}) == 5
    assert install([], {"package.json": "1"}) == ((), "")
    assert install(["\udce4"], {}).digest


def test_every_lock_file_is_an_input() -> None:
    locks = {lock for names in LOCKS.values() for lock in names}
    assert locks | {lock for lock, _ in RUNNERS.values()} <= set(INPUTS)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sh ./tools/setup.sh -x", ["-x", "sh", "tools/setup.sh"]),
        ("pip install -r 'my reqs.txt'", ["-r", "install", "my reqs.txt", "pip"]),
        ("/bin/sh ../x a//b . '' 'a\nb' a/../b /", []),
        ("echo 'open", ["'open", "echo"]),
    ],
)
def test_words_that_may_be_files_of_the_project(command: str, words: list[str]) -> None:
    assert named([command]) == words
