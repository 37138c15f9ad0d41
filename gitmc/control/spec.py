"""The spec: everything that the launcher of a run needs, in one file that it takes away."""

from __future__ import annotations

import json
from pathlib import Path

import gitmc
from gitmc.agents import catalog
from gitmc.control.mission import Mission
from gitmc.control.prepare import Request, start_of
from gitmc.git.run import environment_for_others
from gitmc.model.job import Job
from gitmc.store.files import replace_file
from gitmc.tmux import session
from gitmc.tmux.run import Tmux

TERMINAL_VARIABLES = frozenset(
    {"TERM", "TMUX", "TMUX_PANE", "COLORTERM", "COLUMNS", "LINES", "WINDOWID"}
)


def write_spec(mission: Mission, job: Job, request: Request) -> tuple[Path, dict[str, str]]:
    """Write the job's spec, for its owner's eyes only; its path, and the agent's environment."""
    assert job.run is not None
    store = mission.store
    prompt = store.prompt_path(job.name)
    start = start_of(job.agent, prompt, request)
    environment = _environment(mission, job)
    script = hooks_folder() / "tmux" / "marker"
    spec = {
        "argv": start.argv,
        "prompt": str(prompt) if job.agent != catalog.COMMAND else None,
        "stdin": str(prompt) if start.stdin else None,
        "env": {k: v for k, v in environment.items() if k not in TERMINAL_VARIABLES},
        "cwd": job.worktree,
        "events": str(store.events),
        "run": job.run.id,
        "withdraw": session.withdrawal(Tmux()),
        "witness": session.witness(Tmux(), script, store.events, job.run.id),
    }
    path = store.spec_path(job.run.id)
    replace_file(path, json.dumps(spec).encode(), mode=0o600)
    return path, environment


def _environment(mission: Mission, job: Job) -> dict[str, str]:
    """What the agent and the set-up commands see: ours, but nothing that says where git is."""
    assert job.run is not None
    kept = {
        key: value for key, value in environment_for_others().items() if not key.startswith("MC_")
    }
    return kept | {
        "MC_JOB": job.name,
        "MC_DIR": str(mission.store.root),
        "MC_RUN": job.run.id,
        "MC_PROMPT_FILE": str(mission.store.prompt_path(job.name)),
    }


def hooks_folder() -> Path:
    """Where the hook scripts are: in the package when installed, beside it in a checkout."""
    package = Path(gitmc.__file__).parent
    inside = package / "_hooks"
    return inside if inside.is_dir() else package.parent / "hooks"
