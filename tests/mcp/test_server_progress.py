"""Progress that the server tells, to clients of the official library and to bare ones."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the extra git-mc[mcp] is not installed")

import anyio

from gitmc.cli.failures import BROKEN_PIPE
from tests.support.agents import Pipe
from tests.support.events import gone
from tests.support.mcp import bare_server, command_of_server, good, request, talk
from tests.support.world import PATIENCE, World

pytestmark = pytest.mark.slow


def said(message: str) -> str:
    """The message, but for why a job is completed: that may be found out later."""
    return re.sub("(is completed): .*", r"\1", message)


class Heard:
    """What a call tells of its progress, as it comes; the values must grow."""

    def __init__(self) -> None:
        self._send, self._receive = anyio.create_memory_object_stream[Any](math.inf)
        self._last = 0.0

    async def callback(self, value: float, total: float | None, message: str | None) -> None:
        """What the client calls."""
        assert value > self._last
        self._last = value
        await self._send.send((math.floor(value), total, said(message or "")))

    async def next(self) -> Any:
        """The next one: its whole number, total and message."""
        return await self._receive.receive()

    def close(self) -> None:
        self._send.close()
        self._receive.close()


@contextmanager
def hearing(number: int) -> Iterator[list[Heard]]:
    heard = [Heard() for _ in range(number)]
    try:
        yield heard
    finally:
        for one in heard:
            one.close()


def held(world: World, tmp_path: Path, *names: str) -> list[Pipe]:
    """Jobs that run until their pipe is written to."""
    pipes = [Pipe(tmp_path / name) for name in names]
    for name, pipe in zip(names, pipes, strict=True):
        world.sh(name, f"read -r line <{pipe}")
    return pipes


def test_a_wait_tells_what_becomes_of_each_job(world: World, tmp_path: Path) -> None:
    (go,) = held(world, tmp_path, "a")
    told = Pipe(tmp_path / "b")
    report = f"{world.command} report working 'half way' --progress 50"
    world.sh("b", f"read -r line <{told}; {report}; read -r line <{told}")

    async def conversation(client: Any) -> Any:
        async def wait() -> None:
            names = {"names": ["a", "b"]}
            result = await client.call_tool("mc_wait", names, progress_callback=heard.callback)
            assert [one["state"] for one in result.structured_content["jobs"]] == ["completed"] * 2

        with hearing(1) as (heard,):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait)
                await anyio.to_thread.run_sync(command_of_server, world, "a", "b")
                go.write("go")
                assert await heard.next() == (1, 2, "1 of 2: a is completed")
                told.write("report")
                half = "1 of 2: b is running: 50% working: half way"
                assert await heard.next() == (1, 2, half)
                told.write("end")
                assert await heard.next() == (2, 2, "2 of 2: b is completed")

    talk(world.repo.path, conversation)


def test_a_wait_that_is_canceled_in_the_middle_leaves_the_other_alone(
    world: World, tmp_path: Path
) -> None:
    a, b = held(world, tmp_path, "a", "b")

    async def conversation(client: Any) -> None:
        async def wait(heard: Heard, *names: str) -> None:
            arguments = {"names": list(names)}
            await client.call_tool("mc_wait", arguments, progress_callback=heard.callback)

        with hearing(2) as (left, kept):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(wait, kept, "b", "a")
                async with anyio.create_task_group() as canceled:
                    canceled.start_soon(wait, left, "a", "b")
                    waits = await anyio.to_thread.run_sync(command_of_server, world, "a", "b")
                    a.write("go")
                    first = (1, 2, "1 of 2: a is completed")
                    assert await left.next() == await kept.next() == first
                    canceled.cancel_scope.cancel()
                assert await anyio.to_thread.run_sync(gone, waits)
                b.write("go")
                assert await kept.next() == (2, 2, "2 of 2: b is completed")
        assert (await good(client, "mc_status", name="b"))["state"] == "completed"

    talk(world.repo.path, conversation)


def test_two_clients_are_told_at_once_each_of_its_own(world: World, tmp_path: Path) -> None:
    a, b = held(world, tmp_path, "a", "b")

    def conversation(*names: str) -> Any:
        async def words(client: Any) -> list[Any]:
            with hearing(1) as (heard,):
                arguments = {"names": list(names)}
                await client.call_tool("mc_wait", arguments, progress_callback=heard.callback)
                return [await heard.next() for _ in names]

        return words

    async def release(client: Any) -> None:
        for names in (["a"], ["b", "a"]):
            await anyio.to_thread.run_sync(command_of_server, world, *names)
        a.write("go")
        b.write("go")

    one, two, _ = talk(world.repo.path, conversation("a"), conversation("b", "a"), release)
    assert one == [(1, 1, "1 of 1: a is completed")]
    assert [(count, total) for count, total, _ in two] == [(1, 2), (2, 2)]


@pytest.mark.parametrize("token", [None, 7, "seven"])
def test_there_is_nothing_but_the_protocol_and_progress_only_for_a_token(
    world: World, tmp_path: Path, token: int | str | None
) -> None:
    (go,) = held(world, tmp_path, "busy")
    wait = {"name": "mc_wait", "arguments": {"names": ["busy"]}}
    asked = wait if token is None else {**wait, "_meta": {"progressToken": token}}
    with bare_server(world) as (server, send):
        send(request("tools/call", asked))
        command_of_server(world, "busy")
        go.write("go")
        assert server.stdout is not None
        messages: list[Any] = []
        while not messages or messages[-1].get("id") != 2:
            messages.append(json.loads(server.stdout.readline()))
    hello, *progress, result = messages
    assert hello["id"] == 1
    assert result["result"]["structuredContent"]["jobs"][0]["state"] == "completed"
    if token is None:
        assert progress == []
        return
    (told,) = progress
    assert told["method"] == "notifications/progress"
    message = told["params"].pop("message")
    assert said(message) == "1 of 1: busy is completed"
    assert told["params"] == {"progressToken": token, "progress": 1, "total": 1}


def test_a_client_that_goes_away_unread_ends_the_server_and_no_train(
    world: World, tmp_path: Path
) -> None:
    world.sh("one", "echo one >one; git add one; git commit -qm one")
    world.wait("one").ok()
    started, go = Pipe(tmp_path / "started"), Pipe(tmp_path / "go")
    test = f"echo yes >{started}; read -r line <{go}"
    train = {"name": "mc_merge_train", "arguments": {"names": ["one"], "test": test}}
    with bare_server(world) as (server, send):
        assert server.stdout is not None
        send(request("tools/call", {**train, "_meta": {"progressToken": 1}}))
        assert started.read() == "yes"
        drives = command_of_server(world, "one")
        server.stdout.close()
        # Its own answer is what the server finds nobody reads.
        send(request("tools/list", {}, 3))
        assert gone(drives)
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait(PATIENCE) == BROKEN_PIPE
    go.write("go")
    go.write("go")
    world.mc("merge-train", "status", "--watch").ok()
    assert "one" in world.repo.files()
