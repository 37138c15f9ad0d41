"""Jobs whose work might be lost, made without a terminal, and how to see that it is not."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from gitmc.control.prepare import worktree_path
from gitmc.git import worktree
from gitmc.model.job import Job, Phase, Run, State
from tests.support.agents import script_at
from tests.support.world import World

STRIDE = 7
"""Every so many calls of git, one is that at which a command is killed; all of them were tried, and
take minutes."""

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def made(world: World, name: str = "one", prompt: bytes = b"do it\n") -> Path:
    """A job that is over, as a launch leaves it; its worktree."""
    mission = world.mission
    store = mission.store
    store.make()
    path = worktree_path(mission, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    head = world.repo.head()
    worktree.add(mission.git, path, f"mc/{name}", head)
    own = worktree.fill(path)
    (own / "mc-job").write_text(name + "\n")
    job = Job(
        name, State.COMPLETED, "command", f"mc/{name}", "main", head, str(path), "session", CREATED,
        ended_at=CREATED, exit_status=0, run=Run("feed", Phase.CLOSED),
    )  # fmt: skip
    with store.locked() as held:
        store.add(held, job)
    store.write_prompt(store.prompt_path(name), prompt)
    return path


def content(tree: Path) -> dict[bytes, tuple[str, bytes]]:
    """Every file but git's own: what it is, and its bytes or where it links to."""
    found: dict[bytes, tuple[str, bytes]] = {}
    for above, folders, names in os.walk(os.fsencode(tree)):
        for name in [*names, *folders]:
            path = Path(os.fsdecode(above), os.fsdecode(name))
            inside = os.fsencode(path.relative_to(tree))
            if path.is_symlink():
                found[inside] = ("link", os.fsencode(path.readlink()))
            elif path.is_file() and inside != b".git":
                kind = "program" if os.access(path, os.X_OK) else "file"
                found[inside] = (kind, path.read_bytes())
    return found


def status(world: World, tree: Path) -> str:
    """What git says of the worktree, and what is staged there."""
    asked = ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all"]
    return world.repo.git(*asked, cwd=tree) + world.repo.git("ls-files", "-sz", cwd=tree)


def git_that_kills(folder: Path) -> str:
    """A PATH with a git that kills whoever calls it for the `$KILL_AT`th time.

    It does so without running git, so that all before that call has been done and nothing after.
    """
    real = shutil.which("git")
    calls = f"{folder}/calls.$KILL_AT"
    # Appending, and not adding up: git is called by several at once.
    script_at(
        folder / "killing/git",
        f'echo >>{calls}\nif [ "$(wc -l <{calls})" -ge "$KILL_AT" ]; then kill -9 "$PPID"; exit 1; '
        f'fi\nexec {real} "$@"',
    )
    return f"{folder / 'killing'}:{os.environ['PATH']}"
