"""git mc init: beside every kind of hooks that may be there, and away again without a trace."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gitmc.control.init import NAMES, SHARED
from tests.support import frameworks
from tests.support.world import Ran, World

ROOT = Path(__file__).parent.parent.parent

OTHERS = ("post-checkout", "pre-commit", "prepare-commit-msg", "commit-msg", "post-commit")
"""Hooks of others that say that they were run; a commit runs all but the first."""


def run(world: World, *argv: str | Path, cwd: Path | None = None, **env: str) -> Ran:
    """Run a program in the repository, whatever comes of it."""
    done = subprocess.run(
        argv,
        cwd=cwd or world.repo.path,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def says(folder: Path, who: str, *names: str, status: int = 0) -> None:
    """Hooks that write down that they were run."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / name
        path.write_text(f'#!/bin/sh\necho "{who} {name}" >>"$LOG"\nexit {status}\n')
        path.chmod(0o755)


def said(world: World, tmp_path: Path, *, cwd: Path | None = None) -> list[str]:
    """What hooks say of one commit."""
    log = tmp_path / "log"
    log.unlink(missing_ok=True)
    argv = ["git", "commit", "-q", "--allow-empty", "-m", "x"]
    run(world, *argv, cwd=cwd, LOG=str(log)).ok()
    return log.read_text().splitlines() if log.exists() else []


def picture(world: World) -> dict[str, object]:
    """Hooks and settings, byte for byte."""
    top = world.repo.path
    paths = [top / ".git/config", *(top / ".git/hooks").rglob("*"), *(top / ".husky").rglob("*")]
    return {str(path): (path.read_bytes(), path.stat().st_mode) for path in paths if path.is_file()}


def job(world: World) -> Path:
    """The worktree of a job that may change `src` only."""
    world.sh("one", "true", "--touch", "src")
    world.wait("one").ok()
    return world.worktree("one")


def test_it_is_said_what_is_installed(world: World, seal: Path) -> None:
    user = (seal / "gitconfig").read_bytes()
    before = picture(world)
    shown = world.mc("init", "--status", "--json").refused(1).json
    assert shown["schema"] == "mc.init/1"
    assert {hook["state"] for hook in shown["hooks"]} == {"missing"}
    dry = world.mc("init", "--dry-run").ok().stdout
    assert dry.splitlines() == [
        f"would install the hooks {', '.join(NAMES)}",
        "would install the settings",
    ]
    assert picture(world) == before
    world.mc("init").ok()
    after = picture(world)
    world.mc("init").ok()
    assert picture(world) == after
    shown = world.mc("init", "--status", "--json").ok().json
    assert [hook["name"] for hook in shown["hooks"]] == list(NAMES)
    assert {hook["state"] for hook in shown["hooks"]} == {"installed"}
    assert world.repo.git("config", "notes.rewriteRef") == "refs/notes/mission-control"
    assert world.repo.git("config", "notes.displayRef") == "refs/notes/mission-control"
    world.mc("init", "--remove").ok()
    assert picture(world) == before
    assert (seal / "gitconfig").read_bytes() == user
    world.mc("init", "--remove").ok()


def test_our_refs_are_not_shown_and_no_others_appear(world: World) -> None:
    for ref in ("refs/mc/base/x", "refs/notes/x", "refs/prefetch/x", "refs/remotes/o/x"):
        world.repo.git("update-ref", ref, "HEAD")
    world.mc("init").ok()
    shown = world.repo.git("log", "-1", "--format=%D")
    assert shown == "HEAD -> main, o/x"


def test_removal_undoes_what_the_first_note_has_set(world: World) -> None:
    before = picture(world)
    world.repo.git("config", "--add", "notes.rewriteRef", "refs/notes/mission-control")
    world.mc("init").ok()
    world.mc("init", "--remove").ok()
    assert picture(world) == before


def test_a_job_is_no_place_for_it(world: World) -> None:
    where = job(world)
    world.mc("init", cwd=where).refused(128, "this is the worktree of the job 'one'")
    world.mc("init", "--status", cwd=where).refused(1)
    world.mc("init", "--status", "--remove").refused(129, "exclude each other")


def test_a_folder_that_core_hookspath_names_is_left_alone(world: World, tmp_path: Path) -> None:
    theirs = tmp_path / "shared hooks"
    says(theirs, "theirs", *OTHERS)
    world.repo.git("config", "core.hooksPath", str(theirs))
    before, there = picture(world), sorted(theirs.iterdir())
    world.mc("init").ok()
    where = job(world)
    commits = [f"theirs {name}" for name in OTHERS[1:]]
    assert said(world, tmp_path) == commits
    assert said(world, tmp_path, cwd=where) == commits
    assert "Mc-Job: one" in world.repo.git("log", "-1", "--format=%B", cwd=where)
    (where / "x").write_text("x")
    world.repo.git("add", "x", cwd=where)
    run(world, "git", "commit", "-m", "x", cwd=where, LOG=str(tmp_path / "log")).refused(
        1, "x is outside the touch set"
    )
    says(theirs, "theirs", "pre-commit", status=9)
    run(world, "git", "commit", "--allow-empty", "-m", "x", LOG="/dev/null").refused(1)
    assert sorted(theirs.iterdir()) == there
    world.mc("init", "--remove").ok()
    assert picture(world) == before
    assert run(world, "git", "config", "core.hooksPath").stdout == f"{theirs}\n"


