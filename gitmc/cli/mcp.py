"""git mc mcp"""

from __future__ import annotations

import importlib.util

import click

from gitmc.errors import Fatal


@click.command()
def command() -> int:
    """Give agents the tools of git mc: a server of the Model Context Protocol on stdin and stdout.

    It serves the repository of the current folder until stdin ends. Any agent that knows the
    protocol starts it by itself, once it is in its configuration. In the worktree of a job it
    offers only what is for the agent inside.
    """
    if importlib.util.find_spec("mcp") is None:
        raise Fatal("the library for this protocol is missing", hint="pip install 'git-mc[mcp]'")
    import anyio

    from gitmc.mcp.server import serve

    anyio.run(serve)
    return 0
