"""Write the documents that are made from the code: `python contrib/docs.py`."""

from __future__ import annotations

from pathlib import Path

from gitmc.model import plan
from gitmc.model.job import FINAL, TRANSITIONS, WAYS_OUT, State

STATES = Path(__file__).parent / "docs" / "states.md"


def states() -> str:
    """The tables of the states of a job and of a plan, as Markdown."""
    lines = [
        "# The states of a job",
        "",
        "Made by `python contrib/docs.py` from `gitmc/model/job.py`.",
        "",
        "| state | may become | what you can type |",
        "|---|---|---|",
    ]
    for state in State:
        moves = ", ".join(sorted(f"`{move}`" for move in TRANSITIONS[state]))
        verbs = ("cleanup",) if state in FINAL else WAYS_OUT[state]
        ways = ", ".join(f"`git mc {verb}`" for verb in verbs)
        lines.append(f"| `{state}` | {moves or 'nothing: it is final'} | {ways} |")
    lines += [
        "",
        "# The states of a plan",
        "",
        "Made from `gitmc/model/plan.py`.",
        "",
        "| state | may become | what you can type |",
        "|---|---|---|",
    ]
    for state in plan.PlanState:
        moves = ", ".join(sorted(f"`{move}`" for move in plan.TRANSITIONS[state]))
        verbs = plan.WAYS_OUT.get(state, ("status",))
        ways = ", ".join(f"`git mc plan {verb}`" for verb in verbs)
        lines.append(f"| `{state}` | {moves or 'nothing: it is final'} | {ways} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    STATES.parent.mkdir(exist_ok=True)
    STATES.write_text(states())

    from manual import PAGE, page

    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