def test_a_hooks_folder_that_is_a_link_is_left_alone(world: World, tmp_path: Path) -> None:
    folder = world.repo.path / ".git/hooks"
    shutil.rmtree(folder, ignore_errors=True)
    says(world.repo.path / "tracked", "tracked", *OTHERS)
    folder.symlink_to("../tracked")
    there = sorted((world.repo.path / "tracked").iterdir())
    world.mc("init").ok()
    world.mc("init", "--status").ok()
    assert said(world, tmp_path) == [f"tracked {name}" for name in OTHERS[1:]]
    assert sorted((world.repo.path / "tracked").iterdir()) == there
    world.mc("init", "--remove").ok()
    assert folder.is_symlink()
    assert said(world, tmp_path) == [f"tracked {name}" for name in OTHERS[1:]]


@pytest.mark.slow
def test_another_way_of_hooks_is_followed(world: World, tmp_path: Path) -> None:
    says(world.repo.path / ".git/hooks", "plain", *OTHERS)
    before = picture(world)
    world.mc("init").ok()
    assert said(world, tmp_path) == [f"plain {name}" for name in OTHERS[1:]]
    says(world.repo.path / "own", "own", *OTHERS)
    world.repo.git("config", "core.hooksPath", "own")
    assert world.mc("init", "--status").refused(1).stdout.count("missing") == len(NAMES)
    world.mc("init").ok()
    world.mc("init", "--status").ok()
    assert said(world, tmp_path) == [f"own {name}" for name in OTHERS[1:]]
    world.repo.git("config", "--unset", "core.hooksPath")
    world.mc("init", "--status").refused(1)
    world.mc("init").ok()
    world.mc("init", "--status").ok()
    assert said(world, tmp_path) == [f"plain {name}" for name in OTHERS[1:]]
    world.mc("init", "--remove").ok()
    assert picture(world) == before


@pytest.mark.slow
def test_husky_runs_and_may_be_installed_again(world: World, tmp_path: Path) -> None:
    package = frameworks.husky()
    says(world.repo.path / ".husky", "husky", *OTHERS)
    install = ["node", str(package / "bin.js")]
    run(world, *install).ok()
    world.repo.git("add", ".husky")
    assert said(world, tmp_path) == [f"husky {name}" for name in OTHERS[1:]]
    before = picture(world)
    world.mc("init").ok()
    assert said(world, tmp_path) == [f"husky {name}" for name in OTHERS[1:]]
    where = job(world)
    run(world, *install, cwd=where).ok()  # As `npm install` does in a job's worktree.
    world.mc("init", "--status").ok()
    assert said(world, tmp_path, cwd=where) == [f"husky {name}" for name in OTHERS[1:]]
    assert "Mc-Job: one" in world.repo.git("log", "-1", "--format=%B", cwd=where)
    (where / "x").write_text("x")
    world.repo.git("add", "x", cwd=where)
    refused = run(world, "git", "commit", "-qm", "x", cwd=where, LOG="/dev/null")
    refused.refused(1, "x is outside the touch set")
    says(where / ".husky", "husky", "pre-commit", status=5)
    refused = run(world, "git", "commit", "-qm", "x", cwd=where, LOG="/dev/null")
    assert "pre-commit script failed (code 5)" in refused.stdout + refused.stderr
    world.mc("init", "--remove").ok()
    assert picture(world) == before


