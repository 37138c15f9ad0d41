"""Notes on commits: every job in them once, and nothing of anybody else's changed."""

from __future__ import annotations

import tomllib
from typing import Any

import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.annotation import split
from gitmc.model.job import Landing, Process
from gitmc.model.provenance import LONGEST_PROMPT, entry, noted
from tests.model.test_job import a_job
from tests.support.generated import jobs, texts

told = st.fixed_dictionaries({"name": st.sampled_from("abc"), "head": st.sampled_from("12")})
foreign = texts | st.sampled_from(["", "by hand\n", "[[job]", "[[job]]\nbroken", "x\n[[job]]\n"])
LANDING = Landing(Process(1), "main", "e", "c", "h", "pass", "make test")


def write(before: str, one: dict[str, Any]) -> str:
    return noted(before, one, tomli_w.dumps)


@given(st.lists(told, max_size=6))
def test_each_job_is_there_once_with_its_latest_word(entries: list[dict[str, Any]]) -> None:
    note = ""
    for number, one in enumerate(entries):
        note = write(note, one | {"at": number})
    latest = {(one["name"], one["head"]): number for number, one in enumerate(entries)}
    found = split(note, "job")[1]
    assert {(job["name"], job["head"]): job["at"] for job in found} == latest
    assert len(found) == len(latest)


@given(foreign, told, told)
def test_what_somebody_wrote_in_front_stays(
    text: str, one: dict[str, Any], other: dict[str, Any]
) -> None:
    note = write(write(text, one), other)
    assert note.startswith(text.rstrip("\n"))
    assert other in split(note, "job")[1]
    assert write(note, other) == write(write(note, other), other)


@given(jobs(texts=texts), st.none() | texts)
def test_every_job_can_be_told_in_toml(job: Any, prompt: str | None) -> None:
    one = entry(job, LANDING, prompt, "A <a@example.invalid>", "2026-01-02T03:04:05Z")
    [found] = tomllib.loads(write("", one))["job"]
    assert found == one
    assert found["agent"] == job.agent


def test_a_long_prompt_is_cut_and_says_so() -> None:
    prompt = "x" * LONGEST_PROMPT
    for longer, kept in (("", prompt), ("y", prompt[:-1] + "…")):
        one = entry(a_job(), LANDING, prompt + longer, "A <a@example.invalid>", "now")
        assert one["prompt"] == kept
