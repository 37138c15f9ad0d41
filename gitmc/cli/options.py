"""Options that commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from gitmc.cli.render import Output
from gitmc.control.mission import open_mission
from gitmc.errors import McError

F = TypeVar("F", bound=Callable[..., Any])


def outputs(*, json: bool = True) -> Callable[[F], F]:
    """Add -q and -v, and --json where the command prints data; passes an `Output` as `out`."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def wrapper(*args: Any, quiet: bool, verbose: bool, **kwargs: Any) -> Any:
            above: dict[str, bool] = click.get_current_context().find_root().obj or {}
            out = Output(
                quiet or above.get("quiet", False),
                verbose or above.get("verbose", False),
                kwargs.pop("json", False),
            )
            return function(*args, out=out, **kwargs)

        decorated: Any = wrapper
        decorated = click.option("-v", "--verbose", is_flag=True, help="Say more.")(decorated)
        decorated = click.option("-q", "--quiet", is_flag=True, help="Say less.")(decorated)
        if json:
            decorated = click.option("--json", is_flag=True, help="Print JSON.")(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate


def complete_job(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of jobs, for shells."""
    try:
        names = open_mission().store.job_names()
    except McError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def complete_agent(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of agents, for shells."""
    from gitmc.control import agents

    try:
        names = agents.names(open_mission())
    except McError:
        return []
    return [name for name in names if name.startswith(incomplete)]