CONFIG = """
default_install_hook_types: [pre-commit, commit-msg, pre-push]
repos:
  - repo: local
    hooks:
      - id: commits
        name: commits
        language: system
        entry: sh -c 'echo framework >>$LOG'
        pass_filenames: false
        always_run: true
        stages: [pre-commit, commit-msg]
      - id: pushes
        name: pushes
        language: system
        entry: sh -c 'echo framework push >>$LOG'
        always_run: true
        stages: [pre-push]
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after", "before and after"])
def test_pre_commit_installed(world: World, tmp_path: Path, when: str) -> None:
    program = frameworks.pre_commit()
    hooks = world.repo.path / ".git/hooks"
    world.repo.commit({".pre-commit-config.yaml": CONFIG})
    says(hooks, "plain", "pre-commit", "post-commit")
    plain = picture(world)
    if "before" in when:
        run(world, program, "install").ok()
    before = picture(world)
    ours = ["plain pre-commit", "framework", "framework", "plain post-commit"]
    world.mc("init").ok()
    if "after" in when:
        run(world, program, "install").ok()
        world.mc("init").ok()
    shown = world.mc("init", "--status", "--json").ok().json
    by = {hook["name"]: hook["by_pre_commit"] for hook in shown["hooks"]}
    assert by["pre-commit"] is ("after" in when)
    assert said(world, tmp_path) == ours
    where = job(world)
    assert said(world, tmp_path, cwd=where) == ours
    assert "Mc-Job: one" in world.repo.git("log", "-1", "--format=%B", cwd=where)
    (where / "x").write_text("x")
    world.repo.git("add", "x", cwd=where)
    refused = run(world, "git", "commit", "-qm", "x", cwd=where, LOG=str(tmp_path / "log"))
    refused.refused(1, "x is outside the touch set")
    # The push goes to both, with what git says on standard input.
    world.repo.git("config", "mc.testCommand", "true")
    world.repo.git("branch", "mc/integration/p")
    world.repo.git("init", "-q", "--bare", str(tmp_path / "bare.git"))
    push = ["git", "push", str(tmp_path / "bare.git"), "mc/integration/p"]
    log = tmp_path / "pushes"
    run(world, *push, LOG=str(log)).refused(1, "git mc verify mc/integration/p")
    world.mc("verify", "mc/integration/p").ok()
    run(world, *push, LOG=str(log)).ok()
    assert log.read_text().splitlines()[-1] == "framework push"
    world.repo.git("config", "--unset", "mc.testCommand")
    world.mc("init", "--remove").ok()
    if when != "after":
        assert picture(world) == before
        return
    assert said(world, tmp_path) == ours
    run(world, program, "uninstall").ok()
    assert picture(world) == plain


@pytest.mark.slow
def test_what_is_offered_to_pre_commit(world: World, tmp_path: Path) -> None:
    program = frameworks.pre_commit()
    run(world, program, "validate-manifest", ROOT / ".pre-commit-hooks.yaml").ok()
    source = tmp_path / "source"
    names = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    run(world, "git", "init", "-q", cwd=source).ok()
    run(world, "git", "add", "--all", cwd=source).ok()
    run(world, "git", "commit", "-qm", "all", cwd=source).ok()
    # Its environment is made with what the machine itself has to reach its index.
    outside = {
        key: value for key, value in frameworks.ENVIRONMENT.items()
        if key.startswith(("PIP_", "HTTP", "http", "SSL_", "REQUESTS_"))
        or key.endswith(("proxy", "PROXY"))
    } | {"PRE_COMMIT_HOME": str(tmp_path / "home"), "PYTHONPATH": ""}  # fmt: skip

    def tried(hook: str, *words: str, cwd: Path | None = None, **env: str) -> Ran:
        argv = [program, "try-repo", str(source), hook, "--verbose", *words]
        done = run(world, *argv, cwd=cwd, **outside, **env)
        if "InstallationError" in done.stdout or "No matching distribution" in done.stdout:
            pytest.skip(f"pre-commit could not install git mc: {done.stdout[-500:]}")
        return Ran(done.status, done.stdout, done.stdout)

    where = job(world)
    (where / "x").write_text("x")
    world.repo.git("add", "x", cwd=where)
    tried("mc-touch-set", cwd=where).refused(1, "x is outside the touch set of the job 'one'")
    world.repo.git("rm", "-qf", "x", cwd=where)
    tried("mc-touch-set", cwd=where).ok()
    tried("mc-touch-set").ok()
    message = tmp_path / "message"
    message.write_text("subject\n")
    stage = ["--hook-stage", "prepare-commit-msg", "--commit-msg-filename", str(message)]
    tried("mc-trailer", *stage, cwd=where).ok()
    assert message.read_text() == "subject\n\nMc-Job: one\n"
    world.repo.git("config", "mc.testCommand", "true")
    world.repo.git("branch", "mc/integration/p")
    ref = "refs/heads/mc/integration/p"
    push = [
        *("--hook-stage", "pre-push", "--from-ref", "main", "--to-ref", "mc/integration/p"),
        *("--local-branch", ref, "--remote-branch", ref),
        *("--remote-name", "origin", "--remote-url", "x"),
    ]
    tried("mc-verified-push", *push).refused(1, "git mc verify mc/integration/p")
    world.mc("verify", "mc/integration/p").ok()
    tried("mc-verified-push", *push).ok()
    (world.repo.path / "a.plan.toml").write_text('name = "a"\n[[jobs]]\n')
    world.repo.git("add", "a.plan.toml")
    tried("mc-plan").refused(1, "a.plan.toml:")


def test_files_for_shells_and_man_go_where_they_are_asked_for(world: World, tmp_path: Path) -> None:
    share = tmp_path / "share"
    world.mc("init", "--share", str(share)).ok()
    for name, place in SHARED.items():
        assert (share / place).read_bytes() == (ROOT / "contrib" / name).read_bytes()
    world.mc("init", "--share", str(share)).ok()
    world.mc("init", "--remove", "--share", str(share)).ok()
    assert not [path for path in share.rglob("*") if not path.is_dir()]
    (share / SHARED["man/git-mc.1"]).write_text("mine")
    world.mc("init", "--share", str(share)).refused(1, "is there already, and is not ours")
    assert (share / SHARED["man/git-mc.1"]).read_text() == "mine"
