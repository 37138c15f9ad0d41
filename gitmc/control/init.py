"""Init: git hooks and settings in this repository, and files for shells and man, where asked for.

Everything can be taken away again, and then is as it was. Nothing of the user's own configuration
is written, nor anything outside of the repository unless a folder is named.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitmc.control import provenance
from gitmc.control.mission import Mission
from gitmc.control.spec import hooks_folder
from gitmc.errors import Refused
from gitmc.git import hooks, included
from gitmc.git.hooks import Ours
from gitmc.git.run import Git
from gitmc.store.lock import hold

NAMES = (
    *("pre-commit", "prepare-commit-msg", "commit-msg"),
    *("post-commit", "post-rewrite", "pre-push", "reference-transaction"),
)
"""The hooks that there are scripts of ours for, in the order in which git runs them."""

SETTINGS = (
    ("notes", "rewriteRef", provenance.REF),
    ("notes", "displayRef", provenance.REF),
    # With one of these set, git shows all other refs: those that it hides by itself are named too.
    ("log", "excludeDecoration", "refs/mc/*"),
    ("log", "excludeDecoration", "refs/notes/*"),
    ("log", "excludeDecoration", "refs/prefetch/*"),
)

COMMENT = "Made by `git mc init`, and taken in by .git/config; `git mc init --remove` undoes both."

SHARED = {
    "completions/git-mc.bash": "bash-completion/completions/git-mc",
    "completions/_git-mc": "zsh/site-functions/_git-mc",
    "completions/git-mc.fish": "fish/vendor_completions.d/git-mc.fish",
    "man/git-mc.1": "man/man1/git-mc.1",
}
"""Where files for shells and man go, below a folder such as ~/.local/share."""


@dataclass(frozen=True)
class Hook:
    """How one hook is: `state` is installed, or missing (not there, or never run), or stale: it
    would be installed otherwise now."""

    name: str
    state: str
    path: Path | None = None
    """The file."""
    before: bool = False
    """Whether a hook of somebody else's is run with it."""
    by_pre_commit: bool = False


@dataclass(frozen=True)
class Status:
    """What of ours is in the repository."""

    folder: Path
    """The folder whose hooks git runs."""
    hooks_path: str | None
    """The folder that is left alone: what `core.hooksPath` is set to, or git's own where that is a
    link; None where hooks go into git's own."""
    settings: bool
    hooks: tuple[Hook, ...]
    shared: tuple[Path, ...] = ()
    """The files for shells and man that are there, of those that were asked about."""
    left: tuple[Path, ...] = field(default=())
    """What an earlier hook of somebody's was put aside as, and is not run any more."""

    @property
    def complete(self) -> bool:
        """Whether all is installed as it would be now."""
        return self.settings and all(hook.state == "installed" for hook in self.hooks)

    @property
    def none(self) -> bool:
        """Whether nothing is installed."""
        return not self.settings and all(hook.path is None for hook in self.hooks)


def install(mission: Mission, share: Path | None = None) -> Status:
    """Install what is missing, and repair the rest. Raises McError, and OSError."""
    links = _links(share, needed=True) if share else {}
    mission.store.make()
    left: list[Path] = []
    with hold(_lock(mission), patience=60):
        git, common = mission.git, mission.repo.common_dir
        theirs = _hooks_path(mission)
        settings = list(SETTINGS)
        if theirs is None:
            left += hooks.install_beside(common / "hooks", _ours())
        else:
            hooks.install_instead(_folder(mission), theirs, mission.main_worktree, _ours())
            settings.append(("core", "hooksPath", str(_folder(mission))))
        text = included.text(settings, COMMENT)
        file = _file(mission)
        file.parent.mkdir(exist_ok=True)
        if not file.exists() or file.read_bytes() != text:
            draft = file.with_name(f".{file.name}.draft")
            draft.write_bytes(text)
            draft.replace(file)
        included.take_in(git, common, file)
        # What the other way has left is never run, or runs what is run already.
        if theirs is None:
            hooks.remove_instead(_folder(mission))
        elif not (common / "hooks").is_symlink():
            left += hooks.remove_beside(common / "hooks", NAMES)
        for source, target in links.items():
            _link(source, target)
    return _with(status(mission, share), left)


