"""The pool's records: a TOML file for each spare worktree, and one for what is wanted."""

from __future__ import annotations

from pathlib import Path

from gitmc.model.job import Setup
from gitmc.model.spare import Spare, Wanted
from gitmc.store.codec import VERSION
from gitmc.store.files import BadFile, read_toml, write_toml
from gitmc.store.lock import Held

WANTED = "wanted.toml"


class Pool:
    """The folder `warm`. Reading needs nothing; writing needs the state lock's token."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def spares(self) -> tuple[list[Spare], list[BadFile]]:
        """All spares by id, and a fault for every file that is not one's record."""
        spares: list[Spare] = []
        faults: list[BadFile] = []
        for path in sorted(self.folder.glob("*.toml")):
            if path.name == WANTED:
                continue
            try:
                spares.append(_spare(path))
            except FileNotFoundError:
                continue
            except BadFile as fault:
                faults.append(fault)
        return spares, faults

    def save(self, held: Held, spare: Spare) -> None:
        """Store `spare`."""
        assert isinstance(held, Held)
        self.folder.mkdir(exist_ok=True)
        write_toml(self.folder / f"{spare.id}.toml", {"version": VERSION, **spare._asdict()})

    def remove(self, held: Held, spare: Spare) -> None:
        """Forget `spare`."""
        assert isinstance(held, Held)
        (self.folder / f"{spare.id}.toml").unlink(missing_ok=True)

    def wanted(self) -> Wanted | None:
        """What is wanted; None where no launch has said so yet."""
        path = self.folder / WANTED
        try:
            table = read_toml(path)
            return Wanted(
                table["base"],
                Setup(*(tuple(table["setup"].get(key, ())) for key in Setup._fields)),
                table.get("failed", ""),
            )
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, AttributeError) as fault:
            raise BadFile(path, f"not git mc's: {fault}") from fault

    def want(self, held: Held, wanted: Wanted) -> None:
        """Store what is wanted."""
        assert isinstance(held, Held)
        self.folder.mkdir(exist_ok=True)
        setup = {key: list(value) for key, value in wanted.setup._asdict().items()}
        table = {"version": VERSION, **wanted._asdict(), "setup": setup}
        write_toml(self.folder / WANTED, table)


def _spare(path: Path) -> Spare:
    table = read_toml(path)
    try:
        texts = {key: table[key] for key in ("id", "path", "commit", "key", "copied")}
        spare = Spare(**texts, ready=table["ready"])
    except KeyError as missing:
        raise BadFile(path, f"{missing} is missing") from missing
    if not all(isinstance(text, str) for text in texts.values()):
        raise BadFile(path, "its keys must be strings")
    if spare.id != path.stem:
        raise BadFile(path, f"it holds a spare called '{spare.id}'")
    return spare
