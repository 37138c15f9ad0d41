"""What agents are found to do: by their hooks, their bell, their silence and their screen."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from gitmc.control.rest import Rest
from gitmc.control.spec import hooks_folder
from gitmc.model.job import Job, State
from tests.support.agents import (
    Agent,
    Pipe,
    closed,
    observer,
    script_at,
    stored,
    without_observer,
    world_at,
)
from tests.support.events import gone, until
from tests.support.world import Ran, World


def becomes(world: World, name: str, state: str, source: str) -> Job:
    """The job, once it is stored that its agent does this, by this source."""
    return stored(
        world,
        name,
        lambda job: job.activity is not None and job.activity[::2] == (state, source),
    )


def watched(world: World, **settings: str) -> None:
    """Have the observers of this repository look often, and as set."""
    for key, value in {"pollInterval": "0.1", **settings}.items():
        world.repo.git("config", f"mc.{key}", value)


def in_window(world: World, folder: Path, name: str) -> Agent:
    """An agent in a window of the session `desk`, which is the user's."""
    world.tmux("-f", "/dev/null", "new-session", "-d", "-s", "desk", "exec sleep 1000")
    pane = world.tmux("display-message", "-p", "-t", "desk:", "#{pane_id}")

    def start(*words: str) -> Ran:
        return world.mc(*words, TMUX=f"{world.socket},1,0", TMUX_PANE=pane).ok()

    return Agent(world, name, folder, launch=start, options=["--placement", "window"])


SIGNAL = '"$MC_SIGNAL"'


def test_an_agent_s_hook_tells_at_once_what_it_does(world: World, tmp_path: Path) -> None:
    agent = Agent(world, "one", tmp_path)
    assert agent.do(f"{SIGNAL} working ses_1") == 0
    job = becomes(world, "one", "working", "agent")
    assert (job.session_id, job.run and job.run.signals) == ("ses_1", True)
    assert agent.do(f"{SIGNAL} waiting") == 0
    since = becomes(world, "one", "waiting", "agent").activity
    assert agent.do(f"{SIGNAL} waiting ses_2") == 0
    job = stored(world, "one", lambda job: job.session_id == "ses_2")
    assert job.activity == since
    listed = world.mc("jobs").ok().stdout.splitlines()[1]
    assert re.search(r" waiting \d+s ", listed)
    shown = world.mc("status", "one").ok().stdout.splitlines()[0]
    assert re.fullmatch(r"one: running, waiting for \d+s \(agent\)", shown)
    assert world.mc("jobs", "--porcelain").ok().stdout.split("\t")[2] == "waiting"
    # An agent with hooks is not guessed about.
    assert agent.do("printf '\\a'") == 0
    agent.do(f"{SIGNAL} idle")
    becomes(world, "one", "idle", "agent")
    # A turn that fails ends as well.
    agent.do(f"{SIGNAL} error; {SIGNAL} idle")
    becomes(world, "one", "error", "agent")
    assert "its agent has met an error" in world.mc("overview").ok().stdout
    agent.do(f"{SIGNAL} working")
    becomes(world, "one", "working", "agent")
    agent.tell("exit 0")
    assert closed(world, "one").activity is None


def test_a_signal_finds_its_way_without_its_folders(world: World, tmp_path: Path) -> None:
    agent = Agent(world, "one", tmp_path)
    without_observer(world)
    shutil.rmtree(world.root / "events")
    assert agent.do(f"{SIGNAL} idle ses_1") == 0
    assert world.job("one")["activity"]["state"] == "idle"
    shutil.rmtree(world.root / "events")
    assert agent.do(f"{world.command} report blocked 'which one?'") == 0
    assert world.job("one")["activity"]["state"] == "waiting"
    # Somebody is to be told of that, so there is an observer again.
    without_observer(world)
    shutil.rmtree(world.root / "events")
    agent.tell("exit 4")
    assert gone(agent.launcher)
    assert list((world.root / "events/new").glob("*.exit.launcher.4"))
    assert world.job("one")["exit_status"] == 4


@pytest.mark.parametrize(
    ("words", "left", "said"),
    [
        (["idle"], ["activity.agent.idle"], 0),
        (["working", "ses-1_A"], ["activity.agent.working", "session.agent.ses-1_A"], 0),
        (["error"], ["activity.agent.error"], 0),
        (["waiting", ""], ["activity.agent.waiting"], 0),
        (["waiting", "a b"], ["activity.agent.waiting"], 1),
        (["waiting", "é"], ["activity.agent.waiting"], 1),
        (["waiting", "../x"], ["activity.agent.waiting"], 1),
        (["waiting", "x" * 129], ["activity.agent.waiting"], 1),
        (["done"], [], 1),
        (["idle\n"], [], 1),
        (["-n", "$(touch x)"], [], 2),
        ([], [], 1),
    ],
    ids=str,
)
def test_what_a_hook_says(tmp_path: Path, words: list[str], left: list[str], said: int) -> None:
    (tmp_path / "jobs").mkdir()
    ran = signal_in(tmp_path, words, MC_DIR=str(tmp_path), MC_RUN="ab12")
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (0, "", said)
    found = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(re.sub(r"-\d+$", "", name) for name in found) == [f"ab12.{one}" for one in left]


