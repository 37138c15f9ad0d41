"""Real agents in a world of their own, with a model that a test plays; nothing else answers them.

Their programs come from npm (`programs`), their settings are those of a user who has been through
the questions of the first start, and every connection but to loopback goes to a proxy that is not
there.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import tomli_w

from gitmc.model.job import Activity, Job, State
from gitmc.tmux.process import start_time
from tests.support.agents import closed, nothing_left, stored
from tests.support.events import carriers, until
from tests.support.model import Model, hang
from tests.support.programs import path_with
from tests.support.world import Ran, World

KEY = "sk-" + "k" * 37
"""The key that the agents show to the model: it is to be found nowhere else."""

NETWORK = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
}

QUIET = {
    "opencode": {
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        "OPENCODE_DISABLE_SHARE": "1",
    },
    "claude": {
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_ERROR_REPORTING": "1",
    },
    "codex": {},
    "gemini": {},
}
"""What a user without a network would set, by agent."""

ASKED = "touch "
"""A line that begins so is asked about, by the user's settings; all others are allowed."""

DIALOG = {"opencode": "Permission required", "claude": "Do you want to proceed"}
"""What an agent shows when it asks for a permission."""

SETTINGS = {"opencode": ("config/opencode",), "claude": (".claude/settings.json",)}
"""Where the user keeps what he has set."""


def are_swift(lags: list[float]) -> bool:
    """Whether these seconds are those of events: on a busy machine one may be late, not most."""
    return median(lags) < 1


