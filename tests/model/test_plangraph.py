"""Drawings of plans."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.plangraph import Node, dot, mermaid, text

SOME = [
    Node("schema", (), "merged"),
    Node("api", ("schema",), "running"),
    Node("ui", ("api", "docs")),
    Node("docs", ("schema",)),
    Node("alone"),
]


def test_each_job_hangs_below_one_that_it_needs() -> None:
    assert text(SOME) == [
        "schema  merged",
        "├─ api  running",
        "│  └─ ui  (after docs too)",
        "└─ docs",
        "alone",
    ]


def test_what_a_job_comes_after_too_is_told_as_far_as_it_fits() -> None:
    names = [f"job-{at:02}" for at in range(20)]
    (_, last, *_rest) = text([Node(names[0]), Node("end", tuple(names)), *map(Node, names[1:])])
    assert last == "└─ end  (after job-01, job-02, job-03, job-04 and 15 more too)"
    (_, last, *_rest) = text([Node("a"), Node("end", ("a", "x" * 60)), Node("x" * 60)])
    assert last == f"└─ end  (after {'x' * 60} too)"


def test_for_graphviz_and_for_mermaid() -> None:
    assert '  "schema" -> "api";' in dot(SOME)
    assert '  "api" [label="api\\nrunning"];' in dot(SOME)
    assert "  j0 --> j1" in mermaid(SOME)
    assert '  j1["api<br/>running"]' in mermaid(SOME)


@st.composite
def graphs(draw: st.DrawFn) -> list[Node]:
    names = [f"n{at}" for at in range(draw(st.integers(0, 12)))]
    nodes = [
        Node(name, tuple(draw(st.lists(st.sampled_from(names[:at]), unique=True, max_size=3))))
        if at
        else Node(name)
        for at, name in enumerate(names)
    ]
    return draw(st.permutations(nodes))


@given(graphs())
def test_every_job_is_drawn_once_and_below_what_it_hangs_from(nodes: list[Node]) -> None:
    rows = text(nodes, lambda node: f"<{node.name}>")
    names = [row.partition("<")[2].partition(">")[0] for row in rows]
    assert sorted(names) == sorted(node.name for node in nodes)
    for node in nodes:
        if node.depends_on:
            assert min(names.index(one) for one in node.depends_on) < names.index(node.name)