def signal_in(
    folder: Path, words: list[str], **environment: str
) -> subprocess.CompletedProcess[str]:
    script = hooks_folder() / "agent" / "signal"
    return subprocess.run(
        [script, *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("run", ["", "../x", "a b", "ab12"])
def test_a_hook_outside_a_job_does_nothing(tmp_path: Path, run: str) -> None:
    for folder in ("", str(tmp_path), str(tmp_path / "none")):
        ran = signal_in(tmp_path, ["idle", "a b"], MC_DIR=folder, MC_RUN=run)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_a_bell_says_that_the_agent_waits_and_the_user_s_own_hook_still_runs(
    world: World, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    world.tmux("-f", "/dev/null", "new-session", "-d", "-s", "desk", "exec sleep 1000")
    hook = f"run-shell -b 'echo #{{session_name}} >>{told}'"
    world.tmux("set-hook", "-g", "alert-bell", hook)
    agent = Agent(world, "one", tmp_path)
    for ring in (1, 2):
        assert agent.do("printf '\\a'") == 0
        until(lambda ring=ring: told.exists() and len(told.read_text().split()) == ring, tmp_path)  # type: ignore[misc]
        becomes(world, "one", "waiting", "bell")
    assert told.read_text().split() == ["mc-one"] * 2
    assert world.tmux("show-hooks", "-g", "alert-bell").count("\n") == 0


def test_a_bell_in_another_window_of_the_job_s_session_is_not_the_agent_s(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    go, new = Pipe(tmp_path / "go"), world.root / "events" / "new"
    without_observer(world)
    ring = f"sh -c 'read x <{go}; printf \"\\a\"; read x <{go}'"
    world.tmux("new-window", "-d", "-t", "mc-one:", ring)
    told = tmp_path / "told"
    world.tmux("set-hook", "-g", "alert-bell", f"run-shell -b 'echo >>{told}'")
    go.write("")
    until(told.exists, tmp_path)
    agent.do("printf '\\a'")
    until(lambda: bool(list(new.glob("*.bell.*"))), new)
    assert len(list(new.glob("*.bell.*"))) == 1
    agent.tell("exit")


def test_a_bell_rings_from_a_repository_at_an_odd_path(world: World, tmp_path: Path) -> None:
    odd = world_at(world, tmp_path / "a 'b' \"c\" $d #{e} #[f] ##g %H \\h ;i")
    agent = Agent(odd, "one", tmp_path)
    without_observer(odd)
    new = odd.root / "events" / "new"
    for rings in (1, 2):
        # As if the last one had been some time ago.
        odd.tmux("set-option", "-pu", "-t", agent.pane, "@mc_rang")
        agent.do("printf '\\a'")
        until(lambda rings=rings: len(list(new.glob("*.bell.*"))) == rings, new)  # type: ignore[misc]
    assert odd.job("one")["activity"]["source"] == "bell"


def test_in_a_user_s_session_nothing_is_set_and_a_bell_is_seen(
    world: World, tmp_path: Path
) -> None:
    watched(world)
    agent = in_window(world, tmp_path, "one")
    becomes(world, "one", "working", "output")
    for scope in ([], ["-g"], ["-w"], ["-gw"]):
        assert "@mc" not in world.tmux("show-options", *scope, "-t", "desk:")
    assert world.tmux("show-hooks", "-t", "desk:") == ""
    agent.do("printf '\\a'")
    becomes(world, "one", "waiting", "bell")
    agent.tell("exit")


def test_silence_is_idleness_and_output_is_work(world: World, tmp_path: Path) -> None:
    watched(world, idleThreshold="1")
    agent = Agent(world, "one", tmp_path)
    job = becomes(world, "one", "idle", "output")
    assert job.activity is not None
    assert job.activity.since <= datetime.now(job.activity.since.tzinfo)
    # Once would be long ago for an observer that stands still for a second.
    agent.do("while :; do echo more; sleep 0.1; done & noise=$!")
    becomes(world, "one", "working", "output")
    agent.do("kill $noise")
    agent.do(f"{world.command} report blocked 'which one?'; echo asked")
    becomes(world, "one", "waiting", "report")
    agent.do("echo and more")
    agent.do(f"{world.command} report working")
    becomes(world, "one", "working", "report")
    agent.tell("exit")


SCREENS = {
    "waiting": "△ Permission required\\n\\n  Allow once   Allow always   Reject",
    "working": "■■⬝⬝⬝⬝⬝⬝  esc interrupt      ctrl+p commands",
    "idle": "Ask anything\\n\\n  ctrl+t variants   ctrl+p commands",
}


@pytest.mark.slow
@pytest.mark.parametrize("state", SCREENS)
def test_a_screen_that_stands_still_is_read(world: World, tmp_path: Path, state: str) -> None:
    watched(world, idleThreshold="8")
    script_at(tmp_path / "bin/opencode", f"printf '{SCREENS[state]}\\n'\nexec sleep 1000")
    world.mc("launch", "one", "do it", PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}").ok()
    if state == "working":
        becomes(world, "one", "working", "output")
        becomes(world, "one", "idle", "output")
    else:
        becomes(world, "one", state, "screen")
    assert world.state("one") == "running"


def removed(folder: Path) -> None:
    """Remove a folder into which others write: by its name nobody finds it any more."""
    aside = folder.with_name("removed")
    folder.rename(aside)
    shutil.rmtree(aside)


def test_the_observer_goes_on_when_the_folder_of_markers_is_removed(
    world: World, tmp_path: Path
) -> None:
    watched(world)
    agents = [Agent(world, name, tmp_path) for name in ("one", "two", "three")]
    pid = observer(world)
    events = world.root / "events"
    os.kill(pid, signal.SIGSTOP)
    agents[0].tell("exit 1")
    until(lambda: bool(list((events / "new").glob("*.exit.*"))), events / "new")
    removed(events)
    os.kill(pid, signal.SIGCONT)
    assert closed(world, "one").exit_status == 1
    removed(events)
    (events / "new").mkdir(parents=True)
    agents[1].tell("exit 2")
    assert closed(world, "two").exit_status == 2
    removed(events)
    agents[2].tell("exit 3")
    assert closed(world, "three").exit_status == 3
    assert {job.state for job in world.mission.store.jobs()[0]} == {State.FAILED}
    assert observer(world) == pid


def test_a_tmux_that_does_not_answer_keeps_no_word_waiting(world: World, tmp_path: Path) -> None:
    watched(world)
    agents = [Agent(world, name, tmp_path) for name in ("one", "two")]
    becomes(world, "two", "working", "output")
    server = int(world.tmux("display-message", "-p", "#{pid}"))
    os.kill(server, signal.SIGSTOP)
    try:
        agents[0].do(f"{SIGNAL} waiting")
        becomes(world, "one", "waiting", "agent")
    finally:
        os.kill(server, signal.SIGCONT)


@pytest.mark.slow
def test_an_agent_at_its_prompt_with_its_work_committed_is_done(
    world: World, tmp_path: Path
) -> None:
    watched(world, idleThreshold="1")
    agent = Agent(world, "one", tmp_path)
    assert agent.do(f"echo a >a && git add a && git commit -qm a && {SIGNAL} idle") == 0
    job = stored(world, "one", lambda job: job.state is State.COMPLETED)
    assert job.reason == "its agent was idle for 1 s, with its work committed"
    assert job.live
    assert agent.do(f"{SIGNAL} working") == 0
    assert becomes(world, "one", "working", "agent").state is State.COMPLETED
    sending = world.start("send", "one", "and another thing")
    job = becomes(world, "one", "working", "send")
    assert (job.state, job.reason, job.ended_at) == (State.RUNNING, None, None)
    assert agent.do(f"{SIGNAL} working") == 0
    sending.communicate()
    assert sending.returncode == 0
    assert world.state("one") == "running"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "done"),
    [
        (f"echo a >a && git add a && git commit -qm a && {SIGNAL} idle", True),
        (f"{SIGNAL} idle", False),
        (f"echo a >a && {SIGNAL} idle", False),
        (f"echo a >a && git add a && git commit -qm a && echo b >a && {SIGNAL} idle", False),
        (f"echo a >a && git add a && git commit -qm a && {SIGNAL} waiting", False),
        (f"echo a >a && git add a && git commit -qm a && {SIGNAL} error", False),
        (f"git commit --allow-empty -qm a && git switch -qc other && {SIGNAL} idle", True),
        (f"git switch -qc other && git commit --allow-empty -qm a && {SIGNAL} idle", False),
    ],
)
def test_only_rest_with_all_work_committed_is_the_end(
    world: World, tmp_path: Path, script: str, done: bool
) -> None:
    watched(world, idleThreshold="600")
    agent = Agent(world, "one", tmp_path)
    assert agent.do(script) == 0
    state = re.findall(r'"\$MC_SIGNAL" (\w+)', script)[0]
    becomes(world, "one", state, "agent")
    without_observer(world)
    watched(world, idleThreshold="0.001")
    rest = Rest(world.mission)
    left = rest.tend(world.mission.store.jobs()[0])
    assert (world.state("one") == "completed") is done
    assert (left == 0.0) is done
