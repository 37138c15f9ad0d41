"""The radar: which unlanded jobs would conflict, with their base or with one another. Pure.

Every question is about two commits, so an answer holds for ever. What is kept of the answers grows
with the conflicts and not with the square of the jobs: of commits that are `together`, each has
been merged with each, and only where that came to something the answer is written down.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from gitmc.errors import Clash
from gitmc.model.job import Job, State

Pair = tuple[str, str]
"""Two commits, in the order of their names."""


class Contender(NamedTuple):
    """A job whose work, at `head`, has not landed on `target`, which is at `tip`.

    None for the tip where the target is not a branch.
    """

    name: str
    head: str
    target: str
    tip: str | None


class Answer(NamedTuple):
    """What the merge of two commits would come to: nothing, conflicts, or no merge at all."""

    clashes: tuple[Clash, ...] = ()
    trouble: str | None = None
    """Why git would not even try."""


CLEAN = Answer()


class Known(NamedTuple):
    """What has been found out. `seen` are the branches and where they were when all was known."""

    together: frozenset[str] = frozenset()
    answers: Mapping[Pair, Answer] = MappingProxyType({})
    seen: Mapping[str, str] = MappingProxyType({})

    def has(self, asked: Pair) -> bool:
        """Whether the answer for the pair is known."""
        return asked in self.answers or self.together.issuperset(asked)


class Finding(NamedTuple):
    """A job that would conflict with `other`: another job, or the base where `on_base`."""

    job: str
    other: str
    on_base: bool
    answer: Answer


class Predicted(NamedTuple):
    """What the radar shows: the jobs that were looked at, and what is wrong with which of them."""

    names: tuple[str, ...] = ()
    conflicts: tuple[Finding, ...] = ()
    troubles: tuple[Finding, ...] = ()
    complete: bool = True
    """Whether nothing is left to find out."""


def watched(jobs: Iterable[Job]) -> list[str]:
    """The refs that matter: the branches of the unlanded jobs, and of their bases."""
    mine = [job for job in jobs if job.state is not State.MERGED]
    names = {job.branch for job in mine} | {job.base for job in mine}
    return sorted(f"refs/heads/{name}" for name in names)


def worth_a_look(jobs: Iterable[Job], tips: Mapping[str, str], seen: Mapping[str, str]) -> bool:
    """Whether a branch is elsewhere than it was `seen`, and any job has commits of its own."""
    moved = any(seen.get(ref) != commit for ref, commit in tips.items())
    return moved and any(job.state is not State.MERGED and _has_commits(job, tips) for job in jobs)


def _has_commits(job: Job, tips: Mapping[str, str]) -> bool:
    head = tips.get(f"refs/heads/{job.branch}")
    return head not in (None, job.base_commit, tips.get(f"refs/heads/{job.base}"))


def pair(one: str, other: str) -> Pair:
    """The pair of two commits."""
    return (one, other) if one <= other else (other, one)


def missing(
    contenders: Sequence[Contender], known: Known, named: Collection[str] | None = None
) -> Iterator[Pair]:
    """The pairs to find out about, each once; of `named` jobs only those that involve one of them.

    First each with its base, then head by head with all before it, so that of somebody who gives
    up in between whole heads are left.
    """
    asked: set[Pair] = set()
    for both in _pairs(contenders, known.together, named):
        if both not in asked and not known.has(both):
            asked.add(both)
            yield both


def _pairs(
    contenders: Sequence[Contender], together: Collection[str], named: Collection[str] | None
) -> Iterator[Pair]:
    mine = [one for one in contenders if named is None or one.name in named]
    for one in mine:
        if one.tip and one.tip != one.head:
            yield pair(one.tip, one.head)
    wanted = {one.head for one in mine}
    heads = dict.fromkeys(one.head for one in contenders)
    before = [head for head in heads if head in together]
    for head in heads:
        if head not in together:
            for other in before:
                if head in wanted or other in wanted:
                    yield pair(head, other)
            before.append(head)


def learned(known: Known, contenders: Sequence[Contender], answers: Mapping[Pair, Answer]) -> Known:
    """What is known with `answers` too, less what is about commits that are not in use any more."""
    heads = dict.fromkeys(one.head for one in contenders)
    bases = [pair(one.tip, one.head) for one in contenders if one.tip]
    use = {*heads, *(commit for both in bases for commit in both)}
    found = {**known.answers, **answers}
    found.update((both, CLEAN) for both in bases if both not in found and known.has(both))
    found = {both: answer for both, answer in found.items() if use.issuperset(both)}
    together = {head for head in heads if head in known.together}
    for head in heads:
        if head not in together and all(pair(head, other) in found for other in together):
            together.add(head)
    kept = {
        both: answer
        for both, answer in found.items()
        if answer != CLEAN or not together.issuperset(both)
    }
    return Known(frozenset(together), kept, known.seen)


def troubled(known: Known) -> list[Pair]:
    """The pairs that came to nothing but trouble, which may be over."""
    return [both for both, answer in known.answers.items() if answer.trouble]


def predicted(
    contenders: Sequence[Contender],
    known: Known,
    named: Collection[str] | None = None,
    *,
    complete: bool,
) -> Predicted:
    """What is known, by jobs; of `named` jobs only what involves one of them."""
    found = [*_on_bases(contenders, known), *_between(contenders, known)]
    mine = [one for one in found if named is None or one.job in named or _other_job(one) in named]
    return Predicted(
        tuple(one.name for one in contenders),
        tuple(one for one in mine if one.answer.clashes),
        tuple(one for one in mine if one.answer.trouble),
        complete,
    )


def _other_job(finding: Finding) -> str | None:
    return None if finding.on_base else finding.other


def _on_bases(contenders: Sequence[Contender], known: Known) -> Iterator[Finding]:
    for one in contenders:
        answer = known.answers.get(pair(one.tip, one.head)) if one.tip else None
        if answer:
            yield Finding(one.name, one.target, True, answer)


def _between(contenders: Sequence[Contender], known: Known) -> list[Finding]:
    by_head: dict[str, list[str]] = {}
    for one in contenders:
        by_head.setdefault(one.head, []).append(one.name)
    found: list[Finding] = []
    for (first, second), answer in known.answers.items():
        if answer != CLEAN:
            found += [
                Finding(min(one, other), max(one, other), False, answer)
                for one in by_head.get(first, ())
                for other in by_head.get(second, ())
            ]
    return sorted(found, key=lambda finding: (finding.job, finding.other))
