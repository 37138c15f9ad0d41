"""What a train's test command is given, what it may leave behind, and what says nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.test_train import branch, finish, names, train
from tests.support.agents import Pipe
from tests.support.deaths import processes
from tests.support.events import gone
from tests.support.world import World


def test_a_command_that_prints_nothing_is_shown_with_nothing(world: World) -> None:
    branch(world, "guilty", bad="x\n")
    found = train(world, "guilty", status=1)
    told = world.mc("merge-train", "show", found["id"], "guilty", "--json").ok().json
    assert told["lines"] == []
    assert told["command"] == "test ! -e bad"
    shown = world.mc("merge-train", "show", found["id"], "guilty").ok().stdout
    assert "guilty: the tests fail with it on 'main'" in shown
    assert "\n  |" not in shown


@pytest.mark.parametrize("way", ["setsid sleep 1000", "env -i setsid sleep 1000", "sleep 1000"])
def test_daemons_are_gone_before_anything_lands(world: World, tmp_path: Path, way: str) -> None:
    pids = tmp_path / "pids"
    branch(world, "a")
    # Forked twice, so that nobody's child of ours is left.
    daemon = f"(sh -c 'echo $$ >>{pids}; exec {way}' >/dev/null 2>&1 &) &"
    seen = f"until test -s {pids}; do :; done"
    hook = world.repo.path / ".git/hooks/post-merge"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nfor pid in $(cat {pids}); do ! test -e /proc/$pid || "
                    f"echo $pid >>{tmp_path}/alive; done\n")  # fmt: skip
    hook.chmod(0o755)
    found = train(world, "a", test=f"{daemon} {seen}")
    assert names(found["landed"]) == ["a"]
    assert not (tmp_path / "alive").exists()
    assert all(gone(int(pid)) for pid in pids.read_text().split())
    assert processes(world.root) == []


def test_a_run_that_is_killed_once_is_done_again_alone_and_convicts_nobody(
    world: World, tmp_path: Path
) -> None:
    """As the kernel does where there is no memory left."""
    for name in ("a", "b", "c"):
        branch(world, name)
    once = f"mkdir {tmp_path}/once 2>/dev/null && kill -9 $$"
    found = train(world, "a", "b", "c", "--slots", "3", test=f"{once}; exit 0")
    assert names(found["landed"]) == ["a", "b", "c"]
    assert found["ejected"] == []
    assert [run["verdict"] for run in found["runs"]].count("broken") == 1


def test_what_is_killed_each_time_stops_the_train(world: World) -> None:
    for name in ("a", "hungry", "b"):
        branch(world, name)
    # Only with this branch: there is no telling whether it or the machine is at fault.
    test = "test ! -e hungry || kill -9 $$"
    found = train(world, "a", "hungry", "b", "--slots", "1", test=test, status=1)
    assert found["state"] == "stopped"
    assert found["ejected"] == []
    assert "signal 9" in found["reason"]
    assert "hungry" not in world.repo.files()


def test_runs_at_once_have_nothing_in_common(world: World, tmp_path: Path) -> None:
    said, line = Pipe(tmp_path / "said"), Pipe(tmp_path / "line")
    for name in ("a", "b"):
        branch(world, name)
    told = tmp_path / "told"
    told.mkdir()
    test = (
        f'env -0 >"{told}/$MC_SLOT"; : >"$TMPDIR/mine"; echo up >{said}; read -r _ <{line}; '
        'test "$(ls -A "$TMPDIR")" = mine'
    )
    more = {"GIT_INDEX_FILE": "/nowhere", "GIT_CONFIG_PARAMETERS": "'user.name=x'", "MC_JOB": "x"}
    started = world.start(
        "merge-train", "a", "b", "--test", test, "--slots", "2", "--every", "--json", **more
    )
    assert {said.read(), said.read()} == {"up"}
    line.write("go")
    line.write("go")
    found = finish(started).ok().json
    assert names(found["landed"]) == ["a", "b"]
    given = [
        dict(word.split("=", 1) for word in path.read_text().split("\0") if word)
        for path in sorted(told.iterdir())
    ]
    assert [one["MC_SLOT"] for one in given] == ["0", "1"]
    assert {one["MC_TRAIN"] for one in given} == {"t1"}
    for name in ("MC_PORT_BASE", "TMPDIR", "MC_TEST", "MC_GATE", "PWD"):
        assert len({one[name] for one in given}) == 2, name
    ports = [int(one["MC_PORT_BASE"]) for one in given]
    assert ports[1] - ports[0] >= 100
    asked = {name for one in given for name in one if name.startswith(("GIT_", "MC_"))}
    assert not asked & {*more, "GIT_DIR", "GIT_WORK_TREE", "GIT_PREFIX", "MC_RUN"}
    assert not [one["TMPDIR"] for one in given if Path(one["TMPDIR"]).exists()]


def test_a_command_that_dirties_everything_leaves_each_run_a_clean_worktree(world: World) -> None:
    world.repo.commit({".gitignore": "*.o\n", "src/a": "a\n", "src/b": "b\n"})
    for name in ("a", "b", "c"):
        branch(world, name)
    dirty = """
    test -z "$(git status --porcelain --ignored)" && test "$(cat src/a)" = a || exit 1
    test ! -e "$(git rev-parse --git-path index.lock)" || exit 1
    test -z "$(git stash list)$(git branch --list here)" || exit 1
    echo x >src/a; rm src/b; mkdir src/b; echo x >src/b/c; touch x.o "n\\nl" .git-mc; chmod 0 src
    git init -q inner; git add -A 2>/dev/null; git update-index --assume-unchanged src/a
    echo '*' >>"$(git rev-parse --git-dir)/info/exclude" 2>/dev/null
    : >"$(git rev-parse --git-path index.lock)"
    exit 0
    """
    found = train(world, "a", "b", "c", "--every", "--slots", "1", test=dirty)
    assert names(found["landed"]) == ["a", "b", "c"]
    assert [run["verdict"] for run in found["runs"]] == ["pass"] * 3
    assert world.repo.git("status", "--porcelain", "--ignored") == ""
    assert set(world.repo.files()) == {
        "README.md", ".gitignore", "src/a", "src/b", "a", "b", "c"
    }  # fmt: skip


def test_a_time_out_ends_all_that_the_command_began(world: World, tmp_path: Path) -> None:
    branch(world, "slow")
    pids = tmp_path / "pids"
    test = (
        "test ! -e slow && exit 0; "
        f"(setsid sh -c 'echo $$ >>{pids}; exec sleep 1000' &) & "
        f"trap '' TERM INT; sh -c 'trap \"\" TERM; echo $$ >>{pids}; sleep 1000; :'"
    )
    found = train(world, "slow", "--timeout", "0.5", "--retries", "0", test=test, status=1)
    assert [(one["name"], one["reason"]) for one in found["ejected"]] == [("slow", "timeout")]
    numbers = [int(pid) for pid in pids.read_text().split()]
    assert numbers
    assert all(map(gone, numbers))
    assert processes(world.root) == []


@pytest.mark.parametrize("retries", [1, 2])
def test_failures_of_a_flaky_test_that_are_tried_again_eject_nobody(
    world: World, tmp_path: Path, retries: int
) -> None:
    """It fails `retries` times on each tree, which is once less than it takes."""
    for name in ("a", "b", "c"):
        branch(world, name)
    test = (
        f'at={tmp_path}/$(git rev-parse "HEAD^{{tree}}"); echo x >>"$at"; '
        f'test "$(wc -l <"$at")" -gt {retries}'
    )
    words = ("a", "b", "c", "--slots", "2", "--retries", str(retries))
    found = train(world, *words, test=test)
    assert names(found["landed"]) == ["a", "b", "c"]
    assert found["ejected"] == []
    assert any(run["verdict"] == "fail" for run in found["runs"])
