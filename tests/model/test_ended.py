"""What the end of a test run says."""

from __future__ import annotations

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.ended import Ended, Verdict, judge

LIMIT = 1.5

ends = st.builds(
    Ended,
    status=st.none() | st.integers(0, 255),
    signal=st.integers(0, 64),
    late=st.booleans(),
    stopped=st.sampled_from([0, 1, 15]),
    starved=st.booleans(),
    full=st.booleans(),
    trouble=st.sampled_from(["", "no such folder"]),
)


@pytest.mark.parametrize(
    ("ended", "verdict", "word"),
    [
        (Ended(status=0), "pass", "passed"),
        (Ended(status=0, full=True, starved=True), "pass", "passed"),
        (Ended(status=1), "fail", "exit status 1"),
        (Ended(status=2, starved=True), "broken", "memory"),
        (Ended(status=2, full=True), "broken", "no space left"),
        (Ended(status=125), "skip", "cannot be tested"),
        (Ended(status=126), "broken", "could not be run"),
        (Ended(status=127), "broken", "not found"),
        (Ended(status=137), "broken", "something killed it"),
        (Ended(signal=signal.SIGKILL), "broken", "signal 9"),
        (Ended(signal=signal.SIGTERM), "broken", "signal 15"),
        (Ended(signal=signal.SIGSEGV), "fail", "crashed by signal 11"),
        (Ended(signal=signal.SIGABRT), "fail", "crashed by signal 6"),
        (Ended(late=True), "late", "longer than 1.5 s"),
        (Ended(late=True, full=True), "broken", "no space left"),
        (Ended(stopped=15), "lost", "something else ended it"),
        (Ended(trouble="gone"), "broken", "gone"),
        (Ended(trouble="gone", full=True), "broken", "no space left on a disk: gone"),
        (Ended(), "lost", "its runner was killed"),
    ],
)
def test_an_end_says_what_it_may(ended: Ended, verdict: str, word: str) -> None:
    found, why = judge(ended, LIMIT, canceled=False)
    assert (found, word in why) == (verdict, True), why


def test_what_we_stopped_is_canceled() -> None:
    assert judge(Ended(stopped=15), LIMIT, canceled=True)[0] is Verdict.CANCELED
    assert judge(Ended(status=0), LIMIT, canceled=True)[0] is Verdict.PASS


@given(ends, st.booleans())
def test_only_status_0_passes_and_only_what_ran_undisturbed_fails(
    ended: Ended, canceled: bool
) -> None:
    verdict, why = judge(ended, LIMIT, canceled=canceled)
    assert why
    assert (verdict is Verdict.PASS) == (ended.status == 0)
    if verdict is Verdict.FAIL:
        assert not (ended.full or ended.starved or ended.stopped or ended.trouble or ended.late)
        assert ended.status or ended.signal
