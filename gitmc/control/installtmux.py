"""Install for tmux: one line in the user's own configuration, which reads the file of git mc.

The configuration is what the user has: it is changed between two comments only, through whatever
links lead to it, and is again what it was, byte for byte, when that is taken away.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from gitmc.control.install import plugin
from gitmc.errors import Refused
from gitmc.model.dotfile import Torn, with_block, without_block
from gitmc.store import folders
from gitmc.store.files import replace_file
from gitmc.tmux.quoting import for_parser
from gitmc.tmux.run import NoServer, Tmux


@dataclass(frozen=True)
class Change:
    """What is to become of a file: None where there is none."""

    path: Path
    """As the user knows it; it may be a link."""
    before: bytes | None
    after: bytes | None

    def diff(self) -> bytes:
        """The change, for people."""
        import difflib

        before, after = (
            b"/dev/null" if text is None else os.fsencode(self.path)
            for text in (self.before, self.after)
        )
        lines = difflib.diff_bytes(
            difflib.unified_diff,
            BytesIO(self.before or b"").readlines(),
            BytesIO(self.after or b"").readlines(),
            before,
            after,
            n=1,
        )
        whole = (line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"
                 for line in lines)  # fmt: skip
        return b"".join(whole)


def configuration() -> Path:
    """The file that tmux reads when it starts: the first that there is, or where one would be."""
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    ours = settings / "tmux" / "tmux.conf"
    places = (Path.home() / ".tmux.conf", ours, Path.home() / ".config" / "tmux" / "tmux.conf")
    return next((place for place in places if os.path.lexists(place)), ours)


def change(*, take_away: bool = False) -> Change:
    """What installing it, or taking it away, would change. Raises Refused where the file is such
    that this cannot be undone, or not be done at all."""
    path = configuration()
    # A pipe would be waited for, and a device replaced: /dev/null is what some link to.
    if path.exists() and not path.is_file():
        raise Refused(
            f"{path} is not a file",
            hint=f"see what it is, then: {shlex.join(['mv', str(path), f'{path}.before'])}",
        )
    try:
        before: bytes | None = path.read_bytes()
    except FileNotFoundError:
        before = None
    source = plugin("tmux/git-mc.tmux")
    try:
        if take_away:
            after = without_block(before) if before is not None else None
        else:
            # That file is a pattern to tmux; quiet, for when git mc is there no more.
            line = f"source-file -q {for_parser(_literal(str(source)))}"
            after = with_block(before, os.fsencode(line))
    except Torn as torn:
        raise Refused(
            f"{path} was left as it is: {torn}",
            hint=f"repair it by hand: $EDITOR {shlex.quote(str(path))}",
        ) from torn
    return Change(path, before, after)


def apply(wanted: Change) -> None:
    """Make the change. Raises Refused where the file is not what it was any more."""
    # Through links: dotfiles are often kept elsewhere.
    file = Path(os.path.realpath(wanted.path))
    if (file.read_bytes() if file.exists() else None) != wanted.before:
        raise Refused(f"{wanted.path} has changed meanwhile", hint="do it again")
    if wanted.after is None:
        file.unlink(missing_ok=True)
        folders.unmake(file.parent)
    elif wanted.before is None:
        folders.make(file.parent)
        replace_file(file, wanted.after)
    else:
        mode = file.stat().st_mode & 0o7777
        replace_file(file, wanted.after, mode)
        file.chmod(mode)


def loading() -> str | None:
    """The command that loads it into the user's tmux at once; None where none runs."""
    try:
        Tmux()("list-sessions")
    except NoServer:
        return None
    return shlex.join(Tmux().command("source-file", _literal(str(plugin("tmux/git-mc.tmux")))))


def _literal(path: str) -> str:
    """A pattern that only this path matches."""
    return "".join(f"\\{one}" if one in "*?[\\" else one for one in path)
