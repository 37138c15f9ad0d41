"""The spec: everything that the launcher of a run needs, in one file that it takes away.

It is written when the launch is stored, by whoever asked for it and with his environment; and
finished when the worktree is there, since an agent may have to be told where that is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import gitmc
from gitmc.agents import words
from gitmc.agents.before import before, remembering
from gitmc.agents.catalog import COMMAND, Start
from gitmc.control.agents import shown
from gitmc.control.mission import Mission
from gitmc.control.told import reporting
from gitmc.errors import Refused
from gitmc.events.markers import drop
from gitmc.git import worktree
from gitmc.git.run import environment_for_others
from gitmc.model.job import Job
from gitmc.model.marker import Marker
from gitmc.store.files import replace_file
from gitmc.tmux import session
from gitmc.tmux.run import Tmux

TERMINAL_VARIABLES = frozenset(
    {"TERM", "TMUX", "TMUX_PANE", "COLORTERM", "COLUMNS", "LINES", "WINDOWID"}
)


def write_spec(mission: Mission, job: Job, start: Start, prompt: Path) -> None:
    """Write the job's spec, for its owner's eyes only. `prompt` may be written later."""
    assert job.run is not None
    store = mission.store
    environment = _environment(mission, job, prompt)
    hooks = hooks_folder() / "tmux"
    # Nothing is set in a session of the user's: there the observer looks for bells.
    bell = hooks / "bell" if job.placement == "session" else None
    title = hooks / "title" if shown(mission, job.agent).title else None
    witness = session.witness(
        Tmux(), hooks / "marker", store.events, job.run.id, bell=bell, title=title
    )
    # Whoever finishes it may find git elsewhere than whoever told the agent how to report.
    start = start._replace(values={**start.values, "report": reporting()})
    spec = {
        "start": start._asdict(),
        "prompt": str(prompt) if job.agent != COMMAND else None,
        "stdin": str(prompt) if start.stdin else None,
        "env": {k: v for k, v in environment.items() if k not in TERMINAL_VARIABLES},
        "events": str(store.events),
        "run": job.run.id,
        "spare": mission.settings["kill.spare"],
        "withdraw": session.withdrawal(Tmux()),
        "witness": witness,
    }
    _write(mission, job, spec)


def finish_spec(mission: Mission, job: Job) -> None:
    """Have the agent start in the worktree that the job has now, with all that it needs there.

    Raises Refused as `environment_of`, and where a variable of the user's cannot be added to.
    """
    assert job.run is not None
    spec = _read(mission, job)
    start = Start(**spec.pop("start"))
    values = {**_values(mission, job, spec["env"]["MC_PROMPT_FILE"]), **start.values}
    if words.NEW_SESSION in start.words:
        values["new_session"] = session_id = str(uuid5(NAMESPACE_OID, job.run.id))
        drop(mission.store.events, Marker(job.run.id, "session", "launch", session_id))
    filled, prompts = words.fill_words(start.words, values, start.arguments)
    own = _own_environment(start, values, spec["env"])
    folder = mission.store.run_folder(job.run.id)
    if job.agent != COMMAND:
        folder.mkdir(mode=0o700, exist_ok=True)
    for name in start.ignored:
        _keep_out(Path(job.worktree, name))
    for name, text in start.placed.items():
        _place(job, Path(job.worktree, name), os.fsencode(text))
    for name, content in start.files.items():
        replace_file(folder / name, os.fsencode(words.content(content, values)), mode=0o600)
    spec |= {
        "argv": [start.program, *filled],
        "prompts": [] if spec["prompt"] is None else [at + 1 for at in prompts],
        "env": remembering(spec["env"], own),
        "cwd": job.worktree,
    }
    _write(mission, job, spec)


def _keep_out(folder: Path) -> None:
    """Have a folder that no commit takes up: git leaves out one that says so itself, for everybody
    and in this worktree only. What is there already is the project's own to say."""
    try:
        folder.mkdir()
    except FileExistsError:
        return
    replace_file(folder / ".gitignore", b"*\n")


