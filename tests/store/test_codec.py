"""A job on disk is the job, and nothing else is taken for one."""

from __future__ import annotations

import copy
import math
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings

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
from gitmc.store.codec import (
    Malformed,
    decode_job,
    decode_report,
    encode_job,
    encode_report,
    time_text,
)
from gitmc.store.files import BadFile, read_toml, write_tomls
from gitmc.store.state import Store
from tests.support.generated import jobs, reports, texts, unknown_keys

T0 = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
US = Process(7, "99", "boot-1")
FULL = Job(
    name="one",
    state=State.MERGING,
    agent="claude",
    branch="mc/one",
    base="main",
    base_commit="c0",
    worktree="/w",
    placement="session",
    created_at=T0,
    mode="plan",
    command=("sh", "-c", "a\nb"),
    headless=True,
    started_at=T0,
    model="m",
    arguments=("--word",),
    unattended=True,
    ended_at=T0,
    exit_status=0,
    reason="because",
    session_id="s",
    plan="p",
    run=Run("r", Phase.SWEPT, US, "stop", lost=True, signals=True),
    terminal=Terminal("/s", "$1", "@2", "%3"),
    activity=Activity("working", T0, "report"),
    report=Report("progress", "words", T0, 50),
    untold=("failed",),
    setup=Setup((".env",), ("lib",), ("make",)),
    touch=("src/**",),
    timeout=60.0,
    queue=Queue("q", 3, "/s", "$1"),
    launch=Launch(US, True, State.FAILED),
    landing=Landing(US, "main", "e", "c", "h", "pass", "make test"),
    landed=Landed("main", "c", "h"),
    pr=PullRequest("gh", "origin", "mc/one", "main", "h", "https://example.invalid/1"),
)
KEEPS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@KEEPS
@given(jobs(texts=texts, unknown=unknown_keys))
def test_a_job_is_read_back_as_it_was_written(tmp_path: Path, job: Job) -> None:
    path = tmp_path / "one.toml"
    write_tomls({path: encode_job(job)})
    assert decode_job(read_toml(path)) == job


@given(reports)
def test_a_report_is_read_back_as_it_was_written(report: Report) -> None:
    assert decode_report(tomllib.loads(tomli_w.dumps(encode_report(report)))) == report


def test_every_field_is_in_the_file_and_nothing_that_did_not_happen() -> None:
    assert decode_job(encode_job(FULL)) == FULL
    table = encode_job(FULL)
    assert set(table) == {"version", *Job._fields} - {"unknown"}
    assert next(iter(table.items())) == ("version", 1)
    bare = Job("one", State.QUEUED, "a", "b", "m", "c", "/w", "session", T0)
    assert set(encode_job(bare)) == {
        "version", "name", "state", "agent", "branch", "base", "base_commit", "worktree",
        "placement", "created_at", "mode", "headless", "unattended",
    }  # fmt: skip


def test_unknown_keys_are_written_back_even_one_called_unknown() -> None:
    table = encode_job(FULL) | {"unknown": 3, "colour": {"of": ["a", {"b": T0}]}}
    job = decode_job(table)
    assert job.unknown == {"unknown": 3, "colour": {"of": ["a", {"b": T0}]}}
    assert encode_job(job) == table


def test_unknown_keys_inside_a_table_are_written_back() -> None:
    table = encode_job(FULL)
    table["run"]["colour"] = "red"
    table["run"]["launcher"]["cgroup"] = "/mc"
    assert encode_job(decode_job(table)) == table


def test_a_time_is_written_in_utc_to_the_millisecond() -> None:
    east = datetime(2026, 1, 2, 5, 4, 5, 678999, timezone(timedelta(hours=2)))
    assert time_text(east) == "2026-01-02T03:04:05.678Z"
    assert decode_job(encode_job(FULL) | {"created_at": "2026-01-02T05:04:05.678+02:00"}) == FULL


Change = Callable[[dict[str, Any]], object]


def put(key: str, value: Any) -> Change:
    """Set a dotted key, or with None remove it."""

    def change(table: dict[str, Any]) -> None:
        *tables, last = key.split(".")
        for name in tables:
            table = table[name]
        if value is None:
            del table[last]
        else:
            table[last] = value

    return change


