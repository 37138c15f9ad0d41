"""Oh-My-OpenCode, a plugin of opencode: whether it is there, and how work begins in its modes.

    plan    an agent works through a plan, a file with boxes to check, until all are checked
    ralph   an agent is prompted again until the task is done
    ulw     the same, with more effort

Its commands and folders differ by version: before 4 it has `/ralph-loop` and `/ulw-loop` and keeps
its state in `.sisyphus`; since then there is `/goal`, and all is in `.omo`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

FOLDERS = (".omo", ".sisyphus")
"""Where its versions keep their state, in a worktree."""

NAMES = ("oh-my-opencode", "oh-my-openagent")

CONFIGS = ("opencode.json", "opencode.jsonc", "config.json")

LONGEST_GOAL = 2000
"""Characters. `/goal` takes no more."""

MODES = ("plan", "ralph", "ulw")
"""Those in which an agent goes on by itself after a turn."""

_UNCHECKED = re.compile(r"^\s*[-*] \[ \]", re.MULTILINE)
_ENTRY = re.compile(rf"({'|'.join(NAMES)})(?:@(.*))?")
_NUMBER = re.compile(r"v?(\d+(?:\.\d+)*)")
_STRING = r'("(?:\\.|[^"\\])*")'


class Omo(NamedTuple):
    """The plugin, as it is configured."""

    version: tuple[int, ...] | None = None
    """None where nothing tells."""

    @property
    def old(self) -> bool:
        """Whether it is of a version before 4."""
        return self.version is not None and self.version[0] < 4

    @property
    def folder(self) -> str:
        """Where it keeps its state, in a worktree."""
        return ".sisyphus" if self.old else ".omo"


class Opening(NamedTuple):
    """How work begins: what opencode is prompted with, and files that are in the worktree then."""

    prompt: str
    files: Mapping[str, str]


def detect(environment: Mapping[str, str], folders: Sequence[Path]) -> Omo | None:
    """The plugin, where a configuration of opencode's that counts in `folders` names it."""
    home = Path(environment.get("HOME", "/"))
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config", "opencode")
    cache = Path(environment.get("XDG_CACHE_HOME") or home / ".cache", "opencode")
    places = [config, home / ".opencode"]
    if environment.get("OPENCODE_CONFIG_DIR"):
        places.append(Path(environment["OPENCODE_CONFIG_DIR"]))
    for folder in folders:
        places += [folder, folder / ".opencode"]
    files = [place / name for place in places for name in CONFIGS]
    if environment.get("OPENCODE_CONFIG"):
        files.append(Path(environment["OPENCODE_CONFIG"]))
    texts = [(file.parent, _read(file)) for file in files]
    texts.append((home, environment.get("OPENCODE_CONFIG_CONTENT", "")))
    for folder, text in texts:
        for entry in entries(text):
            return Omo(_version(entry, folder, (*places, cache)))
    return None


def entries(text: str) -> Iterator[str]:
    """The entries for the plugin in the text of a configuration; none in one that is not JSON."""
    try:
        config = json.loads(plain_json(text) or "{}")
    except ValueError:
        return
    plugins = config.get("plugin") if isinstance(config, dict) else None
    for entry in plugins if isinstance(plugins, list) else []:
        name = entry[0] if isinstance(entry, list) and entry else entry
        if isinstance(name, str) and _is_entry(name):
            yield name


def _is_entry(entry: str) -> bool:
    if _ENTRY.fullmatch(entry):
        return True
    path = _path(entry)
    return path is not None and not set(NAMES).isdisjoint(path.parts)


def _path(entry: str) -> Path | None:
    if entry.startswith("file://"):
        return Path(unquote(urlsplit(entry).path))
    return Path(entry) if entry.startswith(("/", "./", "../", "~")) else None


def _version(entry: str, folder: Path, places: Sequence[Path]) -> tuple[int, ...] | None:
    named = _ENTRY.fullmatch(entry)
    if named is None:
        path = folder / (_path(entry) or Path()).expanduser()
        packages = [above / "package.json" for above in (path, *path.parents)]
    else:
        if found := _numbers(named[2] or ""):
            return found
        packages = [
            package
            for place in places
            for package in (
                place / "node_modules" / named[1] / "package.json",
                *sorted(place.glob(f"packages/{named[1]}*/node_modules/{named[1]}/package.json")),
            )
        ]
    for package in packages:
        text = _read(package)
        try:
            table: Any = json.loads(text) if text else {}
        except ValueError:
            continue
        if isinstance(table, dict) and table.get("name") in NAMES:
            return _numbers(str(table.get("version", "")))
    return None


def _numbers(text: str) -> tuple[int, ...] | None:
    match = _NUMBER.match(text)
    return tuple(int(part) for part in match[1].split(".")) if match else None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def plain_json(text: str) -> str:
    """JSON with comments, and commas at ends of lists, without them."""
    text = re.sub(rf"{_STRING}|//[^\n]*|/\*.*?\*/", lambda m: m[1] or " ", text, flags=re.DOTALL)
    return re.sub(rf"{_STRING}|,(?=\s*[\]}}])", lambda m: m[1] or "", text)


def opening(omo: Omo, mode: str, name: str, task: str, plan: str | None) -> Opening:
    """How the job `name` begins its `task`, or in mode `plan` its `plan`.

    A task that a command would misread is put into a file beside its state: outside of its own
    folder opencode asks for permission to read.
    """
    if mode == "plan":
        return Opening(f"/start-work {name}", {f"{omo.folder}/plans/{name}.md": plan or ""})
    if omo.old:
        command = "/ralph-loop" if mode == "ralph" else "/ulw-loop"
        fits = not task.startswith(('"', "'")) and "--" not in task
    else:
        command = "/goal" if mode == "ralph" else "/goal ulw"
        fits = len(task) < LONGEST_GOAL and task.lower() not in ("pause", "resume", "clear")
    if fits:
        return Opening(f"{command} {task}", {})
    file = f"{omo.folder}/task-{name}.md"
    return Opening(f"{command} Read {file} and do what it says.", {file: task})


def plans_in(folder: Path) -> dict[str, Path]:
    """The plans that there are in a worktree, by name."""
    found: dict[str, Path] = {}
    for one in reversed(FOLDERS):
        found |= {path.stem: path for path in sorted((folder / one / "plans").glob("*.md"))}
    return found


def goes_on(worktree: Path, mode: str, name: str) -> bool:
    """Whether the work that the job `name` began in `mode` goes on, be its agent idle or not."""
    if mode not in MODES:
        return False
    folders = [folder for one in FOLDERS if (folder := worktree / one).is_dir()]
    if mode == "plan":
        plans = [folder / "plans" / f"{name}.md" for folder in folders]
        return any(_UNCHECKED.search(_read(plan)) for plan in plans)
    if any((folder / "ralph-loop.local.md").exists() for folder in folders):
        return True
    goals = [goal for folder in folders for goal in sorted((folder / "goal").glob("*.json"))]
    return any(_is_active(_read(goal)) for goal in goals)


def _is_active(text: str) -> bool:
    try:
        table: Any = json.loads(text)
    except ValueError:
        # It is being written: the next look will tell.
        return True
    goal = table.get("goal") if isinstance(table, dict) else None
    return isinstance(goal, dict) and goal.get("status") == "active"
