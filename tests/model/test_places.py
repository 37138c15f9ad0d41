"""Where keys stand in a text."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.places import Path, in_json, in_toml


def test_keys_are_found_however_they_are_written() -> None:
    text = (
        '# [x]\na.b = 1  # y = 2\n"c d".e = { f = 1 }\n[t]\nx = """\n[no]\ny = 1\n"""\n'
        "[[u.v]]\nz = [\n1,\n]\n"
    )
    found = in_toml(text)
    assert found[("a", "b")] == 2
    assert found[("c d", "e")] == found[("c d", "e", "f")] == 3
    assert found[("t", "x")] == 5
    assert found[("u", "v", 0, "z")] == 10
    assert found[("u", "v", 0, "z", 0)] == 11
    assert ("t", "y") not in found


def test_tables_in_lists_of_tables_are_counted_in_each_anew() -> None:
    found = in_toml("[[a]]\n[[a.b]]\nx = 1\n[[a]]\n[[a.b]]\n[[a.b]]\n[a.b.c]\nx = 1\n")
    assert found[("a", 0, "b", 0, "x")] == 3
    assert found[("a", 1, "b", 1)] == 6
    assert found[("a", 1, "b", 1, "c", "x")] == 8


def test_keys_of_json() -> None:
    found = dict(in_json('{"a": [1,\n{"b": ":,{"}],\n"c": {"d":\n2}}'))
    assert (found[("a", 1)], found[("a", 1, "b")], found[("c", "d")]) == (2, 2, 3)


JUNK = "\\n[[job]]\\n# \"\\nname = [ { '\\n"
KEYS = ["a", "b-1", "job", "c d", 'q"]', "x.y", "="]


class Writer:
    """Writes a random table in random ways: each text that it holds is there once."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw = data.draw
        self.count = 0

    def one(self, *of: Any) -> Any:
        return self.draw(st.sampled_from(of))

    def key(self, name: str) -> str:
        plain = name in ("a", "b-1", "job") and self.one(True, False)
        return name if plain else json.dumps(name)

    def scalar(self) -> str:
        self.count += 1
        mark = f"v{self.count}."
        return str(
            self.one(
                f'"{mark}\\"]"', f"'{mark}[ #'", f'"""{mark}{JUNK}"""', f"'''{mark}\n[x]\ny=1'''",
                f'"""{mark}""\n"""""',
            ).replace("\\n", "\n")
        )  # fmt: skip

    def value(self, depth: int) -> str:
        kind = self.one("scalar", "list", "table") if depth else "scalar"
        if kind == "scalar":
            return self.scalar()
        if kind == "table":
            names = self.draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=3))
            inside = (f"{self.key(name)} = {self.value(depth - 1)}" for name in names)
            return "{ " + ", ".join(inside) + " }"
        items = [self.value(depth - 1) for _ in range(self.one(0, 1, 2, 3))]
        if self.one(True, False):
            return "[" + ", ".join(items) + "]"
        return "[ # ]\n" + "".join(f"  {item}, # ,[\n\n" for item in items) + "]"

    def body(self) -> str:
        names = self.draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=4))
        return "".join(
            f"{self.key(name)}{self.one('', ' . dotted')} = {self.value(2)} # {{\n"
            for name in names
        )

    def document(self) -> str:
        text = self.body()
        for name in self.draw(st.lists(st.sampled_from(["t", "u v"]), max_size=5)):
            text += f"\n[[ {self.key(name)} ]] # x\n{self.body()}"
            if self.one(True, False):
                text += f"[{self.key(name)}.inner]\n{self.body()}"
        return text


def scalars(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Each text in a table, and the way to it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from scalars(item, (*path, key))


@given(st.data())
def test_in_any_toml_each_text_stands_where_it_is_told_to(data: st.DataObject) -> None:
    text = Writer(data).document()
    found = in_toml(text)
    lines = text.split("\n")
    for path, value in scalars(tomllib.loads(text)):
        mark = value.partition(".")[0] + "."
        assert mark in lines[found[path] - 1], (text, path)


tables = st.recursive(
    st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@given(tables, st.sampled_from([None, 1]))
def test_in_any_json_each_value_is_told_of_once_and_in_order(value: Any, indent: int) -> None:
    text = json.dumps(value, indent=indent)
    told = list(in_json(text))

    def paths(value: Any, path: Path = ()) -> Iterator[Path]:
        if isinstance(value, dict | list):
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                yield (*path, key)
                yield from paths(item, (*path, key))

    assert [path for path, _ in told] == list(paths(value))
    lines = text.split("\n")
    for path, line in told:
        if isinstance(path[-1], str):
            assert json.dumps(path[-1]) + ":" in lines[line - 1]
