"""What is inconsistent: what is whole has no finding, whatever state it is in, and all else has."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitmc.model.health import GRACE, Fix, findings
from gitmc.model.inventory import Facts, File, Pane, Ref, Tree, Trouble
from gitmc.model.job import Job, Landed, Launch, Phase, Run, State
from tests.support.generated import jobs, texts

ARGUMENTS = {
    Fix.BRANCH: 2,
    Fix.CLOSE: 2,
    Fix.FORGET: 1,
    Fix.HOOKS: 0,
    Fix.LABEL: 2,
    Fix.MEND: 1,
    Fix.REMOVE: 1,
    Fix.SCRATCH: 1,
    Fix.TAKE_BACK: 1,
    Fix.UNLABEL: 2,
    Fix.UNREF: 2,
}

JOB = Job(
    name="one",
    state=State.COMPLETED,
    agent="command",
    branch="mc/one",
    base="main",
    base_commit="0" * 40,
    worktree="/base/one",
    placement="session",
    created_at=datetime(2026, 1, 2, tzinfo=UTC),
    run=Run("abc", phase=Phase.CLOSED),
)

TREE = Tree(
    "/base/one", "/repo/.git/worktrees/one", "mc/one", there=True, label="one", last="1" * 40
)


LANDED = JOB._replace(landed=Landed("main", "1", "2"))
GONE = (TREE._replace(there=False),)


def whole(job: Job = JOB) -> Facts:
    """All that belongs to the job is there."""
    return Facts(
        jobs=(job,),
        known=frozenset({job.name}),
        tips={job.branch: "1" * 40},
        trees=(TREE._replace(path=job.worktree, branch=job.branch),),
        folders=(job.worktree,),
        present=frozenset({job.worktree}),
        pool="/repo/.git/mission-control/pool",
        panes=(Pane("/s", "%1", job.run.id if job.run else "", dead=True),) if job.run else (),
        processes=((7, job.run.id, "agent"),) if job.live and job.run else (),
        trains={"t1": True, "t2": False},
        plan_files=frozenset({job.plan} if job.plan is not None else ()),
        refs=(Ref("refs/mc/train/t2/1", "2", held=False), Ref("refs/mc/salvage/x/1", "3", False)),
    )


@given(jobs())
def test_what_is_whole_is_healthy_in_every_state(job: Job) -> None:
    assert findings(whole(job)) == []


@given(jobs(), st.booleans(), st.booleans(), st.booleans())
def test_a_job_that_lacks_something_has_a_finding_unless_it_is_under_way(
    job: Job, branch: bool, there: bool, known: bool
) -> None:
    facts = whole(job)
    if not branch:
        facts = facts._replace(tips={})
    if not there:
        facts = facts._replace(present=frozenset())
    if not known:
        facts = facts._replace(trees=())
    found = findings(facts)
    begun = not (job.unstarted or job.launch or job.landing or job.state is State.CANCELED)
    if begun:
        assert bool(found) == (not (branch and there and known))
    elif job.state is not State.CANCELED:
        assert found == []


several = st.builds(
    JOB._replace,
    name=st.sampled_from(["one", "two"]),
    state=st.sampled_from(State),
    run=st.none() | st.builds(Run, st.just("abc"), st.sampled_from(Phase)),
    landed=st.none() | st.just(Landed("main", "1", "2")),
)
files = st.builds(
    File,
    st.sampled_from(["draft", "run", "train", "event", "unread", "lock"]),
    texts,
    st.sampled_from(["abc", "t1", "t2", "gone"]),
    st.floats(0, 2 * GRACE),
    st.booleans(),
)
trees = st.builds(
    Tree,
    st.sampled_from(["/base/one", "/base/x y", "/repo/.git/mission-control/pool/0a"]),
    st.just("/own"),
    st.none() | texts,
    st.booleans(),
    st.sampled_from([None, "one", "gone"]),
    st.none() | st.just("1" * 40),
    *[st.booleans()] * 4,
    st.floats(0, 2 * GRACE),
)
refs = st.builds(
    Ref,
    st.sampled_from(
        ["train/t1/1", "train/t9/1", "sync/one", "sync/gone", "kept/1", "repoint/own"]
    ).map("refs/mc/{}".format),
    st.just("1" * 40),
    st.booleans(),
)
anything = st.builds(
    Facts,
    st.lists(several, max_size=2).map(tuple),
    st.sets(st.sampled_from(["one", "two"])).map(frozenset),
    st.dictionaries(st.sampled_from(["", "one"]), st.just("1" * 40)),
    st.lists(trees, max_size=3, unique_by=lambda tree: tree.path).map(tuple),
    files=st.lists(files, max_size=3).map(tuple),
    refs=st.lists(refs, max_size=3).map(tuple),
    pool=st.just("/repo/.git/mission-control/pool"),
    panes=st.lists(st.builds(Pane, texts, texts, texts, st.booleans()), max_size=2).map(tuple),
    trains=st.just({"t1": True, "t2": False}),
    troubles=st.just(()),
    plans=st.just(()),
)


@given(anything)
def test_every_finding_has_a_cure_and_what_its_fix_needs(facts: Facts) -> None:
    for one in findings(facts):
        assert one.text
        assert one.cure
        if one.fix is not None:
            assert len(one.arguments) == ARGUMENTS[one.fix]


@given(anything)
def test_what_may_hold_work_is_never_removed(facts: Facts) -> None:
    for one in findings(facts):
        if one.fix is Fix.FORGET:
            (tree, *_) = [tree for tree in facts.trees if tree.path == one.arguments[0]]
            assert not tree.there
        if one.fix is Fix.UNREF:
            assert any(ref.name == one.arguments[0] and ref.held for ref in facts.refs)
        if one.fix is Fix.REMOVE:
            assert any(
                not each.alive if each.kind == "draft" else each.age > GRACE
                for each in facts.files
                if each.path == one.arguments[0]
            )
        if one.fix is Fix.CLOSE:
            assert any(pane.dead and pane.run == one.arguments[1] for pane in facts.panes)


@pytest.mark.parametrize(
    ("facts", "ident", "cure"),
    [
        (whole()._replace(present=frozenset(), trees=GONE), "no-worktree",
         "git mc relaunch one, to make it again; or git mc cleanup one"),
        (whole(LANDED)._replace(present=frozenset(), trees=GONE), "no-worktree",
         "git mc cleanup one"),
        (whole()._replace(trees=()), "foreign-worktree", "git worktree repair /base/one"),
        (whole()._replace(troubles=(Trouble("setting", "bad", None),)), "setting",
         "see what it says, and correct that"),
        (whole()._replace(undriven=("t1",)), "train-without-driver",
         "any command has it driven again; to end it: git mc merge-train cancel t1"),
        (whole()._replace(processes=((9, "old", "sleep"),)), "stray-process", "kill 9"),
        (whole()._replace(folders=("/base/a b",)), "stray-folder",
         "look into it, then: rm -r '/base/a b'"),
    ],
)  # fmt: skip
def test_the_cure_says_what_to_type(facts: Facts, ident: str, cure: str) -> None:
    assert [(one.id, one.cure) for one in findings(facts)] == [(ident, cure)]


def test_a_launch_under_way_is_no_finding() -> None:
    launching = JOB._replace(state=State.QUEUED, launch=Launch(None, new_branch=True))
    assert findings(whole(launching)._replace(present=frozenset(), trees=(), tips={})) == []
