"""Git's hooks as `git mc init` installs them, through real commits and pushes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.agents import Agent
from tests.support.events import until
from tests.support.world import Ran, Repo, World

TEST = "test ! -e broken"


def git(world: World, *args: str, cwd: Path | None = None, **env: str) -> Ran:
    """Run git, whatever comes of it."""
    done = subprocess.run(
        ["git", *args],
        cwd=cwd or world.repo.path,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def commit(world: World, where: Path, files: dict[str, str], *options: str, **env: str) -> Ran:
    """Commit `files` in a worktree."""
    for name, text in files.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(text)
    git(world, "add", "--all", cwd=where).ok()
    return git(world, "commit", "-q", "-m", "work", *options, cwd=where, **env)


def job(world: World, name: str, *options: str, script: str = "true") -> Path:
    """The worktree of a job that has ended."""
    world.sh(name, script, *options)
    world.wait(name).ok()
    return world.worktree(name)


def journal(world: World, event: str) -> list[dict[str, object]]:
    """The entries of that event."""
    return [one for _, one in world.mission.store.journal.entries() if one["event"] == event]


@pytest.fixture
def installed(world: World) -> World:
    """A world with our hooks."""
    world.mc("init").ok()
    return world


@pytest.fixture
def remote(installed: World, tmp_path: Path) -> Repo:
    """What is pushed to."""
    bare = Repo(tmp_path / "bare.git")
    bare.path.mkdir()
    bare.git("init", "-q", "--bare")
    installed.repo.git("remote", "add", "origin", str(bare.path))
    return bare


def trailers(repo: Repo, cwd: Path) -> str:
    return repo.git("log", "-1", "--format=%(trailers:key=Mc-Job,valueonly,separator=;)", cwd=cwd)


def test_a_job_keeps_within_its_touch_set(installed: World) -> None:
    where = job(installed, "one", "--touch", "src/**", "--touch", "it's.md")
    commit(installed, where, {"src/a/b": "1", "it's.md": "2"}).ok()
    assert trailers(installed.repo, where) == "one"
    refused = commit(installed, where, {"src/c": "1", "new\nline": "3", "README.md": "x"})
    refused.refused(1, r"README.md, new\nline are outside the touch set of the job 'one'")
    refused.refused(1, "src/**", "git mc report blocked 'needs README.md", "git restore --staged")
    git(installed, "restore", "--staged", "--", "README.md", "new\nline", cwd=where).ok()
    git(installed, "commit", "-q", "-m", "less", cwd=where).ok()
    git(installed, "rm", "-q", "-f", "README.md", cwd=where).ok()
    git(installed, "commit", "-q", "-m", "gone", cwd=where).refused(1, "README.md is outside")
    # In another worktree everything may change.
    commit(installed, installed.repo.path, {"anything": "x"}).ok()
    assert trailers(installed.repo, installed.repo.path) == ""


@pytest.mark.slow
def test_what_goes_past_the_hook_is_written_down(installed: World) -> None:
    where = job(installed, "one", "--touch", "src/**")
    commit(installed, where, {"a": "1"}, MC_ALLOW="push,touch-set").ok()
    (entry,) = journal(installed, "allowed")
    assert (entry["rule"], entry["job"], entry["paths"]) == ("touch-set", "one", ["a"])
    commit(installed, where, {"src/x": "1"}, "--no-verify").ok()
    assert journal(installed, "unchecked") == []
    commit(installed, where, {"b": "1"}, "--no-verify").ok()
    (entry,) = journal(installed, "unchecked")
    assert (entry["job"], entry["paths"]) == ("one", ["b"])
    assert entry["commit"] == installed.repo.git("rev-parse", "HEAD", cwd=where)
    commit(installed, where, {"c": "1"}, MC_ALLOW="push").refused(1, "c is outside")


@pytest.mark.slow
def test_a_merge_of_the_base_is_not_the_jobs_own_change(installed: World) -> None:
    where = job(installed, "one", "--touch", "src/**")
    commit(installed, where, {"src/a": "mine"}).ok()
    commit(installed, installed.repo.path, {"src/a": "theirs", "elsewhere": "x"}).ok()
    git(installed, "merge", "main", cwd=where).refused(1)
    commit(installed, where, {"src/a": "both", "wrong": "1"}).refused(1, "wrong is outside")
    git(installed, "rm", "-q", "-f", "wrong", cwd=where).ok()
    git(installed, "commit", "-q", "-m", "merged", cwd=where).ok()
    assert journal(installed, "unchecked") == []


@pytest.mark.slow
def test_a_commit_of_some_files_is_judged_by_them(installed: World) -> None:
    where = job(installed, "one", "--touch", "src/**")
    commit(installed, where, {"src/a": "1"}).ok()
    (where / "README.md").write_text("more")
    (where / "src/a").write_text("2")
    git(installed, "add", "README.md", cwd=where).ok()
    git(installed, "commit", "-q", "-m", "some", "src/a", cwd=where).ok()
    below = where / "src"
    git(installed, "commit", "-q", "-m", "all", "-a", cwd=below).refused(1, "README.md is outside")


def test_a_message_gets_the_trailer_once_and_an_empty_one_none(installed: World) -> None:
    where = job(installed, "one")
    commit(installed, where, {"a": "1"}).ok()
    git(installed, "commit", "-q", "--amend", "--no-edit", cwd=where).ok()
    assert trailers(installed.repo, where) == "one"
    # What an editor leaves as it was is no message.
    left = git(installed, "commit", "--allow-empty", cwd=where, GIT_EDITOR=":")
    left.refused(1, "empty commit message")
    writes = 'f() { printf "typed\\n\\n# no trailer: yet\\n" >"$1"; }; f'
    git(installed, "commit", "-v", "--allow-empty", cwd=where, GIT_EDITOR=writes).ok()
    body = installed.repo.git("log", "-1", "--format=%B", cwd=where)
    assert body.strip() == "typed\n\nMc-Job: one"
    git(
        installed, "commit", "-q", "--allow-empty", "-m", "x", "--trailer", "Mc-Job: two", cwd=where
    )
    assert trailers(installed.repo, where) == "two"


@pytest.mark.slow
def test_an_agent_in_a_worktree_of_its_own_is_in_its_job(installed: World, tmp_path: Path) -> None:
    where = job(installed, "one", "--touch", "src/**")
    own = tmp_path / "own"
    git(installed, "worktree", "add", "-q", "-b", "beside", str(own), cwd=where).ok()
    inside = {"MC_JOB": "one", "MC_DIR": str(installed.root)}
    commit(installed, own, {"x": "1"}, **inside).refused(1, "x is outside")
    git(installed, "rm", "-q", "-f", "x", cwd=own).ok()
    commit(installed, own, {"src/x": "1"}, **inside).ok()
    assert trailers(installed.repo, own) == "one"
    commit(installed, own, {"y": "1"}, MC_JOB="one", MC_DIR=str(tmp_path)).ok()
    assert trailers(installed.repo, own) == ""


def test_a_commit_is_a_sign_of_life(installed: World, tmp_path: Path) -> None:
    agent = Agent(installed, "one", tmp_path)
    assert agent.do("git commit -q --allow-empty -m a") == 0
    # Whoever reads does not wait for one who stores it.
    until(lambda: installed.job("one")["activity"]["source"] == "commit", installed.root / "jobs")
    assert agent.do("env -u MC_RUN git commit -q --allow-empty -m b") == 0
    found = [one["event"] for _, one in installed.mission.store.journal.entries()]
    assert not {"dropped", "unreadable"}.intersection(found)


@pytest.mark.parametrize("gone", [pytest.param("python", marks=pytest.mark.slow), "job"])
def test_nobody_is_kept_from_work_by_what_is_gone(
    installed: World, tmp_path: Path, gone: str
) -> None:
    where = job(installed, "one", "--touch", "src/**")
    stub = installed.repo.path / ".git/hooks/pre-commit"
    if gone == "python":
        stub.write_text(stub.read_text().replace(sys.executable, str(tmp_path / "none")))
        done = commit(installed, where, {"x": "1"}).ok()
        assert f"git mc: {tmp_path}/none is gone, so this was not checked" in done.stderr
        assert installed.mc("init", "--status").refused(1).stdout.count("stale") == 1
        installed.mc("init").ok()
        commit(installed, where, {"y": "1"}).refused(1)
    else:
        installed.mission.store.job_path("one").unlink()
        commit(installed, where, {"x": "1"}).ok()


@pytest.mark.slow
def test_an_integration_branch_is_pushed_once_it_is_verified(
    installed: World, remote: Repo
) -> None:
    repo = installed.repo
    repo.git("config", "mc.testCommand", TEST)
    name = "mc/integration/plan"
    repo.git("branch", name)
    git(installed, "push", "origin", "main").ok()
    refused = git(installed, "push", "origin", name)
    refused.refused(1, f"'{name}' has not passed `{TEST}`", f"hint: git mc verify {name}")
    git(installed, "push", "origin", f"{name}:refs/heads/other").refused(1, "has not passed")
    git(installed, "push", "origin", f"main:refs/heads/{name}").refused(1, "has not passed")
    assert remote.git("for-each-ref", "--format=%(refname)") == "refs/heads/main"
    assert installed.mc("verify", name, "--json").ok().json["cached"] is False
    assert installed.mc("verify", name, "--json").ok().json["cached"] is True
    git(installed, "push", "origin", name).ok()
    # Another commit with the same files is as good; other files are not.
    repo.git("checkout", "-q", name)
    repo.commit({}, "no change")
    git(installed, "push", "origin", name).ok()
    repo.commit({"broken": "x"})
    git(installed, "push", "origin", name).refused(1, "git mc verify")
    installed.mc("verify", name).refused(1, "did not pass: the tests fail", "its output is in")
    git(installed, "push", "origin", name, MC_ALLOW="push").ok()
    (entry,) = journal(installed, "allowed")
    assert (entry["rule"], entry["ref"]) == ("push", f"refs/heads/{name}")
    assert journal(installed, "unchecked") == []
    # One that passes the hook over leaves a trace, and what comes by a fetch leaves none.
    pushed = repo.commit({"broken": "y"})
    git(installed, "push", "--no-verify", "origin", name).ok()
    (entry,) = journal(installed, "unchecked")
    assert entry["rule"] == "push"
    assert (entry["ref"], entry["commit"]) == (f"refs/remotes/origin/{name}", pushed)
    repo.git("update-ref", "-d", f"refs/remotes/origin/{name}")
    git(installed, "fetch", "origin").ok()
    assert len(journal(installed, "unchecked")) == 1
    assert not list((installed.root / "run").glob("push-*"))
    git(installed, "push", "origin", f":{name}").ok()


@pytest.mark.slow
def test_another_test_command_asks_for_another_pass(installed: World, remote: Repo) -> None:
    installed.repo.git("branch", "mc/integration/p")
    git(installed, "push", "origin", "mc/integration/p").ok()  # Nothing is there to pass.
    installed.repo.git("config", "mc.testCommand", TEST)
    git(installed, "push", "origin", "mc/integration/p:q").refused(1)
    installed.mc("verify", "mc/integration/p").ok()
    git(installed, "push", "origin", "mc/integration/p:q").ok()
    installed.repo.git("config", "mc.testCommand", "true")
    git(installed, "push", "origin", "mc/integration/p:r").refused(1, "`true`")


@pytest.mark.slow
def test_what_a_train_made_is_pushed_if_it_has_passed(installed: World, remote: Repo) -> None:
    for name in ("one", "two"):
        installed.repo.git("checkout", "-q", "-b", name, "main")
        installed.repo.commit({name: "x"})
    installed.repo.git("checkout", "-q", "main")
    installed.mc("merge-train", "one", "--into", "main", "--test", TEST).ok()
    git(installed, "push", "origin", "main").ok()
    installed.repo.git("config", "mc.testCommand", TEST)
    installed.mc("merge-train", "two", "--into", "main", "--no-test").ok()
    git(installed, "push", "origin", "main").refused(1, "'main' has not passed", "verify main")
    installed.mc("verify", "main").ok()
    git(installed, "push", "origin", "main").ok()
    installed.repo.commit({"mine": "x"})
    git(installed, "push", "origin", "main").ok()


def test_a_jobs_branch_is_pushed_when_somebody_asks(installed: World, remote: Repo) -> None:
    where = job(installed, "one", script="git commit -q --allow-empty -m a")
    git(installed, "push", "origin", "mc/one").refused(1, "has not landed", "git mc pr one")
    git(installed, "push", "--all", "origin").refused(1, "'mc/one' is the work of the job 'one'")
    git(installed, "push", "origin", "HEAD:refs/heads/x", cwd=where).ok()
    assert remote.git("for-each-ref", "--format=%(refname)") == "refs/heads/x"
    git(installed, "push", "origin", "mc/one:refs/heads/y", MC_ALLOW="push").ok()
    assert journal(installed, "allowed")[0]["job"] == "one"
    git(installed, "push", "origin", "main").ok()
    installed.mc("pr", "one").ok()
    git(installed, "commit", "-q", "--allow-empty", "-m", "b", cwd=where).ok()
    git(installed, "push", "origin", "mc/one", cwd=where).ok()
    assert len(journal(installed, "allowed")) == 1


@pytest.mark.slow
def test_our_hooks_have_no_say_in_a_merge_and_others_have(installed: World) -> None:
    job(installed, "one", script="echo x >one; git add one; git commit -qm one")
    assert installed.mc("merge", "one", "--json").ok().json["engine"] != "git"
    job(installed, "two", script="echo x >two; git add two; git commit -qm two")
    path = installed.repo.path / ".git/hooks/mc-before/commit-msg"
    path.parent.mkdir()
    path.write_text('#!/bin/sh\necho "Seen: yes" >>"$1"\n')
    path.chmod(0o755)
    assert installed.mc("merge", "two", "--json").ok().json["engine"] == "git"
    body = installed.repo.git("log", "-1", "--format=%B")
    assert "Seen: yes" in body
    assert body.count("Mc-Job: two") == 1


@pytest.mark.slow
def test_what_a_job_left_uncommitted_keeps_within_its_touch_set_too(installed: World) -> None:
    job(installed, "one", "--touch", "src/**", script="mkdir src; echo x >src/a; echo x >b")
    refused = installed.mc("merge", "one")
    refused.refused(1, "would not commit what 'one' left", "b is outside the touch set")
    assert installed.state("one") == "completed"
    (installed.worktree("one") / "b").unlink()
    installed.mc("merge", "one").ok()
    assert set(installed.repo.files()) == {"README.md", "src/a"}


@pytest.mark.slow
def test_a_plan_pushes_what_has_passed(installed: World, remote: Repo, tmp_path: Path) -> None:
    installed.repo.git("push", "-q", "origin", "main")
    made = '["/bin/sh", "-c", "echo x >{0}; git add {0}; git commit -qm {0}"]'
    plan = f"""name = "both"
base = "main"
test = "test -e README.md"
[[job]]
name = "one"
prompt = "x"
command = {made.format("a")}
touch_set = ["a"]
[[job]]
name = "two"
prompt = "x"
command = {made.format("b")}
depends_on = ["one"]
"""
    (tmp_path / "p.plan.toml").write_text(plan)
    installed.mc("hook", "plan", str(tmp_path / "p.plan.toml")).ok()
    installed.mc("plan", "start", str(tmp_path / "p.plan.toml")).ok()
    installed.mc("plan", "wait", "--timeout", "60").ok()
    head = installed.repo.head("mc/integration/both")
    assert remote.git("rev-parse", "mc/integration/both") == head
    assert journal(installed, "allowed") == []
    # Somebody adds to it by hand: that has not passed.
    installed.repo.git("checkout", "-q", "mc/integration/both")
    installed.repo.commit({"more": "x"})
    push = ["push", "origin", "mc/integration/both"]
    git(installed, *push).refused(1, "has not passed `test -e README.md`")
    installed.mc("verify").ok()
    git(installed, *push).ok()
