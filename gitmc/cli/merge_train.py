"""git mc merge-train"""

from __future__ import annotations

from typing import Any

import click

from gitmc.cli.options import complete_job, outputs
from gitmc.cli.render import Output, current_jobs, mission_here, print_json
from gitmc.cli.trainpicture import summary
from gitmc.cli.trainview import lines, train_object
from gitmc.control.mission import Mission
from gitmc.errors import McError, Refused, Usage
from gitmc.model.trainrecord import Train, TrainState


class _Train(click.Command):
    """Makes a train of its words, unless the first one is a verb.

    Behind `--`, a branch may be called as a verb is.
    """

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        if args and args[0] in VERBS:
            verb = VERBS[args.pop(0)]
            return verb.make_context(f"{info_name} {verb.name}", args, parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl(
                [(_usage(verb), verb.get_short_help_str(90)) for verb in VERBS.values()]
            )


def _usage(verb: click.Command) -> str:
    context = click.Context(verb)
    arguments = [param for param in verb.params if isinstance(param, click.Argument)]
    return " ".join([str(verb.name), *(one.make_metavar(context) for one in arguments)])


def _complete_word(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of jobs, and the verbs where one may stand."""
    verbs = [] if ctx.params.get("names") else [v for v in VERBS if v.startswith(incomplete)]
    return [*complete_job(ctx, param, incomplete), *verbs]


def _complete_train(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Ids of trains, for shells."""
    from gitmc.control.mission import open_mission
    from gitmc.store.trains import Trains

    try:
        ids = Trains(open_mission().store.root).ids()
    except McError:
        return []
    return [train_id for train_id in ids if train_id.startswith(incomplete)]


@click.command(cls=_Train)
@click.argument("names", nargs=-1, metavar="[JOB|BRANCH]...", shell_complete=_complete_word)
@click.option("--into", metavar="BRANCH", help="Land on this branch, not on the jobs' base.")
@click.option("--test", metavar="CMD", help="What has to pass, run by sh (mc.testCommand).")
@click.option("--no-test", "untested", is_flag=True, help="Land without testing anything.")
@click.option("--setup", multiple=True, metavar="CMD", help="Prepare each test worktree so.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S",
              help="Seconds that a test may take (mc.testTimeout).")  # fmt: skip
@click.option("--slots", type=click.IntRange(min=1), metavar="K",
              help="Tests at once (mc.train.slots; else what the machine bears).")  # fmt: skip
@click.option("--every/--not-every", default=None, help="Test each branch's own prefix.")
@click.option("--strategy", type=click.Choice(["merge", "squash", "ff-only"]),
              help="How they land (mc.mergeStrategy).")  # fmt: skip
@click.option("--retries", type=click.IntRange(min=0), metavar="N",
              help="How often a failure is tried again before it counts.")  # fmt: skip
@click.option("--detach", is_flag=True, help="Start it, and leave it to run by itself.")
@click.option("--dry-run", is_flag=True, help="Say what would be queued; start nothing.")
@click.option("--drive", metavar="TRAIN", hidden=True)
@outputs()
def command(
    names: tuple[str, ...], detach: bool, drive: str | None, out: Output, **asked: Any
) -> int:
    """Land many branches on a target that never holds files that did not pass.

    They land in the order in which they are named; without names, all completed jobs that are of no
    plan. They are merged in memory and tested many at once; what passed lands, whoever makes the
    tests fail is ejected, and what conflicts says with whom.

    It exits with 0 if all landed, with 1 if a test ejected any, and with 3 if only conflicts did.
    """
    from gitmc.control.trainqueue import Request, create

    mission = mission_here(outside=True)
    if drive is not None:
        return _drive(mission, drive, out, quiet=True)
    if asked["untested"] and asked["test"] is not None:
        raise Usage("--test and --no-test contradict each other", hint="give one of them")
    jobs = current_jobs(mission, out)
    setup = asked.pop("setup") or None
    train = create(mission, jobs, Request(names=names, setup=setup, **asked))
    if asked["dry_run"]:
        _show(mission, train, out)
        return 0
    if detach:
        from gitmc.control.apart import drive_apart

        drive_apart(mission, train.id)
        if out.json:
            _show(mission, train, out)
        else:
            click.echo(f"started {train.id}: {len(train.queue)} for {train.target}")
            out.say(f"hint: git mc merge-train status {train.id}")
        return 0
    return _drive(mission, train.id, out, quiet=False)


@click.command("status")
@click.argument("train_id", metavar="[TRAIN]", required=False,
                shell_complete=_complete_train)  # fmt: skip
@click.option("--watch", is_flag=True, help="Show it until it ends; exit as the train does.")
@outputs()
def status(train_id: str | None, watch: bool, out: Output) -> int:
    """Show a train: the latest, or the one of that id."""
    mission = mission_here(outside=True)
    current_jobs(mission, out, wait=False)
    train = _named(mission, train_id)
    if watch:
        return _watch(mission, train, out)
    _show(mission, train, out)
    if train_id is None and not out.json:
        _show_others(mission, train)
    return 0


def _watch(mission: Mission, train: Train, out: Output) -> int:
    from gitmc.cli.trainlive import Progress
    from gitmc.control.apart import start_observer
    from gitmc.control.trains import follow

    if train.state is TrainState.RUNNING:
        # It has the train go on if whoever drives it is gone: there would be nothing to wait for.
        start_observer(mission)
    with Progress(mission, quiet=out.quiet, counted=out.verbose) as progress:
        train = follow(mission, train.id, progress.show)
    _show(mission, train, out)
    return _code(train)


def _show_others(mission: Mission, shown: Train) -> None:
    """A line for each other train that runs."""
    from gitmc.store.trains import Trains

    trains = Trains(mission.store.root)
    for train_id in trains.running():
        train = None if train_id == shown.id else trains.get(train_id)
        if train is not None:
            click.echo(f"also: {summary(train, mission.now())}")


@click.command("cancel")
@click.argument("train_id", metavar="[TRAIN]", required=False,
                shell_complete=_complete_train)  # fmt: skip
@outputs()
def cancel(train_id: str | None, out: Output) -> int:
    """End a train: its tests are ended, and what has landed stays."""
    from gitmc.control.trains import cancel as end

    mission = mission_here(outside=True)
    train = end(mission, _named(mission, train_id, running=True))
    if out.json:
        _show(mission, train, out)
    else:
        click.echo(_canceled(train))
    return 0


@click.command("show")
@click.argument("train_id", metavar="TRAIN", shell_complete=_complete_train)
@click.argument("name", metavar="BRANCH")
@click.option("--checkout", metavar="DIR", help="Make a worktree there in which it fails.")
@outputs()
def show(train_id: str, name: str, checkout: str | None, out: Output) -> int:
    """Show why a branch did not land, and have its failure at hand."""
    from gitmc.control.trains import explain

    mission = mission_here(outside=True)
    told = explain(mission, _named(mission, train_id), name, checkout)
    if out.json:
        print_json("mc.ejection/1", told)
    else:
        click.echo("\n".join(lines_of(told)))
    return 0


VERBS = {"status": status, "cancel": cancel, "show": show}


def lines_of(told: dict[str, Any]) -> list[str]:
    """An ejection, for people."""
    shown = [f"{told['name']}: {told['why']}"]
    shown += [f"  {key}: {told[key]}" for key in ("green", "red", "log", "worktree", "reproduce")
              if told.get(key)]  # fmt: skip
    return [*shown, *(f"  | {line}" for line in told.get("lines", ()))]


def _named(mission: Mission, train_id: str | None, *, running: bool = False) -> Train:
    from gitmc.store.trains import Trains

    trains = Trains(mission.store.root)
    if train_id is not None:
        train = trains.get(train_id)
        if train is None:
            raise Refused(f"there is no train '{train_id}'", hint="git mc merge-train status")
        return train
    all_, _ = trains.all()
    mine = [train for train in all_ if not running or train.state is TrainState.RUNNING]
    if not mine:
        raise Refused(
            f"there is no{' running' if running else ''} train", hint="git mc merge-train"
        )
    return mine[-1]


def _drive(mission: Mission, train_id: str, out: Output, *, quiet: bool) -> int:
    from gitmc.cli.trainlive import Progress
    from gitmc.control.apart import start_observer
    from gitmc.control.train import Driven, drive
    from gitmc.store.trains import Trains

    if not quiet:
        # Whoever drives may be killed; an observer has the train go on then.
        start_observer(mission)
    with Progress(mission, quiet=quiet or out.quiet, counted=out.verbose) as progress:
        try:
            train = drive(mission, train_id, progress.show)
        except Driven:
            if quiet:
                raise
            # An observer that woke up at this moment has it driven already.
            Trains(mission.store.root).await_driver(train_id)
            train = _named(mission, train_id)
        except KeyboardInterrupt:
            click.echo(_interrupted(mission, train_id), err=True)
            raise
    if not quiet:
        _show(mission, train, out)
    return _code(train)


def _interrupted(mission: Mission, train_id: str) -> str:
    train = _named(mission, train_id)
    if train.state is TrainState.RUNNING:
        # It was too early, or a second time.
        return f"hint: {train_id} goes on by itself; git mc merge-train cancel {train_id} ends it"
    return _canceled(train)


def _canceled(train: Train) -> str:
    return f"{train.state} {train.id}: {len(train.landed)} landed, {len(train.queue)} left"


def _code(train: Train) -> int:
    if train.state is not TrainState.DONE:
        return 1
    reasons = {out.reason for out in train.out} - {"blocked"}
    if not reasons:
        return 0
    return 3 if reasons <= {"conflict"} else 1


def _show(mission: Mission, train: Train, out: Output) -> None:
    if out.json:
        print_json("mc.train/1", train_object(train, mission.now()))
    else:
        click.echo("\n".join(lines(train, mission.now())))
