"""What agents ask, and what is said to it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.errors import Usage
from gitmc.model.ask import LONGEST, Ask, Question, answer, read

OPENCODE = {
    "kind": "permission",
    "id": "per_1",
    "permission": "bash",
    "patterns": ["touch a"],
    "metadata": {"command": "touch a"},
}
CLAUDE = {"tool_name": "Bash", "tool_input": {"command": "touch a", "description": "d"}}
OPTIONS = [{"label": "Red", "description": "r"}, {"label": "Deep blue"}]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (OPENCODE, "bash: touch a"),
        (CLAUDE, "Bash: touch a"),
        ({"permission": "edit", "patterns": ["a", "b"]}, "edit: a, b"),
        ({"tool_name": "Edit", "tool_input": {"file_path": "/a"}}, "Edit: /a"),
        ({"tool_name": "Odd", "tool_input": {"x": "é"}}, 'Odd: {"x": "é"}'),
        ({"tool_name": "Odd"}, "Odd"),
        ({}, "something that its terminal shows"),
        (None, "something that its terminal shows"),
    ],
)
def test_a_permission_says_what_it_is_for(content: Any, text: str) -> None:
    ask = read("per_1", content, answerable=True)
    assert (ask.kind, ask.text, ask.questions) == ("permission", text, ())


@pytest.mark.parametrize("inside", [None, "tool_input"])
def test_questions_have_their_answers(inside: str | None) -> None:
    listed = {"questions": [{"question": "Which?", "options": OPTIONS, "multiple": True}, 3]}
    ask = read("que_1", listed if inside is None else {inside: listed}, answerable=False)
    assert ask == Ask(
        "que_1", "question", "", (Question("Which?", ("Red", "Deep blue"), True),), False
    )


PERMISSION = Ask("per_1", "permission", "bash: touch a")
WHICH = Question("Which?", ("Red", "Deep blue", "a,b"))


def question(*questions: Question) -> Ask:
    """Questions that are asked at once."""
    return Ask("que_1", "question", "", questions)


@pytest.mark.parametrize(
    ("ask", "words", "meant"),
    [
        (PERMISSION, ["yes"], {"reply": "once"}),
        (PERMISSION, ["Once"], {"reply": "once"}),
        (PERMISSION, ["always"], {"reply": "always"}),
        (PERMISSION, ["no"], {"reply": "reject"}),
        (PERMISSION, ["no", "use", "make"], {"reply": "reject", "message": "use make"}),
        (question(WHICH), ["deep blue"], {"answers": [["Deep blue"]]}),
        (question(WHICH), ["2"], {"answers": [["Deep blue"]]}),
        (question(WHICH), ["4"], {"answers": [["4"]]}),
        (question(WHICH), ["0"], {"answers": [["0"]]}),
        (question(WHICH), ["a,b"], {"answers": [["a,b"]]}),
        (question(WHICH), ["neither"], {"answers": [["neither"]]}),
        (question(WHICH._replace(several=True)), ["red, 2"], {"answers": [["Red", "Deep blue"]]}),
        (question(WHICH._replace(several=True)), ["red, pink"], {"answers": [["red, pink"]]}),
        (question(WHICH, WHICH), ["1", "no"], {"answers": [["Red"], ["no"]]}),
    ],
    ids=str,
)
def test_what_words_mean(ask: Ask, words: list[str], meant: dict[str, Any]) -> None:
    assert answer(ask, words) == meant


@pytest.mark.parametrize(
    ("ask", "words", "reject", "said"),
    [
        (PERMISSION, ["maybe"], False, "'maybe' does not answer"),
        (PERMISSION, ["yes", "please"], False, "only a no takes a message"),
        (question(WHICH), ["1", "2"], False, "there is one question, and 2 answers"),
        (question(WHICH, WHICH), ["1"], False, "there are 2 questions, and 1 answers"),
        (question(WHICH), ["1"], True, "takes no answer"),
    ],
    ids=str,
)
def test_words_that_mean_nothing(ask: Ask, words: list[str], reject: bool, said: str) -> None:
    with pytest.raises(Usage, match=said):
        answer(ask, words, reject=reject)


def test_anything_is_turned_down_by_reject() -> None:
    assert answer(PERMISSION, [], reject=True) == {"reply": "reject"}
    assert answer(PERMISSION, ["why"], reject=True) == {"reply": "reject", "message": "why"}
    assert answer(question(WHICH), [], reject=True) == {"reject": True}


KEYS = st.sampled_from(
    [
        *("kind", "questions", "question", "options", "label", "multiple", "tool_name"),
        *("tool_input", "metadata", "command", "patterns", "permission", "file_path"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
)


@given(JSON)
def test_whatever_a_file_says_can_be_shown(content: Any) -> None:
    ask = read("one", content, answerable=True)
    assert ask.kind in ("permission", "question")
    assert len(ask.text) <= LONGEST
    assert all(len(question.text) <= LONGEST for question in ask.questions)
    if ask.questions:
        assert answer(ask, ["1"] * len(ask.questions))["answers"]
