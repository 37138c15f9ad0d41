"""git mc doctor: each inconsistency is made for real, found, and mended or cured without loss."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gitmc.git import refs
from gitmc.model.health import GRACE
from gitmc.tmux.run import Tmux
from gitmc.tmux.session import kill_run
from tests.support.world import World

pytestmark = pytest.mark.slow

Breaking = Callable[[World], None]
LONG_AGO = time.time() - 2 * GRACE


def found(world: World, *options: str) -> dict[str, bool]:
    """By id of a finding: whether it can be mended."""
    ran = world.mc("doctor", "--json", *options)
    assert "Traceback" not in ran.stderr
    assert ran.json["schema"] == "mc.doctor/1"
    assert ran.status == (1 if ran.json["findings"] else 0), ran.stderr
    return {one["id"]: one["fixable"] for one in ran.json["findings"]}


def objects(world: World) -> set[str]:
    """All objects that there are."""
    printed = world.repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    return set(printed.splitlines())


def kept(world: World) -> set[str]:
    """The commits that refs keep."""
    return set(world.repo.git("rev-list", "--all", "--reflog").splitlines())


@pytest.fixture
def job(world: World) -> World:
    """A world with one job that is completed, has a commit, and nothing of which is wrong."""
    world.sh("one", "echo x >x; git add x; git commit -qm 'Add x'")
    world.wait("one").ok()
    world.mc("status", "one").ok()
    assert found(world) == {}
    return world


def old(path: Path) -> Path:
    """The file, as if it had been there for long."""
    path.touch()
    os.utime(path, (LONG_AGO, LONG_AGO), follow_symlinks=False)
    return path


def own(world: World, path: Path | None = None) -> Path:
    """The git directory of the job's worktree, or of another."""
    asked = ("rev-parse", "--absolute-git-dir")
    return Path(world.repo.git(*asked, cwd=path or world.worktree("one")))


