"""The main job, as a user does it."""

from __future__ import annotations

from tests.support.world import World


def test_launch_finish_merge_cleanup(world: World) -> None:
    world.sh("one", "echo x > new; git add new; git commit -qm 'add new'")
    world.wait("one").ok()
    job = world.job("one")
    assert (job["state"], job["exit_status"], job["ahead"]) == ("completed", 0, 1)
    world.mc("merge", "one").ok()
    assert world.repo.files()["new"] == "x"
    assert (world.repo.path / "new").read_text() == "x\n"
    world.mc("cleanup", "one", "--delete-branch").ok()
    assert world.mc("jobs", "--json").ok().json["jobs"] == []
    assert world.repo.git("branch", "--list", "mc/*") == ""
    assert world.repo.git("worktree", "list").count("\n") == 0
