"""What the machine has, as it says itself, and what is remembered of earlier runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitmc.control.capacity import history, machine, remember_runs, remember_train
from gitmc.model.slots import History, Measured
from tests.support.world import World

CORES = len(os.sched_getaffinity(0))
RUN = Measured("make \udce4", 10.5, 5.0, 2**30, 2, True)


def root(path: Path, files: dict[str, str]) -> Path:
    for name, text in {"proc/meminfo": "MemTotal: 9 kB\nMemAvailable: 4000 kB\n", **files}.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path


V2 = {"proc/self/cgroup": "0::/a.slice/b.scope\n"}
V1 = {"proc/self/cgroup": "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n1:name=systemd:/\n0::/\n"}


@pytest.mark.parametrize(
    ("files", "cores", "memory"),
    [
        ({}, CORES, 4000 * 1024),
        ({**V2, "sys/fs/cgroup/a.slice/cpu.max": "max 100000\n"}, CORES, 4000 * 1024),
        ({**V2, "sys/fs/cgroup/a.slice/cpu.max": "50000 100000\n"}, 0.5, 4000 * 1024),
        ({**V2, "sys/fs/cgroup/a.slice/b.scope/cpu.max": "25000 100000\n"}, 0.25, 4000 * 1024),
        ({**V2, "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 0.5, 4000 * 1024),
        ({**V2, "sys/fs/cgroup/cpu.max": "junk\n"}, CORES, 4000 * 1024),
        ({**V2, "sys/fs/cgroup/cpu.max": "5000 0\n"}, CORES, 4000 * 1024),
        (
            {
                **V2,
                "sys/fs/cgroup/a.slice/memory.max": "3000000\n",
                "sys/fs/cgroup/a.slice/memory.current": "2500000\n",
                "sys/fs/cgroup/a.slice/memory.stat": "anon 5\ninactive_file 100000\n",
                "sys/fs/cgroup/a.slice/b.scope/memory.max": "max\n",
                "sys/fs/cgroup/a.slice/b.scope/memory.current": "1\n",
            },
            CORES,
            600000,
        ),
        (
            {
                **V2,
                "sys/fs/cgroup/memory.max": "1000\n",
                "sys/fs/cgroup/memory.current": "2000\n",
            },
            CORES,
            0,
        ),
        (
            {
                **V1,
                "sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us": "50000\n",
                "sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "2000000\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "500000\n",
                "sys/fs/cgroup/memory/memory.stat": "total_inactive_file 1000\n",
            },
            0.5,
            1501000,
        ),
        (
            {
                **V1,
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            CORES,
            4000 * 1024,
        ),
        ({"proc/self/cgroup": "0::/../other\n"}, CORES, 4000 * 1024),
    ],
)
def test_the_narrowest_limit_counts(
    tmp_path: Path, files: dict[str, str], cores: float, memory: float
) -> None:
    assert machine(root(tmp_path, files)) == (cores, memory)


def test_this_machine_has_something() -> None:
    found = machine()
    assert 0 < found.cores <= CORES
    assert found.memory > 0


def test_what_was_measured_is_there_the_next_time(world: World) -> None:
    mission = world.mission
    mission.store.make()
    assert history(mission) == History()
    remember_runs(mission, [RUN, RUN._replace(passed=False)])
    remember_train(mission, 1, 3)
    assert history(world.mission) == History((RUN, RUN._replace(passed=False)), 1.0, 3.0)
    remember_runs(mission, [RUN])
    assert len(history(world.mission).runs) == 3


@pytest.mark.parametrize("content", [b"", b"torn", b"git mc index 1 00000000 00000000\n{}"])
def test_a_torn_memory_is_as_good_as_none(world: World, content: bytes) -> None:
    mission = world.mission
    mission.store.make()
    remember_train(mission, 1, 3)
    (world.root / "train.index").write_bytes(content)
    assert history(mission) == History()
    remember_runs(mission, [RUN])
    assert history(mission).runs == (RUN,)
