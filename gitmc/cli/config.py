"""git mc config"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from gitmc.cli.options import outputs
from gitmc.cli.render import Output, mission_here, one_line, print_json, print_records
from gitmc.control.config import Told, told
from gitmc.errors import Refused, Usage
from gitmc.model.settingkeys import KEYS, identity


def complete_key(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of settings, for shells."""
    return [key.name for key in KEYS if key.name.lower().startswith(incomplete.lower())]


@click.command()
@click.argument("name", metavar="[KEY]", required=False, shell_complete=complete_key)
@click.option("--porcelain", is_flag=True, help="Print tab-separated records.")
@click.option("-z", "nul", is_flag=True, help="End records with NUL; implies --porcelain.")
@outputs()
def command(name: str | None, porcelain: bool, nul: bool, out: Output) -> int:
    """Show every setting: its value, what set it, and what it means.

    With KEY, print its value alone, each of a list's on a line of its own; exits with 1 where it
    has none. Set one with `git config mc.KEY VALUE`; what else sets them, and which wins, is told
    in the manual page and the README.

    The fields of --porcelain are key, what set it, and its value; a list has one field for each
    value, and what has no value has none.
    """
    if out.json and (porcelain or nul):
        raise Usage("--json and --porcelain exclude each other")
    mission = mission_here()
    found, faults = told(mission.repo, mission.store.root, mission.main_worktree)
    for fault in faults:
        out.warn(fault)
    if name is not None:
        found = [one for one in found if one.key.id == identity(name.removeprefix("mc."))]
        if not found:
            raise _unknown(name)
    if out.json:
        print_json("mc.config/1", {"settings": [_object(one) for one in found]})
    elif porcelain or nul:
        rows = [(one.key.name, one.origin, *_texts(one.value)) for one in found]
        print_records(rows, nul=nul)
    elif name is not None:
        for text in _texts(found[0].value):
            click.echo(text)
        return 0 if _texts(found[0].value) else 1
    else:
        _show(found)
    return 1 if faults else 0


def _unknown(name: str) -> Refused:
    import difflib

    names = {key.name.lower(): key.name for key in KEYS}
    near = difflib.get_close_matches(name.removeprefix("mc.").lower(), names, n=1)
    hint = f"did you mean {names[near[0]]}?" if near else "git mc config lists them"
    return Refused(f"there is no setting called '{name}'", hint=hint)


def _texts(value: Any) -> Sequence[str]:
    """The value in the words in which it could be set; none where there is none."""
    match value:
        case None:
            return []
        case bool():
            return [str(value).lower()]
        case float():
            return [f"{value:g}"]
        case tuple():
            return value
    return [str(value)]


def _object(one: Told) -> dict[str, Any]:
    return {
        "key": one.key.name,
        "kind": one.key.kind,
        "value": one.value,
        "default": one.key.default,
        "choices": list(one.key.choices) or None,
        "origin": one.origin,
        "withheld": one.withheld,
        "meaning": one.key.says,
    }


def _show(found: Sequence[Told]) -> None:
    for one in found:
        value = ", ".join(_texts(one.value))
        set_by = "" if one.origin == "default" else f"  [{one.origin}]"
        click.echo(f"{one.key.name} = {one_line(value, 200)}".rstrip() + set_by)
        if one.withheld:
            click.echo(f"    not run: {one.withheld}")
        click.echo(f"    {one.key.says}")
