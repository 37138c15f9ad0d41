"""git mc verify"""

from __future__ import annotations

import click

from gitmc.cli.options import outputs
from gitmc.cli.render import Output, duration, mission_here, print_json
from gitmc.control.verify import verify


@click.command()
@click.argument("name", metavar="[COMMIT]", default="HEAD")
@outputs()
def command(name: str, out: Output) -> int:
    """See that a commit passes its test, and remember that it has.

    What a train has made has to pass the train's test, the branch of a job that of its base. What
    has passed before, as it is, is not tested again.
    """
    found = verify(mission_here(outside=True), name)
    if out.json:
        content = {
            "name": found.name,
            "commit": found.commit,
            "tree": found.tree,
            "command": found.command,
            "seconds": round(found.seconds, 3),
            "cached": found.cached,
        }
        print_json("mc.verify/1", content)
        return 0
    how = "had passed before" if found.cached else f"passed in {duration(found.seconds)}"
    out.say(f"{name} ({found.commit[:12]}): `{found.command}` {how}")
    return 0
