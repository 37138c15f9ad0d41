"""What the documents of commands look like, as JSON schemas for clients. Pure.

They name what a client may rely on, and allow more: a key that does not apply is absent, and new
ones may come.
"""

from __future__ import annotations

from typing import Any

TEXT = {"type": "string"}
FLAG = {"type": "boolean"}
COUNT = {"type": "integer"}
NUMBER = {"type": "number"}
TEXTS = {"type": "array", "items": TEXT}
TABLE = {"type": "object"}
TABLES = {"type": "array", "items": TABLE}


def _maybe(shape: dict[str, Any]) -> dict[str, Any]:
    """That, or null: it was asked, and could not be told."""
    return {**shape, "type": [shape["type"], "null"]}


def _object(required: str = "", **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required.split()}


JOB = _object(
    "name state branch base worktree",
    name=TEXT, state=TEXT, activity=_object("state since", state=TEXT, since=TEXT, source=TEXT),
    agent=TEXT, mode=TEXT, model=TEXT, branch=TEXT, base=TEXT, base_commit=TEXT, head=_maybe(TEXT),
    ahead=_maybe(COUNT), dirty=_maybe(FLAG), worktree=TEXT, placement=TEXT, tmux=TABLE, plan=TEXT,
    prompt=TEXT, created_at=TEXT, started_at=TEXT, ended_at=TEXT, seconds=NUMBER,
    exit_status=_maybe(COUNT), reason=TEXT,
    report=_object("status message", status=TEXT, message=TEXT, progress=COUNT, at=TEXT),
    session_id=TEXT,
)  # fmt: skip
JOBS = {"type": "array", "items": JOB}
KINDS: dict[str, dict[str, Any]] = {"conflicts": TEXTS, "kinds": TABLE}

SHAPES: dict[str, dict[str, Any]] = {
    "mc.job/1": JOB,
    "mc.jobs/1": _object("jobs", jobs=JOBS),
    "mc.capture/1": _object("name lines", name=TEXT, lines=TEXTS),
    "mc.cleanup/1": _object(
        "removed refused",
        removed={"type": "array", "items": _object("name", name=TEXT, salvaged=TEXTS)},
        refused={"type": "array", "items": _object("name reason", name=TEXT, reason=TEXT)},
    ),
    "mc.overview/1": _object(
        "waiting running finished failed next counts",
        waiting=JOBS, running=JOBS, queued=JOBS, finished=JOBS, failed=JOBS, conflicts=TABLE,
        trains=TABLES, plans=TABLES, next=TEXTS, counts=TABLE,
    ),
    "mc.diff/1": _object(
        "name files", name=TEXT, base=TEXT, merge_base=TEXT, head=TEXT, files=TABLES, diff=TEXT
    ),
    "mc.pr/1": _object(
        "name", name=TEXT, url=_maybe(TEXT), compare_url=_maybe(TEXT), forge=TEXT, remote=TEXT,
        branch=TEXT, base=TEXT, head=TEXT, created=FLAG, pushed=FLAG, draft=FLAG,
    ),
    "mc.sync/1": _object(
        "name strategy source", name=TEXT, strategy=TEXT, source=TEXT, base=TEXT, base_commit=TEXT,
        old_head=TEXT, head=TEXT, changed=FLAG, **KINDS,
    ),
    "mc.merge/1": _object(
        "name", name=TEXT, state=TEXT, target=TEXT, commit=TEXT, changed=FLAG, tested=FLAG,
        cached=FLAG, **KINDS,
    ),
    "mc.plan/1": _object(
        "id name mode state jobs", id=TEXT, name=TEXT, mode=TEXT, state=TEXT, base=TEXT,
        integration_branch=TEXT, checkpoint=TABLE, jobs=TABLES, train=TABLE, pr_url=TEXT,
        created_at=TEXT, ended_at=TEXT, seconds=NUMBER,
    ),
    "mc.send/1": _object("sent", sent=TABLES),
    "mc.conflicts/1": _object(
        "jobs base pairs", jobs=TEXTS, base=TABLES, pairs=TABLES, troubles=TABLES
    ),
    "mc.train/1": _object(
        "id target state landed ejected blocked", id=TEXT, target=TEXT, base=TEXT, tip=TEXT,
        state=TEXT, landed=TABLES, ejected=TABLES, blocked=TABLES, runs=TABLES, seconds=NUMBER,
    ),
    "mc.answer/1": _object("name", name=TEXT, ask=TEXT, asks=TABLES),
}  # fmt: skip


def output_schema(schema: str) -> dict[str, Any]:
    """The JSON schema of the documents that are called `schema`."""
    shape = SHAPES[schema]
    return {
        **shape,
        "properties": {"schema": TEXT, **shape["properties"]},
        "required": ["schema", *shape["required"]],
    }
