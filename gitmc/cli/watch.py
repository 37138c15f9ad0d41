"""git mc watch"""

from __future__ import annotations

import signal
from types import FrameType

import click

from gitmc.cli.options import outputs
from gitmc.cli.render import Output, mission_here, note
from gitmc.control.loop import QUIET, observe_forever
from gitmc.model.job import Job


@click.command()
@click.option("--background", is_flag=True, hidden=True, help="End when nothing is left to watch.")
@click.option("--tend", is_flag=True, hidden=True, help="Keep the spare worktrees, and end.")
@click.option("--sweep", is_flag=True, hidden=True, help="Find out about conflicts, and end.")
@click.option("--launch", is_flag=True, hidden=True, help="Launch the job that is named.")
@click.option("--linger", type=float, default=QUIET, hidden=True, help="How long it stays idle.")
@outputs(json=False)
def command(
    background: bool, tend: bool, sweep: bool, launch: bool, linger: float, out: Output
) -> int:
    """Watch jobs in the foreground, and print what becomes of them.

    An observer in the background does the same, unseen; it starts and ends by itself. This one
    takes its place until you interrupt it.
    """
    mission = mission_here()
    mission.store.make()
    if tend:
        from gitmc.control import warm

        warm.tend(mission)
        return 0
    if sweep:
        from gitmc.control import radar

        radar.sweep(mission)
        return 0
    if launch:
        from gitmc.control.standby import stand_by

        stand_by(mission)
        return 0
    seen: dict[str, str] = {}

    def show(jobs: list[Job]) -> None:
        for job in jobs:
            if seen.get(job.name) != job.state:
                seen[job.name] = job.state
                click.echo(f"{job.name}: {job.state}  {note(job)}".rstrip())
        for name in set(seen) - {job.name for job in jobs}:
            del seen[name]
            click.echo(f"{name}: removed")

    # Another observer may take this one's place: what was claimed is told before it ends.
    signal.signal(signal.SIGTERM, _interrupt)
    if background:
        observe_forever(mission, linger=linger, on_change=lambda _: None)
        return 0
    out.say("watching; interrupt to end")
    observe_forever(mission, linger=None, on_change=show)
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