def _place(job: Job, path: Path, content: bytes) -> None:
    """Put a file where the agent looks for it, and no commit takes it up. What an earlier run has
    made of it stays. Raises Refused where the project has another one there."""
    assert job.launch is not None
    if path.exists():
        if job.launch.back is None and path.read_bytes() != content:
            raise Refused(
                f"the project has a file of its own where the agent is to find its plan: {path}",
                hint="give the job another name",
            )
        return
    missing = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    if missing:
        replace_file(missing[-1] / ".gitignore", b"*\n")
    replace_file(path, content, mode=0o600)


def _values(mission: Mission, job: Job, prompt: str) -> dict[str, str]:
    """What the placeholders of an agent's description stand for."""
    assert job.run is not None
    hooks = hooks_folder() / "agent"
    git_dir = os.path.normpath(worktree.git_dir(Path(job.worktree)))
    logs = mission.repo.common_dir / "logs"
    return {
        "prompt_file": prompt,
        "prompt_dir": str(Path(prompt).parent),
        "hooks": str(hooks),
        "signal": str(hooks / "signal"),
        "job": job.name,
        "run_dir": str(mission.store.run_folder(job.run.id)),
        "worktree": job.worktree,
        "main_worktree": str(mission.main_worktree),
        "git_dir": git_dir,
        "git_common_dir": str(mission.repo.common_dir),
        "git_logs": str(logs) if logs.is_dir() else git_dir,
    }


def _own_environment(
    start: Start, values: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, str]:
    """The variables that the agent is given beside `environment`."""
    own: dict[str, str] = {}
    for table in start.environment:
        for name, content in table.items():
            if isinstance(content, str):
                own[name] = words.content(content, values)
            else:
                there = _object(name, own.get(name, environment.get(name)))
                ours = words.fill_table(content, values)
                own[name] = json.dumps(words.joined(there, ours), ensure_ascii=False)
    return own


def _object(name: str, text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused(
            f"the variable {name} holds no JSON object, so nothing can be added to it",
            hint=f"correct it, or launch without: env -u {name} git mc launch …",
        )
    return found


def environment_of(mission: Mission, job: Job) -> dict[str, str]:
    """The environment that the job's spec has for set-up commands. Raises Refused where it is
    gone."""
    environment: dict[str, str] = _read(mission, job)["env"]
    return environment


def _write(mission: Mission, job: Job, spec: Mapping[str, Any]) -> None:
    assert job.run is not None
    replace_file(
        mission.store.spec_path(job.run.id), json.dumps(spec, default=dict).encode(), mode=0o600
    )


def _read(mission: Mission, job: Job) -> dict[str, Any]:
    assert job.run is not None
    try:
        spec: dict[str, Any] = json.loads(mission.store.spec_path(job.run.id).read_bytes())
    except FileNotFoundError as gone:
        raise Refused(
            f"its spec is gone: {gone.filename}", hint=f"git mc relaunch {job.name}"
        ) from gone
    except ValueError as fault:
        path = mission.store.spec_path(job.run.id)
        raise Refused(f"{path} is no spec: {fault}", hint=f"git mc relaunch {job.name}") from fault
    return spec


def _environment(mission: Mission, job: Job, prompt: Path) -> dict[str, str]:
    """What the agent and the set-up commands see: ours, but nothing that says where git is."""
    assert job.run is not None
    return before(environment_for_others()) | {
        "MC_JOB": job.name,
        "MC_DIR": str(mission.store.root),
        "MC_RUN": job.run.id,
        "MC_PROMPT_FILE": str(prompt),
        "MC_SIGNAL": str(hooks_folder() / "agent" / "signal"),
    }


def hooks_folder() -> Path:
    """Where the hook scripts are: in the package when installed, beside it in a checkout."""
    package = Path(gitmc.__file__).parent
    inside = package / "_hooks"
    return inside if inside.is_dir() else package.parent / "hooks"
