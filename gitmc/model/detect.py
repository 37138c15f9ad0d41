"""How a project is tested, and what has to be installed for that, found in its files. Pure.

Where no test command is set, it is what the first of these asks for that the project has:

    package.json     a script called `test`, other than npm's placeholder, by the package manager
                     that `packageManager` or a lock file names, or else npm
    Python           tox, where a section of its own configures it; nox; pytest, where it is
                     configured or a folder `tests` or `test` holds test_*.py, by the runner that a
                     lock file names, or else by python3
    Cargo.toml       cargo test
    go.mod           go test ./...
    Makefile         a target called `test`, or else `check`

The order is fixed, and whether a program is installed does not count: what judges a project must
not be another command on another machine. A `Makefile` comes last, since where it has such a target
beside one of the others it mostly runs just that. Where it runs more, or several parts of a project
have tests of their own, one setting says so: mc.testCommand.

What is found needs no approval, as a command of a committed file does: it is one of the few below,
and runs what the files under test say. Those are to be run in any case, and could do whatever a
command can.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple


class Files(NamedTuple):
    """What is at the top of a project: objects by name, and the content of those of `READ`."""

    ids: Mapping[str, str]
    texts: Mapping[str, str] = {}
    tests: bool = False
    """Whether there is a test_*.py in one of `TESTS`. Asked for where `may_have_tests` says so."""


class Found(NamedTuple):
    """A test command: which `file` asks for it, and what has to be there for it to run at all."""

    command: str
    file: str
    program: str
    module: str | None = None
    """A module that `program`, which is Python, has to have."""


MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
"""In the order in which make looks for them."""

PYTHON = (
    *("pyproject.toml", "tox.ini", "tox.toml", "noxfile.py", "pytest.ini", ".pytest.ini"),
    *("setup.cfg", "setup.py"),
)
"""What tells that a project is one of Python."""

READ = (
    *("package.json", "pyproject.toml", "tox.ini", "setup.cfg", "hatch.toml"),
    *MAKEFILES,
)
"""Files whose content decides."""

TESTS = ("tests", "test")


def find(files: Files) -> Found | None:
    """The test command of the project; None where there is none to be found."""
    return _package(files) or _python(files) or _cargo(files) or _go(files) or _make(files)


def may_have_tests(files: Files) -> list[str]:
    """The folders in which it has to be looked for test_*.py, if the rest is not to decide."""
    return [name for name in TESTS if name in files.ids and any(n in files.ids for n in PYTHON)]


def is_test(path: str) -> bool:
    """Whether pytest would look for tests in the file."""
    return re.fullmatch(r"test_.*\.py", path.rpartition("/")[2], re.DOTALL) is not None


LOCKS: Mapping[str, tuple[str, ...]] = {
    "pnpm": ("pnpm-lock.yaml",),
    "yarn": ("yarn.lock",),
    "bun": ("bun.lock", "bun.lockb"),
    "npm": ("package-lock.json", "npm-shrinkwrap.json"),
}
"""By package manager of JavaScript: its lock files."""

RUNNERS: Mapping[str, tuple[str, str]] = {
    "uv": ("uv.lock", "uv sync --frozen"),
    "poetry": ("poetry.lock", "poetry install"),
    "pdm": ("pdm.lock", "pdm sync"),
}
"""By runner of Python: its lock file, and what installs just that."""


def _package(files: Files) -> Found | None:
    package = _json(files.texts.get("package.json"))
    script = _table(package, "scripts").get("test")
    if not isinstance(script, str) or not script.strip() or "no test specified" in script:
        return None
    manager = _manager(files, package) or "npm"
    command = f"{manager} run test" if manager == "bun" else f"{manager} test"
    return Found(command, "package.json", manager)


def _manager(files: Files, package: Mapping[str, Any]) -> str | None:
    asked = package.get("packageManager")
    name = asked.partition("@")[0] if isinstance(asked, str) else ""
    locked = (m for m, locks in LOCKS.items() if any(lock in files.ids for lock in locks))
    return name if name in LOCKS else next(locked, None)


def _python(files: Files) -> Found | None:
    if not any(name in files.ids for name in PYTHON):
        return None
    project = _table(_toml(files, "pyproject.toml"), "tool")
    for name, there in (
        ("tox.ini", bool(re.search(r"^\[(tox|testenv)\b", files.texts.get("tox.ini", ""), re.M))),
        ("tox.toml", "tox.toml" in files.ids),
        ("pyproject.toml", "tox" in project),
        ("setup.cfg", "[tox:tox]" in _sections(files, "setup.cfg")),
    ):
        if there:
            return Found("tox", name, "tox")
    if "noxfile.py" in files.ids:
        return Found("nox", "noxfile.py", "nox")
    file = _configures_pytest(files, project)
    if file is None:
        return None
    for runner, (lock, _) in RUNNERS.items():
        if lock in files.ids:
            return Found(f"{runner} run pytest -q", file, runner)
    if any("pytest" in json.dumps(env, default=str) for env in _hatch(files, project)):
        return Found("hatch run pytest -q", file, "hatch")
    return Found("python3 -m pytest -q", file, "python3", "pytest")


def _hatch(files: Files, project: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What says what is in hatch's own environment."""
    own = _table(_toml(files, "hatch.toml"), "envs", "default")
    return [own, _table(project, "hatch", "envs", "default")]


