"""Running one `git mc …`, from its start to its end, whatever happens in between.

It has a session of its own: no terminal to ask on, and signals that reach it with all that it
runs. A call that is canceled interrupts it, as Ctrl-C would; where the client is gone it hangs up,
as a terminal that is closed would. Either way it is waited for: what a command leaves behind when
it is told to end, it leaves before we do. If we are killed, it is hung up on too (see `bound`).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple

from gitmc.mcp.tool import Call

Told = Callable[[str], Awaitable[None]]
"""Gets each line that the command says on stderr."""


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    status: int
    stdout: bytes
    stderr: str


async def run(call: Call, told: Told, ending: Callable[[], signal.Signals]) -> Ended:
    """Run it. `ending` is asked which signal is to end it, if that has to be."""
    import anyio

    process = await anyio.open_process(
        # Without -P, the current folder could bring modules of its own.
        [sys.executable, "-P", "-m", "gitmc.mcp.bound", str(os.getpid()), *call.words],
        start_new_session=True,
    )
    printed: list[bytes] = []
    lines = _Lines(told)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_feed, process.stdin, call.stdin)
            tasks.start_soon(_read, process.stdout, _into(printed))
            tasks.start_soon(_read, process.stderr, lines.add)
        status = await process.wait()
    finally:
        if process.returncode is None:
            with anyio.CancelScope(shield=True):
                await _end(process, ending())
    await lines.end()
    return Ended(status, b"".join(printed), "".join(lines.text))


async def _end(process: Any, number: signal.Signals) -> None:
    import anyio

    async def drop(_data: bytes) -> None:
        return None

    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    # What it says at its end must have room, or it would wait for that.
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read, process.stdout, drop)
        tasks.start_soon(_read, process.stderr, drop)
    await process.wait()


async def _feed(stream: Any, data: bytes) -> None:
    import anyio

    # It need not read what it is given.
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, ConnectionError):
        if data:
            await stream.send(data)
        await stream.aclose()


async def _read(stream: Any, use: Callable[[bytes], Awaitable[None]]) -> None:
    async for chunk in stream:
        await use(chunk)


def _into(chunks: list[bytes]) -> Callable[[bytes], Awaitable[None]]:
    async def add(chunk: bytes) -> None:
        chunks.append(chunk)

    return add


class _Lines:
    """Takes bytes, hands on lines."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._rest = b""
        self.text: list[str] = []

    async def add(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            await self._say(line, "\n")

    async def end(self) -> None:
        if self._rest:
            await self._say(self._rest, "")

    async def _say(self, line: bytes, end: str) -> None:
        text = line.decode("utf-8", "replace")
        self.text.append(text + end)
        await self._told(text)
