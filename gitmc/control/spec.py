"""The spec: everything that the launcher of a run needs, in one file that it takes away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gitmc
from gitmc.agents import catalog
from gitmc.control.mission import Mission
from gitmc.errors import Refused
from gitmc.git.run import environment_for_others
from gitmc.model.job import Job
from gitmc.store.files import replace_file
from gitmc.tmux import session
from gitmc.tmux.run import Tmux

TERMINAL_VARIABLES = frozenset(
    {"TERM", "TMUX", "TMUX_PANE", "COLORTERM", "COLUMNS", "LINES", "WINDOWID"}
)


def write_spec(mission: Mission, job: Job, start: catalog.Start, prompt: Path) -> Path:
    """Write the job's spec, for its owner's eyes only; its path. `prompt` may be written later."""
    assert job.run is not None
    store = mission.store
    environment = _environment(mission, job, prompt)
    hooks = hooks_folder() / "tmux"
    # Nothing is set in a session of the user's: there the observer looks for bells.
    bell = hooks / "bell" if job.placement == "session" else None
    witness = session.witness(Tmux(), hooks / "marker", store.events, job.run.id, bell=bell)
    spec = {
        "argv": start.argv,
        "prompt": str(prompt) if job.agent != catalog.COMMAND else None,
        "stdin": str(prompt) if start.stdin else None,
        "env": {k: v for k, v in environment.items() if k not in TERMINAL_VARIABLES},
        "cwd": job.worktree,
        "events": str(store.events),
        "run": job.run.id,
        "spare": mission.settings["kill.spare"],
        "withdraw": session.withdrawal(Tmux()),
        "witness": witness,
    }
    path = store.spec_path(job.run.id)
    replace_file(path, json.dumps(spec).encode(), mode=0o600)
    return path


def move_spec(mission: Mission, job: Job) -> None:
    """Have the agent start in the worktree that the job has now. Raises as `environment_of`."""
    assert job.run is not None
    spec = _read(mission, job) | {"cwd": job.worktree}
    replace_file(mission.store.spec_path(job.run.id), json.dumps(spec).encode(), mode=0o600)


def environment_of(mission: Mission, job: Job) -> dict[str, str]:
    """The environment that the job's spec has for its agent. Raises Refused where it is gone."""
    environment: dict[str, str] = _read(mission, job)["env"]
    return environment


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
    kept = {
        key: value for key, value in environment_for_others().items() if not key.startswith("MC_")
    }
    return kept | {
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
