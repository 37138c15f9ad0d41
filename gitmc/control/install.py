"""Install: links to the plugins that come with git mc, where their agents look for plugins.

For a user a link and nothing else is made, so that a newer git mc brings its newer plugin, nobody's
edit is ever written over, and a removal takes away what was made. Killed midway, nothing is half
done. A project gets a copy: see `installcopy`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gitmc.control.spec import hooks_folder
from gitmc.errors import Refused
from gitmc.store import folders

AGENTS = ("opencode", "claude")
"""The agents that there are plugins for."""


@dataclass(frozen=True)
class Place:
    """Where a plugin goes: `link`, which is to lead to `source`."""

    link: Path
    source: Path

    @property
    def installed(self) -> bool:
        """Whether the link is there and leads to our plugin."""
        return self.link.is_symlink() and self.link.resolve() == self.source.resolve()


def plugin(name: str) -> Path:
    """Where a plugin is in this installation. Raises Refused where it is not."""
    folder = hooks_folder()
    source = folder.parent / ("_share" if folder.name == "_hooks" else "contrib") / name
    if not source.exists():
        raise Refused(f"this installation lacks {source}", hint="install git mc again")
    return source


def place_of(agent: str, project: Path | None = None) -> Place:
    """Where the agent's plugin goes: into the user's own settings, or into the folder `project`.

    Raises Refused where this installation has no such plugin.
    """
    source = plugin("opencode/git-mc.js" if agent == "opencode" else "claude")
    if agent == "opencode":
        settings = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        top = project / ".opencode" if project else settings / "opencode"
        return Place(top / "plugin" / "git-mc.js", source)
    return Place((project or Path.home()) / ".claude" / "skills" / "mc", source)


def install(place: Place) -> bool:
    """Make the link; whether it was missing. Raises Refused where something else is there."""
    if place.installed:
        return False
    if place.link.exists() or place.link.is_symlink():
        raise Refused(
            f"{place.link} is there already, and does not lead to {place.source}",
            hint=f"see what it is, then: mv {place.link} {place.link}.before",
        )
    folders.make(place.link.parent)
    place.link.symlink_to(place.source)
    return True


def remove(place: Place) -> bool:
    """Take the link away, if it leads to our plugin, and the empty folders that were made for it;
    whether it did."""
    if not place.installed:
        return False
    place.link.unlink()
    folders.unmake(place.link.parent)
    return True
