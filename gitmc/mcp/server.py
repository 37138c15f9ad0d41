"""The server: the protocol on one side, `git mc` on the other.

It keeps nothing between calls. The repository is that of the current folder, looked for anew by
each command, so where there is none, a call says so and the server stays. In the worktree of a job,
only what is for the agent inside is offered.
"""

from __future__ import annotations

import json
import os
import select
import signal
from typing import Any
from urllib.parse import quote, unquote

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

from gitmc.errors import McError
from gitmc.mcp.child import Ended, run
from gitmc.mcp.params import checked, input_schema
from gitmc.mcp.progress import Lines
from gitmc.mcp.shapes import output_schema
from gitmc.mcp.tool import Given, Tool
from gitmc.mcp.tools import BY_NAME, TOOLS
from gitmc.mcp.words import said

NO = (1, 3)
"""Exit statuses of a command that did what was asked, and answers no."""

LOG_LINES = 100_000

OVERVIEW = "mc://overview"
LOG = "mc://jobs/{name}/log"

INSTRUCTIONS = """\
git mc runs coding agents in parallel on this repository, each in its own git worktree, branch and \
tmux session, and lands their work without ever breaking a branch. Start with mc_overview. \
mc_launch starts one independent task; mc_plan starts tasks that depend on one another. mc_wait \
waits for them, mc_diff shows what they did, mc_merge lands one, mc_merge_train many."""

INSIDE = """\
You are the agent of a job of git mc, in a worktree and on a branch of its own. Commit your work \
there. Say how it goes with mc_report: blocked or needs_review to ask for a person, completed when \
it is done."""


