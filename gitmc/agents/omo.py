"""Oh-My-OpenCode, a plugin of opencode: whether it is there, and how work begins in its modes.

    plan    an agent works through a plan, a file with boxes to check, until all are checked
    ralph   an agent is prompted again until the task is done
    ulw     the same, with more effort

Its commands and folders differ by version: before 4.2 it keeps its state in `.sisyphus`, since then
in `.omo`; before 4.19 it has `/ralph-loop` and `/ulw-loop`, since then `/goal`. A goal makes an
agent go on only where the plugin's configuration has `goal.enabled`. That stays its user's to say:
in the versions up to 4.19.4, its first prompt to go on ends the agent's turn with an error.
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
"""Characters as JavaScript counts them. `/goal` takes no more."""

NEW_FOLDER, NEW_COMMAND = (4, 2), (4, 19)
"""The first versions with `.omo` and with `/goal`."""

_FENCED = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1|\Z)", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(
    r"^##[ \t]+(?:TODOs|Final Verification Wave)\b[^\n]*(.*?)(?=^#{1,2}[ \t]|\Z)",
    re.MULTILINE | re.DOTALL | re.IGNORECASE,
)
_TASK = re.compile(r"^[-*][ \t]*\[[ \t]*\][ \t]*F?\d+\.[ \t]", re.MULTILINE | re.IGNORECASE)
_BOX = re.compile(r"^[-*][ \t]*\[[ \t]*\]", re.MULTILINE)
_OVER = re.compile(r"^active: *false\b", re.MULTILINE)
_SESSION = re.compile(r'^session_id: *"?([^"\n]+)', re.MULTILINE)
_ENTRY = re.compile(rf"({'|'.join(NAMES)})(?:@(.*))?")
_EXACT = re.compile(r"v?(\d+(?:\.\d+){2,})(?:-.*)?")
_STRING = r'("(?:\\.|[^"\\])*")'


class Omo(NamedTuple):
    """The plugin, as it is configured."""

    version: tuple[int, ...] | None = None
    """None where nothing tells."""

    @property
    def folder(self) -> str:
        """Where it keeps its state, in a worktree."""
        return ".sisyphus" if self._before(NEW_FOLDER) else ".omo"

    @property
    def has_loops(self) -> bool:
        """Whether it has `/ralph-loop`, and not `/goal`."""
        return self._before(NEW_COMMAND)

    def _before(self, version: tuple[int, ...]) -> bool:
        return self.version is not None and self.version < version


class Opening(NamedTuple):
    """How work begins."""

    prompt: str
    """What opencode is prompted with."""
    files: Mapping[str, str]
    """What is in the worktree then, by path."""


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
            return Omo(_version(entry, folder, cache, places))
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


def _version(
    entry: str, folder: Path, cache: Path, places: Sequence[Path]
) -> tuple[int, ...] | None:
    named = _ENTRY.fullmatch(entry)
    if named is None:
        path = folder / (_path(entry) or Path()).expanduser()
        packages = [above / "package.json" for above in (path, *path.parents)]
    else:
        if found := _numbers(named[2] or ""):
            return found
        # Where opencode installs what is named, and where its older versions did.
        spec = f"{named[1]}@{named[2] or 'latest'}"
        inside = Path("node_modules", named[1], "package.json")
        packages = [cache / "packages" / spec / inside]
        packages += [place / inside for place in (*places, cache)]
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
    """The numbers of a version; none of a range, like `4`, which means any that begins so."""
    match = _EXACT.fullmatch(text)
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


def opening(omo: Omo, mode: str, name: str, task: str, plan: str | None, longest: int) -> Opening:
    """How the job `name` begins its `task`, or in mode `plan` its `plan`.

    A task that has more than `longest` bytes or that a command would misread is put into a file
    beside its state: outside of its own folder opencode asks for permission to read.
    """
    if mode == "plan":
        return Opening(f"/start-work {name}", {f"{omo.folder}/plans/{name}.md": plan or ""})
    if omo.has_loops:
        command = f"/{mode}-loop "
        fits = not task.startswith(('"', "'")) and "--" not in task and task.lower() != "continue"
    else:
        # This word in a prompt has it make more of an effort.
        word = "ulw " if mode == "ulw" else ""
        command = f"/goal {word}"
        fits = _length(word + task) <= LONGEST_GOAL
        fits &= task.lower() not in ("pause", "resume", "clear")
    if fits and len(task.encode("utf-8", "surrogateescape")) <= longest:
        return Opening(f"{command}{task}", {})
    file = f"{omo.folder}/task-{name}.md"
    return Opening(f"{command}Read {file} and do what it says.", {file: task})


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def plans_in(folder: Path) -> dict[str, Path]:
    """The plans that there are in a worktree, by name."""
    found: dict[str, Path] = {}
    for one in reversed(FOLDERS):
        found |= {path.stem: path for path in sorted((folder / one / "plans").glob("*.md"))}
    return found


def goes_on(worktree: Path, mode: str, name: str, session: str | None) -> bool:
    """Whether the work of the job `name` goes on, be its agent idle or not.

    A loop or a goal counts in every mode, since the agent can have begun it by itself, but only
    that of the `session` that the job has now: an earlier one's may have been left where it was.
    """
    folders = [folder for one in FOLDERS if (folder := worktree / one).is_dir()]
    if mode == "plan":
        plans = (_read(folder / "plans" / f"{name}.md") for folder in folders)
        if _is_unfinished(next(filter(None, plans), "")):
            return True
    if any(_is_looping(folder / "ralph-loop.local.md", session) for folder in folders):
        return True
    goals = [goal for folder in folders for goal in sorted((folder / "goal").glob("*.json"))]
    return any(_is_active(_read(goal)) for goal in goals if session in (None, goal.stem))


def _is_unfinished(plan: str) -> bool:
    """Whether boxes are left that the plugin counts: those of tasks, and not of what is below."""
    text = _FENCED.sub("", plan)
    sections = [match[1] for match in _SECTION.finditer(text)]
    if sections:
        return any(_TASK.search(section) for section in sections)
    return _BOX.search(text) is not None


def _is_looping(state: Path, session: str | None) -> bool:
    if not state.exists():
        return False
    head = _read(state).partition("\n---\n")[0]
    of = _SESSION.search(head)
    # While it is being written it says neither: the next look will tell.
    return not _OVER.search(head) and (session is None or of is None or of[1] == session)


def _is_active(text: str) -> bool:
    try:
        table: Any = json.loads(text)
    except ValueError:
        # It is being written: the next look will tell.
        return True
    goal = table.get("goal") if isinstance(table, dict) else None
    return isinstance(goal, dict) and goal.get("status") == "active"
