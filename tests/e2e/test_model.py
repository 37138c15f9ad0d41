"""Random commands, ends and kills; after each of them nothing is lost, and all is as it is said.

A hypothesis state machine drives a real repository, a real tmux server and real agents. The agents
are shells that do what they are told; every commit and every file that they leave uncommitted holds
a word of its own, which is looked for afterwards wherever work may be.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gitmc.events.bell import Bell
from gitmc.model.job import FINAL, TRANSITIONS, WAYS_OUT, Job, State
from gitmc.tmux.process import is_alive
from tests.support.agents import Agent, make_repo
from tests.support.events import carriers, gone
from tests.support.world import PATIENCE, Ran, World

NAMES = ("one", "two", "three")
names = st.sampled_from(NAMES)
which = st.integers(0, 2)
"""Drawn without a look at the world, which is not the same twice."""

OVER = frozenset(State) - {State.QUEUED, State.RUNNING, State.MERGING}


class Jobs(RuleBasedStateMachine):
    """A repository with up to three jobs, and the words that must never be lost."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="mc-model-"))
        self.words = 0
        self.kept: dict[str, str] = {}
        """Every word that an agent wrote, and the blob that holds it."""
        self.agents: dict[str, Agent] = {}

    @initialize()
    def begin(self) -> None:
        repo = make_repo(self.root / "repo")
        socket = self.root / "s"
        os.environ["GIT_MC_TMUX_SOCKET"] = str(socket)
        os.environ["XDG_DATA_HOME"] = str(self.root / "data")
        self.world = World(repo, socket)
        for name in NAMES[:2]:
            self.launch_agent(name)
            self.write(name, commit=True)
            self.write(name, commit=False)

    # What people and agents do.

    @rule(name=names)
    def launch(self, name: str) -> None:
        if self.world.mission.store.job(name) is None:
            self.launch_agent(name)
        else:
            self.world.mc("launch", name, "--", "true").refused(1)

    @rule(which=which, commit=st.booleans())
    def work(self, which: int, commit: bool) -> None:
        name = self.at_work(which)
        if name is not None:
            self.write(name, commit=commit)

    def write(self, name: str, *, commit: bool) -> None:
        """Have the agent write a word of its own, and commit it or not."""
        self.words += 1
        word = f"word-{self.words}"
        agent = self.agents[name]
        path = f"{name}-{word}"
        assert agent.do(f"echo {word} >{path}") == 0
        if commit:
            assert agent.do(f"git add {path} && git commit -qm {word}") == 0
        blob = self.world.repo.git("hash-object", "-w", "--stdin", stdin=f"{word}\n")
        self.kept[path] = blob

    @rule(which=which, status=st.sampled_from([0, 3]))
    def end(self, which: int, status: int) -> None:
        name = self.at_work(which)
        if name is not None:
            self.agents[name].tell(f"exit {status}")
            assert gone(self.agents[name].pid)

    @rule(which=which, whom=st.sampled_from(["agent", "launcher"]))
    def kill_process(self, which: int, whom: str) -> None:
        name = self.at_work(which)
        if name is None:
            return
        agent = self.agents[name]
        pid = agent.pid if whom == "agent" else agent.launcher
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)

    @rule()
    def kill_observer(self) -> None:
        self.world.end_observer()

    @rule()
    def kill_server(self) -> None:
        asked = ["tmux", "-S", str(self.world.socket), "display-message", "-p", "#{pid}"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            os.kill(int(done.stdout), signal.SIGKILL)
            for agent in self.agents.values():
                assert gone(agent.pid)

    @rule(words=st.sampled_from(["kill", "merge", "cleanup", "restore"]), name=names)
    def command(self, words: str, name: str) -> None:
        self.run(words, name)

    @rule(name=names)
    def relaunch(self, name: str) -> None:
        if self.run("relaunch", name).status == 0:
            self.agents[name].again()

    @rule(name=names, delete=st.booleans())
    def cleanup_by_force(self, name: str, delete: bool) -> None:
        self.run("cleanup", name, "--force", *(["--delete-branch"] if delete else []))

    @rule()
    def resurrect(self) -> None:
        for name in self.run("resurrect", "--spacing", "0", "--json").json["relaunched"]:
            self.agents[name].again()

    @rule(
        words=st.sampled_from(
            [
                *(["merge"], ["kill"], ["restore"], ["relaunch"]),
                ["cleanup", "--force", "--delete-branch"],
            ]
        ),
        name=names,
        events=st.integers(1, 6),
    )
    def killed_command(self, words: list[str], name: str, events: int) -> None:
        """Some command, killed outright once it has changed so many things."""
        mission = self.world.mission
        mission.store.make()
        process = self.world.start(words[0], name, *words[1:])
        folders = [mission.store.root, mission.store.jobs_dir, mission.store.root / "run"]
        with Bell(folders, changes=True) as bell:
            bell.watch([process.pid])
            for _ in range(events):
                if process.poll() is None:
                    bell.wait(PATIENCE)
        process.kill()
        process.communicate(timeout=PATIENCE)

    # What must hold whatever they did.

    @invariant()
    @precondition(lambda self: hasattr(self, "world"))
    def nothing_is_lost(self) -> None:
        listed = self.world.repo.git("rev-list", "--all", "--objects", "--no-object-names")
        reachable = set(listed.split())
        folders = [tree for tree in self.worktrees() if tree.is_dir()]
        for path, blob in self.kept.items():
            there = any((folder / path).exists() for folder in folders)
            assert there or blob in reachable, f"{path} is nowhere"

    @invariant()
    @precondition(lambda self: hasattr(self, "world"))
    def what_is_stored_is_so(self) -> None:
        self.world.mc("jobs").ok()
        jobs, faults = self.world.mission.store.jobs()
        assert not faults
        for job in jobs:
            if job.state is State.RUNNING:
                assert job.run is not None
                assert job.run.launcher is not None
                launcher = job.run.launcher
                alive = is_alive(launcher.pid, launcher.start, launcher.boot)
                assert alive, f"{job.name} is not running"
                assert job.run.id in self.panes(), f"{job.name} has no terminal"
            elif job.settled and job.run is not None:
                assert carriers("MC_RUN", job.run.id) == []
            folder = Path(job.worktree)
            assert not folder.exists() or folder in self.worktrees(), f"{folder} is no worktree"
            if job.state is State.MERGED:
                assert job.landed is not None
                landed = (job.landed.commit, job.landed.target)
                self.world.repo.git("merge-base", "--is-ancestor", *landed)

    @invariant()
    @precondition(lambda self: hasattr(self, "world"))
    def no_move_is_illegal(self) -> None:
        for _, entry in self.world.mission.store.journal.entries():
            if entry["event"] == "transition" and "from" in entry:
                assert State(entry["to"]) in TRANSITIONS[State(entry["from"])], entry

    @invariant()
    @precondition(lambda self: hasattr(self, "world"))
    def every_state_names_a_way_on(self) -> None:
        for job in self.jobs():
            ran = self.world.mc("status", job.name).ok()
            state = State(
                ran.stdout.partition(": ")[2].partition("\n")[0].split(",")[0].split(" ")[0]
            )
            if state not in FINAL:
                assert f"git mc {WAYS_OUT[state][0]} {job.name}" in ran.stdout

    # How they are asked.

    def run(self, verb: str, *words: str) -> Ran:
        """Run the command: it does what it says, or it says no; it never breaks."""
        ran = self.world.mc(verb, *words)
        assert ran.status in (0, 1, 3), f"{verb} {words}: exit {ran.status}\n{ran.stderr}"
        assert "Traceback" not in ran.stderr
        assert ran.status == 0 or ran.stderr.startswith(("error: ", "warning: "))
        return ran

    def jobs(self) -> list[Job]:
        return self.world.mission.store.jobs()[0]

    def launch_agent(self, name: str) -> None:
        folder = Path(tempfile.mkdtemp(dir=self.root))
        self.agents[name] = Agent(self.world, name, folder, options=["--reuse"])

    def at_work(self, which: int) -> str | None:
        """One of the jobs whose agent takes orders, if there is any."""
        found = [name for name in NAMES if self.works(name)]
        return found[which % len(found)] if found else None

    def works(self, name: str) -> bool:
        """Whether the job's agent is the shell that this test holds, and takes orders."""
        job = self.world.mission.store.job(name)
        agent = self.agents.get(name)
        if job is None or agent is None or job.state is not State.RUNNING or job.run is None:
            return False
        return str(agent.pid) in map(str, carriers("MC_RUN", job.run.id))

    def panes(self) -> list[str]:
        """The runs whose panes tmux has."""
        asked = ["tmux", "-S", str(self.world.socket), "list-panes", "-a", "-F", "#{@mc_run}"]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()

    def worktrees(self) -> list[Path]:
        listed = self.world.repo.git("worktree", "list", "--porcelain", "-z").split("\0")
        return [Path(line[9:]) for line in listed if line.startswith("worktree ")]

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.leave_by_the_commands_that_are_named()
            self.nothing_is_lost()
        finally:
            self.world.close()
            shutil.rmtree(self.root, ignore_errors=True)

    def leave_by_the_commands_that_are_named(self) -> None:
        """From wherever it came to, every job can be brought to an end."""
        for job in self.jobs():
            if job.state in (State.RUNNING, State.QUEUED) or job.live:
                self.world.mc("kill", job.name).ok()
        for job in self.jobs():
            assert job.state in OVER, f"{job.name} is {job.state}"
            self.world.mc("cleanup", job.name, "--force").ok()
        assert self.jobs() == []


@pytest.mark.slow
def test_random_commands_ends_and_kills_lose_nothing(
    seal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each example sets these anew; they are put back when the test is over.
    monkeypatch.setenv("GIT_MC_TMUX_SOCKET", "")
    monkeypatch.setenv("XDG_DATA_HOME", "")
    run_state_machine_as_test(
        Jobs,
        settings=settings(
            max_examples=int(os.environ.get("GIT_MC_TEST_EXAMPLES", "10")),
            stateful_step_count=18,
            # What a machine does is not the same twice, so there is nothing to shrink.
            phases=[Phase.generate],
            report_multiple_bugs=False,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
