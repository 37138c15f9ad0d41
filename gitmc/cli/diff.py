"""git mc diff"""

from __future__ import annotations

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, current_jobs, find_job, mission_here, print_json
from gitmc.control.diff import difference, paths_of
from gitmc.errors import Usage


@click.command()
@click.argument("name", metavar="JOB", shell_complete=complete_job)
@click.argument("words", metavar="[-- GIT-DIFF-OPTIONS...]", nargs=-1, type=click.UNPROCESSED)
@click.option("--stat", is_flag=True, help="Only how many lines of which files.")
@click.option("--base", metavar="REV", help="Compare with this, not with the job's base.")
@click.option("--committed", is_flag=True, help="Leave out what is not committed.")
@outputs()
def command(
    name: str, words: tuple[str, ...], stat: bool, base: str | None, committed: bool, out: Output
) -> int:
    """Show what a job has done since it left its base.

    What is not committed yet is shown too, with untracked files that git does not ignore. Git
    itself shows it, with your pager and settings, and takes what follows a `--`: paths, or options
    of `git diff` and after another `--` paths, as in: git mc diff JOB -- --word-diff -- src/

    With --json only paths may be given, and with --stat the patch is left out.
    """
    paths = paths_of(words)
    if out.json and paths is None:
        raise Usage(
            "--json takes no options of git diff",
            hint=f"paths can be given: git mc diff {name} --json -- PATH",
        )
    mission = mission_here()
    job = find_job(mission, name, current_jobs(mission, out, wait=False))
    with difference(mission, job, base, committed=committed) as found:
        for remark in found.remarks:
            out.say(f"warning: {remark}")
        if not out.json:
            return found.show(words, stat=stat)
        files, patch = found.read(paths or ())
    content = {
        "name": job.name,
        "base": found.base,
        "merge_base": found.merge_base,
        "head": found.head,
        "files": files,
    }
    print_json("mc.diff/1", content if stat else {**content, "diff": patch})
    return 0
