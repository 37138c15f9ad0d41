"""A conversation with `git mc mcp`, by the client of the official library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
from mcp.client.session import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.support.world import PATIENCE, World

Talk = Callable[[Any], Awaitable[Any]]


def talk(cwd: Path, *talks: Talk, options: Sequence[str] = ()) -> list[Any]:
    """What each of `talks` returns, each with a client and a server of its own, all at once."""
    answers: list[Any] = [None] * len(talks)

    async def one(at: int, words: Talk) -> None:
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "gitmc", "mcp", *options],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            cwd=cwd,
        )
        async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            answers[at] = await words(session)

    async def all_of_them() -> None:
        with anyio.fail_after(3 * PATIENCE):
            async with anyio.create_task_group() as tasks:
                for at, words in enumerate(talks):
                    tasks.start_soon(one, at, words)

    anyio.run(all_of_them)
    return answers


def text(result: Any) -> str:
    """What a tool answered, for people; no trace of a defect in it."""
    found = "\n".join(part.text for part in result.content)
    assert "Traceback" not in found
    return found


async def good(session: Any, tool: str, **arguments: Any) -> Any:
    """The document that the tool answers with, or else its text; it must succeed."""
    result = await session.call_tool(tool, arguments)
    assert not result.is_error, text(result)
    return result.structured_content or text(result)


async def bad(session: Any, tool: str, *words: str, **arguments: Any) -> str:
    """What the tool says as it fails; that has all of `words`."""
    result = await session.call_tool(tool, arguments)
    said = text(result)
    assert result.is_error, said
    assert "error: " in said or "fatal: " in said
    for word in words:
        assert word in said, said
    return said


def command_of_server(world: World, *words: str) -> int:
    """The process of a command of this world that a server runs, by its last words, once there is
    one."""
    wanted = [word.encode() for word in words]
    while True:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                *said, _ = (process / "cmdline").read_bytes().split(b"\0")
                here = (process / "cwd").resolve() == world.repo.path
            except OSError:
                continue
            if here and b"gitmc.mcp.bound" in said and said[-len(wanted) :] == wanted:
                return int(process.name)


Sent = Callable[[bytes], None]


@contextmanager
def bare_server(world: World) -> Iterator[tuple[subprocess.Popen[bytes], Sent]]:
    """A server that was greeted, and how it is sent more: no library is in between."""
    server = subprocess.Popen(
        [sys.executable, "-m", "gitmc", "mcp"],
        cwd=world.repo.path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    stdin, stdout = server.stdin, server.stdout
    assert stdin is not None and stdout is not None

    def send(line: bytes) -> None:
        stdin.write(line)
        stdin.flush()

    try:
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}}
        send(request("initialize", {**hello, "clientInfo": {"name": "t", "version": "1"}}, 1))
        send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
        yield server, send
    finally:
        server.kill()
        server.wait()
        stdin.close()
        stdout.close()


def request(method: str, params: Mapping[str, Any], number: int = 2) -> bytes:
    """A request, as it goes over the wire."""
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return json.dumps(message).encode() + b"\n"
