"""What of a push git mc has a word in."""

from __future__ import annotations

import pytest

from gitmc.model.pushes import Update, allows, integrations, jobs, parse

A, ZERO = "a" * 40, "0" * 40


def one(local: str, there: str, commit: str = A) -> Update:
    """A push of one ref."""
    return Update(local, commit, there, ZERO)


@pytest.mark.parametrize(
    ("update", "integration", "job"),
    [
        (one("refs/heads/main", "refs/heads/main"), False, False),
        (one("refs/heads/mcx", "refs/heads/mcx"), False, False),
        (one("refs/heads/mc/integration/p", "refs/heads/x"), True, False),
        (one("HEAD", "refs/heads/mc/integration/p"), True, False),
        (one("refs/mc/train/t1/2", "refs/heads/x"), True, False),
        (one("refs/heads/mc/integration", "refs/heads/mc/integration"), False, True),
        (one("refs/heads/mc/one", "refs/heads/x"), False, True),
        (one("HEAD~2", "refs/heads/mc/one"), False, True),
        (one("(delete)", "refs/heads/mc/one", ZERO), False, False),
        (one("(delete)", "refs/heads/mc/integration/p", ZERO), False, False),
    ],
)
def test_what_is_pushed(update: Update, integration: bool, job: bool) -> None:
    assert (bool(integrations([update], ())), bool(jobs([update]))) == (integration, job)


def test_a_commit_that_a_train_made_is_one_by_whatever_name() -> None:
    pushed = one("refs/heads/main", "refs/heads/main")
    assert integrations([pushed], {A}) == [pushed]
    assert integrations([one("refs/heads/x", "refs/heads/x", ZERO)], {ZERO}) == []


def test_lines_are_read_and_odd_ones_left_out() -> None:
    lines = f"refs/heads/a {A} refs/heads/b {ZERO}\n\nodd\n(delete) {ZERO} refs/heads/c {A}\n"
    assert parse(lines) == [
        Update("refs/heads/a", A, "refs/heads/b", ZERO),
        Update("(delete)", ZERO, "refs/heads/c", A),
    ]


def test_what_is_let_through_is_named() -> None:
    assert [allows(said, "push") for said in (None, "", "push", "touch-set, push")] == [
        False, False, True, True,
    ]  # fmt: skip
    assert not allows("pushed", "push")
