"""Plans as people run them: graphs, modes, troubles and answers, with scripted agents."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitmc.git import refs
from gitmc.model.plan import FINAL, WAYS_OUT, PlanState
from gitmc.store.plans import Plans
from tests.support.agents import Pipe
from tests.support.events import until
from tests.support.world import PATIENCE, Ran, World


def works(name: str, file: str | None = None, content: str | None = None) -> str:
    """A script that commits a file, or finds that it has done so before."""
    file = file or f"{name}.txt"
    commit = f"{{ git diff --cached --quiet || git commit -qm {name}; }}"
    folder = str(Path(file).parent)
    return f"mkdir -p {folder} && echo {content or name} >{file} && git add -A && {commit}"


def job(name: str, script: str, *after: str, **more: Any) -> str:
    """A job of a plan, as TOML."""
    rows = ["[[job]]", f"name = {json.dumps(name)}", f"depends_on = {json.dumps(list(after))}"]
    rows.append(f"command = {json.dumps(['/bin/sh', '-c', script])}")
    return "\n".join([*rows, *(f"{key} = {json.dumps(value)}" for key, value in more.items())])


def plan(*jobs: str, **keys: Any) -> str:
    """A plan, as TOML."""
    about = {"name": "demo", "test": "", **keys}
    return "\n".join([*(f"{key} = {json.dumps(value)}" for key, value in about.items()), *jobs])


def start(world: World, text: str, *options: str) -> Ran:
    return world.mc("plan", "start", "-", *options, stdin=text).ok()


def wait(world: World, *name: str) -> dict[str, Any]:
    """The plan once it has ended or waits for somebody."""
    done = world.mc("plan", "wait", *name, "--json", "--timeout", str(PATIENCE))
    assert done.stdout, done.stderr
    found: dict[str, Any] = done.json
    assert (done.status == 0) == (found["state"] == "completed")
    return found


def states(found: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["state"] for one in found["jobs"]}


def landed(world: World, branch: str = "mc/integration/demo") -> set[str]:
    return set(world.repo.files(branch)) - {"README.md"}


def test_dependents_start_from_what_they_depend_on_and_it_ends_with_how_to_land_it(
    world: World,
) -> None:
    head = world.repo.head()
    start(
        world,
        plan(
            job("c", f"test -f a.txt && test -f b.txt && {works('c')}", "a", "b"),
            job("a", works("a")),
            job("b", works("b")),
        ),
    )
    found = wait(world)
    assert found["state"] == "completed", found
    assert set(states(found).values()) == {"merged"}
    assert landed(world) == {"a.txt", "b.txt", "c.txt"}
    assert world.repo.head() == head
    assert found["land_with"] == "git mc merge-train mc/integration/demo --into main"
    assert all(one["merged_at"] for one in found["jobs"])
    assert found["train"]["state"] == "done"


@pytest.mark.slow
def test_a_job_that_changes_nothing_lands_and_holds_up_nobody(world: World) -> None:
    start(world, plan(job("a", "true"), job("b", works("b"), "a")))
    assert wait(world)["state"] == "completed"
    assert landed(world) == {"b.txt"}


def test_what_fails_blocks_only_what_depends_on_it_and_says_so(world: World) -> None:
    start(
        world,
        plan(
            job("bad", "exit 3"),
            job("child", works("child"), "bad"),
            job("grandchild", works("grandchild"), "child"),
            job("good", works("good")),
            job("other", works("other"), "good"),
        ),
    )
    found = wait(world)
    assert found["state"] == "paused"
    assert states(found) == {
        "bad": "failed", "child": "blocked", "grandchild": "blocked", "good": "merged",
        "other": "merged",
    }  # fmt: skip
    by_name = {one["name"]: one for one in found["jobs"]}
    assert by_name["child"]["blocked_by"] == ["bad"]
    assert by_name["grandchild"]["blocked_by"] == ["child"]
    assert found["checkpoint"]["type"] == "on_error"
    assert found["checkpoint"]["job"] == "bad"
    assert "exit status 3" in found["checkpoint"]["reason"]
    assert found["clear_with"] == "git mc plan approve demo --relaunch bad"
    seen = world.mc("overview").ok().stdout
    assert "waits at on_error bad" in seen and found["clear_with"] in seen
    (told,) = world.mc("overview", "--json").ok().json["plans"]
    assert told["checkpoint"] == found["checkpoint"]
    mine = world.mc("jobs", "--plan", "demo", "--status", "blocked", "--json").ok().json["jobs"]
    assert [one["name"] for one in mine] == ["child", "grandchild"]
    assert world.mc("jobs", "--plan", "other", "--json").ok().json["jobs"] == []
    world.mc("plan", "approve", "--checkpoint", "on_error").refused(1, "--retry bad", "--skip bad")
    world.mc("plan", "approve", "--skip", "bad").ok()
    found = wait(world)
    assert found["state"] == "completed"
    assert landed(world) == {"child.txt", "grandchild.txt", "good.txt", "other.txt"}


@pytest.mark.slow
def test_a_failed_agent_runs_again_told_what_went_wrong(world: World) -> None:
    script = f'cat "$MC_PROMPT_FILE" >>../told; test -f ../again && {works("a")} || exit 1'
    start(world, plan(job("a", script, prompt="Do it")))
    wait(world)
    (world.worktree("a").parent / "again").touch()
    world.mc("plan", "approve", "--relaunch", "a").ok()
    assert wait(world)["state"] == "completed"
    told = (world.worktree("a").parent / "told").read_text()
    assert "Your last run ended without success: exit status 1." in told


@pytest.mark.slow
def test_work_of_a_failed_agent_can_be_accepted(world: World) -> None:
    start(world, plan(job("a", works("a") + "; exit 4"), job("b", works("b"), "a")))
    assert wait(world)["state"] == "paused"
    world.mc("plan", "approve", "--accept", "a").ok()
    assert wait(world)["state"] == "completed"
    assert landed(world) == {"a.txt", "b.txt"}


def test_what_is_outside_a_touch_set_does_not_land_unasked(world: World) -> None:
    start(world, plan(job("a", works("a", "other/x.py"), touch_set=["src/**"])))
    found = wait(world)
    assert found["state"] == "paused"
    assert found["jobs"][0]["trouble"]["files"] == ["other/x.py"]
    assert landed(world) == set()
    world.mc("plan", "approve", "--checkpoint", "pre_merge").refused(1, "on_error")
    # Mended by hand, it is looked at again.
    tree = world.worktree("a")
    world.repo.git("mv", "other", "src", cwd=tree)
    world.repo.git("commit", "-qm", "move", cwd=tree)
    world.mc("plan", "approve", "--retry", "a").ok()
    assert wait(world)["state"] == "completed"
    assert landed(world) == {"src/x.py"}


@pytest.mark.slow
def test_a_breach_can_be_accepted_for_that_head_only(world: World) -> None:
    start(world, plan(job("a", works("a", "x.py"), touch_set=["src/**"])))
    wait(world)
    tree = world.worktree("a")
    (tree / "y.py").write_text("more\n")
    world.repo.git("add", "-A", cwd=tree)
    world.repo.git("commit", "-qm", "more", cwd=tree)
    world.mc("plan", "approve", "--accept", "a").ok()
    found = wait(world)
    assert found["state"] == "paused"
    assert found["jobs"][0]["trouble"]["files"] == ["x.py", "y.py"]
    world.mc("plan", "approve", "--accept", "a").ok()
    assert wait(world)["state"] == "completed"


@pytest.mark.slow
def test_a_conflict_is_sent_to_the_jobs_own_agent_and_lands_when_mended(
    world: World, tmp_path: Path
) -> None:
    go = Pipe(tmp_path / "go")
    mend = "echo both >same && git add same && git commit -qm m"
    resolve = f"git merge -q mc/integration/demo || {{ {mend}; }}"
    first = f"echo two >same; git add same; git commit -qm two; read -r _ <{go}"
    script = f"if test -f same; then {resolve}; else {first}; fi"
    start(world, plan(job("a", works("a", "same", "one")), job("b", script)))
    world.wait("a", states=["merged"]).ok()
    go.write("go")
    found = wait(world)
    assert found["checkpoint"]["job"] == "b"
    assert found["jobs"][1]["trouble"]["kind"] == "conflict"
    assert found["jobs"][1]["trouble"]["files"] == ["same"]
    world.mc("plan", "approve", "--relaunch", "b").ok()
    assert wait(world)["state"] == "completed"
    assert world.repo.files("mc/integration/demo")["same"] == "both"


def test_what_the_tests_reject_is_ejected_and_the_rest_lands(world: World) -> None:
    start(
        world,
        plan(
            job("bad", works("bad")),
            job("good", works("good")),
            job("more", works("more"), "good"),
            test="echo no such luck; ! test -f bad.txt",
        ),
    )  # fmt: skip
    found = wait(world)
    assert found["state"] == "paused"
    assert landed(world) == {"good.txt", "more.txt"}
    trouble = next(one for one in found["jobs"] if one["name"] == "bad")["trouble"]
    assert trouble["kind"] == "test"
    assert "no such luck" in Path(trouble["log"]).read_text()
    world.mc("plan", "drop", "demo", "bad").ok()
    assert wait(world)["state"] == "completed"


@pytest.mark.slow
def test_no_job_can_change_what_judges_it(world: World) -> None:
    world.repo.commit({"Makefile": "test:\n\ttest ! -e bad.txt\n"})
    cheat = f"""echo '{{"scripts": {{"test": "true"}}}}' >package.json && {works("bad")}"""
    about = 'name = "demo"\n'
    start(world, about + job("bad", cheat) + "\n" + job("good", works("good")))
    found = wait(world)
    assert found["state"] == "paused"
    by_name = {one["name"]: one for one in found["jobs"]}
    assert by_name["bad"]["trouble"]["kind"] == "test"
    assert by_name["good"]["state"] == "merged"
    assert found["train"]["test"] == "make test"


@pytest.mark.slow
def test_copilot_waits_to_be_approved_and_then_asks_no_more(world: World) -> None:
    started = start(world, plan(job("a", works("a"))), "--mode", "copilot")
    assert "git mc plan approve demo" in started.stderr
    found = wait(world)
    assert (found["state"], states(found)) == ("pending", {"a": "waiting_deps"})
    world.mc("plan", "approve").ok()
    assert wait(world)["state"] == "completed"


def test_a_supervisor_asks_before_each_merge_and_before_the_end(world: World) -> None:
    start(world, plan(job("a", works("a")), job("b", works("b"), "a"), mode="supervisor"))
    asked = []
    while (found := wait(world))["state"] == "paused":
        one = found["checkpoint"]
        asked.append((one["type"], one.get("job")))
        assert len(asked) < 9
        wrong = "pre_pr" if one["type"] == "pre_merge" else "pre_merge"
        world.mc("plan", "approve", "--checkpoint", wrong).refused(1, one["type"])
        world.mc(*one["clear_with"].split()[2:]).ok()
    assert found["state"] == "completed"
    assert asked == [("pre_merge", "a"), ("pre_merge", "b"), ("pre_pr", None)]


@pytest.mark.slow
def test_an_agent_that_wants_a_review_is_waited_for_in_every_mode(world: World) -> None:
    script = f"{works('a')}; {world.command} report needs_review 'is this right?'"
    start(world, plan(job("a", script)))
    found = wait(world)
    assert found["checkpoint"]["type"] == "pre_merge"
    assert "is this right?" in found["checkpoint"]["reason"]
    assert landed(world) == set()
    world.mc("plan", "approve", "--accept", "a").ok()
    assert wait(world)["state"] == "completed"


def test_an_agent_that_reports_to_be_done_is_ended_before_its_work_lands(world: World) -> None:
    script = f"{works('a')}; {world.command} report completed done; exec sleep 1000"
    start(world, plan(job("a", script)))
    assert wait(world)["state"] == "completed"
    assert landed(world) == {"a.txt"}


@pytest.mark.slow
def test_jobs_are_added_to_a_plan_under_way(world: World, tmp_path: Path) -> None:
    go = Pipe(tmp_path / "go")
    start(world, plan(job("a", f"read -r _ <{go}; {works('a')}")))
    more = tmp_path / "more.toml"
    more.write_text(job("b", f"test -f a.txt && {works('b')}", "a"))
    world.mc("plan", "add", "demo", str(more)).ok()
    world.mc("plan", "add", "demo", str(more)).refused(1, "another job in the plan")
    go.write("go")
    assert wait(world)["state"] == "completed"
    assert landed(world) == {"a.txt", "b.txt"}


@pytest.mark.slow
def test_a_paused_plan_launches_and_merges_nothing(world: World, tmp_path: Path) -> None:
    go = Pipe(tmp_path / "go")
    start(world, plan(job("a", f"read -r _ <{go}; {works('a')}"), job("b", works("b"), "a")))
    world.mc("plan", "pause").ok()
    go.write("go")
    world.wait("a", states=["completed"]).ok()
    found = wait(world)
    assert (found["state"], found["clear_with"]) == ("paused", "git mc plan resume demo")
    assert landed(world) == set()
    world.mc("plan", "resume").ok()
    assert wait(world)["state"] == "completed"


def test_cancel_ends_everything_and_loses_nothing(world: World, tmp_path: Path) -> None:
    said = Pipe(tmp_path / "said")
    hold = f"{works('b')}; echo up >{said}; exec sleep 1000"
    start(
        world,
        plan(job("a", works("a")), job("b", hold, "a"), job("c", works("c"), "b")),
    )
    assert said.read() == "up"
    tip = world.repo.head("mc/integration/demo")
    work = world.repo.head("mc/b")
    gone = world.mc("plan", "cancel", "--delete").ok().stdout
    found = world.mc("plan", "status", "demo", "--json").ok().json
    assert found["state"] == "canceled"
    assert states(found) == {"a": "merged", "b": "stopped", "c": "canceled"}
    assert world.repo.head("mc/b") == work
    assert refs.branch_tip(world.mission.git, "mc/integration/demo") is None
    pinned = gone.split(" git branch ")[1].split()[1]
    assert world.repo.head(pinned) == tip
    world.mc("plan", "cancel", "demo").refused(1, "canceled already")
    world.mc("plan", "approve", "demo").refused(1, "canceled already")


def test_two_plans_run_side_by_side_and_are_named(world: World) -> None:
    start(world, plan(job("a", works("a")), name="first"))
    start(world, plan(job("b", works("b")), name="second"))
    for name in ("first", "second"):
        assert wait(world, name)["state"] == "completed"
    assert landed(world, "mc/integration/first") == {"a.txt"}
    assert landed(world, "mc/integration/second") == {"b.txt"}
    listed = world.mc("plan", "list", "--json").ok().json["plans"]
    assert [(one["id"], one["state"]) for one in listed] == [
        ("first", "completed"), ("second", "completed"),
    ]  # fmt: skip
    world.mc("plan", "status", "third").refused(1, "first, second")


def test_a_plan_with_faults_changes_nothing(world: World) -> None:
    before = world.repo.git("for-each-ref")
    text = plan(job("a", "true", "nobody"), job("a", "true"), speed=3)
    refused = world.mc("plan", "start", "-", stdin=text).refused(1, "faults")
    for line in ("standard input:3: there is no key 'speed'", "'nobody'", "another job on line"):
        assert line in refused.stderr
    world.mc("plan", "check", "-", stdin=text).refused(1)
    assert world.repo.git("for-each-ref") == before
    assert world.mc("jobs", "--json").ok().json["jobs"] == []


def test_a_name_that_is_taken_refuses_the_whole_plan(world: World) -> None:
    world.sh("b", "true")
    world.wait("b").ok()
    text = plan(job("a", works("a")), job("b", works("b")))
    world.mc("plan", "start", "-", stdin=text).refused(1, "'b'", "exists already")
    assert [one["name"] for one in world.mc("jobs", "--json").ok().json["jobs"]] == ["b"]
    assert refs.branch_tip(world.mission.git, "mc/integration/demo") is None


@pytest.mark.slow
def test_the_file_may_change_once_the_plan_has_started(world: World, tmp_path: Path) -> None:
    go = Pipe(tmp_path / "go")
    (tmp_path / "prompt.md").write_text("As it was\n")
    path = tmp_path / "plan.toml"
    script = f'read -r _ <{go}; cat "$MC_PROMPT_FILE" >told; git add told; git commit -qm told'
    path.write_text(plan(job("a", script, prompt_file="prompt.md", touch_set=["told"])))
    world.mc("plan", "start", str(path)).ok()
    (tmp_path / "prompt.md").write_text("Changed\n")
    path.write_text("no plan any more")
    go.write("go")
    assert wait(world)["state"] == "completed"
    assert world.repo.files("mc/integration/demo")["told"] == "As it was"


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1, 2])
def test_no_more_jobs_run_at_once_than_the_plan_says(
    world: World, tmp_path: Path, limit: int
) -> None:
    said, go = Pipe(tmp_path / "said"), Pipe(tmp_path / "go")
    script = f"echo up >{said}; read -r _ <{go}; true"
    start(world, plan(*(job(f"j{n}", script) for n in range(3)), max_parallel=limit))
    for _ in range(limit):
        assert said.read() == "up"
    running = list(states(world.mc("plan", "status", "--json").ok().json).values())
    assert running.count("running") <= limit
    for _ in range(3):
        go.write("go")
    assert wait(world)["state"] == "completed"


@pytest.mark.slow
def test_who_works_outside_its_touch_set_is_seen_while_it_works(
    world: World, tmp_path: Path
) -> None:
    said, go = Pipe(tmp_path / "said"), Pipe(tmp_path / "go")
    script = f"echo x >y.py; {works('a', 'z.py')}; echo >q.py; echo up >{said}; read -r _ <{go}"
    start(world, plan(job("a", script, touch_set=["src/**", "q.py"])))
    assert said.read() == "up"
    found = world.mc("plan", "status", "--json").ok().json
    assert found["jobs"][0]["outside"] == ["y.py", "z.py"]
    assert "outside its touch set: y.py, z.py" in world.mc("plan", "status").ok().stdout
    go.write("go")
    assert wait(world)["jobs"][0]["trouble"]["kind"] == "touch"


@pytest.mark.slow
def test_people_are_told_when_a_plan_waits_and_when_it_is_done(
    world: World, tmp_path: Path
) -> None:
    told = Pipe(tmp_path / "told")
    world.repo.git("config", "mc.notify.command", f"cat >{told}")
    start(world, plan(job("a", "exit 1")))
    events = [json.loads(told.read()) for _ in range(2)]
    assert {(one["job"], one["event"]) for one in events} == {("a", "failed"), ("demo", "waiting")}
    world.mc("plan", "approve", "--accept", "a").ok()
    assert wait(world)["state"] == "completed"
    last = json.loads(told.read())
    assert (last["job"], last["event"]) == ("demo", "completed")


@pytest.mark.slow
def test_a_job_that_a_plan_needs_is_not_cleaned_up(world: World) -> None:
    start(world, plan(job("a", "exit 1")))
    wait(world)
    world.mc("cleanup", "a", "--force").refused(1, "git mc plan skip demo a")
    world.mc("plan", "skip", "demo", "a").ok()
    assert wait(world)["state"] == "failed"
    world.mc("cleanup", "a", "--force").ok()


@pytest.mark.slow
def test_the_log_tells_how_a_plan_went(world: World) -> None:
    start(world, plan(job("a", works("a"))))
    wait(world)
    lines = [line for line in world.mc("log").ok().stdout.splitlines() if "plan demo: " in line]
    assert any("creating_pr -> completed" in line for line in lines), lines


def paused(world: World) -> None:
    start(world, plan(job("a", "exit 1")))
    assert wait(world)["state"] == "paused"


def pending(world: World) -> None:
    start(world, plan(job("a", works("a"))), "--mode", "copilot")


def running(world: World) -> None:
    start(world, plan(job("a", "exec sleep 1000")))


def merging(world: World) -> None:
    """In its train, whose test never ends."""
    start(world, plan(job("a", works("a")), test="exec sleep 1000"))
    until(lambda: stored(world) is PlanState.MERGING, world.root / "plans")


def creating_pr(world: World) -> None:
    """While it is pushed to a server that does not answer."""
    ready = world.socket.parent / "asked"
    fake = world.socket.parent / "git-remote-slow"
    fake.write_text(f"#!/bin/sh\n: >{ready}\nexec sleep 1000\n")
    fake.chmod(0o755)
    world.repo.git("remote", "add", "origin", "slow::there")
    text = plan(job("a", works("a")))
    path = f"{fake.parent}{os.pathsep}{os.environ['PATH']}"
    world.mc("plan", "start", "-", stdin=text, PATH=path).ok()
    until(ready.exists, ready.parent)
    assert stored(world) is PlanState.CREATING_PR


def stored(world: World) -> PlanState | None:
    plans = Plans(world.root)
    found = plans.get("demo")
    return found.state if found else None


MAKERS: dict[PlanState, Callable[[World], None]] = {
    PlanState.PENDING: pending,
    PlanState.RUNNING: running,
    PlanState.PAUSED: paused,
    PlanState.MERGING: merging,
    PlanState.CREATING_PR: creating_pr,
}

WORDS = {
    "approve": ["approve", "demo"],
    "cancel": ["cancel", "demo"],
    "pause": ["pause", "demo"],
    "skip": ["skip", "demo", "a"],
}


def test_every_state_of_a_plan_that_is_not_final_is_made_here() -> None:
    assert set(MAKERS) == set(WAYS_OUT) == set(PlanState) - FINAL


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "verb"),
    [(state, verb) for state, verbs in WAYS_OUT.items() for verb in verbs],
    ids=lambda value: str(value),
)
def test_a_way_out_leads_out_of_the_state_of_a_plan(
    world: World, state: PlanState, verb: str
) -> None:
    MAKERS[state](world)
    words = WORDS[verb]
    if (state, verb) == (PlanState.PAUSED, "approve"):
        words = ["approve", "demo", "--accept", "a"]
    world.mc("plan", *words).ok()
    until(lambda: stored(world) is not state, world.root / "plans")


@pytest.mark.slow
def test_watching_a_plan_shows_it_until_its_end(world: World) -> None:
    start(world, plan(job("a", works("a")), job("b", works("b"), "a")))
    shown = world.mc("plan", "status", "--watch").ok().stdout.split("\n\n")
    assert "└─ b" in shown[0]
    assert "demo (autopilot): completed, 2 of 2 landed" in shown[-1] or "completed" in shown[-2]


@pytest.mark.slow
def test_the_graph_of_a_file_and_of_a_plan(world: World, tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(plan(job("a", works("a")), job("b", works("b"), "a")))
    assert world.mc("plan", "graph", str(path)).ok().stdout == "a\n└─ b\n"
    assert "j0 --> j1" in world.mc("plan", "graph", str(path), "--format", "mermaid").ok().stdout
    world.mc("plan", "start", str(path)).ok()
    wait(world)
    assert world.mc("plan", "graph", "demo").ok().stdout == "a  merged\n└─ b  merged\n"


@pytest.mark.slow
def test_an_integration_branch_that_was_moved_back_is_noticed_before_the_end(
    world: World, tmp_path: Path
) -> None:
    go = Pipe(tmp_path / "go")
    start(world, plan(job("a", works("a")), job("b", f"read -r _ <{go}; {works('b')}", "a")))
    world.wait("a", states=["merged"]).ok()
    was = world.repo.head("mc/integration/demo")
    world.repo.git("branch", "-f", "mc/integration/demo", "main")
    go.write("go")
    found = wait(world)
    assert (found["state"], found["checkpoint"]["type"]) == ("paused", "on_error")
    assert was[:12] in found["checkpoint"]["reason"]
    world.repo.git("switch", "-q", "mc/integration/demo")
    world.repo.git("merge", "-q", was)
    world.repo.git("switch", "-q", "main")
    world.mc("plan", "approve").ok()
    assert wait(world)["state"] == "completed"
    assert landed(world) == {"a.txt", "b.txt"}


@pytest.mark.slow
def test_an_integration_branch_that_was_deleted_is_asked_for(world: World, tmp_path: Path) -> None:
    go = Pipe(tmp_path / "go")
    start(world, plan(job("a", works("a")), job("b", f"read -r _ <{go}; {works('b')}", "a")))
    world.wait("a", states=["merged"]).ok()
    was = world.repo.head("mc/integration/demo")
    world.repo.git("branch", "-D", "mc/integration/demo")
    go.write("go")
    found = wait(world)
    assert "is gone" in found["checkpoint"]["reason"]
    world.repo.git("branch", "mc/integration/demo", was)
    world.mc("plan", "approve").ok()
    assert wait(world)["state"] == "completed"
    assert landed(world) == {"a.txt", "b.txt"}


@pytest.mark.slow
def test_a_record_of_a_plan_that_cannot_be_read_stops_nothing_else(world: World) -> None:
    start(world, plan(job("a", works("a"))), "--mode", "copilot")
    path = world.root / "plans/demo.toml"
    kept = path.read_text()
    path.write_text(kept + "x = [\n")
    start(world, plan(job("b", works("b")), name="other"))
    assert wait(world, "other")["state"] == "completed"
    assert world.mc("jobs").ok().stderr == ""
    assert "demo.toml" in world.mc("overview").ok().stderr
    assert "demo.toml" in world.mc("plan", "list").ok().stderr
    world.mc("plan", "status", "demo").refused(1, "no plan 'demo'", "other")
    path.write_text(kept)
    world.mc("plan", "approve", "demo").ok()
    assert wait(world, "demo")["state"] == "completed"
    assert "demo" in world.mc("plan", "status", "demo").ok().stdout
    assert world.mc("plan").ok().stdout == world.mc("plan", "status").ok().stdout
