"""The radar: what would conflict is known before anybody asks, and told whoever asks."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gitmc.model.job import Job, Landed, State
from gitmc.store.lock import holder_pid
from tests.support.agents import Agent, Pipe
from tests.support.events import gone, until
from tests.support.mounts import can_mount
from tests.support.world import PATIENCE, World

pytestmark = pytest.mark.slow

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
README, OTHER = {"README.md": "changed by {}\n"}, {"file of {}": "x\n"}


def work(world: World, name: str, files: dict[str, str], state: State = State.COMPLETED) -> None:
    """A job as it is stored when it is over, with a branch of one commit."""
    repo, store = world.repo, world.mission.store
    base = repo.head()
    repo.git("checkout", "--quiet", "-b", f"mc/{name}")
    repo.commit({path.format(name): text.format(name) for path, text in files.items()}, name)
    repo.git("checkout", "--quiet", "main")
    place = str(repo.path / "none")
    job = Job(name, state, "command", f"mc/{name}", "main", base, place, "session", T0)
    if state is State.MERGED:
        job = job._replace(landed=Landed("main", base, base))
    store.make()
    with store.locked() as held:
        store.save(held, job)


def kept(world: World) -> dict[str, Any]:
    """What is kept of the answers; empty where nothing is."""
    try:
        text = world.mission.store.radar_path.read_text()
    except FileNotFoundError:
        return {"seen": {}, "answers": [], "commits": []}
    found: dict[str, Any] = json.loads(text.partition("\n")[2])
    return found


def conflicts(world: World) -> set[frozenset[str]]:
    """The pairs of commits of which it is kept that they conflict."""
    found = kept(world)
    commits = found["commits"]
    return {
        frozenset((commits[first], commits[second]))
        for first, second, clashes, _ in found["answers"]
        if clashes
    }


def all_seen(world: World) -> bool:
    """Whether all is kept about the branches as they are."""
    heads = {ref: world.repo.head(ref) for ref in kept(world)["seen"]}
    return bool(heads) and heads == kept(world)["seen"]


def pairs(world: World, *words: str) -> list[list[str]]:
    """The pairs of jobs that conflict, as they are told."""
    return [found["jobs"] for found in world.mc("conflicts", "--json", *words).ok().json["pairs"]]


def commit(agent: Agent, file: str) -> str:
    """Have the agent commit a change of `file`; its head then."""
    assert agent.do(f"echo {agent.name} >>{file}; git add {file}; git commit -qm more") == 0
    return agent.world.repo.head(f"mc/{agent.name}")


class Pilots:
    """Two agents at work, and an observer that no tick wakes."""

    def __init__(self, world: World, folder: Path) -> None:
        world.repo.git("config", "mc.pollInterval", "1000")
        self.world = world
        self.one, self.two = (Agent(world, name, folder) for name in ("one", "two"))
        watching = world.start("watch")
        world.later(watching.terminate)
        world.later(watching.communicate)
        lines = {watching.stdout.readline() for _ in range(2)} if watching.stdout else set()
        assert lines == {b"one: running\n", b"two: running\n"}

    def seen(self, *heads: str) -> None:
        """Wait until it is kept that two commits conflict."""
        until(lambda: frozenset(heads) in conflicts(self.world), self.world.root)


@pytest.fixture
def pilots(world: World, tmp_path: Path) -> Pilots:
    return Pilots(world, tmp_path)


def test_a_second_commit_that_conflicts_is_found_out_about_unasked(pilots: Pilots) -> None:
    world = pilots.world
    first = commit(pilots.one, "README.md")
    commit(pilots.two, "elsewhere")
    until(lambda: all_seen(world), world.root)
    assert conflicts(world) == set()
    second = commit(pilots.two, "README.md")
    pilots.seen(first, second)
    shown = world.mc("overview").ok().stdout
    assert "conflicts:\none × two: README.md (content)\n\n" in shown  # noqa: RUF001
    assert "next: git mc diff one" in shown


def test_a_base_that_moves_and_branches_that_are_packed_are_noticed(pilots: Pilots) -> None:
    world = pilots.world
    first = commit(pilots.one, "README.md")
    until(lambda: all_seen(world), world.root)
    world.repo.git("pack-refs", "--all")
    assert not (world.repo.path / ".git/refs/heads/mc").exists()
    base = world.repo.commit({"README.md": "changed\n"})
    pilots.seen(first, base)
    second = commit(pilots.two, "README.md")
    pilots.seen(first, second)
    world.repo.git("pack-refs", "--all")
    third = commit(pilots.two, "README.md")
    pilots.seen(first, third)
    told = world.mc("conflicts", "two", "--json").ok().json
    assert [found["target"] for found in told["base"]] == ["main"]


def test_a_sweep_that_is_killed_is_started_again(pilots: Pilots, tmp_path: Path) -> None:
    world = pilots.world
    said, line = Pipe(tmp_path / "said"), Pipe(tmp_path / "line")
    world.repo.git("config", "merge.slow.driver", f"echo here >{said}; read -r _ <{line}; exit 1")
    (world.repo.path / ".gitattributes").write_text("README.md merge=slow\n")
    first = commit(pilots.one, "README.md")
    second = commit(pilots.two, "README.md")
    assert said.read() == "here"
    sweep = holder_pid(world.mission.store.radar_lock)
    assert sweep is not None
    os.kill(sweep, signal.SIGKILL)
    assert said.read() == "here"
    assert holder_pid(world.mission.store.radar_lock) != sweep
    line.write("go")
    line.write("go")
    pilots.seen(first, second)
    assert gone(sweep)


def test_one_that_moves_during_a_sweep_is_looked_at_too(pilots: Pilots, tmp_path: Path) -> None:
    world = pilots.world
    said, line = Pipe(tmp_path / "said"), Pipe(tmp_path / "line")
    driver = f"echo here >{said}; read -r _ <{line}; exit 1"
    world.repo.git("config", "merge.slow.driver", driver)
    (world.repo.path / ".gitattributes").write_text("README.md merge=slow\n")
    first = commit(pilots.one, "README.md")
    commit(pilots.two, "README.md")
    assert said.read() == "here"
    second = commit(pilots.two, "README.md")
    line.write("go")
    assert said.read() == "here"
    line.write("go")
    pilots.seen(first, second)
    until(lambda: all_seen(world), world.root)


def test_an_observer_of_jobs_that_are_over_still_ends(world: World) -> None:
    work(world, "one", README)
    work(world, "two", README)
    watching = world.start("watch", "--background", "--linger", "0.2")
    watching.communicate(timeout=PATIENCE)
    assert watching.returncode == 0
    until(lambda: len(conflicts(world)) == 1, world.root)


def test_who_is_at_it_already_is_left_to_it(world: World) -> None:
    work(world, "one", README)
    work(world, "two", README)
    lock = world.mission.store.radar_lock
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        world.mc("watch", "--sweep").ok()
        assert pairs(world) == [["one", "two"]], "who asks waits for nobody"
        assert not world.mission.store.radar_path.exists()
    world.mc("watch", "--sweep").ok()
    assert all_seen(world)


def test_each_job_is_compared_with_its_base_and_with_each_other(world: World) -> None:
    work(world, "one", {**README, "both": "{}\n"})
    work(world, "two", README)
    work(world, "three", {"both": "{}\n"})
    work(world, "four", OTHER)
    work(world, "in", README, State.MERGED)
    world.repo.git("rm", "-q", "README.md")
    world.repo.commit({})
    shown = world.mc("conflicts").ok().stdout
    assert shown.splitlines() == [
        "one × main: README.md (modify/delete)",  # noqa: RUF001
        "two × main: README.md (modify/delete)",  # noqa: RUF001
        "one × three: both (add/add)",  # noqa: RUF001
        "one × two: README.md (content)",  # noqa: RUF001
    ]
    found = world.mc("conflicts", "--json").ok().json
    assert list(found) == ["schema", "jobs", "base", "pairs", "troubles"]
    assert (found["schema"], found["jobs"]) == ("mc.conflicts/1", ["four", "one", "three", "two"])
    file = {"path": "README.md", "kinds": ["modify/delete"]}
    assert found["base"][0] == {"job": "one", "target": "main", "files": [file]}
    assert found["pairs"][0]["files"] == [{"path": "both", "kinds": ["add/add"]}]
    assert found["troubles"] == []
    records = world.mc("conflicts", "tw", "--porcelain").ok().stdout
    assert records.splitlines() == [
        "two\tmain\tbase\tmodify/delete\tREADME.md",
        "one\ttwo\tjob\tcontent\tREADME.md",
    ]
    assert world.mc("conflicts", "th*", "-z").ok().stdout == "one\tthree\tjob\tadd/add\tboth\0"


def test_the_exit_code_tells_only_where_it_is_asked_to(world: World) -> None:
    assert world.mc("conflicts").ok().stdout == "no conflicts among 0 jobs\n"
    work(world, "one", README)
    assert world.mc("conflicts", "--exit-code").ok().stdout == "no conflicts among 1 job\n"
    work(world, "two", README)
    work(world, "three", OTHER)
    assert world.mc("conflicts").status == 0
    assert world.mc("conflicts", "--exit-code").status == 3
    assert world.mc("conflicts", "three", "--exit-code", "-q").ok().stdout == ""
    world.mc("conflicts", "nobody").refused(1, "there is no job called 'nobody'")


def test_a_job_without_commits_of_its_own_is_not_among_them(world: World) -> None:
    work(world, "one", README)
    work(world, "idle", {})
    world.repo.git("branch", "-f", "mc/idle", "main")
    work(world, "lost", README)
    world.repo.git("branch", "-D", "mc/lost")
    ran = world.mc("conflicts", "idle", "one", "lost", "--json").ok()
    assert ran.json["jobs"] == ["one"]
    assert "'idle' has no commits that are not on its base" in ran.stderr


def test_what_cannot_be_merged_is_trouble_of_that_pair_alone(world: World) -> None:
    work(world, "one", README)
    work(world, "two", README)
    world.repo.git("checkout", "-q", "--orphan", "else")
    alien = world.repo.commit({"README.md": "else\n"})
    world.repo.git("checkout", "-q", "main")
    work(world, "alien", OTHER)
    world.repo.git("branch", "-f", "mc/alien", alien)
    ran = world.mc("conflicts", "--json", "--exit-code")
    assert ran.status == 3
    assert [found["jobs"] for found in ran.json["pairs"]] == [["one", "two"]]
    troubles = ran.json["troubles"]
    assert {"job": "alien", "target": "main"}.items() <= troubles[0].items()
    assert [found["jobs"] for found in troubles[1:]] == [["alien", "one"], ["alien", "two"]]
    assert "no commit in common" in troubles[0]["message"]
    assert "warning: alien × main: the two branches" in ran.stderr  # noqa: RUF001
    assert world.mc("conflicts", "alien", "--exit-code").status == 1
    assert "Traceback" not in world.mc("overview").ok().stderr


def test_hostile_names_are_told_as_they_are_and_shown_harmless(world: World) -> None:
    odd = ["new\nline", 'quo"te', "\udcff\udcfe", "\x1b[31mred"]
    for name in ("one", "two"):
        work(world, name, dict.fromkeys(odd, name))
    files = world.mc("conflicts", "--json").ok().json["pairs"][0]["files"]
    assert sorted(file["path"] for file in files) == sorted(odd)
    shown = world.mc("conflicts").ok().stdout
    assert shown.count("\n") == 1
    assert "\x1b" not in shown
    records = world.mc("conflicts", "-z").ok().stdout.split("\0")[:-1]
    assert sorted(record.split("\t")[4] for record in records) == sorted(odd)


def test_many_files_are_shown_in_part(world: World) -> None:
    for name in ("one", "two"):
        work(world, name, {f"file{n}": name for n in range(20)})
    assert ", and 13 more\n" in world.mc("conflicts").ok().stdout
    assert world.mc("conflicts", "-v").ok().stdout.count("add/add") == 20


@pytest.mark.parametrize("junk", ["", "junk\n{}", "torn"])
def test_a_cache_that_is_torn_or_foreign_is_made_anew(world: World, junk: str) -> None:
    work(world, "one", README)
    work(world, "two", README)
    path = world.mission.store.radar_path
    assert pairs(world) == [["one", "two"]]
    whole = path.read_text()
    path.write_text(whole[:-3] if junk == "torn" else junk)
    assert pairs(world) == [["one", "two"]]
    assert path.read_text() == whole


def test_what_decides_a_merge_beside_the_commits_counts(world: World) -> None:
    work(world, "one", README)
    work(world, "two", README)
    assert pairs(world) == [["one", "two"]]
    (world.repo.path / ".gitattributes").write_text("README.md merge=union\n")
    assert pairs(world) == []
    (world.repo.path / ".gitattributes").unlink()
    (world.repo.path / ".git/info").mkdir(exist_ok=True)
    (world.repo.path / ".git/info/attributes").write_text("README.md merge=ours\n")
    world.repo.git("config", "merge.ours.driver", "true")
    assert pairs(world) == []
    world.repo.git("config", "merge.ours.driver", "false")
    assert pairs(world) == [["one", "two"]]


def test_a_branch_that_is_gone_leaves_nothing_behind(world: World) -> None:
    for name in ("one", "two", "three"):
        work(world, name, README)
    assert len(pairs(world)) == 3
    gone_head = world.repo.head("mc/three")
    world.repo.git("branch", "-D", "mc/three")
    world.repo.git("branch", "-f", "mc/two", "mc/one")
    work(world, "four", README)
    assert pairs(world) == [["four", "one"], ["four", "two"]]
    assert gone_head not in json.dumps(kept(world))


def test_the_merges_that_are_tried_leave_no_objects(world: World) -> None:
    work(world, "one", README)
    work(world, "two", README)
    before = world.repo.git("count-objects", "-v")
    assert pairs(world) == [["one", "two"]]
    assert world.repo.git("count-objects", "-v") == before


def imported(world: World, *words: str) -> set[str]:
    """The packages that a command imports."""
    argv = [sys.executable, "-X", "importtime", "-m", "gitmc", *words]
    done = subprocess.run(argv, cwd=world.repo.path, capture_output=True, text=True, check=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_the_overview_finds_out_a_little_and_then_knows_it(world: World) -> None:
    work(world, "one", README)
    work(world, "two", README)
    found = world.mc("overview", "--json").ok().json["conflicts"]
    assert [found["pairs"][0]["jobs"], found["complete"]] == [["one", "two"], True]
    assert not imported(world, "overview") & {"pygit2", "watchdog", "filelock"}
    world.repo.commit({"README.md": "changed\n"})
    shown = world.mc().ok().stdout
    assert "next: git mc diff two" in shown
    assert shown.partition("conflicts:\n")[2].splitlines()[:3] == [
        "one × main: README.md (content)",  # noqa: RUF001
        "two × main: README.md (content)",  # noqa: RUF001
        "one × two: README.md (content)",  # noqa: RUF001
    ]


def test_the_overview_leaves_much_to_others_and_says_so(world: World) -> None:
    for number in range(10):
        work(world, f"job{number}", README)
    ran = world.mc("overview").ok()
    assert "conflicts:\nnot all pairs have been looked at: git mc conflicts\n" in ran.stdout
    assert not world.mission.store.radar_path.exists()
    assert len(pairs(world, "job0")) == 9
    shown = world.mc("overview").ok().stdout
    assert "conflicts, 5 of 45:" in shown, "what is left was little enough"
    assert "all of them: git mc conflicts" in shown
    assert len(pairs(world)) == 45


@can_mount
def test_a_repository_that_cannot_be_written_is_looked_at_all_the_same(world: World) -> None:
    work(world, "one", README)
    work(world, "two", README)
    top = world.repo.path
    script = (
        'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && cd "$1" && exec "$2" -m gitmc'
    )
    for words in ("conflicts", "overview"):
        argv = ["unshare", "-m", "sh", "-c", f"{script} {words}", "sh", str(top), sys.executable]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=PATIENCE)
        assert (done.returncode, done.stderr) == (0, "")
        assert "one × two: README.md (content)" in done.stdout  # noqa: RUF001
    assert not world.mission.store.radar_path.exists()
