"""What is shown: lists, one job, its screen, the journal, the overview, waiting."""

from __future__ import annotations

import json

from tests.e2e.test_merge import commits, finished
from tests.support.events import until
from tests.support.world import PATIENCE, World

JOB_KEYS = {
    *("name", "state", "agent", "mode", "branch", "base", "base_commit", "head", "ahead", "dirty"),
    *("worktree", "placement", "tmux", "prompt", "created_at", "started_at", "ended_at"),
    *("seconds", "exit_status"),
}


def test_a_finished_job_has_the_keys_of_the_contract(world: World) -> None:
    world.launch("one", "/bin/sh", "-c", commits("one"), prompt="add one")
    world.wait("one").ok()
    found = world.mc("status", "one", "--json").ok().json
    assert next(iter(found)) == "schema"
    assert found.pop("schema") == "mc.job/1"
    assert set(found) == JOB_KEYS
    assert set(found["tmux"]) == {"socket", "session", "window", "pane"}
    assert found["prompt"] == "add one"
    assert found["head"] == world.repo.head("mc/one")
    assert found["created_at"] <= found["started_at"] <= found["ended_at"]
    assert found["created_at"].endswith("Z")


def test_a_running_job_has_an_activity_and_no_end(world: World) -> None:
    world.sh("busy", "exec sleep 1000")
    found = world.job("busy")
    # The observer may have looked already.
    source = found["activity"]["source"]
    assert (found["activity"]["state"], source) in (("unknown", "none"), ("working", "output"))
    assert not {"ended_at", "exit_status", "reason"} & set(found)


def test_jobs_lists_by_name_state_and_pattern(world: World) -> None:
    finished(world, "good", ":")
    world.sh("bad", "exit 3")
    world.wait("bad")
    listed = world.mc("jobs", "--json").ok().json
    assert listed["schema"] == "mc.jobs/1"
    assert [job["name"] for job in listed["jobs"]] == ["bad", "good"]
    assert [j["name"] for j in world.mc("jobs", "g*", "--json").ok().json["jobs"]] == ["good"]
    failed = world.mc("jobs", "--status", "failed", "--json").ok().json["jobs"]
    assert [(job["name"], job["reason"]) for job in failed] == [("bad", "exit status 3")]


def test_the_plain_list_and_the_quick_one_are_the_same(world: World) -> None:
    finished(world, "good", ":")
    quick, parsed = world.mc("jobs").ok().stdout, world.mc("-v", "jobs").ok().stdout
    assert quick == parsed
    lines = quick.splitlines()
    assert lines[0].split() == ["NAME", "STATE", "ACTIVITY", "TIME", "AHEAD", "NOTE"]
    assert lines[1].split()[:3] == ["good", "completed", "-"]


def test_porcelain_is_tab_separated_and_z_ends_with_nul(world: World) -> None:
    finished(world, "good", ":")
    worktree = str(world.worktree("good"))
    fields = ["good", "completed", "-", "command", "mc/good", "main", "0", "0", worktree]
    assert world.mc("jobs", "--porcelain").ok().stdout == "\t".join(fields) + "\n"
    assert world.mc("jobs", "-z").ok().stdout == "\t".join(fields) + "\0"


def test_status_takes_a_unique_beginning_and_tells_the_way_on(world: World) -> None:
    finished(world, "feature-login", "echo all went well")
    shown = world.mc("status", "feat").ok().stdout
    assert "feature-login: completed, exit status 0" in shown
    assert "git mc merge feature-login" in shown
    assert "    all went well" in shown


def test_capture_reads_the_pane_and_then_the_kept_log(world: World) -> None:
    finished(world, "one", "seq 1 300")
    last = world.mc("capture", "one", "-n", "2").ok().stdout
    assert last == "299\n300\n"
    world.tmux("kill-server")
    assert world.mc("capture", "one", "-n", "2").ok().stdout == last
    assert world.mc("capture", "one", "-n", "300").ok().stdout.splitlines()[0] == "1"


def test_attach_prints_a_command_with_ids_and_says_where_the_log_is(world: World) -> None:
    finished(world, "one", ":")
    terminal = world.job("one")["tmux"]
    printed = world.mc("attach", "one", "--print").ok().stdout
    target = f"{terminal['session']}:{terminal['window']}"
    assert printed == f"tmux -S {terminal['socket']} attach-session -t '{target}'\n"
    world.tmux("kill-server")
    world.mc("attach", "one").refused(1, "the terminal of 'one' is gone", "logs/one.log")


