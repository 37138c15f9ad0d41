"""Many jobs from one command: what placeholders become, and what is left alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.errors import Refused
from gitmc.model.fanout import doubles, expand, items
from gitmc.model.names import check_job_name

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1)


def names(name: str, text: str, copies: int = 1) -> list[str]:
    return [one.name for one in expand(name, b"", (), items(text), copies)]


def test_a_line_fills_name_prompt_and_words() -> None:
    words = ("run", "{}", "x{}", "{n}")
    made = expand("fix-{}", b"Fix {} ({n})", words, items("a b\n\n src/c.py \n"))
    assert [one.name for one in made] == ["fix-a-b", "fix-src-c-py"]
    assert [one.prompt for one in made] == [b"Fix a b (1)", b"Fix src/c.py (2)"]
    assert made[0].command == ("run", "a b", "x{}", "1")
    assert made[1].command == ("run", "src/c.py", "x{}", "2")


def test_an_object_fills_by_its_keys() -> None:
    text = '{"name": "Add it", "file": "a.py", "n2": 3}\n{"name": "b", "file": "b.py"}'
    made = expand("do-{}", b"{file}: {name} {n2} {n}", ("{file}",), items(text))
    assert [one.name for one in made] == ["do-add-it", "do-b"]
    assert [one.prompt for one in made] == [b"a.py: Add it 3 1", b"b.py: b {n2} 2"]
    assert [one.command for one in made] == [("a.py",), ("b.py",)]


def test_other_braces_are_left_alone() -> None:
    prompt = b"f = {x: {1: '{}'}} {{}} {"
    assert expand("a", prompt, (), items("L"))[0].prompt == b"f = {x: {1: 'L'}} {L} {"
    assert expand("a", prompt, ("{}",), [], 1)[0] == ("a", prompt, ("{}",), {})


def test_what_is_filled_in_is_not_filled_again() -> None:
    made = expand("a{n}", b"{a} {b}", (), items('{"a": "{b}", "b": "{a}"}'))
    assert made[0].prompt == b"{b} {a}"


def test_names_that_are_not_told_apart_are_numbered() -> None:
    assert names("same", "x\ny") == ["same-1", "same-2"]
    assert names("same", "x") == ["same"]
    assert names("best", "", copies=3) == ["best-1", "best-2", "best-3"]
    assert names("{}", "x\ny", copies=2) == ["x-1", "x-2", "y-1", "y-2"]


@pytest.mark.parametrize("text", ["{", '{"a": ', "{a: 1}", "ok\n{oops}"])
def test_a_broken_object_is_refused_by_its_line(text: str) -> None:
    number = text.count("\n") + 1
    with pytest.raises(Refused, match=rf"^line {number} begins like a JSON object"):
        items(text)


@given(st.lists(TEXT.filter(lambda t: t.strip() and t.strip()[0] != "{"), min_size=1, max_size=5))
def test_every_line_makes_a_job_whose_name_is_good(lines: list[str]) -> None:
    text = "\n".join(lines)
    for name in names("fix-{}", text):
        check_job_name(name)


@given(st.dictionaries(st.text("abc", min_size=1), TEXT, min_size=1))
def test_every_value_of_an_object_arrives(values: dict[str, str]) -> None:
    prompt = "|".join(f"{{{key}}}" for key in values).encode()
    made = expand("x", prompt, (), items(json.dumps(values)))
    assert made[0].prompt.decode() == "|".join(values.values())


@given(st.binary())
def test_without_items_a_prompt_is_handed_on_byte_for_byte(prompt: bytes) -> None:
    assert expand("x", prompt, (), [], 2)[1].prompt == prompt


def test_doubles_are_found_as_a_file_system_blind_to_case_sees_them() -> None:
    assert doubles(["a", "b", "A", "c", "b", "b"]) == ["A", "b"]