class Real:
    """One agent, as its user runs it."""

    def __init__(self, agent: str, world: World, home: Path, model: Model) -> None:
        self.agent, self.world, self.model, self.home = agent, world, model, home
        self.environment = {"PATH": path_with(agent), **NETWORK, **QUIET[agent]}
        self.environment |= _USERS[agent](home, model, world.repo.path)

    def mc(self, *words: str, stdin: str | None = None) -> Ran:
        """Run git mc as the agent's user does."""
        return self.world.mc(*words, cwd=None, stdin=stdin, **self.environment)

    def launch(self, name: str, prompt: str, *options: str, stdin: str | None = None) -> Ran:
        """Launch a job on `prompt`."""
        words = ["launch", name, "--agent", self.agent, *options]
        return self.mc(*words, *([prompt] if prompt else []), stdin=stdin).ok()

    def becomes(self, name: str, state: str, source: str = "agent") -> Activity:
        """What the job's agent does, once it is stored that it is this, by this source."""

        def holds(job: Job) -> bool:
            return job.activity is not None and job.activity[::2] == (state, source)

        try:
            found = stored(self.world, name, holds).activity
        except AssertionError as fault:
            raise AssertionError(f"not {state}: {self.screen(name)}") from fault
        assert found is not None
        return found

    def lag(self, name: str, state: str) -> float:
        """Seconds from the agent's own word that it is in `state` until that was stored.

        For a state that nobody guessed before, since a guess that was right keeps its time.
        """
        since = self.becomes(name, state).since
        return self.stored_at(name) - since.timestamp()

    def stored_at(self, name: str) -> float:
        """When the job was stored last, in seconds since the epoch."""
        return (self.world.root / "jobs" / f"{name}.toml").stat().st_mtime

    def keys(self, name: str, *keys: str) -> None:
        """Press keys in the job's terminal."""
        terminal = stored(self.world, name, lambda job: job.terminal is not None).terminal
        assert terminal is not None
        self.world.tmux("send-keys", "-t", terminal.pane, *keys)

    def asks_but_about(self, command: str) -> None:
        """Have the agent ask before it runs any line but `command`.

        Its user says so where we cannot, as the comments of its description tell him to.
        """
        if self.agent == "claude":
            permissions = {"defaultMode": "default"}
            _write(self.home / ".claude" / "settings.json", {"permissions": permissions})
        if self.agent == "opencode":
            path = self.home / "config" / "opencode" / "opencode.json"
            rules = {"*": "ask", f"{command} *": "allow", f"{command} *>*": "ask"}
            permission = {"bash": rules}
            # Else its turn ends with the first line that nobody permits.
            goes_on = {"experimental": {"continue_loop_on_deny": True}}
            settings = {**json.loads(path.read_text()), "permission": permission, **goes_on}
            _write(path, settings)
        if self.agent == "codex":
            # Its shell is one of a login, which on some systems forgets where programs are.
            (self.home / ".profile").write_text(f"PATH={shlex.quote(self.environment['PATH'])}\n")
        if self.agent == "gemini":
            path = self.home / ".gemini" / "policies" / "report.toml"
            path.parent.mkdir()
            rule = {"toolName": "run_shell_command", "commandPrefix": command}
            path.write_text(
                tomli_w.dumps({"rule": [{**rule, "decision": "allow", "priority": 100}]})
            )

    def settings(self) -> dict[str, bytes]:
        """What the user has set: by its file."""
        found = [path for one in SETTINGS[self.agent] for path in files(self.home / one)]
        return {str(path): path.read_bytes() for path in found}

    def shows(self, name: str, text: str) -> None:
        """Wait until the job's terminal shows `text`."""
        self._until(name, lambda: text in self.screen(name))

    def _until(self, name: str, holds: Callable[[], bool]) -> None:
        terminal = stored(self.world, name, lambda job: job.terminal is not None).terminal
        assert terminal is not None
        folder = self.home / "shown"
        folder.mkdir(exist_ok=True)
        self.world.tmux("pipe-pane", "-t", terminal.pane, f"cat >>{folder / name}")
        until(holds, folder)
        self.world.tmux("pipe-pane", "-t", terminal.pane)

    def screen(self, name: str) -> str:
        """What the job's terminal shows."""
        job = self.world.mission.store.job(name)
        assert job is not None
        assert job.terminal is not None
        return self.world.tmux("capture-pane", "-p", "-t", job.terminal.pane)

    def run(self, name: str) -> str:
        """The nonce of the job's run."""
        job = self.world.mission.store.job(name)
        assert job is not None
        assert job.run is not None
        return job.run.id

    def processes(self, name: str) -> list[list[str]]:
        """The words by which the processes of the job's run were started."""
        return [words for pid in carriers("MC_RUN", self.run(name)) if (words := _words(pid))]

    def launcher(self, name: str) -> list[str]:
        """The words by which the launcher of the job's run was started."""
        run = stored(self.world, name, lambda job: bool(job.run and job.run.launcher)).run
        assert run is not None
        assert run.launcher is not None
        return _words(run.launcher.pid)

    def asked(self, name: str, kind: str) -> dict[str, Any]:
        """What the job's agent asks, once it is of this kind."""
        found: list[dict[str, Any]] = []

        def holds() -> bool:
            asks = self.mc("answer", name, "--json").ok().json["asks"]
            found[:] = [one for one in asks if one["kind"] == kind]
            return bool(found)

        until(holds, self.world.root / "run" / self.run(name) / "asks")
        return found[0]

    def log(self, name: str) -> list[str]:
        """The commits of the job's branch that its base has not, latest first."""
        return self.world.repo.git("log", "--format=%s", f"main..mc/{name}").splitlines()


def _words(pid: int) -> list[str]:
    if start_time(pid) is None:
        return []
    try:
        data = Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return []
    return data.decode(errors="replace").split("\0")


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def _opencode(home: Path, model: Model, repo: Path) -> dict[str, str]:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Scripted",
        "options": {"baseURL": f"{model.url}/v1", "apiKey": "{env:SCRIPTED_KEY}"},
        "models": {"scripted": {"name": "Scripted"}, "other": {"name": "Other"}},
    }
    folder = home / "config" / "opencode"
    settings = {
        "$schema": "https://opencode.ai/config.json",
        "model": "scripted/scripted",
        "small_model": "scripted/scripted",
        "permission": {"bash": {"*": "allow", f"{ASKED}*": "ask"}},
        "provider": {"scripted": provider},
    }
    _write(folder / "opencode.json", settings)
    # It installs this at its first start, and waits for that where there is a plugin.
    there = {"packages": {"": {"dependencies": {"@opencode-ai/plugin": "*"}}}}
    _write(folder / "package-lock.json", there)
    (folder / "node_modules").mkdir()
    return {"SCRIPTED_KEY": KEY}


