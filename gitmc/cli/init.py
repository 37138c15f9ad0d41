"""git mc init"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gitmc.cli.options import outputs
from gitmc.cli.render import Output, mission_here, print_json, print_table
from gitmc.control.init import Status, install, remove, status
from gitmc.errors import Usage

COLOURS = {"installed": 32, "stale": 33, "missing": 31}


@click.command()
@click.option("--remove", "take_away", is_flag=True, help="Take all of it away again.")
@click.option("--status", "show", is_flag=True, help="Show what is installed; change nothing.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")
@click.option(
    "--share",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Link completions and the man page into DIR, too, such as ~/.local/share.",
)
@outputs()
def command(take_away: bool, show: bool, dry_run: bool, share: Path | None, out: Output) -> int:
    """Install git hooks and settings in this repository.

    What hooks there are already is run first, and stays. In a job's worktree, the hooks put the
    trailer Mc-Job into commits and keep them within the job's touch set; everywhere, an integration
    branch is only pushed once its tests have passed, and the branch of a job when asked for:
    MC_ALLOW=push lets a push through, MC_ALLOW=touch-set a commit, and is written down. `git log`
    shows who made what has landed. --remove makes all as it was before.
    """
    if take_away and show:
        raise Usage("--remove and --status exclude each other")
    mission = mission_here(outside=not show)
    where = share.expanduser().absolute() if share else None
    do = status if show or dry_run else remove if take_away else install
    now = do(mission, where)
    for path in now.left:
        out.say(f"warning: {path} is not run any more, and was kept; see whether it is needed")
    if out.json:
        print_json("mc.init/1", _object(now))
    elif show:
        _show(now)
    elif dry_run:
        _say(now, take_away)
    elif take_away:
        out.say("nothing of git mc is left in this repository's hooks and settings")
    else:
        out.say(f"installed {len(now.hooks)} hooks in {now.folder}; undo: git mc init --remove")
    return 1 if show and not now.complete else 0


def _say(now: Status, take_away: bool) -> None:
    there = [hook.name for hook in now.hooks if hook.path is not None]
    due = [hook.name for hook in now.hooks if hook.state != "installed"]
    hooks = ", ".join(there if take_away else due)
    if hooks:
        click.echo(f"would {'remove' if take_away else 'install'} the hooks {hooks}")
    if now.settings is take_away:
        click.echo(f"would {'remove' if take_away else 'install'} the settings")


def _object(now: Status) -> dict[str, Any]:
    return {
        "complete": now.complete,
        "folder": str(now.folder),
        "hooks_path": now.hooks_path,
        "settings": now.settings,
        "hooks": [
            {
                "name": hook.name,
                "state": hook.state,
                "path": str(hook.path) if hook.path else None,
                "runs_another": hook.before,
                "by_pre_commit": hook.by_pre_commit,
            }
            for hook in now.hooks
        ],
        "shared": [str(path) for path in now.shared],
        "left": [str(path) for path in now.left],
    }


def _show(now: Status) -> None:
    rows = []
    for hook in now.hooks:
        also = "runs another hook first" if hook.before else ""
        if hook.by_pre_commit:
            also = "run by pre-commit"
        rows.append((hook.name, hook.state, also))
    rows.append(("settings", "installed" if now.settings else "missing", ""))
    print_table(("HOOK", "STATE", ""), rows, [COLOURS[row[1]] for row in rows])
    if not now.complete and not now.none:
        click.echo("repair: git mc init")
