"""git mc plan graph"""

from __future__ import annotations

from pathlib import Path

import click

from gitmc.cli.options import outputs
from gitmc.cli.render import Output, current_jobs, mission_here, print_json
from gitmc.model.plangraph import Node, dot, mermaid, text

DRAWINGS = {"text": text, "dot": dot, "mermaid": mermaid}


@click.command("graph")
@click.argument("what", metavar="[PLAN|FILE]", required=False)
@click.option("--format", "kind", type=click.Choice(list(DRAWINGS)), default="text",
              help="As text, for Graphviz, or for Mermaid.")  # fmt: skip
@outputs()
def graph(what: str | None, kind: str, out: Output) -> int:
    """Draw how the jobs of a plan, or of a plan's file, depend on one another."""
    nodes = _of_file(what) if what is not None and _is_file(what) else _of_plan(what, out)
    if out.json:
        print_json("mc.plan-graph/1", {"jobs": [node._asdict() for node in nodes]})
    else:
        click.echo("\n".join(DRAWINGS[kind](nodes)))
    return 0


def _is_file(what: str) -> bool:
    return what == "-" or Path(what).is_file()


def _of_file(path: str) -> list[Node]:
    from gitmc.control.planstart import Source

    spec, _ = Source(path).plan()
    return [Node(job.name, job.depends_on) for job in spec.jobs]


def _of_plan(name: str | None, out: Output) -> list[Node]:
    from gitmc.control.planstart import named
    from gitmc.control.planview import shown, state_word

    mission = mission_here(outside=True)
    found = shown(mission, named(mission, name), current_jobs(mission, out, wait=False))
    return [Node(one.name, one.depends_on, state_word(found, one)) for one in found.plan.jobs]
