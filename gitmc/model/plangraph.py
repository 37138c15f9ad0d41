"""How jobs depend on one another: who comes after whom, and drawings of it. Pure.

They are drawn as text, for Graphviz, and for Mermaid. In text each job hangs below one that it
depends on, the last of them to be drawn, so that all that it needs stands above it; the others are
named beside it:

    schema
    ├─ api
    │  └─ ui  (after docs too)
    └─ docs
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

LONGEST_BESIDE = 36
"""Characters of names beside a job; the other drawings have all of them."""


class Node(NamedTuple):
    """A job, what it depends on, and a word on how it stands."""

    name: str
    depends_on: tuple[str, ...] = ()
    state: str = ""


def ancestors(graph: Mapping[str, Collection[str]], name: str) -> set[str]:
    """All that `name` depends on, directly or through others."""
    found: set[str] = set()
    left = list(graph.get(name, ()))
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += graph.get(one, ())
    return found


def cycles(graph: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Cycles among the jobs, each from its first one on; none in common, and not those of one."""
    found: list[list[str]] = []
    over: set[str] = set()
    for start in graph:
        trail: list[str] = []
        stack = [(start, iter(graph[start]))]
        trail.append(start)
        while stack:
            name, rest = stack[-1]
            following = next((one for one in rest if one in graph and one not in over), None)
            if name in over or following is None:
                over.add(name)
                stack.pop()
                trail.pop()
            elif following in trail:
                cycle = trail[trail.index(following) :]
                if len(cycle) > 1:
                    found.append(cycle)
                over.update(cycle)
            else:
                stack.append((following, iter(graph[following])))
                trail.append(following)
    return found


def text(nodes: Sequence[Node], paint: Callable[[Node], str] | None = None) -> list[str]:
    """The lines of the drawing. `paint` makes the text of a job; by default, name and state."""
    parents = _parents(nodes)
    children: dict[str | None, list[Node]] = {}
    for node in nodes:
        children.setdefault(parents[node.name], []).append(node)
    shown = paint or _plain
    rows: list[str] = []
    for node in children.get(None, []):
        rows += _drawn(node, children, parents, shown)
    return rows


def _plain(node: Node) -> str:
    return f"{node.name}  {node.state}" if node.state else node.name


def _parents(nodes: Sequence[Node]) -> dict[str, str | None]:
    """By job: the one that it hangs below, which is the deepest of those it depends on."""
    by_name = {node.name: node for node in nodes}
    depths: dict[str, int] = {}
    for name in _in_order(by_name):
        needs = [one for one in by_name[name].depends_on if one in by_name]
        depths[name] = 1 + max((depths.get(one, 0) for one in needs), default=-1)
    return {
        node.name: max(
            (one for one in node.depends_on if one in by_name and one != node.name),
            key=lambda one: depths[one],
            default=None,
        )
        for node in nodes
    }


def _in_order(by_name: Mapping[str, Node]) -> Iterator[str]:
    """The jobs, each after all that it depends on."""
    over: set[str] = set()
    for start in by_name:
        stack = [start]
        while stack:
            name = stack[-1]
            left = [one for one in by_name[name].depends_on if one in by_name and one not in over]
            if name not in over and not left:
                over.add(name)
                yield name
            if name in over:
                stack.pop()
            else:
                stack += left


def _drawn(
    top: Node,
    children: Mapping[str | None, Sequence[Node]],
    parents: Mapping[str, str | None],
    shown: Callable[[Node], str],
) -> Iterator[str]:
    stack = [(top, "", "")]
    while stack:
        node, lead, below = stack.pop()
        others = [one for one in node.depends_on if one != parents[node.name]]
        more = f"  (after {_some(others)} too)" if others else ""
        yield f"{lead}{shown(node)}{more}"
        kids = list(children.get(node.name, ()))
        for at, kid in reversed(list(enumerate(kids))):
            last = at == len(kids) - 1
            fork, bar = ("└─ ", "   ") if last else ("├─ ", "│  ")
            stack.append((kid, below + fork, below + bar))


def _some(names: Sequence[str]) -> str:
    """As many of the names as fit beside a job, at least one, and how many more there are."""
    ends = list(accumulate(len(name) + 2 for name in names))
    shown = max(1, bisect_right(ends, LONGEST_BESIDE))
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more else "")


def dot(nodes: Sequence[Node]) -> list[str]:
    """The graph for Graphviz."""
    rows = ["digraph plan {", "  rankdir=LR;", "  node [shape=box];"]
    for node in nodes:
        label = f"{node.name}\n{node.state}" if node.state else node.name
        rows.append(f"  {_quoted(node.name)} [label={_quoted(label)}];")
    for node in nodes:
        rows += [f"  {_quoted(one)} -> {_quoted(node.name)};" for one in node.depends_on]
    return [*rows, "}"]


def mermaid(nodes: Sequence[Node]) -> list[str]:
    """The graph for Mermaid."""
    ids = {node.name: f"j{at}" for at, node in enumerate(nodes)}
    rows = ["graph LR"]
    for node in nodes:
        label = f"{node.name}<br/>{node.state}" if node.state else node.name
        rows.append(f'  {ids[node.name]}["{label}"]')
    for node in nodes:
        rows += [f"  {ids[one]} --> {ids[node.name]}" for one in node.depends_on if one in ids]
    return rows


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
