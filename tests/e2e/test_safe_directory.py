"""A repository of another user's: as git does, git mc works in it only where it was told to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.world import World

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away"),
]


@pytest.fixture
def foreign(world: World) -> World:
    """A world whose repository belongs to somebody else."""
    for path in (world.repo.path, *world.repo.path.rglob("*")):
        shutil.chown(path, 65534, 65534)
    return world


def test_it_is_refused_as_git_refuses_it(foreign: World) -> None:
    ran = foreign.mc("jobs")
    ran.refused(128, "dubious ownership", "git config --global --add safe.directory")
    assert "git init" not in ran.stderr


@pytest.mark.parametrize("how", ["config", "command line"])
def test_all_works_where_the_one_folder_is_trusted(
    foreign: World, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = foreign.repo.path
    if how == "config":
        config = Path(os.environ["GIT_CONFIG_GLOBAL"])
        settings = tmp_path / "config"
        settings.write_text(f"{config.read_text()}\n[safe]\n\tdirectory = {path}\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    else:
        monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'safe.directory'='{path}'")
    script = 'git -c safe.directory="*" commit -q --allow-empty -m x || exit 3'
    foreign.mc("launch", "one", "--", "/bin/sh", "-c", f"echo x >x; {script}").ok()
    foreign.wait("one")
    assert foreign.mc("diff", "one", "--stat").ok().stdout
    foreign.mc("conflicts").ok()
    foreign.mc("merge", "one", "--no-test").ok()
    assert foreign.mc("doctor").ok().stdout == ""
    foreign.mc("cleanup", "one", "--delete-branch").ok()
    assert not foreign.mc("jobs", "--porcelain").ok().stdout
