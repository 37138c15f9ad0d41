"""git mc mcp"""

from __future__ import annotations

import importlib.util

import click

from gitmc.errors import Fatal


@click.command()
@click.option(
    "--plain-names",
    is_flag=True,
    help="Name tools without 'mc_', for agents that put the server's name first.",
)
def command(plain_names: bool) -> int:
    """Give agents the tools of git mc: a server of the Model Context Protocol on stdin and stdout.

    It serves the repository of the current folder until stdin ends. Any agent that knows the
    protocol starts it by itself, once it is in its configuration. In the worktree of a job it
    offers only what is for the agent inside.
    """
    if importlib.util.find_spec("mcp") is None:
        raise Fatal("the library for this protocol is missing", hint="pip install 'git-mc[mcp]'")
    import anyio

    from gitmc.mcp.server import serve
    from gitmc.mcp.tools import PREFIX

    anyio.run(serve, PREFIX if plain_names else "")
    return 0
