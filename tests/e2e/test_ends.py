"""Every way in which a run can end: the state, the status, the reason, and nobody left behind."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitmc.model.job import NO_CHANGES, Phase
from tests.support.agents import (
    Agent,
    all_gone,
    closed,
    nothing_left,
    some_slow,
    stored,
    tmux_that_waits,
    without_observer,
)
from tests.support.events import carriers, gone, until
from tests.support.world import PATIENCE, Repo, World

GIT_MC = f"{shlex.quote(sys.executable)} -m gitmc"
STUBBORN = "trap '' HUP TERM"
CLOSED = "its terminal was closed (SIGHUP)"


@dataclass(frozen=True)
class End:
    """How to end a run, and what is to be said of it. A status of None: nobody can know."""

    do: Callable[[Agent], object]
    state: str
    status: int | None
    reason: str | None


def tell(line: str) -> Callable[[Agent], object]:
    return lambda agent: agent.tell(line)


def signalled(number: int, *, launcher: bool = False) -> Callable[[Agent], object]:
    return lambda agent: os.kill(agent.launcher if launcher else agent.pid, number)


def by_tmux(*words: str) -> Callable[[Agent], object]:
    return lambda agent: agent.world.tmux(*(agent.pane if w == "PANE" else w for w in words))


def kill_the_server(agent: Agent) -> None:
    os.kill(int(agent.world.tmux("display-message", "-p", "#{pid}")), signal.SIGKILL)


OWN_ENDS = {
    "exit 0": End(tell("exit 0"), "completed", 0, NO_CHANGES),
    "exit 7": End(tell("exit 7"), "failed", 7, "exit status 7"),
    "missing binary": End(tell("exec /no/such/program"), "failed", 127, "exit status 127"),
    "agent SIGKILLed": End(signalled(signal.SIGKILL), "failed", 137, "killed by SIGKILL"),
    "agent SEGVed": End(signalled(signal.SIGSEGV), "failed", 139, "killed by SIGSEGV"),
}
KILLS = {
    "launcher SIGKILLed": End(signalled(signal.SIGKILL, launcher=True), "failed", None, "lost: "),
    "launcher SIGTERMed": End(
        signalled(signal.SIGTERM, launcher=True), "failed", 143, "its launcher was sent SIGTERM"
    ),
    "kill-pane": End(by_tmux("kill-pane", "-t", "PANE"), "failed", 129, CLOSED),
    "kill-window": End(by_tmux("kill-window", "-t", "PANE"), "failed", 129, CLOSED),
    "kill-session": End(by_tmux("kill-session", "-t", "PANE"), "failed", 129, CLOSED),
    "kill-server": End(by_tmux("kill-server"), "failed", 129, CLOSED),
    "server SIGKILLed": End(kill_the_server, "failed", 129, CLOSED),
}
LEAVINGS = {
    "background": "CHILD &",
    "setsid": "setsid CHILD &",
    "daemon": "setsid /bin/sh -c 'CHILD &'",
    "stubborn": "(trap '' HUP TERM; exec CHILD) &",
}


@pytest.fixture(params=[True, False], ids=["observed", "unobserved"])
def observed(request: pytest.FixtureRequest) -> bool:
    """Whether an observer sees the end, or the next command finds it."""
    return bool(request.param)


def check(agent: Agent, end: End, *, observed: bool) -> None:
    """End the agent; the job must end as it is to, and nothing of it may be left."""
    world, run, launcher = agent.world, agent.run, agent.launcher
    if not observed:
        without_observer(world)
    end.do(agent)
    if observed:
        closed(world, agent.name)
    else:
        assert gone(launcher)
        jobs = world.mc("jobs", "--json").ok().json["jobs"]
        assert [job["state"] for job in jobs] == [end.state]
    assert nothing_left(run)
    job = world.job(agent.name)
    assert (job["state"], job["exit_status"]) == (end.state, end.status)
    assert job.get("reason") == end.reason or (
        end.reason == "lost: " and job["reason"].startswith(end.reason)
    )
    assert "ended_at" in job
    assert world.repo.git("-C", job["worktree"], "status", "--porcelain") == ""


@pytest.mark.parametrize("end", OWN_ENDS.values(), ids=OWN_ENDS)
def test_an_agent_that_ends_is_known_by_its_status(
    world: World, tmp_path: Path, end: End, observed: bool
) -> None:
    check(Agent(world, "one", tmp_path), end, observed=observed)


@pytest.mark.parametrize("end", KILLS.values(), ids=KILLS)
def test_a_run_that_is_killed_from_outside_has_failed_and_says_why(
    world: World, tmp_path: Path, end: End, observed: bool
) -> None:
    check(Agent(world, "one", tmp_path), end, observed=observed)


@pytest.mark.slow
@pytest.mark.parametrize("end", KILLS.values(), ids=KILLS)
def test_an_agent_that_ignores_hup_and_term_is_ended_all_the_same(
    world: World, tmp_path: Path, end: End, observed: bool
) -> None:
    status = None if end.status is None else 137
    stubborn = End(end.do, end.state, status, end.reason)
    check(Agent(world, "one", tmp_path, before=STUBBORN), stubborn, observed=observed)


@pytest.mark.parametrize("how", some_slow(LEAVINGS, ("daemon", "stubborn")))
def test_what_an_agent_leaves_behind_is_ended_with_it(
    world: World, tmp_path: Path, how: str, observed: bool
) -> None:
    agent = Agent(world, "one", tmp_path)
    child = agent.leave_behind(how)
    assert child in carriers("MC_RUN", agent.run)
    check(agent, End(tell("exit 0"), "completed", 0, NO_CHANGES), observed=observed)
    assert gone(child)


def test_what_a_killed_launcher_cannot_end_is_ended_by_whoever_settles(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path, before=STUBBORN)
    children = [agent.leave_behind(how) for how in LEAVINGS.values()]
    without_observer(world)
    os.kill(agent.launcher, signal.SIGKILL)
    assert gone(agent.launcher)
    world.mc("jobs").ok()
    assert all_gone([agent.pid, *children])
    assert nothing_left(agent.run)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 4], ids=["in a row", "four at a time"])
def test_forty_agents_that_exit_at_once_are_all_known_by_their_status(
    world: World, threads: int
) -> None:
    expected = {f"n{number:02}": number % 4 for number in range(40)}
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda name: world.sh(name, f"exit {expected[name]}"), expected))
    for name in expected:
        closed(world, name)
    jobs = world.mc("jobs", "--json").ok().json["jobs"]
    assert {job["name"]: job["exit_status"] for job in jobs} == expected
    assert {job["name"] for job in jobs if job["state"] == "completed"} == {
        name for name, status in expected.items() if status == 0
    }


@pytest.mark.slow
def test_that_nothing_was_done_is_said_of_those_who_did_nothing(world: World) -> None:
    commit = "git commit --quiet --allow-empty -m it"
    scripts = {
        "idle": ":",
        "tidy": ": >new; rm new",
        "undone": f"{commit}; git reset --quiet --hard @~",
        "empty": commit,
        "left": ": >new",
        "fails": "exit 1",
        "detached": f"git checkout --quiet --detach; {commit}",
        "elsewhere": f"git switch --quiet -c other; {commit}",
    }
    for name, script in scripts.items():
        world.sh(name, script)
    world.wait(*scripts, states=["completed", "failed"])
    for name in scripts:
        closed(world, name)
    said = {name: world.job(name).get("reason") for name in scripts}
    idle = {"idle", "tidy", "undone"}
    assert {name for name in scripts if said[name] == NO_CHANGES} == idle
    lines = world.mc("jobs").ok().stdout.splitlines()
    assert {line.split()[0] for line in lines if line.endswith(NO_CHANGES)} == idle
    assert f"exit status 0 ({NO_CHANGES})" in world.mc("status", "idle").ok().stdout
    nexts = world.mc().ok().stdout
    assert "next: git mc status idle\n" in nexts
    assert "merge idle" not in nexts


def test_an_agent_that_ends_before_its_launch_is_recorded_is_known_by_its_status(
    world: World, tmp_path: Path
) -> None:
    path, said, line = tmux_that_waits(tmp_path, after=True)
    launch = world.start("launch", "one", "--", "/bin/sh", "-c", "exit 7", PATH=path)
    assert said.read() == "here"
    new = world.root / "events/new"
    until(lambda: any(new.glob("*.exit.launcher.7")), new)
    assert world.mc("jobs", "--json").ok().json["jobs"][0]["state"] == "queued"
    world.tmux("kill-server")  # Nobody else can tell the status now.
    line.write("go on")
    launch.communicate(timeout=PATIENCE)
    assert launch.returncode == 0
    job = closed(world, "one")
    assert (job.state, job.exit_status) == ("failed", 7)


def test_five_agents_that_exit_at_once_are_known_with_no_observer(world: World) -> None:
    expected = {f"n{number}": number % 3 for number in range(5)}
    for name, status in expected.items():
        world.sh(name, f"exit {status}")
    without_observer(world)
    launchers = [job.run.launcher for job in world.mission.store.jobs()[0] if job.run]
    assert all_gone([launcher.pid for launcher in launchers if launcher])
    jobs = world.mc("jobs", "--json").ok().json["jobs"]
    assert {job["name"]: job["exit_status"] for job in jobs} == expected


@pytest.mark.parametrize(
    ("before", "options", "status"),
    [(":", [], 143), (STUBBORN, [], 137), (":", ["--force"], None)],
    ids=["asked", "stubborn", "forced"],
)
def test_kill_stops_the_job_and_everything_below_it(
    world: World, tmp_path: Path, before: str, options: list[str], status: int | None
) -> None:
    agent = Agent(world, "one", tmp_path, before=before)
    child = agent.leave_behind(LEAVINGS["daemon"])
    killed = world.mc("kill", "one", "--json", *options).ok().json["jobs"]
    assert [(job["state"], job["reason"]) for job in killed] == [
        ("stopped", "killed by git mc kill")
    ]
    assert world.job("one")["exit_status"] == status
    assert all_gone([agent.pid, agent.launcher, child])
    assert nothing_left(agent.run)
    assert Path(killed[0]["worktree"]).is_dir()
    assert world.repo.head("mc/one") == world.repo.head()


def test_kill_takes_a_pattern_and_ends_those_that_run(world: World, tmp_path: Path) -> None:
    world.sh("a-done", "exit 0")
    world.wait("a-done").ok()
    first, second = Agent(world, "a-one", tmp_path), Agent(world, "a-two", tmp_path)
    other = Agent(world, "b", tmp_path)
    world.mc("kill", "a-*", "--dry-run").ok()
    assert [world.state(name) for name in ("a-one", "a-two")] == ["running", "running"]
    world.mc("kill", "a-*", "--force").ok()
    assert [world.state(n) for n in ("a-done", "a-one", "a-two", "b")] == [
        "completed", "stopped", "stopped", "running"
    ]  # fmt: skip
    assert all_gone([first.pid, second.pid])
    assert other.do(":") == 0


def test_kill_refuses_a_job_that_is_over_and_one_that_is_not_there(world: World) -> None:
    world.sh("one", "exit 3")
    world.wait("one")
    world.mc("kill", "one").refused(1, "'one' is not running", "failed")
    world.mc("kill", "on").refused(1, "there is no job called 'on'", "did you mean one?")
    assert world.job("one")["exit_status"] == 3


def test_a_job_that_reported_its_work_done_stays_completed_when_it_is_killed(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    assert agent.do(f"{GIT_MC} report completed all done") == 0
    world.wait("one").ok()
    assert agent.do(":") == 0
    world.mc("merge", "one").refused(1, "still runs")
    world.mc("cleanup", "one").refused(1, "still running")
    world.mc("kill", "one").ok()
    job = world.job("one")
    assert (job["state"], job["report"]["message"]) == ("completed", "all done")
    assert gone(agent.pid)
    assert nothing_left(agent.run)


def test_a_job_that_reported_its_work_done_and_then_fails_has_failed(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    assert agent.do(f"{GIT_MC} report completed") == 0
    stored(world, "one", lambda job: job.state == "completed")
    agent.tell("exit 5")
    closed(world, "one")
    stored(world, "one", lambda job: job.run is not None and job.run.phase is Phase.CLOSED)
    assert (world.state("one"), world.job("one")["exit_status"]) == ("failed", 5)


def test_a_late_marker_of_an_earlier_run_is_journalled_and_changes_nothing(
    world: World, tmp_path: Path
) -> None:
    world.sh("one", "exit 0")
    world.wait("one").ok()
    first = world.mission.job("one").run
    assert first is not None
    world.mc("cleanup", "one", "--delete-branch").ok()
    agent = Agent(world, "one", tmp_path)
    assert agent.run != first.id
    without_observer(world)
    for value in ("exit.launcher.9", "died.tmux.9", "start.launcher.1-1-1", "report.cli.1-1"):
        (world.root / "events/new" / f"{first.id}.{value}").touch()
    assert world.mc("jobs", "--json").ok().json["jobs"][0]["state"] == "running"
    dropped = [e for _, e in world.mission.store.journal.entries() if e["event"] == "dropped"]
    assert {entry["marker"] for entry in dropped} >= {
        f"{first.id}.exit.launcher.9", f"{first.id}.died.tmux.9", f"{first.id}.start.launcher.1-1-1"
    }  # fmt: skip
    assert list((world.root / "events/new").iterdir()) == []
    assert agent.do(":") == 0
    assert agent.job.run is not None
    assert agent.job.run.launcher is not None
    assert agent.job.run.launcher.pid != 1


def test_a_marker_that_comes_after_the_end_changes_nothing(world: World) -> None:
    world.sh("one", "exit 4")
    job = closed(world, "one")
    assert job.run is not None
    without_observer(world)
    before = world.mission.store.job_path("one").read_bytes()
    for value in (
        "exit.launcher.0",
        "died.tmux.0",
        "exit.launcher.137-sig9",
        "start.launcher.1-2-3",
    ):
        (world.root / "events/new" / f"{job.run.id}.{value}").touch()
    world.mc("jobs").ok()
    assert world.mission.store.job_path("one").read_bytes() == before
    assert list((world.root / "events/new").iterdir()) == []


JUNK = {
    "no marker": "hello world.txt",
    "hidden": ".swp",
    "bad status": "{run}.exit.launcher.256",
    "no status": "{run}.exit.launcher.",
    "bad kind": "{run}.ended.launcher.0",
    "newline": "{run}.exit.launcher.0\n",
    "not text": "{run}.exit.launcher.\udcff",
    "shell": "$(touch canary).exit.launcher.0",
}


@pytest.mark.parametrize("folder", [False, True], ids=["files", "folders"])
def test_junk_among_the_markers_is_put_aside_and_changes_nothing(
    world: World, tmp_path: Path, folder: bool
) -> None:
    agent = Agent(world, "one", tmp_path)
    without_observer(world)
    junk = [name.replace("{run}", agent.run) for name in JUNK.values()]
    for name in junk:
        path = world.root / "events/new" / name
        path.mkdir() if folder else path.write_bytes(b"\xff junk \0")
    assert world.mc("jobs", "--json").ok().json["jobs"][0]["state"] == "running"
    assert list((world.root / "events/new").iterdir()) == []
    assert {path.name for path in (world.root / "events/bad").iterdir()} == set(junk)
    world.mc("jobs").ok()
    assert agent.do(":") == 0


def test_a_report_that_cannot_be_read_is_put_aside_and_journalled(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    without_observer(world)
    name = f"{agent.run}.report.cli.1-1"
    (world.root / "events/new" / name).write_bytes(b"\xff\0 = = torn")
    job = world.mc("jobs", "--json").ok().json["jobs"][0]
    assert job["state"] == "running"
    assert "report" not in job
    assert [path.name for path in (world.root / "events/bad").iterdir()] == [name]
    events = [e for _, e in world.mission.store.journal.entries() if e["event"] == "unreadable"]
    assert [entry["marker"] for entry in events] == [name]


def test_a_folder_with_the_name_of_a_marker_stops_nothing(world: World, tmp_path: Path) -> None:
    agent = Agent(world, "one", tmp_path)
    without_observer(world)
    (world.root / "events/new" / "0123456789ab.died.tmux.0").mkdir()
    world.mc("jobs").ok()
    agent.tell("exit 6")
    assert gone(agent.launcher)
    assert world.mc("jobs", "--json").ok().json["jobs"][0]["exit_status"] == 6


def test_a_finished_pane_that_is_respawned_does_not_run_the_agent_again(
    world: World, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    world.sh("one", f"echo ran >> {shlex.quote(str(runs))}; exit 3")
    closed(world, "one")
    pane = world.job("one")["tmux"]["pane"]
    world.tmux("respawn-pane", "-k", "-t", pane)
    assert gone(int(world.tmux("display-message", "-p", "-t", pane, "#{pane_pid}")))
    job = world.job("one")
    assert (job["state"], job["exit_status"]) == ("failed", 3)
    assert runs.read_text() == "ran\n"


def test_a_pane_that_is_respawned_under_a_running_agent_ends_the_job(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    world.tmux("respawn-pane", "-k", "-t", agent.pane)
    closed(world, "one")
    job = world.job("one")
    assert (job["state"], job["exit_status"], job["reason"]) == ("failed", 129, CLOSED)
    assert gone(agent.pid)


REPORTS = {
    "working": "working",
    "progress": "working",
    "blocked": "waiting",
    "needs_review": "waiting",
}


def test_what_an_agent_reports_reaches_the_job(world: World, tmp_path: Path) -> None:
    agent = Agent(world, "one", tmp_path)
    without_observer(world)
    for percent, (status, activity) in enumerate(REPORTS.items()):
        words = f"{GIT_MC} report {status} --progress {percent} 'so it is: $HOME' \"two\""
        assert agent.do(words) == 0
        job = world.job("one")
        assert job["state"] == "running"
        assert job["activity"]["state"] == activity
        assert job["activity"]["source"] == "report"
        report = job["report"]
        assert (report["status"], report["message"]) == (status, "so it is: $HOME two")
        assert report["progress"] == percent
    assert agent.do(f"{GIT_MC} report completed") == 0
    job = world.job("one")
    assert (job["state"], job["report"]["status"]) == ("completed", "completed")
    assert job["report"]["progress"] == 3
    assert job["reason"] == "reported by the agent"
    assert "activity" not in job


def test_a_report_is_seen_by_the_observer_at_once(world: World, tmp_path: Path) -> None:
    agent = Agent(world, "one", tmp_path)
    assert agent.do(f"{GIT_MC} report blocked 'which port?'") == 0
    job = stored(world, "one", lambda job: job.report is not None)
    assert job.report is not None
    assert job.report.message == "which port?"
    assert "git mc attach one" in world.mc().ok().stdout


def test_a_report_from_the_worktree_needs_nothing_of_the_environment(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    without_observer(world)
    bare = "env -u MC_RUN -u MC_DIR -u MC_JOB -u MC_PROMPT_FILE"
    assert agent.do(f"mkdir deep && cd deep && {bare} {GIT_MC} report working 'from below'") == 0
    assert world.job("one")["report"]["message"] == "from below"
    world.mc("report", "blocked", "by hand", cwd=world.worktree("one")).ok()
    assert world.job("one")["report"]["message"] == "by hand"


def test_a_report_outside_a_job_is_refused(world: World, tmp_path: Path, repo: Repo) -> None:
    world.mc("report", "working", "hello").refused(1, "not inside a job")
    world.mc("report", "working", "hello", cwd=tmp_path).refused(1, "not inside a job")
    repo.git("worktree", "add", "-q", str(tmp_path / "own"), "-b", "own")
    world.mc("report", "working", cwd=tmp_path / "own").refused(1, "not inside a job")
    away = {"MC_RUN": "0123456789ab", "MC_DIR": str(tmp_path)}
    world.mc("report", "working", cwd=tmp_path, **away).refused(1, "not inside a job")
    world.mc("report", "sleeping", "hello").refused(129, "sleeping")


def test_an_agent_is_ended_when_its_time_is_over(world: World) -> None:
    world.sh("one", "exec sleep 1000", "--timeout", "0.3")
    world.wait("one", states=["stopped"]).ok()
    assert world.job("one")["reason"] == "its time of 0.3 s was over"
