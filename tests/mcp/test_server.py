"""The server, with clients of the official library, a real repository and a real tmux."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the extra git-mc[mcp] is not installed")

import anyio

from gitmc.mcp.tools import BY_NAME
from tests.support.agents import Pipe
from tests.support.events import gone
from tests.support.mcp import bad, bare_server, command_of_server, good, request, talk, text
from tests.support.world import PATIENCE, World

pytestmark = pytest.mark.slow

COMMIT = "echo {0} >{0}; git add {0}; git commit -qm 'add {0}'"


def job(name: str, script: str | None = None) -> dict[str, Any]:
    """Arguments of a launch."""
    command = ["/bin/sh", "-c", script or COMMIT.format(name)]
    return {"name": name, "prompt": f"make {name}", "command": command}


def test_a_job_is_launched_watched_shown_merged_and_removed(world: World) -> None:
    async def conversation(client: Any) -> None:
        assert (await good(client, "mc_launch", **job("one")))["branch"] == "mc/one"
        waited = await good(client, "mc_wait", names=["one"], timeout=30)
        assert waited["jobs"][0]["state"] == "completed"
        assert (await good(client, "mc_status", name="one"))["ahead"] == 1
        listed = await good(client, "mc_jobs", status="completed")
        assert [one["name"] for one in listed["jobs"]] == ["one"]
        assert (await good(client, "mc_jobs", status="failed"))["jobs"] == []
        diff = await client.call_tool("mc_diff", {"name": "one"})
        assert "+one" in text(diff)
        assert "diff" not in (await good(client, "mc_diff", name="one", stat=True))
        assert (await good(client, "mc_conflicts"))["pairs"] == []
        assert (await good(client, "mc_sync", name="one"))["changed"] is False
        overview = await client.call_tool("mc_overview", {})
        assert "one: completed" in text(overview)
        merged = await client.call_tool("mc_merge", {"name": "one", "message": "-m it"})
        assert "merged one into main" in text(merged)
        assert (await good(client, "mc_cleanup", name="one"))["removed"][0]["name"] == "one"
        await bad(client, "mc_status", "no job called 'one'", "hint: ", name="one")

    talk(world.repo.path, conversation)
    assert world.repo.git("log", "-1", "--format=%s") == "-m it"
    assert "one" in world.repo.files()


def test_a_running_job_is_seen_written_to_and_killed(world: World, tmp_path: Path) -> None:
    heard = Pipe(tmp_path / "heard")

    async def conversation(client: Any) -> None:
        script = f'echo ready; echo go >{heard}; read -r line; echo "$line" >{heard}; read -r x'
        await good(client, "mc_launch", **job("busy", script))
        assert await anyio.to_thread.run_sync(heard.read) == "go"
        capture = await client.call_tool("mc_capture", {"name": "busy", "lines": 5})
        assert "ready" in text(capture)
        assert "attach" in await good(client, "mc_attach", name="busy")
        sent = await good(client, "mc_send", name="busy", text="--all of it")
        assert sent["sent"][0]["name"] == "busy"
        assert await anyio.to_thread.run_sync(heard.read) == "--all of it"
        asked = await client.call_tool("mc_answer", {"name": "busy"})
        assert text(asked) == "busy: nothing is asked"
        await bad(client, "mc_merge", "still running", "hint: ", name="busy")
        await bad(client, "mc_cleanup", "running", name="busy")
        await good(client, "mc_kill", name="busy", force=True)
        assert (await good(client, "mc_status", name="busy"))["state"] == "stopped"
        waited = await client.call_tool("mc_wait", {"names": ["busy"]})
        assert "busy: stopped" in text(waited)
        log = await client.read_resource("mc://jobs/busy/log")
        assert "ready" in log.contents[0].text

    talk(world.repo.path, conversation)


def test_a_plan_is_started_approved_and_canceled(world: World) -> None:
    async def conversation(client: Any) -> None:
        await bad(client, "mc_plan_status", "there is no plan")
        said = await bad(
            client, "mc_plan", name="p", jobs=[{"name": "a", "dependsOn": ["z"], "prompt": "x"}]
        )
        assert "'jobs[0].dependsOn[0]', line 7: 'a' depends on 'z', which is no job" in said
        assert "standard input" not in said
        jobs = [job("a"), {**job("b"), "dependsOn": ["a"]}]
        made = await good(client, "mc_plan", name="p", mode="copilot", jobs=jobs, noPr=True)
        assert made["state"] == "pending"
        await good(client, "mc_plan_approve")
        await good(client, "mc_wait", names=["b"], states=["merged"], timeout=30)
        shown = await client.call_tool("mc_plan_status", {"plan": made["id"]})
        assert "2 of 2 landed" in text(shown)
        other = await good(client, "mc_plan", name="q", mode="copilot", jobs=[job("c")])
        canceled = await good(client, "mc_plan_cancel", plan=other["id"])
        assert canceled["state"] == "canceled"

    talk(world.repo.path, conversation)


def test_a_train_lands_what_passes_and_says_its_progress(world: World) -> None:
    for name in ("a", "b", "bad"):
        world.sh(name, COMMIT.format(name))
    world.wait("a", "b", "bad").ok()
    heard: list[Any] = []

    async def progress(value: float, total: float | None, message: str | None) -> None:
        heard.append((value, total, message))

    async def conversation(client: Any) -> Any:
        arguments = {"names": ["a", "bad", "b"], "test": "test ! -e bad", "retries": 0}
        return await client.call_tool("mc_merge_train", arguments, progress_callback=progress)

    (result,) = talk(world.repo.path, conversation)
    train = result.structured_content
    assert not result.is_error
    assert [one["name"] for one in train["landed"]] == ["a", "b"]
    assert [one["name"] for one in train["ejected"]] == ["bad"]
    assert "ejected bad" in text(result)
    values = [value for value, _, _ in heard]
    assert values == sorted(set(values))
    assert {total for _, total, _ in heard} == {3}
    assert {message[8:] for _, _, message in heard} >= {"landed a", "landed b"}
    assert heard[-1][2].startswith("3 of 3: ")


def test_a_pull_request_is_pushed(world: World, tmp_path: Path) -> None:
    world.repo.git("init", "-q", "--bare", str(tmp_path / "there.git"))
    world.repo.git("remote", "add", "origin", str(tmp_path / "there.git"))
    world.repo.git("push", "-q", "origin", "main")
    world.sh("one", COMMIT.format("one"))
    world.wait("one").ok()

    async def conversation(client: Any) -> Any:
        return await good(client, "mc_pr", name="one", title="-t", body="--web\n")

    (pushed,) = talk(world.repo.path, conversation)
    assert pushed["pushed"] is True
    assert world.repo.git("ls-remote", "origin", "mc/one").startswith(pushed["head"])


def test_a_conflict_is_an_error_that_names_the_files(world: World) -> None:
    world.sh("one", "echo theirs >README.md; git commit -qam one")
    world.wait("one").ok()
    world.repo.commit({"README.md": "ours\n"})

    async def conversation(client: Any) -> Any:
        await bad(client, "mc_merge", "conflict: README.md", "hint: ", name="one")
        return await client.call_tool("mc_sync", {"name": "one"})

    (result,) = talk(world.repo.path, conversation)
    assert result.is_error
    assert result.structured_content["conflicts"] == ["README.md"]


def test_bad_arguments_are_told_and_start_nothing(world: World) -> None:
    async def conversation(client: Any) -> None:
        await bad(client, "mc_launch", "'prompt' is missing", "no parameter 'promt'", name="a",
                  promt="x")  # fmt: skip
        await bad(client, "mc_launch", "no such commit", name="a", prompt="x", base="no-such")
        await bad(client, "mc_wait", "'timeout' must be a number", names=["a"], timeout="soon")
        await bad(client, "mc_cleanup", "--all", all=False)
        with pytest.raises(Exception, match="no tool 'mc_nothing'"):
            await client.call_tool("mc_nothing", {})
        with pytest.raises(Exception, match="there is no resource"):
            await client.read_resource("mc://jobs//log")

    talk(world.repo.path, conversation)
    assert world.mc("jobs", "--json").ok().json["jobs"] == []


def test_without_a_repository_each_call_says_so_and_the_server_stays(tmp_path: Path) -> None:
    async def conversation(client: Any) -> int:
        for _ in range(2):
            await bad(client, "mc_jobs", "not a git repository")
        return len((await client.list_tools()).tools)

    assert talk(tmp_path, conversation) == [22]


def test_inside_a_job_only_what_is_for_its_agent_is_offered(world: World) -> None:
    world.sh("one", "read -r line")

    async def conversation(client: Any) -> None:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == {"mc_report", "mc_status"}
        await bad(client, "mc_merge", "not for the agent inside a job", "'one'", name="one")
        await good(client, "mc_report", status="progress", message="--half\nway", progress=50)
        assert (await client.list_resources()).resources == []

    talk(world.worktree("one"), conversation)
    report = world.job("one")["report"]
    assert (report["message"], report["progress"]) == ("--half\nway", 50)


def test_tools_have_plain_names_where_the_agent_puts_the_server_s_before(world: World) -> None:
    async def conversation(client: Any) -> None:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert {f"mc_{name}" for name in names} == set(BY_NAME)
        assert (await good(client, "jobs"))["jobs"] == []
        with pytest.raises(Exception, match="no tool 'mc_jobs'"):
            await client.call_tool("mc_jobs", {})
        assert "mc" in str((await client.read_resource("mc://overview")).contents)

    talk(world.repo.path, conversation, options=["--plain-names"])


def test_outside_a_job_there_is_nothing_to_report(world: World) -> None:
    async def conversation(client: Any) -> None:
        await bad(client, "mc_report", "not inside a job", status="working", message="x")

    talk(world.repo.path, conversation)


def test_two_clients_work_at_once(world: World) -> None:
    def conversation(mine: str, other: str) -> Any:
        async def words(client: Any) -> Any:
            async with anyio.create_task_group() as tasks:
                for number in range(2):
                    tasks.start_soon(launch, client, f"{mine}{number}")
            return (await good(client, "mc_wait", names=[f"{mine}0", f"{mine}1"]))["jobs"]

        return words

    async def launch(client: Any, name: str) -> None:
        await good(client, "mc_launch", **job(name))

    found = talk(world.repo.path, conversation("a", "b"), conversation("b", "a"))
    assert [one["state"] for jobs in found for one in jobs] == ["completed"] * 4


def test_a_canceled_wait_ends_its_command_and_nothing_else(world: World) -> None:
    world.sh("busy", "exec sleep 1000")

    async def conversation(client: Any) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "mc_wait", {"names": ["busy"]})
            waits = await anyio.to_thread.run_sync(command_of_server, world, "busy")
            tasks.cancel_scope.cancel()
        assert await anyio.to_thread.run_sync(gone, waits)
        assert (await good(client, "mc_status", name="busy"))["state"] == "running"

    talk(world.repo.path, conversation)


ENDS = {"told": signal.SIGTERM, "hung up on": signal.SIGHUP, "killed": signal.SIGKILL}
KILLED_TOO = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of it")


@pytest.mark.parametrize(
    "how", ["told", "hung up on", pytest.param("killed", marks=KILLED_TOO), "left"]
)
def test_what_a_server_runs_ends_with_it(world: World, how: str) -> None:
    world.sh("busy", "exec sleep 1000")
    with bare_server(world) as (server, send):
        send(request("tools/call", {"name": "mc_wait", "arguments": {"names": ["busy"]}}))
        waits = command_of_server(world, "busy")
        if how == "left":
            assert server.stdin is not None
            server.stdin.close()
        else:
            server.send_signal(ENDS[how])
        assert server.wait(PATIENCE) == (-ENDS[how] if how in ENDS else 0)
        assert gone(waits)
    assert world.state("busy") == "running"


def test_a_command_whose_server_has_ended_already_does_not_begin(world: World) -> None:
    words = ["launch", "late", "x", "--", "true"]
    orphan = subprocess.run(
        [sys.executable, "-P", "-m", "gitmc.mcp.bound", str(os.getppid()), *words],
        cwd=world.repo.path,
        check=False,
    )
    assert orphan.returncode == -signal.SIGHUP
    assert world.mc("jobs", "--json").ok().json["jobs"] == []