def test_wait_ends_with_one_when_a_job_failed_or_time_is_up(world: World) -> None:
    world.sh("bad", "exit 3")
    assert world.wait("bad").status == 1
    world.sh("busy", "exec sleep 1000")
    late = world.mc("wait", "busy", "--timeout", "0.05")
    assert (late.status, late.stderr) == (1, "time is up: 'busy' is running\n")
    assert world.mc("wait", "busy", "bad", "--any", "--for", "failed").status == 0
    assert world.mc("wait", "bad", "--for", "failed", "--for", "merged").status == 0


def test_wait_is_woken_by_the_end_of_the_job_with_no_observer(world: World) -> None:
    fifo = world.socket.parent / "go"
    world.sh("held", f"mkfifo {fifo}; read x < {fifo}")
    world.end_observer()
    waiting = world.start("wait", "held")
    until(fifo.exists, fifo.parent)
    fifo.write_text("go\n")
    waiting.communicate(timeout=PATIENCE)
    assert waiting.returncode == 0


def test_log_tells_every_transition_with_its_cause(world: World) -> None:
    world.sh("bad", "exit 3")
    world.wait("bad")
    lines = world.mc("log", "bad").ok().stdout
    assert "bad: queued -> running, by launch" in lines
    assert "bad: running -> failed (exit status 3), by settle" in lines
    entries = world.mc("log", "bad", "--json").ok().json["entries"]
    assert {"at", "event", "job"} <= set(entries[0])


def test_log_follows_as_things_happen(world: World) -> None:
    finished(world, "one", ":")
    following = world.start("log", "--follow", "--json")
    assert following.stdout is not None
    world.sh("two", "exit 4")
    for line in following.stdout:
        entry = json.loads(line)
        if entry.get("job") == "two" and entry.get("to") == "failed":
            break
    following.kill()
    following.communicate(timeout=PATIENCE)


def test_watch_prints_transitions_and_replaces_the_observer(world: World) -> None:
    world.sh("one", "exec sleep 1000")
    watching = world.start("watch")
    assert watching.stdout is not None
    assert watching.stdout.readline() == b"one: running\n"
    world.mc("kill", "one").ok()
    assert watching.stdout.readline() == b"one: stopped  killed by git mc kill\n"
    watching.terminate()
    watching.communicate(timeout=PATIENCE)
    assert watching.returncode == 130


def test_overview_puts_who_waits_first_and_suggests_what_to_do(world: World) -> None:
    world.sh("busy", "exec sleep 1000")
    world.sh("asks", f"{world.command} report blocked 'which colour?'; exec sleep 1000")
    finished(world, "done", commits("done"))
    reported = world.root / "jobs"
    until(lambda: "report" in world.job("asks"), reported)
    shown = world.mc().ok().stdout
    sections = [section.splitlines() for section in shown.split("\n\n")]
    titles = ["waiting for a person:", "running:", "finished:"]
    assert [section[0] for section in sections[:3]] == titles
    assert [section[2].split()[0] for section in sections[:3]] == ["asks", "busy", "done"]
    assert "blocked: which colour?" in sections[0][2]
    assert "next: git mc attach asks" in shown
    assert "next: git mc merge done" in shown
    found = world.mc("overview", "--json").ok().json
    assert found["schema"] == "mc.overview/1"
    assert [job["name"] for job in found["running"]] == ["asks", "busy"]
    assert [job["name"] for job in found["waiting"]] == ["asks"]
    headings = [
        "waiting",
        "running",
        "queued",
        "finished",
        "failed",
        "conflicts",
        "trains",
        "plans",
    ]
    assert list(found) == ["schema", *headings, "next", "counts"]
    assert "git mc merge done" in found["next"]


def test_a_completed_job_that_needs_review_waits_for_a_person(world: World) -> None:
    finished(world, "one", f"{world.command} report needs_review 'is it right?'")
    shown = world.mc("overview").ok().stdout
    assert shown.splitlines()[2].split()[:2] == ["one", "completed"]
    assert "needs_review: is it right?" in shown
    assert "finished:" not in shown
    found = world.mc("overview", "--json").ok().json
    assert [job["name"] for job in found["waiting"]] == ["one"]
    assert [job["name"] for job in found["finished"]] == ["one"]
    assert found["next"][0] == "git mc status one"


def test_an_empty_overview_says_how_to_start(world: World) -> None:
    assert "git mc launch NAME PROMPT" in world.mc().ok().stdout