class Face:
    """What a client sees: the tools by their names without `prefix`, answered on `wire`."""

    def __init__(self, prefix: str, wire: int) -> None:
        self._prefix = prefix
        self._wire = wire
        self.gone = False
        """Whether there is nobody any more who would read an answer."""
        self.told: signal.Signals | None = None
        """The signal that told us to end."""

    def ending(self) -> signal.Signals:
        """How a command is ended that nobody waits for any more."""
        # That nobody reads may be found before that nobody writes, and is no cancellation.
        return signal.SIGHUP if self.gone or _nobody_reads(self._wire) else signal.SIGINT

    async def list_tools(self, _context: Any, _params: Any) -> types.ListToolsResult:
        """The tools that are for whoever is here."""
        inside = await _job_here()
        shown = [
            _shown(tool, tool.name.removeprefix(self._prefix))
            for tool in TOOLS
            if tool.inside or inside is None
        ]
        return types.ListToolsResult(tools=shown)

    async def call_tool(
        self, context: ServerRequestContext, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        """What the tool answers; what it refuses is an answer too, marked as an error."""
        tool = BY_NAME.get(self._prefix + params.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"there is no tool '{params.name}'")
        job = None if tool.inside else await _job_here()
        if job is not None:
            return _failed(
                f"error: {tool.name} is not for the agent inside a job, and this is the worktree "
                f"of '{job}'\nhint: mc_report tells others how it goes"
            )
        given = checked(tool.params, params.arguments or {})
        if isinstance(given, list):
            return _failed("\n".join(f"error: {tool.name}: {fault}" for fault in given))
        return _answer(tool, await self._run(tool, given, context))

    async def list_resources(self, _context: Any, _params: Any) -> types.ListResourcesResult:
        """The overview, and the log of each job."""
        if await _job_here() is not None:
            return types.ListResourcesResult(resources=[])
        found = [
            types.Resource(
                name="overview",
                uri=OVERVIEW,
                description="What runs, what is done, what to do next",
                mime_type="text/plain",
            )
        ]
        ended = await self._run(BY_NAME["mc_jobs"], {}, None)
        jobs = json.loads(ended.stdout)["jobs"] if ended.status == 0 else []
        found += [
            types.Resource(
                name=f"log of {job['name']}",
                uri=LOG.format(name=quote(job["name"])),
                description=f"What the terminal of '{job['name']}' showed ({job['state']})",
                mime_type="text/plain",
            )
            for job in jobs
        ]
        return types.ListResourcesResult(resources=found)

    async def list_templates(
        self, _context: Any, _params: Any
    ) -> types.ListResourceTemplatesResult:
        """How the log of a job is called."""
        log = types.ResourceTemplate(
            name="log of a job",
            uri_template=LOG,
            description="What a job's terminal showed",
            mime_type="text/plain",
        )
        return types.ListResourceTemplatesResult(resource_templates=[log])

    async def read_resource(
        self, context: ServerRequestContext, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        """The text that it stands for."""
        uri = str(params.uri)
        tool, arguments = _resource(uri)
        given = checked(tool.params, arguments)
        if isinstance(given, list):
            raise MCPError(types.INVALID_PARAMS, "; ".join(given))
        ended = await self._run(tool, given, context)
        if ended.status != 0:
            raise MCPError(types.INVALID_PARAMS, _stderr(ended), {"uri": uri})
        text = said(tool.schema or "", _document(ended) or {})
        contents = types.TextResourceContents(uri=uri, text=text, mime_type="text/plain")
        return types.ReadResourceResult(contents=[contents])

    async def _run(self, tool: Tool, given: Given, context: ServerRequestContext | None) -> Ended:
        call = tool.call(given)
        lines = Lines(counted=tool.counts)

        async def told(line: str) -> None:
            step = lines.step(line)
            if context is not None and step is not None:
                # To a client that has not asked for it, this tells nothing.
                words = tool.retold(call, line)
                await context.session.report_progress(step.value, step.total, words)

        ended = await run(call, told, self.ending)
        return ended._replace(stderr=tool.retold(call, ended.stderr))


def _nobody_reads(wire: int) -> bool:
    poll = select.poll()
    poll.register(wire, 0)
    return bool(poll.poll(0))


def _resource(uri: str) -> tuple[Tool, dict[str, Any]]:
    """The tool that reads it, and what that gets. Raises MCPError."""
    if uri == OVERVIEW:
        return BY_NAME["mc_overview"], {}
    start, end = LOG.split("{name}")
    if uri.startswith(start) and uri.endswith(end) and len(uri) > len(start + end):
        name = unquote(uri.removeprefix(start).removesuffix(end))
        return BY_NAME["mc_capture"], {"name": name, "lines": LOG_LINES}
    raise MCPError(types.INVALID_PARAMS, f"there is no resource '{uri}'", {"uri": uri})


def _shown(tool: Tool, name: str) -> types.Tool:
    return types.Tool(
        name=name,
        title=tool.title,
        description=tool.about,
        input_schema=input_schema(tool.params),
        output_schema=output_schema(tool.schema) if tool.schema else None,
        annotations=types.ToolAnnotations(
            read_only_hint=tool.reads_only,
            destructive_hint=tool.destroys,
            idempotent_hint=tool.repeatable or tool.reads_only,
            open_world_hint=tool.open_world,
        ),
    )


def _answer(tool: Tool, ended: Ended) -> types.CallToolResult:
    document = _document(ended) if tool.schema else None
    good = ended.status == 0 or (tool.says_no and ended.status in NO and document is not None)
    if tool.schema is None:
        words = ended.stdout.decode("utf-8", "replace").rstrip()
    else:
        words = said(tool.schema, document) if document is not None else ""
    remarks = _remarks(tool, ended) if good else _stderr(ended)
    text = "\n".join(part for part in (words, remarks) if part)
    return types.CallToolResult(
        content=[types.TextContent(text=text or "done")],
        structured_content=document,
        is_error=not good,
    )


def _remarks(tool: Tool, ended: Ended) -> str:
    # What a train said on its way was progress; its document tells it all again.
    return "" if tool.says_no else ended.stderr.strip()


def _stderr(ended: Ended) -> str:
    if ended.stderr.strip():
        return ended.stderr.strip()
    if ended.status < 0:
        return f"error: git mc was ended by signal {-ended.status}"
    return f"error: git mc ended with status {ended.status}, and said nothing"


def _document(ended: Ended) -> dict[str, Any] | None:
    """What the command printed; None where it printed none."""
    if not ended.stdout.strip():
        return None
    found: dict[str, Any] = _printable(json.loads(ended.stdout))
    return found


def _printable(value: Any) -> Any:
    """`value` without bytes that are no text, which the protocol cannot carry."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


def _failed(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=True)


async def _job_here() -> str | None:
    """The job whose worktree the current folder is in, if any."""
    found: str | None = await anyio.to_thread.run_sync(_find_job)
    return found


def _find_job() -> str | None:
    from gitmc.control.mission import open_mission
    from gitmc.control.report import job_of_worktree

    try:
        mission = open_mission()
        name = job_of_worktree(mission.repo.git_dir)
    except (McError, OSError):
        # A command that needs a repository will say what is wrong with this one.
        return None
    return name if name and mission.store.job_path(name).exists() else None


async def serve(prefix: str) -> None:
    """Serve the client on stdin and stdout until it is gone, or we are told to end.

    Tools are named without `prefix`. What is said about them has their whole names, by which they
    are known to the agents that this is for. Raises BrokenPipeError where the client went away
    without reading all that it was to be told.
    """
    broken = False
    try:
        await _serve(prefix)
    except* BrokenPipeError:
        broken = True
    if broken:
        raise BrokenPipeError


async def _serve(prefix: str) -> None:
    from importlib.metadata import version

    # The server has the descriptor itself stand for something else.
    face = Face(prefix, os.dup(1))
    server: Any = Server(
        "git-mc",
        version=version("git-mc"),
        title="git mc",
        instructions=INSTRUCTIONS if await _job_here() is None else INSIDE,
        on_list_tools=face.list_tools,
        on_call_tool=face.call_tool,
        on_list_resources=face.list_resources,
        on_list_resource_templates=face.list_templates,
        on_read_resource=face.read_resource,
    )
    async with stdio_server() as (incoming, outgoing), anyio.create_task_group() as tasks:
        send, receive = anyio.create_memory_object_stream[Any](0)
        tasks.start_soon(_until_gone, incoming, send, face)
        tasks.start_soon(_until_told, send, face)
        await server.run(receive, outgoing, server.create_initialization_options())
        if face.told is not None:
            # What reads stdin is a thread that cannot be ended otherwise.
            signal.signal(face.told, signal.SIG_DFL)
            signal.raise_signal(face.told)
        tasks.cancel_scope.cancel()


async def _until_gone(incoming: Any, send: Any, face: Face) -> None:
    """Hand on what comes in; note it when nothing can come any more."""
    async with send:
        async for message in incoming:
            await send.send(message)
        face.gone = True


async def _until_told(send: Any, face: Face) -> None:
    """Once we are told to end, let nothing more come in: that ends what is under way."""
    # With handlers of ours, the commands that we start have those of the system.
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async for number in signals:
            face.gone, face.told = True, number
            send.close()
