"""git mc pr"""

from __future__ import annotations

from typing import IO

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, current_jobs, mission_here, one_line, print_json
from gitmc.control.pr import Outcome, Request, open_pull_request
from gitmc.errors import Usage
from gitmc.model.job import State


@click.command()
@click.argument("name", metavar="JOB", shell_complete=complete_job)
@click.option("--title", metavar="T", help="Its title (the one commit's, or the prompt's).")
@click.option("--body", metavar="B", help="What it says (template, prompt, report and commits).")
@click.option(
    "-F",
    "--file",
    type=click.File("r", encoding="utf-8", errors="replace"),
    help="Read what it says from a file.",
)
@click.option("--draft", is_flag=True, help="Open it as a draft.")
@click.option("--base", metavar="BRANCH", help="Open it against this branch, not the job's base.")
@click.option("--web", is_flag=True, help="Show it in a browser.")
@click.option("--dry-run", is_flag=True, help="Say what would be pushed and opened; do neither.")
@outputs()
def command(
    name: str,
    title: str | None,
    body: str | None,
    file: IO[str] | None,
    draft: bool,
    base: str | None,
    web: bool,
    dry_run: bool,
    out: Output,
) -> int:
    """Push a job's branch and open a pull request; prints its URL.

    What the agent left uncommitted is committed first. The branch goes to the remote of the job's
    base, over nothing but what was pushed from here before. The pull request is opened by gh or
    glab, by options of the push (GitLab), by a push to refs/for (Gitea, Forgejo), or else by you,
    on the page that is printed (mc.forge). One that is open already is found and updated.
    """
    if body is not None and file is not None:
        raise Usage("--body and --file are two bodies", hint="give one of them")
    mission = mission_here()
    current_jobs(mission, out)
    job = mission.job(name)
    if job.state in (State.FAILED, State.STOPPED):
        out.say(f"warning: the job '{name}' is {job.state} ({job.reason}); what it did is pushed")
    text = body if file is None else file.read()
    request = Request(name, title, text, draft, base, web, dry_run)
    outcome = open_pull_request(mission, request, out.say)
    if out.json:
        print_json("mc.pr/1", _object(outcome, dry_run))
    elif dry_run:
        click.echo(_plan(outcome))
    else:
        _show(outcome, out)
    return 0


def _object(outcome: Outcome, dry_run: bool) -> dict[str, object]:
    found: dict[str, object] = {
        "name": outcome.name,
        "url": outcome.url,
        "compare_url": outcome.compare_url,
        "forge": outcome.forge,
        "remote": outcome.remote,
        "branch": outcome.branch,
        "base": outcome.base,
        "head": outcome.head,
        "created": outcome.created,
        "pushed": outcome.pushed,
        "draft": outcome.draft,
    }
    # What it would say is all that a dry run is asked for.
    return found | ({"title": outcome.title, "body": outcome.body} if dry_run else {})


def _plan(outcome: Outcome) -> str:
    how = "for you to open" if outcome.forge == "none" else f"and open, with {outcome.forge},"
    draft = "a draft" if outcome.draft else "a pull request"
    first = f"would push {outcome.branch} ({outcome.head[:12]}) to {outcome.remote} {how}"
    return f"{first} {draft} into {outcome.base}\n\n{outcome.title}\n\n{outcome.body}".rstrip()


def _show(outcome: Outcome, out: Output) -> None:
    sent = f"pushed {outcome.branch} ({outcome.head[:12]}) to {outcome.remote}"
    out.say(sent if outcome.pushed else f"{outcome.remote} has {outcome.branch} as it is already")
    if outcome.url is not None:
        kind = "a draft" if outcome.draft else "a pull request"
        out.say(f"opened {kind}" if outcome.created else "the pull request was open already")
        click.echo(outcome.url)
        return
    if outcome.compare_url is not None:
        out.say("hint: nothing here could open a pull request; open it on this page")
        click.echo(outcome.compare_url)
        return
    out.say(f"hint: open a pull request of {one_line(outcome.branch)} by hand, where it was pushed")
