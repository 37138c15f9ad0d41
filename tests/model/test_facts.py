"""What observed facts make of a job: every end, and what no order or repeat may change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gitmc.model.facts import NOBODY, Facts, PaneSeen, advance, word_order
from gitmc.model.job import Activity, Job, Launch, Phase, Process, Report, Run, State, Terminal
from gitmc.model.marker import Marker
from tests.support.generated import RUN, facts, jobs, runs

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
T1 = T0 + timedelta(seconds=1)
T2 = T0 + timedelta(seconds=2)
some = settings(max_examples=60, deadline=None)
PROCESS = Process(7, "99", "boot-1")
GONE = frozenset({RUN})


def a_job(state: State = State.RUNNING, stop: str | None = None) -> Job:
    run = Run(RUN, Phase.LIVE, PROCESS, stop)
    return Job("one", state, "command", "mc/one", "main", "c0", "/w", "session", T0, run=run)


def heard(*values: tuple[str, str], **more: object) -> Facts:
    found = tuple(Marker(RUN, kind, "launcher", value) for kind, value in values)
    return Facts(now=T2, boot="boot-1", markers=found)._replace(**more  # type: ignore[arg-type]
    )  # fmt: skip


def gone(pane: PaneSeen | None = None, boot: str = "boot-1") -> Facts:
    return Facts(now=T2, boot=boot, gone=GONE, panes={RUN: pane})


LOST = "lost: its launcher was {} and left no exit status"
NOTHING = "lost: nothing is left of it and no exit status was written"
RESTARTED = "lost: the machine was restarted and no exit status was written"
STOP = "killed by git mc kill"
GONE_UNDER_IT = ("lost:", "its terminal was closed", "its launcher was sent")

ENDS: list[tuple[str, Facts, str | None, State, int | None, str | None]] = [
    ("exit 0", heard(("exit", "0")), None, State.COMPLETED, 0, None),
    ("exit 7", heard(("exit", "7")), None, State.FAILED, 7, "exit status 7"),
    ("exit 0, asked", heard(("exit", "0")), STOP, State.COMPLETED, 0, None),
    ("exit 7, asked", heard(("exit", "7")), STOP, State.FAILED, 7, "exit status 7"),
    ("signal", heard(("exit", "137-sig9")), None, State.FAILED, 137, "killed by SIGKILL"),
    ("signal, asked", heard(("exit", "143-sig15")), STOP, State.STOPPED, 143, STOP),
    ("odd signal", heard(("exit", "255-sig99")), None, State.FAILED, 255, "killed by signal 99"),
    (
        "HUP",
        heard(("exit", "129-sig1-by1")),
        None,
        State.FAILED,
        129,
        "its terminal was closed (SIGHUP)",
    ),
    (
        "HUP, took it well",
        heard(("exit", "0-by1")),
        None,
        State.FAILED,
        0,
        "its terminal was closed (SIGHUP)",
    ),
    ("HUP, asked", heard(("exit", "129-sig1-by1")), STOP, State.STOPPED, 129, STOP),
    (
        "TERM",
        heard(("exit", "143-sig15-by15")),
        None,
        State.FAILED,
        143,
        "its launcher was sent SIGTERM",
    ),
    ("TERM, asked", heard(("exit", "143-sig15-by15")), STOP, State.STOPPED, 143, STOP),
    ("TERM, asked, ended well", heard(("exit", "0-by15")), STOP, State.STOPPED, 0, STOP),
    ("died 0", heard(("died", "0")), None, State.COMPLETED, 0, None),
    ("died 7", heard(("died", "7")), None, State.FAILED, 7, "exit status 7"),
    ("died 7, asked", heard(("died", "7")), STOP, State.FAILED, 7, "exit status 7"),
    ("died 9", heard(("died", "-9")), None, State.FAILED, None, LOST.format("killed by SIGKILL")),
    ("died 9, asked", heard(("died", "-9")), STOP, State.STOPPED, None, STOP),
    (
        "died KILL",
        heard(("died", "-KILL")),
        None,
        State.FAILED,
        None,
        LOST.format("killed by signal KILL"),
    ),
    ("died", heard(("died", "")), None, State.FAILED, None, LOST.format("killed")),
    ("died, asked", heard(("died", "")), STOP, State.STOPPED, None, STOP),
    ("died, then 0", heard(("died", ""), ("died", "0")), None, State.COMPLETED, 0, None),
    ("dead pane 0", gone(PaneSeen(True, "0")), None, State.COMPLETED, 0, None),
    ("dead pane 7", gone(PaneSeen(True, "7")), None, State.FAILED, 7, "exit status 7"),
    (
        "dead pane 9",
        gone(PaneSeen(True, "", "9")),
        None,
        State.FAILED,
        None,
        LOST.format("killed by SIGKILL"),
    ),
    ("dead pane", gone(PaneSeen(True)), None, State.FAILED, None, LOST.format("killed")),
    ("no pane", gone(None), None, State.FAILED, None, NOTHING),
    ("no pane, asked", gone(None), STOP, State.STOPPED, None, STOP),
    ("pane alive", gone(PaneSeen(False)), None, State.FAILED, None, NOTHING),
    ("restarted", gone(None, boot="boot-2"), None, State.FAILED, None, RESTARTED),
    ("restarted, asked", gone(None, boot="boot-2"), STOP, State.STOPPED, None, STOP),
]


@pytest.mark.parametrize(
    ("seen", "stop", "state", "status", "reason"),
    [end[1:] for end in ENDS],
    ids=[end[0] for end in ENDS],
)
def test_every_end_has_its_state_status_and_reason(
    seen: Facts, stop: str | None, state: State, status: int | None, reason: str | None
) -> None:
    after = advance(a_job(stop=stop), seen)
    assert (after.state, after.exit_status, after.reason) == (state, status, reason)
    lost = state is State.FAILED and (reason or "").startswith(GONE_UNDER_IT)
    assert after.run == Run(RUN, Phase.ENDED, PROCESS, stop, lost=lost)
    assert after.ended_at == T2
    assert after.activity is None


def test_an_end_happened_when_its_marker_was_made() -> None:
    seen = heard(("exit", "0"), marker_times={f"{RUN}.exit.launcher.0": T1})
    assert advance(a_job(), seen).ended_at == T1
    seen = heard(("died", "0"), marker_times={f"{RUN}.died.launcher.0": T1})
    assert advance(a_job(), seen).ended_at == T1


@some
@given(jobs(), facts())
def test_the_same_facts_twice_are_the_same_as_once(job: Job, seen: Facts) -> None:
    once = advance(job, seen)
    assert advance(once, seen) == once


@some
@given(jobs(), facts(), st.timedeltas(timedelta(0), timedelta(days=9)))
def test_a_repeat_at_a_later_time_changes_nothing(job: Job, seen: Facts, late: timedelta) -> None:
    once = advance(job, seen)
    assert advance(once, seen._replace(now=seen.now + late)) == once


@some
@given(jobs(), facts(), st.randoms(use_true_random=False))
def test_the_order_of_markers_does_not_matter(job: Job, seen: Facts, random: object) -> None:
    shuffled = list(seen.markers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert advance(job, seen._replace(markers=tuple(shuffled))) == advance(job, seen)


@some
@given(jobs(), facts(), st.data())
def test_a_repeated_marker_changes_nothing(job: Job, seen: Facts, data: st.DataObject) -> None:
    assume(seen.markers)
    repeats = data.draw(st.lists(st.sampled_from(seen.markers), max_size=4))
    repeated = seen._replace(markers=(*seen.markers, *repeats))
    assert advance(job, repeated) == advance(job, seen)


@some
@given(jobs(run=runs), facts())
def test_an_exit_marker_wins_over_every_other_witness(job: Job, seen: Facts) -> None:
    exits = tuple(marker for marker in seen.markers if marker.kind == "exit")
    assume(exits)
    others = tuple(marker for marker in seen.markers if marker.kind != "died")
    alone = seen._replace(markers=others, gone=frozenset(), panes={})
    assert advance(job, seen) == advance(job, alone)


@some
@given(jobs(run=runs.map(lambda run: run._replace(phase=Phase.CLOSED))), facts())
def test_a_job_whose_run_is_closed_never_changes(job: Job, seen: Facts) -> None:
    assert advance(job, seen) is job


@some
@given(jobs(run=st.none()), facts())
def test_a_job_without_a_run_never_changes(job: Job, seen: Facts) -> None:
    assert advance(job, seen) is job


@some
@given(jobs(), facts("d4e5f6"))
def test_facts_of_another_run_never_change_a_job(job: Job, seen: Facts) -> None:
    assert advance(job, seen) is job


@some
@given(jobs(run=runs), facts())
def test_a_run_never_goes_back_in_its_phases(job: Job, seen: Facts) -> None:
    after = advance(job, seen)
    phases = list(Phase)
    assert job.run is not None
    assert after.run is not None
    assert phases.index(after.run.phase) >= phases.index(job.run.phase)
    assert (after.run.id, after.run.stop) == (job.run.id, job.run.stop)


def test_a_start_marker_names_the_launcher() -> None:
    after = advance(a_job(), heard(("start", "41-555-3")))
    assert after.run == Run(RUN, Phase.LIVE, Process(41, "555", "boot-1"))
    assert after.state is State.RUNNING


def test_a_job_still_queued_is_not_ended() -> None:
    assert advance(a_job(State.QUEUED), heard(("exit", "0"))).state is State.QUEUED


TERMINAL = Terminal("/s", "$1", "@2", "%3")


def orphan() -> Job:
    launch = Launch(Process(1), new_branch=True)
    return a_job(State.QUEUED)._replace(launch=launch, run=Run(RUN))


def test_a_launch_whose_maker_died_is_adopted_once_its_spec_was_taken() -> None:
    seen = heard(ownerless=frozenset({"one"}), spec_taken=GONE, found={RUN: (TERMINAL, PROCESS)})
    after = advance(orphan(), seen)
    assert (after.state, after.launch, after.started_at) == (State.RUNNING, None, T2)
    assert (after.terminal, after.run) == (TERMINAL, Run(RUN, Phase.LIVE, PROCESS))


def test_an_adopted_launch_that_is_over_ends_as_its_marker_says() -> None:
    seen = heard(("exit", "0"), ownerless=frozenset({"one"}), spec_taken=GONE)
    after = advance(orphan(), seen)
    assert (after.state, after.exit_status) == (State.COMPLETED, 0)
    assert after.run == Run(RUN, Phase.ENDED, NOBODY)


@pytest.mark.parametrize(
    "seen",
    [heard(spec_taken=GONE), heard(ownerless=frozenset({"one"})), heard()],
    ids=["its maker lives", "its spec is there", "neither"],
)
def test_a_launch_is_not_adopted_before_that(seen: Facts) -> None:
    assert advance(orphan(), seen) == orphan()


def said(status: str, at: datetime, progress: int | None = None) -> Report:
    return Report(status, "words", at, progress)


def spoken(*words: Report) -> Facts:
    values = [f"{1000 + number}-9" for number in range(len(words))]
    names = [Marker(RUN, "report", "launcher", value).name for value in values]
    return heard(
        *(("report", value) for value in values), reports=dict(zip(names, words, strict=True))
    )


@pytest.mark.parametrize(
    ("status", "activity"),
    [
        ("working", "working"),
        ("progress", "working"),
        ("blocked", "waiting"),
        ("needs_review", "waiting"),
        ("of a newer version", "unknown"),
    ],
)
def test_a_report_says_what_the_agent_is_doing(status: str, activity: str) -> None:
    after = advance(a_job(), spoken(said(status, T1)))
    assert after.activity == Activity(activity, T1, "report")
    assert after.report == said(status, T1)
    assert after.state is State.RUNNING


def test_an_agent_that_goes_on_doing_the_same_does_it_since_the_first_report() -> None:
    after = advance(a_job(), spoken(said("working", T0), said("progress", T1, 50)))
    assert after.activity == Activity("working", T0, "report")
    assert after.report == said("progress", T1, 50)


def test_progress_stays_until_a_report_gives_another() -> None:
    after = advance(a_job(), spoken(said("progress", T0, 50), said("working", T1)))
    assert after.report == said("working", T1, 50)


def test_a_report_that_comes_later_is_newer_whatever_its_clock_says() -> None:
    before = advance(a_job(), spoken(said("blocked", T1)))
    after = advance(before, spoken(said("working", T0)))
    assert after.report == said("working", T0)
    assert after.activity == Activity("working", T0, "report")


def test_a_report_of_completed_completes_a_running_job() -> None:
    after = advance(a_job(), spoken(said("completed", T1)))
    assert (after.state, after.ended_at) == (State.COMPLETED, T1)
    assert after.reason == "reported by the agent"
    assert after.run == Run(RUN, Phase.LIVE, PROCESS)


@pytest.mark.parametrize(
    ("value", "stop", "state", "reason"),
    [
        ("0", None, State.COMPLETED, "reported by the agent"),
        ("7", None, State.FAILED, "exit status 7"),
        ("143-sig15-by15", STOP, State.COMPLETED, "reported by the agent"),
        ("7", STOP, State.COMPLETED, "reported by the agent"),
    ],
)
def test_after_a_report_of_completed_the_exit_status_has_the_last_word(
    value: str, stop: str | None, state: State, reason: str
) -> None:
    done = advance(a_job(stop=stop), spoken(said("completed", T1)))
    after = advance(done, heard(("exit", value)))
    assert (after.state, after.reason) == (state, reason)
    assert after.exit_status == int(value.partition("-")[0])


def test_a_report_that_arrives_after_the_end_leaves_the_agent_doing_nothing() -> None:
    ended = advance(a_job(), heard(("exit", "0")))
    after = advance(ended, spoken(said("working", T1)))
    assert after.report == said("working", T1)
    assert after.activity is None


def signals(*values: tuple[str, str], since: datetime = T0) -> Facts:
    """Markers found together, each a second after the one before."""
    found = [Marker(RUN, kind, "agent", value) for kind, value in values]
    times = {one.name: since + timedelta(seconds=at) for at, one in enumerate(found)}
    return Facts(now=T2, boot="boot-1", markers=tuple(reversed(found)), marker_times=times)


def test_signals_found_together_count_in_the_order_of_their_files() -> None:
    after = advance(a_job(), signals(("activity", "waiting-9"), ("activity", "working-8")))
    assert after.activity == Activity("working", T1, "agent")
    assert after.run == Run(RUN, Phase.LIVE, PROCESS, signals=True)


def test_of_signals_of_one_moment_what_needs_a_person_counts() -> None:
    seen = signals(("activity", "idle-1"), ("activity", "waiting-1"), ("activity", "working-1"))
    times = dict.fromkeys(seen.marker_times, T1)
    after = advance(a_job(), seen._replace(marker_times=times))
    assert after.activity == Activity("waiting", T1, "agent")


def test_a_signal_that_comes_later_is_newer_whatever_its_clock_says() -> None:
    before = advance(a_job(), signals(("activity", "waiting-9"), since=T2))
    after = advance(before, signals(("activity", "working-9"), since=T0))
    assert after.activity == Activity("working", T0, "agent")


def test_a_bell_counts_until_the_agent_signals() -> None:
    rang = advance(a_job(), signals(("bell", "7")))
    assert rang.activity == Activity("waiting", T0, "bell")
    works = advance(rang, signals(("activity", "working-1"), since=T1))
    assert advance(works, signals(("bell", "8"), since=T2)) == works


def test_a_commit_is_a_sign_of_life_of_an_agent_that_has_no_hooks() -> None:
    made = advance(a_job(), signals(("commit", "7")))
    assert made.activity == Activity("working", T0, "commit")
    works = advance(made, signals(("activity", "idle-1"), since=T1))
    assert advance(works, signals(("commit", "8"), since=T2)) == works


def test_a_session_marker_names_the_session_even_after_the_end() -> None:
    ended = advance(a_job(), heard(("exit", "0")))
    after = advance(ended, signals(("session", "ses_1"), ("session", "ses_2")))
    assert after.session_id == "ses_2"
    assert advance(ended, signals(("activity", "working-1"), ("bell", "7"))) == ended


WORDS = ("report", "activity", "session", "bell", "commit")


@some
@given(jobs(run=runs), facts(), st.data())
def test_what_is_left_of_the_newest_words_and_heard_again_changes_nothing(
    job: Job, seen: Facts, data: st.DataObject
) -> None:
    words = [m for m in seen.markers if m.kind in WORDS]
    heard_all = advance(job, seen._replace(markers=tuple(words)))
    ordered = sorted(words, key=lambda marker: word_order(marker, seen))
    left = ordered[data.draw(st.integers(0, len(ordered))) :]
    assert advance(heard_all, seen._replace(markers=tuple(left))) == heard_all