TEXTS = [
    "name", "state", "agent", "branch", "base", "base_commit", "worktree", "placement", "mode",
    "reason", "session_id", "plan", "run.id", "run.phase", "run.stop", "run.launcher.start",
    "run.launcher.boot", "terminal.socket", "terminal.pane", "activity.state", "activity.source",
    "report.status", "report.message", "landing.target", "landing.head", "landed.commit",
]  # fmt: skip
TIMES = ["created_at", "started_at", "ended_at", "activity.since", "report.at"]
TABLES = [
    "run", "terminal", "activity", "report", "setup", "queue", "launch", "landing", "landed", "pr",
    "run.launcher", "launch.owner",
]  # fmt: skip
LISTS = ["command", "untold", "touch", "arguments", "setup.copy", "setup.symlink", "setup.commands"]
FLAGS = ["headless", "launch.new_branch", "run.lost", "run.signals"]
WHOLE = ["exit_status", "report.progress", "queue.limit", "launch.owner.pid", "landing.owner.pid"]
NEEDED = [
    "name", "state", "agent", "branch", "base", "base_commit", "worktree", "placement",
    "created_at", "run.id", "run.phase", "run.launcher.pid", "terminal.window", "activity.since",
    "report.status", "report.at", "queue.batch", "queue.limit", "landing.owner", "landing.expected",
    "landed.head", "pr.forge", "pr.head",
]  # fmt: skip
FAULTS: list[tuple[str, Any, str]] = [
    *((key, 3, f"'{key}' must be of kind str") for key in TEXTS),
    *((key, ["x"], f"'{key}' must be of kind str") for key in TEXTS[:3]),
    *((key, T0, f"'{key}' must be of kind str") for key in TIMES),
    *((key, "soon", f"'{key}' is 'soon', not a time with a zone") for key in TIMES),
    *((key, "2026-01-02T03:04:05", "not a time with a zone") for key in TIMES),
    ("created_at", "0001-01-01T00:00:00+01:00", "not a time with a zone"),
    *((key, "x", f"'{key}' must be of kind dict") for key in TABLES),
    *((key, "1", f"'{key}' must be of kind int") for key in WHOLE),
    *((key, True, f"'{key}' must be of kind int") for key in WHOLE),
    *((key, 1.5, f"'{key}' must be of kind int") for key in WHOLE),
    *((key, 1, f"'{key}' must be of kind bool") for key in FLAGS),
    ("command", "sh", "'command' must be of kind list"),
    *(("timeout", value, "'timeout' is") for value in (0.0, -1.0, math.inf, math.nan)),
    *((key, ["sh", 1], f"'{key}' must be a list of strings") for key in LISTS),
    ("state", "lost", "'state' is 'lost', not one of waiting_deps, blocked, queued, running,"),
    (
        "launch.back",
        "lost",
        "'launch.back' is 'lost', not one of waiting_deps, blocked, queued, running,",
    ),
    ("run.phase", "over", "'run.phase' is 'over', not one of live, ended, swept, closed"),
    *((key, None, f"'{key}' is missing") for key in NEEDED),
    ("version", None, "no 'version', so not one of git mc's files"),
    ("version", "1", "no 'version', so not one of git mc's files"),
    ("version", True, "no 'version', so not one of git mc's files"),
    ("version", 2, "version 2 was written by a newer git mc"),
]


@pytest.mark.parametrize(
    ("key", "value", "fault"), FAULTS, ids=[f"{key}={value!r}"[:40] for key, value, _ in FAULTS]
)
def test_a_file_with_a_fault_is_refused_by_path_and_key_and_left_alone(
    tmp_path: Path, key: str, value: Any, fault: str
) -> None:
    table = copy.deepcopy(encode_job(FULL))
    put(key, value)(table)
    store = Store(tmp_path)
    store.make()
    path = store.job_path("one")
    content = tomli_w.dumps(table).encode()
    path.write_bytes(content)
    with pytest.raises(BadFile) as bad:
        store.job("one")
    assert bad.value.message.startswith(f"{path}: ")
    assert fault in bad.value.message
    assert store.jobs()[0] == []
    assert path.read_bytes() == content


@pytest.mark.parametrize("table", [{}, {"status": "working"}, {"status": 1, "at": time_text(T0)}])
def test_words_that_are_no_report_are_malformed(table: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        decode_report(table)
