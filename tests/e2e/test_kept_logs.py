"""What is left of a run's terminal when the terminal is gone."""

from __future__ import annotations

from gitmc.control.act import keep_log
from gitmc.model.job import Run
from tests.e2e.test_merge import finished
from tests.support.agents import closed
from tests.support.world import World


def gone(world: World, *names: str) -> None:
    """Close the terminals of jobs that are over, once their logs are kept."""
    for name in names:
        closed(world, name)
    world.tmux("kill-server")


def test_a_log_is_cut_to_its_last_lines_and_says_so(world: World) -> None:
    world.repo.git("config", "mc.keepLogs", "1k")
    finished(world, "one", "seq 1 1000")
    gone(world, "one")
    assert world.mc("capture", "one", "-n", "1").ok().stdout == "1000\n"
    lines = (world.root / "logs/one.log").read_text().splitlines()
    assert lines[0] == "--- earlier lines were cut ---"
    assert lines[1].startswith("--- run 1, started ")
    first = int(lines[2])
    assert lines[2:] == [str(number) for number in range(first, 1001)]
    assert 1000 < sum(len(line) + 1 for line in lines[2:]) <= 1024


def test_no_log_is_kept_where_none_is_wanted(world: World) -> None:
    world.repo.git("config", "mc.keepLogs", "0")
    finished(world, "one", "echo hello")
    assert world.mc("capture", "one").ok().stdout == "hello\n"
    gone(world, "one")
    assert not (world.root / "logs/one.log").exists()
    world.mc("capture", "one").refused(1, "no log of it was kept (mc.keepLogs is 0)")


def test_another_run_leaves_the_log_of_the_earlier_ones(world: World) -> None:
    finished(world, "one", "echo first")
    job = closed(world, "one")
    assert job.terminal is not None
    assert job.run is not None
    first = (world.root / "logs/one.log").read_text()
    again = job._replace(run=Run("feed"))
    world.tmux("set-option", "-p", "-t", job.terminal.pane, "@mc_run", "feed")
    for _ in range(2):
        keep_log(world.mission, again)
        lines = (world.root / "logs/one.log").read_text().splitlines()
        assert lines[:2] == first.splitlines()
        assert lines[2].startswith("--- run 2, started ")
        assert lines[2].endswith(", feed ---")
        assert lines[3:] == ["first"]
    world.tmux("kill-server")
    assert world.mc("capture", "one").ok().stdout.splitlines() == lines