def remove(mission: Mission, share: Path | None = None) -> Status:
    """Take away all that `install` made. Raises McError, and OSError."""
    git, common = mission.git, mission.repo.common_dir
    root = mission.store.root
    if root.is_dir():
        (root / "run").mkdir(exist_ok=True)
        with hold(_lock(mission), patience=60):
            left = _remove(mission, git, common)
    else:
        left = _remove(mission, git, common)
    for source, target in (_links(share, needed=False) if share else {}).items():
        if target.is_symlink() and target.resolve() == source.resolve():
            target.unlink()
    return _with(status(mission, share), left)


def _remove(mission: Mission, git: Git, common: Path) -> list[Path]:
    # The line first: from then on git runs what it ran before.
    included.leave_out(git, common, _file(mission))
    own = common / "hooks"
    left = [] if own.is_symlink() else hooks.remove_beside(own, NAMES)
    hooks.remove_instead(_folder(mission))
    _file(mission).unlink(missing_ok=True)
    if _file(mission).parent.is_dir():
        _file(mission).parent.rmdir()
    # Set by the first note of a landing.
    key = "notes.rewriteRef"
    if provenance.REF in (git.answer("config", "--local", "--get-all", key) or "").split("\n"):
        git("config", "--local", "--unset-all", "--fixed-value", key, provenance.REF)
    return left


def status(mission: Mission, share: Path | None = None) -> Status:
    """What is installed, found out by looking; nothing is changed."""
    common, theirs = mission.repo.common_dir, _hooks_path(mission)
    ours, top = _ours(), mission.main_worktree
    folder = top / Git(top)("rev-parse", "--git-path", "hooks")
    found = []
    for name in NAMES:
        if theirs is None:
            place = hooks.installed_beside(common / "hooks", ours, name)
        else:
            place = hooks.installed_instead(_folder(mission), theirs, ours, name)
        in_force = theirs is None or folder == _folder(mission)
        if place is None or not in_force:
            found.append(Hook(name, "missing", place.place if place else None))
            continue
        before = place.by_framework or hooks.runs_theirs(place.place.parent, place.place.name, top)
        state = "installed" if place.current else "stale"
        found.append(Hook(name, state, place.place, before, place.by_framework))
    taken_in = included.is_taken_in(mission.git, common, _file(mission))
    links = _links(share, needed=False) if share else {}
    shared = [to for at, to in links.items() if to.is_symlink() and to.resolve() == at.resolve()]
    settings = taken_in and _file(mission).exists()
    return Status(folder, theirs, settings, tuple(found), tuple(shared))


def _with(status: Status, left: Sequence[Path]) -> Status:
    return Status(
        status.folder, status.hooks_path, status.settings, status.hooks, status.shared, tuple(left)
    )


def _ours() -> Ours:
    return Ours(hooks_folder() / "git", sys.executable, NAMES)


def _lock(mission: Mission) -> Path:
    return mission.store.root / "run" / "init.lock"


def _file(mission: Mission) -> Path:
    return mission.store.root / "git" / "config"


def _folder(mission: Mission) -> Path:
    return mission.store.root / "git" / "hooks"


def _hooks_path(mission: Mission) -> str | None:
    own = mission.repo.common_dir / "hooks"
    said = included.said_by_others(mission.git, "core.hooksPath", _file(mission))
    # A link leads to a folder that is somebody's as well, and often in git.
    return said or (str(own) if own.is_symlink() else None)


def _links(share: Path, *, needed: bool) -> dict[Path, Path]:
    """By file of ours: where it goes below `share`."""
    links = {_shared(name, place): share / place for name, place in SHARED.items()}
    missing = [str(path) for path in links if not path.is_file()]
    if missing and needed:
        raise Refused(f"this installation lacks {missing[0]}", hint="install git mc again")
    return links


def _shared(name: str, place: str) -> Path:
    """Where a file for shells and man is: where it was installed, or beside the package."""
    folder = hooks_folder()
    installed = folder.name == "_hooks"
    return Path(sys.prefix, "share", place) if installed else folder.parent / "contrib" / name


def _link(source: Path, target: Path) -> None:
    if target.is_symlink() and target.resolve() == source.resolve():
        return
    if target.exists() or target.is_symlink():
        raise Refused(f"{target} is there already, and is not ours", hint=f"rm {target}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source)
