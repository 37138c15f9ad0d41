"""git mc answer"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, current_jobs, find_job, mission_here, print_json
from gitmc.control.answer import answer, asked, chosen
from gitmc.control.send import check_runs
from gitmc.errors import Usage
from gitmc.model.ask import Ask


@click.command()
@click.argument("name", metavar="JOB", shell_complete=complete_job)
@click.argument("words", metavar="[ANSWER]...", nargs=-1)
@click.option("--ask", "which", metavar="ID", help="Which of several; its beginning will do.")
@click.option("--reject", is_flag=True, help="Turn it down, whatever it is.")
@outputs()
def command(name: str, words: tuple[str, ...], which: str | None, reject: bool, out: Output) -> int:
    """Show what a job's agent asks, or answer it.

    A request for a permission is answered by yes (this once), always or no, and a no may have a
    message after it. A question is answered by one of its answers, by the number of one, or by
    words of your own, quoted; several questions by one word each.
    """
    mission = mission_here()
    job = find_job(mission, name, current_jobs(mission, out))
    check_runs(job)
    pending = asked(mission, job)
    if words or reject:
        ask = chosen(job, pending, which)
        answer(mission, job, ask, words, reject=reject)
        if out.json:
            print_json("mc.answer/1", {"name": job.name, "ask": ask.id})
        else:
            out.say(f"{job.name}: answered")
        return 0
    if which is not None:
        raise Usage("--ask needs an answer", hint=f"git mc answer {job.name} ANSWER --ask {which}")
    if out.json:
        print_json("mc.asks/1", {"name": job.name, "asks": [_object(one) for one in pending]})
        return 0
    if not pending:
        chosen(job, pending, None)
    for one in pending:
        click.echo("\n".join(_lines(job.name, one, many=len(pending) > 1)))
    return 0


def _object(ask: Ask) -> dict[str, Any]:
    questions = [
        {"text": one.text, "answers": list(one.labels), "several": one.several}
        for one in ask.questions
    ]
    return {
        "id": ask.id,
        "kind": ask.kind,
        "answerable": ask.answerable,
        **({"questions": questions} if questions else {"text": ask.text}),
    }


def _lines(job: str, ask: Ask, *, many: bool) -> Sequence[str]:
    if ask.kind == "permission":
        lines = [f"permission: {ask.text}"]
        words = "yes|always|no"
    else:
        lines = []
        for question in ask.questions:
            lines.append(f"question: {question.text}")
            lines += [f"  {at}. {label}" for at, label in enumerate(question.labels, 1)]
        words = " ".join(["ANSWER"] * len(ask.questions))
    if ask.answerable:
        which = f" --ask {ask.id}" if many else ""
        lines.append(f"  git mc answer {job} {words}{which}")
    else:
        lines.append(f"  in its terminal: git mc attach {job}")
    return lines
