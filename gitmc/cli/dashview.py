"""What the dashboard shows, in the words of the other commands, and what its keys do."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from gitmc.cli import deeds, pickview, planview, trainview
from gitmc.cli.pickview import View
from gitmc.cli.render import use_colour
from gitmc.control.diff import difference
from gitmc.control.mission import Mission
from gitmc.control.planview import shown
from gitmc.control.trainlist import of_interest
from gitmc.git.run import environment_for_others
from gitmc.model.columns import cut
from gitmc.model.job import Job
from gitmc.model.picker import Act, Mode, Picker
from gitmc.model.plan import FINAL
from gitmc.store.plans import Plans
from gitmc.tui.parts import Parts, Size

KEYS = "enter attach  [m]erge [k]ill [s]end [a]nswer [d]iff  tab pane  / filter  [q]uit"

LABELS = ("error: ", "fatal: ", "conflict: ", "hint: ")
"""How the lines begin that say why a command did not do it."""

MOST = 3000
"""Lines of a diff that are shown; nobody reads more of them here."""


def parts(mission: Mission) -> Parts:
    """The parts of the screen for that repository."""
    colour, folder = use_colour(), mission.main_worktree

    def view(picker: Picker, size: Size, trouble: str = "") -> View:
        return View(picker, None, trouble, mission.now(), size.width, size.height, colour)

    def rows(picker: Picker, size: Size) -> list[str]:
        found = pickview.rows(view(picker, size), size.height)
        return [cut(line, size.width) for line in found]

    return Parts(
        head=lambda picker: pickview.head(view(picker, Size(80, 24))),
        rows=rows,
        first=lambda picker, size: pickview.first(picker, size.height),
        asked=pickview.asked,
        foot=lambda picker, trouble, width: _foot(view(picker, Size(width, 24), trouble)),
        diff=lambda mission, job: _diff(mission, job, colour=colour),
        plans=lambda mission, jobs: _plans(mission, jobs, colour=colour),
        trains=_trains,
        find_ask=lambda name: deeds.asked(folder, name),
        do=lambda act: _do(folder, act),
    )


def _foot(view: View) -> str:
    picker = view.picker
    if picker.mode is Mode.KEYS and not picker.said and not view.trouble:
        return cut(KEYS, view.width)
    return cut(pickview.foot(view)[0], view.width)


def _diff(mission: Mission, job: Job, *, colour: bool) -> str:
    with difference(mission, job, None, committed=False) as found:
        files, patch = found.read(())
    count = "1 file differs" if len(files) == 1 else f"{len(files)} files differ"
    lines = [f"{count if files else 'nothing differs'} from {found.base}"]
    lines += [f"warning: {remark}" for remark in found.remarks]
    every = patch.rstrip("\n").split("\n")
    lines += [_coloured(_plain(line)) if colour else _plain(line) for line in every[:MOST]]
    if len(every) > MOST:
        lines.append(f"… {len(every) - MOST} more lines: git mc diff {job.name}")
    return "\n".join(lines)


def _plain(line: str) -> str:
    """The line without what a terminal would read as a command."""
    shown = line.expandtabs(4)
    return "".join(char if char.isprintable() else "�" for char in shown)


def _coloured(line: str) -> str:
    heads = ("diff --git ", "index ", "--- ", "+++ ")
    codes = {"+": "32", "-": "31", "@": "36"}
    code = "1" if line.startswith(heads) else codes.get(line[:1])
    return f"\x1b[{code}m{line}\x1b[0m" if code else line


def _plans(mission: Mission, jobs: Sequence[Job], *, colour: bool) -> str:
    plans = Plans(mission.store.root).all()[0] if (mission.store.root / "plans").is_dir() else []
    if not plans:
        return "no plans; start one: git mc plan start FILE"
    going = [plan for plan in plans if plan.state not in FINAL] or plans[-1:]
    found = [planview.lines(mission, shown(mission, p, list(jobs)), colour=colour) for p in going]
    return "\n\n".join("\n".join(lines) for lines in found)


def _trains(mission: Mission) -> str:
    trains, faults = of_interest(mission)
    found = [f"warning: {fault.message}" for fault in faults]
    found += ["\n".join(trainview.lines(train, mission.now())) for train in trains]
    return "\n\n".join(found) or "no train runs; start one: git mc merge-train"


def _do(folder: Path, act: Act) -> str:
    return _merge(folder, act) if act.verb == "merge" else deeds.do(folder, act)


def _merge(folder: Path, act: Act) -> str:
    """Have the job landed by a process of its own, which goes on if the screen is left."""
    done = subprocess.run(
        deeds.argv(act),
        cwd=folder,
        env=environment_for_others(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        start_new_session=True,
    )
    told = (done.stdout + done.stderr).decode("utf-8", "replace").strip().split("\n")
    if done.returncode == 0:
        return told[-1] or f"{act.job}: merged"
    return "; ".join(line for line in told if line.startswith(LABELS)) or told[-1]