def _configures_pytest(files: Files, project: Mapping[str, Any]) -> str | None:
    for name in ("pytest.ini", ".pytest.ini"):
        if name in files.ids:
            return name
    if "pytest" in project:
        return "pyproject.toml"
    for name, section in (("tox.ini", "[pytest]"), ("setup.cfg", "[tool:pytest]")):
        if section in _sections(files, name):
            return name
    if files.tests:
        return next(name for name in PYTHON if name in files.ids)
    return None


def _cargo(files: Files) -> Found | None:
    return Found("cargo test", "Cargo.toml", "cargo") if "Cargo.toml" in files.ids else None


def _go(files: Files) -> Found | None:
    return Found("go test ./...", "go.mod", "go") if "go.mod" in files.ids else None


def _make(files: Files) -> Found | None:
    name = next((name for name in MAKEFILES if name in files.texts), None)
    if name is None:
        return None
    for target in ("test", "check"):
        # Targets stand before the first colon; `test := x` and `.PHONY: test` make none.
        rule = rf"^(?![\t#])(?:[^:=#\n]*[ ])?{target}(?:[ ][^:=#\n]*)?:{{1,2}}(?![:=])"
        if re.search(rule, files.texts[name], re.M):
            return Found(f"make {target}", name, "make")
    return None


def _sections(files: Files, name: str) -> set[str]:
    return {line.strip() for line in files.texts.get(name, "").splitlines() if line[:1] == "["}


def _json(text: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _toml(files: Files, name: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(files.texts.get(name, ""))
    except (ValueError, RecursionError):
        return {}


def _table(table: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The table at `path`, which is empty where there is none."""
    for key in path:
        inner = table.get(key)
        table = inner if isinstance(inner, dict) else {}
    return table


class Install(NamedTuple):
    """What has to be run before the test command, and what tells that it need not be again."""

    commands: tuple[str, ...] = ()
    digest: str = ""
    """Of the commands and of what they read; empty where there is no command."""


def installs(files: Files) -> list[tuple[str, str]]:
    """What installs just what the lock files say, each command with its program.

    A `requirements.txt` asks for nothing. Into which environment it belongs knows only who has
    activated one, in which the tests then run too; and what it comes to differs by the day.
    """
    found: list[tuple[str, str]] = []
    package = _json(files.texts.get("package.json"))
    manager = _manager(files, package)
    if manager is not None and any(lock in files.ids for lock in LOCKS[manager]):
        found.append((_install(manager, files, package), manager))
    for runner, (lock, command) in RUNNERS.items():
        if lock in files.ids:
            found.append((command, runner))
            break
    return found


def _install(manager: str, files: Files, package: Mapping[str, Any]) -> str:
    if manager == "npm":
        return "npm ci"
    if manager == "yarn" and not _is_classic(files, package):
        return "yarn install --immutable"
    return f"{manager} install --frozen-lockfile"


def _is_classic(files: Files, package: Mapping[str, Any]) -> bool:
    """Whether yarn is of version 1, which has other options."""
    asked = package.get("packageManager")
    if isinstance(asked, str) and (version := re.match(r"yarn@(\d+)", asked)):
        return version[1] == "1"
    return ".yarnrc.yml" not in files.ids


INPUTS = (
    *("package.json", ".npmrc", ".yarnrc.yml", "pnpm-workspace.yaml", "pyproject.toml"),
    *("setup.py", "setup.cfg", "requirements.txt", "Pipfile.lock", "Gemfile.lock", "Cargo.lock"),
    *("go.sum", "composer.lock", ".python-version", ".nvmrc", ".node-version", ".tool-versions"),
    *(lock for locks in LOCKS.values() for lock in locks),
    *(lock for lock, _ in RUNNERS.values()),
)
"""Files that decide what an installation comes to."""


def named(commands: Iterable[str]) -> list[str]:
    """The words of `commands` that could be files of the project, such as a script of its own."""
    words = (word.removeprefix("./") for command in commands for word in _words(command))
    return sorted(
        {
            word
            for word in words
            if word and "\n" not in word and {"", ".", ".."}.isdisjoint(word.split("/"))
        }
    )


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def install(commands: Sequence[str], inputs: Mapping[str, str]) -> Install:
    """`commands`, with a digest of them and of the objects that they read, by path."""
    if not commands:
        return Install()
    content = json.dumps([list(commands), sorted(inputs.items())])
    return Install(tuple(commands), hashlib.sha256(content.encode()).hexdigest()[:16])
