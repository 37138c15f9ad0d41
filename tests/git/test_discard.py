"""Objects that are thrown away: read all there are, and add none."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitmc.git.discard import discarding
from gitmc.git.run import Git
from tests.support.agents import make_repo


@pytest.mark.parametrize("name", ["plain", "a:b", 'quo"te', "back\\slash", "new\nline", "\udcff"])
def test_wherever_the_repository_is_its_objects_are_read_and_none_are_added(
    tmp_path: Path, name: str
) -> None:
    repo = make_repo(tmp_path / name)
    before = repo.git("count-objects", "-v")
    with discarding(Git(repo.path), repo.path / ".git") as git:
        blob = git("hash-object", "-w", "--stdin", stdin=b"gone soon")
        assert git("cat-file", "-p", blob) == "gone soon"
        assert git("log", "--format=%s") == "first"
    assert repo.git("count-objects", "-v") == before
