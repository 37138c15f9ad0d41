"""git mc send"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, current_jobs, find_job, mission_here, print_json
from gitmc.control.send import Sent, check_runs, checked, send, wait_until_done
from gitmc.errors import McError, Refused, Usage
from gitmc.model.job import Job, State


@click.command()
@click.argument("words", metavar="JOB [TEXT]...", nargs=-1, shell_complete=complete_job)
@click.option(
    "-F",
    "--file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="Read the text from a file.",
)
@click.option("--all", "everyone", is_flag=True, help="Send it to all running jobs.")
@click.option("--wait", is_flag=True, help="Wait until the agent has dealt with it.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent; send nothing.")
@outputs()
def command(
    words: tuple[str, ...],
    file: str | None,
    everyone: bool,
    wait: bool,
    dry_run: bool,
    out: Output,
) -> int:
    """Type a message into a running agent's terminal, and submit it.

    Where the agent's own hooks say what it does, they confirm that it took the message. An agent
    that does not read its terminal, as a headless one, never sees it.
    """
    name, said = _split(words, everyone)
    text = checked(_text(said, file))
    mission = mission_here()
    jobs = current_jobs(mission, out)
    chosen = _running(jobs) if everyone else [find_job(mission, name, jobs)]
    if not chosen:
        out.say("no job is running")
    sent: list[Sent] = []
    failed: list[McError] = []
    for job in chosen:
        try:
            check_runs(job)
            if dry_run:
                click.echo(f"would send {len(text)} bytes to {job.name}")
                continue
            one = send(mission, job.name, text)
        except McError as error:
            failed.append(error)
            continue
        sent.append(one)
        if one.confirmed is False:
            failed.append(_unconfirmed(job))
        else:
            out.say(f"{job.name}: sent" + (", and the agent took it" if one.confirmed else ""))
    for one in sent if wait else ():
        why = None if one.confirmed is False else wait_until_done(mission, one)
        if why is not None:
            failed.append(Refused(why))
    if out.json and not dry_run and (sent or everyone):
        found = [{"name": one.name, "confirmed": one.confirmed} for one in sent]
        print_json("mc.send/1", {"sent": found})
    for trouble in failed[:-1]:
        out.warn(trouble)
    if failed:
        raise failed[-1]
    return 0


def _split(words: Sequence[str], everyone: bool) -> tuple[str, Sequence[str]]:
    if everyone:
        return "", words
    if not words:
        raise Usage("give the job and the text, or --all and the text", hint="git mc jobs")
    return words[0], words[1:]


def _text(words: Sequence[str], file: str | None) -> bytes:
    if file is None:
        return os.fsencode(" ".join(words))
    if words:
        raise Usage(
            "the text can come from the command line or from -F, not from both",
            hint="give it once",
        )
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()


def _running(jobs: Sequence[Job]) -> list[Job]:
    """The jobs that run, but for one that we are a part of."""
    mine = os.environ.get("MC_RUN")
    return [
        job for job in jobs if job.state is State.RUNNING and not (job.run and job.run.id == mine)
    ]


def _unconfirmed(job: Job) -> Refused:
    return Refused(
        f"the agent of '{job.name}' did not say that it took the text, which is in its input",
        hint=f"look at it: git mc attach {job.name}",
    )
