"""Documents in lines, for clients and models that read text. Pure.

What a command says on stderr stands after it; so where that says all, there is nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Document = Mapping[str, Any]


def said(schema: str, document: Document) -> str:
    """The document in lines; empty where it has nothing to say."""
    say = WORDS.get(schema)
    return "\n".join(say(document) if say else outline(document))


def outline(value: Document, indent: str = "") -> Iterator[str]:
    """Any document: a key and its value a line, what is in it indented."""
    for key, item in value.items():
        if key == "schema" or item in (None, [], {}):
            continue
        if isinstance(item, dict):
            yield f"{indent}{key}:"
            yield from outline(item, indent + "  ")
        elif isinstance(item, list):
            yield f"{indent}{key}:"
            yield from _items(item, indent + "  ")
        else:
            yield f"{indent}{key}: {_plain(item, indent)}"


def _items(items: Sequence[Any], indent: str) -> Iterator[str]:
    for item in items:
        if isinstance(item, dict):
            first, *rest = list(outline(item, indent + "  ")) or [f"{indent}  (nothing)"]
            yield f"{indent}- {first.removeprefix(indent + '  ')}"
            yield from rest
        else:
            yield f"{indent}- {_plain(item, indent)}"


def _plain(item: Any, indent: str) -> str:
    if isinstance(item, bool):
        return "yes" if item else "no"
    return str(item).rstrip().replace("\n", f"\n{indent}  ")


def job_line(job: Document) -> str:
    """A job in a line: name, state and what it does, how far it is, and why."""
    parts = [f"{job['name']}: {_state(job)}", f"{job['branch']}"]
    if job.get("ahead"):
        parts.append(f"{job['ahead']} commits ahead of {job['base']}")
    if job.get("dirty"):
        parts.append("uncommitted changes")
    if report := job.get("report"):
        progress = f" {report['progress']}%" if report.get("progress") is not None else ""
        parts.append(f"reports {report['status']}{progress}: {_one_line(report['message'])}")
    if job.get("reason"):
        parts.append(_one_line(job["reason"]))
    return ", ".join(parts)


def _state(job: Document) -> str:
    activity = job.get("activity")
    return f"{job['state']} ({activity['state']})" if activity else str(job["state"])


def _one_line(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 200 else words[:199] + "…"


def _jobs(document: Document) -> list[str]:
    return [job_line(job) for job in document["jobs"]] or ["no jobs"]


def _overview(document: Document) -> list[str]:
    lines: list[str] = []
    titles = {"waiting": "waiting for a person", "running": "running", "queued": "queued",
              "finished": "finished", "failed": "failed"}  # fmt: skip
    for key, title in titles.items():
        if jobs := document.get(key):
            lines += [f"{title}:", *(f"  {job_line(job)}" for job in jobs)]
    for plan in document.get("plans", ()):
        lines += _plan(plan)
    for train in document.get("trains", ()):
        lines += _train(train)
    conflicts = _conflicts(document.get("conflicts", {}))
    if conflicts:
        lines += ["would conflict:", *(f"  {line}" for line in conflicts)]
    lines += [f"next: {line}" for line in document.get("next", ())]
    return lines or ["no jobs"]


def _conflicts(document: Document) -> list[str]:
    found = [(one["job"], one["target"], one) for one in document.get("base", ())]
    found += [(*one["jobs"], one) for one in document.get("pairs", ())]
    lines = [
        f"{job} with {other}: {', '.join(file['path'] for file in one['files'])}"
        for job, other, one in found
    ]
    return lines + [f"not known: {one['message']}" for one in document.get("troubles", ())]


def _predicted(document: Document) -> list[str]:
    return _conflicts(document) or [f"no conflicts among {len(document['jobs'])} jobs"]


def _plan(document: Document) -> list[str]:
    jobs = document["jobs"]
    landed = sum("merged_at" in job for job in jobs)
    head = f"plan {document['id']} ({document['mode']}): {document['state']}"
    lines = [f"{head}, {landed} of {len(jobs)} landed on {document['integration_branch']}"]
    for job in jobs:
        after = f" after {', '.join(job['depends_on'])}" if job.get("depends_on") else ""
        by = f", blocked by {', '.join(job['blocked_by'])}" if job.get("blocked_by") else ""
        why = f": {_one_line(job['reason'])}" if job.get("reason") else ""
        lines.append(f"  {job['name']}: {job.get('state', 'waits')}{after}{by}{why}")
    if checkpoint := document.get("checkpoint"):
        whose = f" {checkpoint['job']}" if checkpoint.get("job") else ""
        reason = checkpoint.get("reason")
        lines.append(
            f"waits at {checkpoint['type']}{whose}" + (f": {_one_line(reason)}" if reason else "")
        )
        if checkpoint.get("clear_with"):
            lines.append(f"cleared with: {checkpoint['clear_with']}")
    if document.get("pr_url"):
        lines.append(f"for review: {document['pr_url']}")
    return lines


def _train(document: Document) -> list[str]:
    lines = [f"train {document['id']} into {document['target']}: {document['state']}"]
    lines += [f"  landed {one['name']}" for one in document["landed"]]
    lines += [f"  ejected {one['name']}: {one['why']}" for one in document["ejected"]]
    lines += [f"  left out {one['name']}: {one['why']}" for one in document["blocked"]]
    lines += [f"  queued {one['name']}" for one in document.get("queue", ())]
    return lines


def _merge(document: Document) -> list[str]:
    if "target" not in document:
        return []
    name, target = document["name"], document["target"]
    if not document["changed"]:
        return [f"{name}: nothing to merge, {target} has it all"]
    tested = ", tested" if document["tested"] else ""
    return [f"merged {name} into {target} as {document['commit'][:12]}{tested}"]


def _sync(document: Document) -> list[str]:
    if "base" not in document:
        return []
    name, base = document["name"], document["base"]
    if not document["changed"]:
        return [f"{name}: nothing to sync, it has all of {base}"]
    did = f"rebased {name} onto {base}" if document["strategy"] == "rebase" else (
        f"merged {base} into {name}"
    )  # fmt: skip
    return [f"{did}: it is at {document['head'][:12]} now"]


def _pr(document: Document) -> list[str]:
    return [url for key in ("url", "compare_url") if (url := document.get(key))][:1]


def _diff(document: Document) -> list[str]:
    if document.get("diff"):
        return [document["diff"].rstrip("\n")]
    return list(outline({"files": document["files"]})) or ["no changes"]


def _answered(document: Document) -> list[str]:
    if "ask" in document:
        return []
    return list(outline(document)) if document["asks"] else [
        f"{document['name']}: nothing is asked"
    ]  # fmt: skip


def _told(_document: Document) -> list[str]:
    return []


WORDS: dict[str, Callable[[Document], list[str]]] = {
    "mc.jobs/1": _jobs,
    "mc.overview/1": _overview,
    "mc.capture/1": lambda document: list(document["lines"]),
    "mc.conflicts/1": _predicted,
    "mc.plan/1": _plan,
    "mc.train/1": _train,
    "mc.merge/1": _merge,
    "mc.sync/1": _sync,
    "mc.pr/1": _pr,
    "mc.diff/1": _diff,
    "mc.answer/1": _answered,
    "mc.cleanup/1": _told,
    "mc.send/1": _told,
}
