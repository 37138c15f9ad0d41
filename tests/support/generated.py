"""Jobs, markers and facts as hypothesis makes them."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from gitmc.model.facts import ACTIVITY_OF_REPORT, Facts, PaneSeen
from gitmc.model.job import (
    Activity,
    Job,
    Landed,
    Landing,
    Launch,
    Phase,
    Process,
    PullRequest,
    Queue,
    Report,
    Run,
    Setup,
    State,
    Terminal,
)
from gitmc.model.marker import Marker

RUN = "a1b2c3"
"""The run of every generated job that has one."""

EARLY = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["a\r\nb", "\r", "line\n\n\nline\n", "'''", '"""\n"', "\\\n", "\x00\x7f", "\u2028ü"]
)
words = st.sampled_from(["", "one", "two"])
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
moments = st.integers(0, 9).map(lambda seconds: EARLY + timedelta(seconds=seconds))
processes = st.builds(Process, st.integers(0, 2**22), words, words)
reports = st.builds(
    Report,
    st.sampled_from(sorted(ACTIVITY_OF_REPORT)),
    words,
    moments,
    st.none() | st.integers(0, 9),
)
runs = st.builds(
    Run,
    st.just(RUN),
    st.sampled_from(Phase),
    st.none() | processes,
    st.none() | words,
    st.booleans(),
    st.booleans(),
)

_values = st.recursive(
    texts | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.floats(allow_nan=False) | times,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)
unknown_keys = st.dictionaries(
    st.text(string.ascii_lowercase, max_size=9).map("new_{}".format), _values, max_size=3
)
"""Keys of a newer git mc."""


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What `strategy` makes, or None."""
    return st.none() | strategy


def jobs(
    run: st.SearchStrategy[Any] | None = None,
    texts: st.SearchStrategy[str] = words,
    unknown: st.SearchStrategy[dict[str, Any]] | None = None,
) -> st.SearchStrategy[Job]:
    """Jobs of every make, possible or not."""
    return st.builds(
        Job,
        name=st.just("one"),
        timeout=st.none() | st.floats(0.001, 1e6),
        state=st.sampled_from(State),
        agent=texts,
        branch=texts,
        base=texts,
        base_commit=texts,
        worktree=texts,
        placement=texts,
        created_at=times,
        mode=texts.filter(bool),
        command=st.lists(texts, max_size=3).map(tuple),
        model=st.none() | texts,
        arguments=st.lists(texts, max_size=3).map(tuple),
        unattended=st.booleans(),
        headless=st.booleans(),
        started_at=maybe(times),
        ended_at=maybe(times),
        exit_status=maybe(st.integers(-9, 255)),
        reason=maybe(texts),
        session_id=maybe(texts),
        plan=maybe(texts),
        run=maybe(runs) if run is None else run,
        terminal=maybe(st.builds(Terminal, texts, texts, texts, texts)),
        activity=maybe(st.builds(Activity, texts, times, texts)),
        report=maybe(reports),
        untold=st.lists(texts, max_size=2).map(tuple),
        setup=maybe(st.builds(Setup, *[st.lists(texts, max_size=2).map(tuple)] * 3)),
        queue=maybe(st.builds(Queue, texts, st.integers(1, 9), maybe(texts), maybe(texts))),
        launch=maybe(
            st.builds(Launch, maybe(processes), st.booleans(), maybe(st.sampled_from(State)))
        ),
        landing=maybe(
            st.builds(Landing, processes, texts, texts, texts, texts, maybe(texts), maybe(texts))
        ),
        landed=maybe(st.builds(Landed, texts, texts, texts)),
        pr=maybe(st.builds(PullRequest, texts, texts, texts, texts, texts, maybe(texts))),
        unknown=st.just({}) if unknown is None else unknown,
    )


def markers(run: str = RUN) -> st.SearchStrategy[Marker]:
    """Markers of `run` of every kind."""
    count = st.integers(0, 300)
    starts = st.builds("{}-{}-{}".format, count, count, count)
    exits = st.builds("{}{}{}".format, st.integers(0, 255), st.sampled_from(["", "-sig9"]),
                      st.sampled_from(["", "-by1", "-by15"]))  # fmt: skip
    died = st.sampled_from(["", "0", "7", "137", "-9", "0-", "-", "junk"])
    spoken = st.builds("{}-{}".format, count, count)
    signals = st.builds("{}-{}".format, st.sampled_from(["working", "waiting", "idle"]), count)
    sessions = st.sampled_from(["ses_1", "A-b", "x" * 128])
    kinds = [
        *(("start", starts), ("exit", exits), ("died", died), ("report", spoken)),
        *(("activity", signals), ("session", sessions), ("bell", count.map(str))),
        ("commit", count.map(str)),
    ]
    sources = st.sampled_from(["tmux", "cli"])
    return st.sampled_from(kinds).flatmap(
        lambda kind: st.builds(Marker, st.just(run), st.just(kind[0]), sources, kind[1])
    )


@st.composite
def facts(draw: st.DrawFn, run: str = RUN) -> Facts:
    """What might be observed of the job `one` and its run."""
    seen = draw(st.lists(markers(run), max_size=6, unique=True))
    few = st.sampled_from([EARLY, EARLY + timedelta(seconds=1)])
    dead = st.builds(PaneSeen, st.booleans(), st.sampled_from(["", "0", "7"]),
                     st.sampled_from(["", "9"]))  # fmt: skip
    panes: dict[str, PaneSeen | None] = {run: draw(st.none() | dead)}
    spoken = [marker.name for marker in seen if marker.kind == "report"]
    found = (Terminal("/s", "$1", "@2", "%3"), draw(processes))
    return Facts(
        now=EARLY + timedelta(days=draw(st.integers(0, 3))),
        boot=draw(st.sampled_from(["", "boot-1"])),
        markers=tuple(seen),
        marker_times={marker.name: draw(few) for marker in seen},
        reports={name: said for name in spoken if (said := draw(st.none() | reports))},
        gone=frozenset({run} if draw(st.booleans()) else ()),
        panes=panes if draw(st.booleans()) else {},
        found={run: found} if draw(st.booleans()) else {},
        ownerless=frozenset({"one"} if draw(st.booleans()) else ()),
        spec_taken=frozenset({run} if draw(st.booleans()) else ()),
    )