def _claude(home: Path, model: Model, repo: Path) -> dict[str, str]:
    state = {
        "hasCompletedOnboarding": True,
        "hasSeenAutoDefaultNudge": True,
        "theme": "dark",
        "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
        "projects": {str(repo): {"hasTrustDialogAccepted": True}},
    }
    _write(home / ".claude.json", state)
    permissions = {"defaultMode": "default", "allow": ["Bash"], "ask": [f"Bash({ASKED}*)"]}
    settings = {"permissions": permissions, "skipDangerousModePermissionPrompt": True}
    _write(home / ".claude" / "settings.json", settings)
    return {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": KEY}


def _codex(home: Path, model: Model, repo: Path) -> dict[str, str]:
    path = home / ".codex" / "config.toml"
    path.parent.mkdir()
    provider = {
        "name": "scripted",
        "base_url": f"{model.url}/v1",
        "env_key": "SCRIPTED_KEY",
        "wire_api": "responses",
        "request_max_retries": 0,
        "stream_max_retries": 0,
    }
    settings = {
        "model": "scripted",
        "model_provider": "scripted",
        "check_for_update_on_startup": False,
        "features": {"plugins": False},
        # Here everything is in the folder for what is temporary.
        "sandbox_workspace_write": {"exclude_slash_tmp": True, "exclude_tmpdir_env_var": True},
        "model_providers": {"scripted": provider},
        "analytics": {"enabled": False},
        "feedback": {"enabled": False},
        "projects": {str(repo): {"trust_level": "trusted"}},
    }
    path.write_text(tomli_w.dumps(settings))
    return {"SCRIPTED_KEY": KEY}


def _gemini(home: Path, model: Model, repo: Path) -> dict[str, str]:
    settings = {
        "general": {"enableAutoUpdate": False},
        "privacy": {"usageStatisticsEnabled": False},
        "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": True}},
    }
    _write(home / ".gemini" / "settings.json", settings)
    _write(home / ".gemini" / "trustedFolders.json", {str(home / "data"): "TRUST_FOLDER"})
    return {"GOOGLE_GEMINI_BASE_URL": model.url, "GEMINI_API_KEY": KEY}


_USERS: dict[str, Callable[[Path, Model, Path], dict[str, str]]] = {
    "opencode": _opencode,
    "claude": _claude,
    "codex": _codex,
    "gemini": _gemini,
}


def files(path: Path) -> list[Path]:
    """The file at `path`, or those below it."""
    return [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]


def mode_of(path: Path) -> int:
    """Who may do what with a file."""
    return path.stat().st_mode & 0o777


def kills_in_the_middle(real: Real, model: Model, source: str = "agent") -> None:
    """See that nothing is left of an agent that is killed in the middle of an answer, by us or not.

    `source` is what tells that it works.
    """
    for name in ("asked", "killed"):
        model.plays(f"job {name}", turn := hang())
        real.launch(name, f"you are job {name} of the llama")
        turn.wait()
        real.becomes(name, "working", source)
    real.mc("kill", "asked").ok()
    assert real.world.state("asked") == "stopped"
    assert nothing_left(real.run("asked"))
    run = stored(real.world, "killed", lambda job: job.run is not None).run
    assert run is not None
    assert run.launcher is not None
    os.kill(run.launcher.pid, signal.SIGKILL)
    assert closed(real.world, "killed").state is State.FAILED
    assert nothing_left(real.run("killed"))
