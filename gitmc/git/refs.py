"""Refs, by compare-and-swap, and questions about commits."""

from __future__ import annotations

from collections.abc import Sequence

from gitmc.errors import Refused
from gitmc.git.run import Git

NOTHING = "0" * 40


def commit_of(git: Git, name: str) -> str | None:
    """The commit that `name` stands for, or None."""
    done = git.result("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return done.stdout.decode().strip() if done.returncode == 0 else None


def branch_tip(git: Git, branch: str) -> str | None:
    """The commit at `refs/heads/<branch>`, or None where there is no such branch."""
    return commit_of(git, f"refs/heads/{branch}")


def check_branch_name(git: Git, branch: str) -> None:
    """Raises Refused unless git would accept a branch called `branch`."""
    bad = branch == "HEAD" or branch.startswith("-")
    if bad or git.result("check-ref-format", f"refs/heads/{branch}").returncode:
        raise Refused(
            f"bad branch name {branch!r}: git does not allow it",
            hint="`git help check-ref-format` lists the rules",
        )


def swap(git: Git, ref: str, new: str, old: str, why: str) -> bool:
    """Move `ref` from `old` to `new`; False where it was no longer at `old`.

    `old` of NOTHING makes the ref, `new` of NOTHING deletes it. `why` is the reflog message.
    """
    # An empty old value means "none", however long the repository's hashes are.
    moves = ["-m", why, "--create-reflog", ref, new, old if old != NOTHING else ""]
    if new == NOTHING:
        if old == NOTHING:
            return commit_of(git, ref) is None
        moves = ["-m", why, "-d", ref, old]
    done = git.result("update-ref", *moves)
    if done.returncode == 0:
        return True
    now = git.result("rev-parse", "--verify", "--quiet", ref).stdout.decode().strip()
    if (now or NOTHING) == old:
        from gitmc.git.run import failure

        raise failure(("git", "update-ref", *moves), done.returncode, done.stderr)
    return False


def is_ancestor(git: Git, ancestor: str, descendant: str) -> bool:
    """Whether `descendant` contains `ancestor`."""
    return git.answer("merge-base", "--is-ancestor", ancestor, descendant) is not None


def ahead(git: Git, pairs: Sequence[tuple[str, str]]) -> list[int | None]:
    """For each (base, head): how many commits head has that base has not; None if unknown.

    At most two calls to git however many pairs there are: the commits that are not in every base,
    with their parents, from which each pair is counted here.
    """
    known = [pair for pair in pairs if all(pair)]
    if all(base == head for base, head in known):
        return [0 if all(pair) else None for pair in pairs]
    tips = sorted({commit for pair in known for commit in pair})
    bases = sorted({base for base, _ in known})
    common = bases if len(bases) == 1 else _common_ancestor(git, bases)
    listed = git.result(
        "rev-list",
        "--parents",
        "--stdin",
        stdin="\n".join(tips + ["^" + c for c in common]).encode(),
    )
    if listed.returncode != 0:
        return [None if not all(p) else _ahead_one(git, *p) for p in pairs]
    parents = {line.split()[0]: line.split()[1:] for line in listed.stdout.decode().splitlines()}
    return [len(_reach(parents, h) - _reach(parents, b)) if b and h else None for b, h in pairs]


def _common_ancestor(git: Git, commits: Sequence[str]) -> list[str]:
    done = git.result("merge-base", "--octopus", *commits)
    return done.stdout.decode().split()[:1] if done.returncode == 0 else []


def _ahead_one(git: Git, base: str, head: str) -> int | None:
    done = git.result("rev-list", "--count", f"{base}..{head}")
    return int(done.stdout) if done.returncode == 0 else None


def _reach(parents: dict[str, list[str]], tip: str) -> set[str]:
    seen: set[str] = set()
    left = [tip]
    while left:
        commit = left.pop()
        if commit in parents and commit not in seen:
            seen.add(commit)
            left.extend(parents[commit])
    return seen


def tips(git: Git, refs: Sequence[str]) -> dict[str, str]:
    """The commit at each of `refs` that exists, in one call."""
    if not refs:
        return {}
    printed = git("for-each-ref", "--format=%(refname) %(objectname)", "--", *refs)
    found = dict(line.split(" ", 1) for line in printed.splitlines())
    return {ref: found[ref] for ref in refs if ref in found}