def dead_pid() -> int:
    """The number of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


# What --fix mends.


def delete_the_branch(world: World) -> None:
    world.repo.git("update-ref", "-d", "refs/heads/mc/one")


def lose_the_label(world: World) -> None:
    (own(world) / "mc-job").unlink()


def forget_the_record(world: World) -> None:
    run = world.mission.job("one").run
    assert run is not None
    kill_run(Tmux(str(world.socket)), run.id)
    (world.root / "jobs" / "one.toml").unlink()


def keep_the_worktree(world: World) -> None:
    world.mc("cleanup", "one", "--force", "--keep-worktree").ok()


def lose_a_worktree_of_the_pool(world: World) -> None:
    path = world.root / "pool" / "slot-0"
    world.repo.git("worktree", "add", "--quiet", "--detach", str(path))
    subprocess.run(["rm", "-r", path], check=True)


def leave_a_scratch(world: World) -> None:
    path = world.root / "pool" / "0123456789ab"
    world.repo.git("worktree", "add", "--quiet", "--detach", str(path))
    git_dir = own(world, path)
    for each in (git_dir / "index", git_dir / "HEAD", git_dir, path):
        old(each)


def interrupt_a_removal(world: World) -> None:
    path = world.worktree("one")
    (path.parent / ".trash").mkdir(exist_ok=True)
    path.rename(path.parent / ".trash" / "one-20260101T000000000000Z")


def leave_drafts(world: World) -> None:
    for name in (".one.toml", ".prompt.md"):
        (world.root / "jobs" / f"{name}.{dead_pid()}").write_text("half of it")
    (world.root / "pool").mkdir(exist_ok=True)
    (world.root / "pool" / f".slot-0.json.{dead_pid()}").write_text("{")


def leave_files_of_runs(world: World) -> None:
    for name in ("abcdef.json", "abcdef.send"):
        old(world.root / "run" / name)
    (world.root / "run" / "follow-abcdef").mkdir()
    old(world.root / "run" / "follow-abcdef")


def leave_files_of_trains(world: World) -> None:
    (world.root / "trains").mkdir(exist_ok=True)
    for name in ("t7.cancel", "t7.x.join", "t8.close"):
        old(world.root / "trains" / name)


def leave_a_ref(world: World) -> None:
    world.repo.git("update-ref", "refs/mc/sync/gone", world.repo.head())


def damage_a_hook(world: World) -> None:
    world.mc("init").ok()
    hook = world.repo.path / ".git" / "hooks" / "pre-push"
    hook.write_text(re.sub(r"hooks=\S+", "hooks=/nowhere", hook.read_text()))


def leave_a_dead_pane(world: World) -> None:
    world.sh("two", "echo last words; exit 3")
    world.wait("two", states=["failed"]).ok()
    run = "abcdef"
    spec = world.mission.store.spec_path(run)
    world.tmux(
        *("new-session", "-d", "-s", "stray", f"echo last words; true '{spec}'", ";"),
        *("set-option", "-p", "remain-on-exit", "on", ";"),
        *("set-option", "-p", "@mc_run", run, ";"),
        *("set-hook", "-p", "pane-died", "wait-for -S died"),
    )
    if world.tmux("display-message", "-p", "-t", "stray", "#{pane_dead}") != "1":
        world.tmux("wait-for", "died")


MENDED: dict[str, tuple[Breaking, ...]] = {
    "no-branch": (delete_the_branch,),
    "no-label": (lose_the_label,),
    "stray-worktree": (forget_the_record, keep_the_worktree),
    "gone-worktree": (lose_a_worktree_of_the_pool,),
    "scratch": (leave_a_scratch,),
    "half-removed": (interrupt_a_removal,),
    "draft": (leave_drafts,),
    "run-file": (leave_files_of_runs,),
    "train-file": (leave_files_of_trains,),
    "stray-ref": (leave_a_ref,),
    "hook": (damage_a_hook,),
    "stray-pane": (leave_a_dead_pane,),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ident", "breaking"),
    [(ident, each) for ident, several in MENDED.items() for each in several],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_what_can_be_mended_is_and_nothing_is_lost(
    job: World, ident: str, breaking: Breaking
) -> None:
    before, commits = objects(job), kept(job)
    breaking(job)
    commits_broken = kept(job)
    assert found(job) == {ident: True}
    again = found(job)
    assert again == {ident: True}, "looking changes nothing"
    plain = job.mc("doctor")
    plain.refused(1, "git mc doctor --fix mends")
    assert f"{ident}: " in plain.stdout
    assert "cure: " in plain.stdout
    assert found(job, "--fix") == {}
    assert found(job) == {}
    assert before <= objects(job)
    assert kept(job) >= commits & commits_broken
    job.repo.git("fsck", "--no-dangling")


@pytest.mark.slow
def test_a_dead_pane_leaves_what_it_showed(job: World) -> None:
    leave_a_dead_pane(job)
    assert found(job, "--fix") == {}
    assert "last words" in (job.root / "logs" / "run-abcdef.log").read_text()


# What only a person may do.


def remove_the_worktree(world: World) -> None:
    subprocess.run(["rm", "-r", world.worktree("one")], check=True)


def move_the_worktree(world: World) -> None:
    path = world.worktree("one")
    world.repo.git("worktree", "move", str(path), str(path.with_name("elsewhere")))


def go_off_the_branch(world: World) -> None:
    world.repo.git("switch", "--quiet", "--detach", cwd=world.worktree("one"))


def tear_a_record(world: World) -> None:
    (world.root / "jobs" / "torn.toml").write_text("version = ")


def tear_a_train(world: World) -> None:
    (world.root / "trains").mkdir()
    (world.root / "trains" / "t3.toml").write_text("version = 1\n")


def misspell_a_setting(world: World) -> None:
    world.repo.git("config", "mc.testComand", "true")


def set_nonsense(world: World) -> None:
    (world.root / "config.toml").write_text("warm = 'many'\nnonsense = 1\n")


def leave_a_folder(world: World) -> None:
    (world.worktree("one").parent / "what").mkdir()


def pin_what_nobody_has(world: World) -> None:
    tree = world.repo.git("rev-parse", "HEAD^{tree}")
    lonely = world.repo.git("commit-tree", tree, "-m", "lonely")
    world.repo.git("update-ref", "refs/mc/train/t9/1", lonely)


def reject_a_marker(world: World) -> None:
    (world.root / "events" / "new" / "nonsense").touch()
    world.mc("jobs", "--json").ok()


def leave_a_told_prompt(world: World) -> None:
    old(world.root / "run" / "abcdef.md")


def leave_a_lock(world: World) -> None:
    old(own(world) / "index.lock")


def spoil_the_notes(world: World) -> None:
    blob = world.repo.git("hash-object", "-w", "--stdin", stdin="no notes")
    world.repo.git("update-ref", "refs/notes/mc-verdicts", blob)


def lose_a_lonely_worktree(world: World) -> None:
    path = world.root / "pool" / "slot-0"
    world.repo.git("worktree", "add", "--quiet", "--detach", str(path))
    world.repo.git("commit", "--quiet", "--allow-empty", "-m", "lonely", cwd=path)
    subprocess.run(["rm", "-r", path], check=True)


def share_a_branch(world: World) -> None:
    text = (world.root / "jobs" / "one.toml").read_text()
    path = world.worktree("one").with_name("two")
    world.repo.git("worktree", "add", "--quiet", "--force", str(path), "mc/one")
    (own(world, path) / "mc-job").write_text("two\n")
    text = text.replace('name = "one"', 'name = "two"').replace('/one"', '/two"')
    text = text.replace("mc/two", "mc/one")
    (world.root / "jobs" / "two.toml").write_text(text)


TOLD: dict[str, tuple[Breaking, ...]] = {
    "no-worktree": (remove_the_worktree,),
    "moved-worktree": (move_the_worktree,),
    "off-branch": (go_off_the_branch,),
    "unreadable-record": (tear_a_record, tear_a_train),
    "setting": (misspell_a_setting, set_nonsense),
    "stray-folder": (leave_a_folder,),
    "stray-ref": (pin_what_nobody_has,),
    "unread-marker": (reject_a_marker,),
    "run-file": (leave_a_told_prompt,),
    "git-lock": (leave_a_lock,),
    "notes": (spoil_the_notes,),
    "gone-worktree": (lose_a_lonely_worktree,),
    "shared-branch": (share_a_branch,),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ident", "breaking"),
    [(ident, each) for ident, several in TOLD.items() for each in several],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_what_could_lose_something_is_only_told(job: World, ident: str, breaking: Breaking) -> None:
    breaking(job)
    held = kept(job)
    assert found(job) == {ident: False}
    assert found(job, "--fix") == {ident: False}
    assert kept(job) == held


CURED: tuple[Breaking, ...] = (
    delete_the_branch,
    lose_the_label,
    lose_a_worktree_of_the_pool,
    leave_a_scratch,
    leave_a_ref,
    move_the_worktree,
    go_off_the_branch,
    leave_a_lock,
    damage_a_hook,
)
"""Those whose whole cure is one command."""


@pytest.mark.slow
@pytest.mark.parametrize("breaking", CURED)
def test_the_cure_is_a_command_that_cures(
    job: World, breaking: Breaking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "git-mc").write_text(f'#!/bin/sh\nexec {sys.executable} -m gitmc "$@"\n')
    (programs / "git-mc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    breaking(job)
    (finding,) = job.mc("doctor", "--json").json["findings"]
    command = finding["cure"].removeprefix("if no git is at work there: ")
    subprocess.run(["/bin/sh", "-ec", command], cwd=job.repo.path, check=True, capture_output=True)
    assert found(job) == {}


@pytest.mark.slow
def test_what_runs_without_a_job_is_told_and_left_alone(job: World) -> None:
    environment = {**os.environ, "MC_DIR": str(job.root), "MC_RUN": "abcdef"}
    left = subprocess.Popen(["sleep", "60"], env=environment)
    try:
        assert found(job, "--fix") == {"stray-process": False}
        assert left.poll() is None
        job.repo.git("config", "mc.kill.spare", "sleep")
        assert found(job) == {}
    finally:
        left.kill()
        left.wait()


@pytest.mark.slow
def test_an_agent_that_no_job_knows_is_told_and_left_alone(job: World) -> None:
    job.sh("two", "read x")
    record = job.root / "jobs" / "two.toml"
    job.later(lambda: record.unlink(missing_ok=True))
    # What is at work on the record would write it again.
    with job.mission.store.locked():
        text = record.read_text()
        record.unlink()
    ids = found(job, "--fix")
    assert {"stray-pane", "stray-process"} <= set(ids)
    assert not ids["stray-pane"]
    record.write_text(text)
    assert job.state("two") == "running"
    assert found(job)["no-label"]
    assert found(job, "--fix") == {}


@pytest.mark.slow
def test_a_stopped_holder_of_a_lock_is_told(job: World) -> None:
    code = (
        "import sys; from pathlib import Path; from gitmc.store.lock import hold\n"
        "with hold(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    lock = job.root / "run" / "worktree.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        os.kill(holder.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, holder.pid, os.WSTOPPED | os.WNOWAIT)
        assert found(job) == {"stopped-holder": False}
        assert f"kill -CONT {holder.pid}" in job.mc("doctor").stdout
    finally:
        holder.kill()
        holder.communicate()


def test_many_things_at_once(job: World) -> None:
    before = objects(job)
    for breaking in (delete_the_branch, lose_the_label, leave_drafts, leave_files_of_runs):
        breaking(job)
    for breaking in (leave_a_ref, tear_a_record, misspell_a_setting):
        breaking(job)
    left = {"unreadable-record": False, "setting": False}
    mended = {"no-branch", "no-label", "draft", "run-file", "stray-ref"}
    assert found(job) == dict.fromkeys(mended, True) | left
    assert found(job, "--fix") == left
    assert before <= objects(job)
    tip = refs.branch_tip(job.mission.git, "mc/one")
    assert tip is not None
    assert job.repo.git("log", "-1", "--format=%s", tip) == "Add x"
    assert "Mend" in (job.root / "journal.jsonl").read_text()


def test_a_repository_that_never_saw_git_mc_is_healthy_and_stays_as_it_was(world: World) -> None:
    assert found(world, "--fix") == {}
    assert not world.root.exists()


@pytest.mark.slow
def test_what_is_in_use_is_no_finding(job: World) -> None:
    job.repo.git("config", "mc.warm", "1")
    job.repo.git("config", "mc.testCommand", "true")
    job.mc("init").ok()
    job.sh("two", "read x")
    job.sh("three", "echo y >y; git add y; git commit -qm 'Add y'")
    job.wait("three").ok()
    job.mc("merge-train", "one", "three").ok()
    assert (job.root / "pool" / "slot-0").is_dir()
    assert found(job) == {}
    job.mc("kill", "two").ok()
    assert found(job) == {}
    job.repo.commit({"y": "else\n"})
    job.sh("four", "echo z >y; git add y; git commit -qm 'Change y'")
    job.wait("four").ok()
    job.mc("sync", "four")
    job.mc("cleanup", "two", "three", "four", "--force").ok()
    assert found(job) == {}


@pytest.mark.slow
def test_what_is_wrong_with_a_plan_is_found(world: World) -> None:
    text = """name = "p"
test = ""
[[job]]
name = "a"
command = ["true"]
[[job]]
name = "b"
depends_on = ["a"]
command = ["true"]
"""
    world.mc("plan", "start", "-", "--mode", "copilot", stdin=text).ok()
    assert found(world) == {}
    world.repo.git("branch", "-D", "mc/integration/p")
    assert found(world) == {"no-branch": True}
    world.mc("doctor", "--fix")
    assert found(world) == {}
    record = world.root / "jobs/b.toml"
    kept = record.read_text()
    record.unlink()
    assert found(world) == {"no-record": False}
    record.write_text(kept)
    plan = world.root / "plans/p.toml"
    plan.unlink()
    assert found(world) == {"no-plan": False}
    world.mc("kill", "a").ok()
    world.mc("kill", "b").ok()
    assert "no-plan" not in found(world)
